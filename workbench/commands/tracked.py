"""Exhibits in MLflow: a run with the estimates as metrics and the exhibit's files as artifacts, whoever made it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.evidence import EXHIBITS, Exhibit, exhibit_folder, maker
from workbench.pilot import Pilot, Severity
from workbench.runs.journal import digest_of
from workbench.tracking import (
    DIGITS,
    Link,
    RunKind,
    RunRows,
    experiment_of,
    log_run,
    opened,
    read_logged,
    set_note,
    write_logged,
)

MAX_METRICS = 200


def log_exhibit(pilot: Pilot, exhibit: Exhibit, files: Sequence[Path] = ()) -> Link:
    """Log an exhibit once, and return where it is.

    Parameters
    ----------
    pilot : Pilot
    exhibit : Exhibit
        As its maker left it.
    files : sequence of Path
        What else its maker left for readers.

    Raises
    ------
    RunError
        The store cannot be written; the exhibit stands, and the next call logs it.
    """
    known = read_logged(pilot)
    name = f"{exhibit.maker} {digest_of(exhibit.as_json())}"
    if name not in known:
        left = tuple(sorted(path for path in exhibit_folder(pilot, exhibit.maker).iterdir() if path.is_file()))
        with opened(pilot) as store:
            place = store, experiment_of(store, pilot, RunKind.EXHIBITS)
            said = _said(exhibit)
            known[name] = log_run(pilot.root, place, said, {"": tuple(files), EXHIBITS: left})
            set_note(store, place[1], f"{said.name}: {exhibit.answer}")
        write_logged(pilot, known)
    return Link(str(exhibit.facts.get("agent", "")), exhibit.maker, known[name][0], known[name][1])


def _said(exhibit: Exhibit) -> RunRows:
    """Return what an exhibit's run says."""
    tags = {
        "mlflow.user": exhibit.made.who,
        "mlflow.source.git.commit": exhibit.made.commit or "",
        "mlflow.note.content": "\n\n".join((maker(exhibit.maker).question, exhibit.answer, *exhibit.notes)),
        "workbench.maker": exhibit.maker,
    }
    facts = {name: str(value) for name, value in exhibit.facts.items() if isinstance(value, str | int | float)}
    params = {**facts, **{f"{name}_digest": digest[:12] for name, digest in exhibit.about.items()}}
    titled = f"{exhibit.made.time[:16].replace('T', ' ')} {maker(exhibit.maker).title}"
    return RunRows(titled, _metrics(exhibit), params, {key: value for key, value in tags.items() if value})


def _metrics(exhibit: Exhibit) -> dict[str, float]:
    """Return every defined estimate, and how many findings there are by severity."""
    severities = [one.severity for one in exhibit.findings]
    metrics = {f"findings_{one.value}": float(severities.count(one)) for one in Severity} if severities else {}
    for name, estimate in exhibit.estimates.items():
        key = "".join(sign if sign.isalnum() or sign in "_-. " else "_" for sign in name)
        if estimate.value is not None and ":" not in name:
            metrics[key] = round(estimate.value, DIGITS)
    return dict(list(metrics.items())[:MAX_METRICS])
