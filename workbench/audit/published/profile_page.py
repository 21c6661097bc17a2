"""The profile page: a sample of the records as fg-data-profiling describes it, made safe to open.

This is the only module that imports the profiler, and it does so late. Run as a program it writes one page, so that
the audit can go on beside it: `python -m workbench.audit.published.profile_page SAMPLE.parquet PAGE.html TITLE`, where
the columns of the sample are numbered, as "3<tab>NAME".
"""

from __future__ import annotations

import html
import os
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.files import write_atomically

SAMPLE = 10_000
MAX_COLUMNS = 60
MAX_LETTERS = 200
SEED = 20
SCRIPTS = re.compile(r"<script\b.*?</script\s*>", re.I | re.S)
HANDLERS = re.compile(r"\son[a-z]+\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)", re.I)
POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'; font-src data:; base-uri 'none'; form-action 'none'\">"
    '<meta name="referrer" content="no-referrer">'
)
# Without scripts nothing can be folded out, so everything is.
UNFOLDED = (
    "<style>.collapse, .tab-pane { display: block !important; opacity: 1 !important } .navbar { display: none }</style>"
)


def sample_for_profile(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what the profile shows: at most 10,000 random records and 60 columns, cells cut at 200 letters."""
    part = frame.iloc[:, :MAX_COLUMNS]
    if len(part) > SAMPLE:
        part = part.sample(SAMPLE, random_state=SEED).sort_index()
    cut = part.map(lambda cell: None if cell is None or cell != cell else str(cell)[:MAX_LETTERS])
    return cut.set_axis([str(name) for name in cut.columns], axis="columns").reset_index(drop=True)


def profile_page(sample: pd.DataFrame, title: str) -> str:
    """Return the profile of a sample as one page without scripts: minimal, and with no value of a cell in it."""
    os.environ["YDATA_PROFILING_NO_ANALYTICS"] = "1"
    os.environ["TQDM_DISABLE"] = "1"
    numbers = sample.apply(_typed)
    shown = numbers.set_axis([html.escape(name) or "(no name)" for name in sample.columns], axis="columns")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from data_profiling import ProfileReport  # type: ignore[import-untyped]

        report = ProfileReport(
            shown, title=html.escape(title), minimal=True, sensitive=True, progress_bar=False, explorative=False
        )
        report.config.html.inline = True
        report.config.html.navbar_show = False
        page = report.to_html()
    return made_safe(page)


def made_safe(page: str) -> str:
    """Return a page without scripts and handlers, under a policy that runs and loads nothing, all of it unfolded.

    Examples
    --------
    >>> made_safe('<html><head></head><b onclick="x()">a</b><script>y()</script></html>').count("script>")
    0
    """
    bare = HANDLERS.sub("", SCRIPTS.sub("", page))
    head, found, rest = bare.partition("<head>")
    return f"{head}{found}{POLICY}{UNFOLDED}{rest}" if found else f"{POLICY}{UNFOLDED}{bare}"


def _typed(cells: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column as numbers where (nearly) all of its cells are, else as text without markup.

    The profiler prints the value of a column that has only one, sensitive or not: it becomes "(one value)".
    """
    numbers = pd.to_numeric(cells, errors="coerce")
    if numbers.notna().sum() >= 0.95 * cells.notna().sum() > 0:
        return numbers
    if cells.nunique() == 1:
        return cells.where(cells.isna(), "(one value)")
    return cells.map(lambda cell: None if cell is None else html.escape(cell))


def main(arguments: list[str]) -> None:
    """Write the profile page of a sample."""
    source, target, title = arguments
    sample = pd.read_parquet(source)
    named = sample.set_axis([name.partition("\t")[2] for name in sample.columns], axis="columns")
    write_atomically(Path(target), profile_page(named, title))


if __name__ == "__main__":
    main(sys.argv[1:])
