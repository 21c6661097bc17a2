"""Versions against each other."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.commands.reports.evaluated import NOT_KNOWN, print_engines, print_versions
from workbench.commands.screen import say
from workbench.commands.tables import TextColumn, TextTable, of_names, of_numbers, show_table
from workbench.words import several

if TYPE_CHECKING:
    import pandas as pd

    from workbench.evaluation import Evaluation
    from workbench.pilot import Pilot

PAIRS = (
    of_names("against"),
    of_numbers("records", 4),
    of_numbers("only it right", 2),
    of_numbers("only the other right", 3),
    of_numbers("points of accuracy (95% interval)"),
    of_numbers("p corrected", 1),
    TextColumn("it is"),
)


def print_comparison(
    pilot: Pilot, evaluations: Sequence[Evaluation], pairs: pd.DataFrame, n_tried: int, *, details: bool = False
) -> None:
    """Print versions side by side, and where one is right and another is not: the leading one, each with `details`.

    `n_tried` is how many versions were ever tried on these records.
    """
    from workbench.evaluation.versions import leading

    print_versions(pilot.settings.title, [evaluation.as_json() for evaluation in evaluations], details=details)
    print_engines([evaluation.identity for evaluation in evaluations])
    if pairs.empty:
        return
    ahead = leading(evaluations).agent
    others = [evaluation.agent for evaluation in evaluations if evaluation.agent != ahead]
    for place, version in enumerate((ahead, *others[:-1]) if details else (ahead,)):
        _print_pairs(version, others[place:], pairs, details=details)
    others_too = "" if details or len(others) < 2 else " Every other pair: --details."
    say(
        f"Corrected (Holm) for every pair of the {several(n_tried, 'version')} ever tried on development records of "
        f"this pilot.{others_too}"
    )


def _print_pairs(version: str, others: Sequence[str], pairs: pd.DataFrame, *, details: bool) -> None:
    """Print one version against others."""
    from workbench.evaluation.shown import p_text
    from workbench.evaluation.versions import seen_from

    seen = {str(pair["second"]): pair for pair in seen_from(version, pairs).to_dict("records")}
    rows = [
        (
            other,
            f"{seen[other]['n']:,}",
            f"{seen[other]['only_first']:,}",
            f"{seen[other]['only_second']:,}",
            _points(seen[other]),
            p_text(seen[other]["p_adjusted"]),
            {version: "better", other: "worse"}.get(seen[other]["better"], "cannot tell"),
        )
        for other in others
    ]
    show_table(f"{version}, on the records both were asked", TextTable(PAIRS, tuple(rows)), details=details)


def _points(pair: Mapping[Hashable, Any]) -> str:
    """Return a difference in percentage points with its interval."""
    if not pair["n"]:
        return NOT_KNOWN
    gain, lower, upper = (100 * pair[key] for key in ("difference", "lower", "upper"))
    return f"{gain:+.2f} ({lower:+.2f} to {upper:+.2f})"
