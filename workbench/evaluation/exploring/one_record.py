"""One record in a notebook: what the page of `workbench record` shows."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from workbench.evaluation.shown import record_html
from workbench.evaluation.versions import RecordHistory
from workbench.words import several, visible

MAX_LETTERS = 200


@dataclass(frozen=True, slots=True, repr=False)
class ExploredRecord:
    """A record with its label and every version's decision on it; Jupyter shows what the record's page shows.

    Parameters
    ----------
    history : RecordHistory
        Fields, label, prompts as they were asked, and replies token by token.
    decisions : DataFrame
        One row for each version, the earliest first: `version`, `action`, `right`, `confidence`, `reason`, `reply`.
    """

    history: RecordHistory
    decisions: pd.DataFrame = field(compare=False)

    def __repr__(self) -> str:
        history = self.history
        label = "sealed" if history.label is None else history.label
        lines = [
            f"Record {history.record_id} ({history.split.value}), label {label},"
            f" decided by {several(len(self.decisions), 'version')}",
            *(f"  {name}: {str(value)[:MAX_LETTERS]}" for name, value in history.shown.items()),
            *("" if self.decisions.empty else self.decisions.drop(columns="reply").to_string(index=False)).splitlines(),
        ]
        return visible("\n".join(lines))

    def _repr_html_(self) -> str:
        return record_html(self.history)


def explored(history: RecordHistory) -> ExploredRecord:
    """Return a record for a notebook."""
    rows = [
        (
            answered.agent,
            answered.decision["action"] or f"({answered.decision['status']}: {answered.decision['cause']})",
            answered.is_right,
            answered.decision["confidence"],
            answered.decision["reason"],
            answered.decision["text"],
        )
        for answered in history.answered
    ]
    names = ["version", "action", "right", "confidence", "reason", "reply"]
    return ExploredRecord(history, pd.DataFrame(rows, columns=names))
