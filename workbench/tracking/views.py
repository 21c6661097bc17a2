"""What a reader of MLflow sees first: for each experiment of a pilot the columns of its table, and their address."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

HEADLINES = {  # the columns of the table, and the estimates that they show; short, as names of versions need the room
    "accuracy": "accuracy",
    "automation": "automation_rate",
    "selective_accuracy": "selective_accuracy",
    "latency_p95": "latency_p95_s",
    "cost": "cost_per_decision",
}
COUNT = "n"
CURRENT_TAG = "workbench.current"
VIEW = "versions"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
_LETTER, _AROUND = 6.5, 56  # pixels: of a letter of a name, and around it
_TITLE, _BESIDE, _NARROW = 7, 28, 69  # of a letter of a title, beside it, and of a column of six digits
_TABLE, _DATE, _ICON = 946, 150, 44  # of all columns in a window of 1,280; of a date, which may shrink to its sign


class RunKind(StrEnum):
    """What the runs of an experiment are; each kind has its own, named after the pilot."""

    VERSIONS = "versions"
    HOLDOUT = "holdout"
    TRIALS = "trials"
    GATES = "gates"
    EXHIBITS = "exhibits"

    def experiment(self, pilot: str) -> str:
        """Return the name of a pilot's experiment of this kind: the comparison of versions has the pilot's own."""
        return pilot if self is RunKind.VERSIONS else f"{pilot}: {self.value}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its table, beside the runs' names."""
        if self is RunKind.GATES:
            return tuple(f"params.`{name}`" for name in ("verdict", "agent", "failed", "unproven", "bundle"))
        if self is RunKind.EXHIBITS:
            return ("params.`agent`", "tags.`workbench.maker`", "metrics.`findings_high`")
        return tuple(f"metrics.`{name}`" for name in (*HEADLINES, COUNT))


def view_of(kind: RunKind, names: Iterable[str], now: int) -> str:
    """Return the view of an experiment as MLflow keeps one that was saved there: columns wide enough for names.

    MLflow has no call for it. A view that it cannot read is said there, and all columns are shown.
    """
    longest = max((len(name) for name in names), default=0)
    name, date = "attributes.`Run Name`", "runDateAndNestInfo"
    widths = {name: round(_AROUND + _LETTER * longest), **{one: _width(one) for one in kind.columns}}
    widths[date] = min(max(_TABLE - sum(widths.values()), _ICON), _DATE)
    state: dict[str, Any] = {
        "selectedColumns": kind.columns,
        "columnOrder": [name, date, *kind.columns],
        "columnWidths": widths,
        "runsHiddenMode": "SHOW_ALL",
        "orderByKey": "attributes.`Created`",
        "orderByAsc": kind in (RunKind.VERSIONS, RunKind.HOLDOUT),
    }
    if kind in (RunKind.VERSIONS, RunKind.HOLDOUT):
        state["searchFilter"] = f"tags.`{CURRENT_TAG}` = 'true'"
    return json.dumps({"name": VIEW, "createdAt": now, "updatedAt": now, "state": json.dumps(state)})


def page_of(experiment: int) -> str:
    """Return the page of MLflow's that shows an experiment's table, without the address of the server."""
    return f"#/experiments/{experiment}/runs?viewStateShareKey={VIEW}&workflowType=machine_learning"


def _width(column: str) -> int:
    """Return how many pixels a column needs for its title, or for six digits."""
    return max(_BESIDE + _TITLE * len(column.partition("`")[2].rstrip("`")), _NARROW)


def markdown_table(headed: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown; all but the first column stand right."""
    lines = [headed, [":--", *["--:"] * (len(headed) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
