"""A section of the audit: one question, its answer in a sentence, and the numbers, tables and findings behind it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from workbench.audit.findings import DataFinding
from workbench.metrics import Estimate
from workbench.words import percent

MAX_ROWS_IN_JSON = 200


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """The answer to one of the audit's questions.

    Parameters
    ----------
    id, title, question, answer : str
        The id is a word; the others are read by people.
    estimates : mapping
        Name to estimate, each with its denominator.
    tables : mapping
        Caption to table.
    findings : tuple of DataFinding
    facts : mapping of str to JSON values
        Numbers that are no estimates, such as counts and names, for programs.
    notes : tuple of str
        What was not looked at, sampled or assumed.
    """

    id: str
    title: str
    question: str
    answer: str
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    findings: tuple[DataFinding, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the section as JSON values; of a long table the first 200 rows."""
        tables = {caption: _table_json(table) for caption, table in self.tables.items()}
        return {
            "title": self.title,
            "question": self.question,
            "answer": self.answer,
            "estimates": {name: estimate.as_json() for name, estimate in self.estimates.items()},
            "facts": plain(dict(self.facts)),
            "tables": tables,
            "notes": list(self.notes),
        }


def plain(value: Any) -> Any:
    """Return a value as JSON has it; what is undefined is None."""
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool) else str(value)


def _table_json(table: pd.DataFrame) -> dict[str, Any]:
    rows = [plain(list(row)) for row in table.head(MAX_ROWS_IN_JSON).itertuples(index=False, name=None)]
    content = {"columns": [str(name) for name in table.columns], "rows": rows, "n_rows": len(table)}
    json.dumps(content, allow_nan=False)
    return content


def with_interval(estimate: Estimate) -> str:
    """Return a share with its interval.

    Examples
    --------
    >>> with_interval(Estimate.proportion(13, 16))
    '81.2% (57.0% to 93.4%)'
    """
    if estimate.value is None or estimate.lower is None or estimate.upper is None:
        return percent(estimate.value)
    return f"{percent(estimate.value)} ({percent(estimate.lower)} to {percent(estimate.upper)})"
