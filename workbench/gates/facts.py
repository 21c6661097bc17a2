"""What a gate looks at: what was agreed, the judged version on the holdout, the audit, and the day.

Facts are read from a pilot's own files when a gate is held, and from a bundle when its evidence is verified: so there
is nothing in them that a bundle does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from workbench.evaluation import Cells, cells_in
from workbench.gates.schema import Gates
from workbench.metrics import EvaluationSettings, Price, price_of
from workbench.pilot import Contract, cell_text
from workbench.pilot.charter import Charter


class AgreedSettings(Protocol):
    """What of pilot.yaml a verdict depends on, and the title."""

    @property
    def title(self) -> str:
        """Title of the pilot."""

    @property
    def escalate_label(self) -> str | None:
        """The action by which an agent escalates."""

    @property
    def prices(self) -> Mapping[str, Price]:
        """What tokens cost, by model."""


class Agreed(Protocol):
    """What was agreed of a pilot; a `Pilot` is it, and so is what a bundle holds."""

    @property
    def name(self) -> str:
        """Name of the pilot."""

    @property
    def suite(self) -> Path:
        """Folder with charter, gates, documents, suites, waivers and signatures."""

    @property
    def charter(self) -> Charter:
        """The charter."""

    @property
    def contract(self) -> Contract:
        """The contract of the records."""

    @property
    def settings(self) -> AgreedSettings:
        """What of pilot.yaml a verdict depends on, and the title."""


@dataclass(frozen=True, slots=True)
class Population:
    """The pilot's present records.

    Parameters
    ----------
    digest : str
        Of all records with their labels.
    n_holdout : int
        How many of them are sealed.
    per_day : float, optional
        How many arrived a day; None where no column says when.
    labels : tuple of str
        All labels that a record can have.
    """

    digest: str
    n_holdout: int
    per_day: float | None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The agent version a gate judges, on the holdout.

    Parameters
    ----------
    content : mapping
        `Evaluation.as_json()`.
    outcomes : DataFrame
        Decisions beside labels and strata, record ids as the index.
    opening : int
        Number of the opening on the ledger.
    share : float
        Share of the significance level that this opening is charged.
    rows : str
        Merkle root of the decisions, as the opening has it.
    changes : tuple of str
        What the ledger says has changed in opened records since earlier openings.
    seen : Series, optional
        Whether an earlier opening saw each record, on the index of the outcomes; None where the ledger does not say.
    development : (mapping, DataFrame), optional
        Content and outcomes of the same version on all development records; None where there is no such run.
    """

    content: Mapping[str, Any]
    outcomes: pd.DataFrame
    opening: int
    share: float
    rows: str
    changes: tuple[str, ...]
    seen: pd.Series[bool] | None
    development: tuple[Mapping[str, Any], pd.DataFrame] | None

    @property
    def threshold(self) -> float | None:
        """The threshold that the version is judged at."""
        return threshold_in(self.content)


def threshold_in(content: Mapping[str, Any]) -> float | None:
    """Return the threshold of an evaluation from its JSON values, None where it has none."""
    chosen = content.get("threshold")
    return None if chosen is None else float(chosen["threshold"])


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Everything a verdict rests on; what has not been measured is None, and why is in the notes.

    Parameters
    ----------
    pilot : Agreed
    audit : mapping, optional
        findings.json of the newest audit of the present records.
    today : date
        Day on which waivers must be valid.
    told : tuple of str
        Remarks that rest on what lies outside: the ledger's history, earlier evidence.
    """

    pilot: Agreed
    gates: Gates
    population: Population
    cells: Cells
    audit: Mapping[str, Any] | None
    judged: Judged | None
    today: date
    audit_note: str = ""
    judged_note: str = ""
    told: tuple[str, ...] = ()

    def settings_at(self, confidence_level: float) -> EvaluationSettings:
        """Return what estimates of the judged version depend on besides its outcomes."""
        assert self.judged is not None
        return EvaluationSettings(
            threshold=self.judged.threshold,
            escalate_label=self.pilot.settings.escalate_label,
            confidence_level=confidence_level,
            price=price_of(self.judged.content["identity"], self.pilot.settings.prices),
        )

    def judged_for(self, number: int) -> Judged | None:
        """Return the judged version where a gate asks for one."""
        return self.judged if self.gates.gates[number].asks_evaluation else None

    def members(self, where: Mapping[str, str]) -> pd.DataFrame:
        """Return the outcomes of the judged records whose columns have the named values.

        Raises
        ------
        InputError
            The records have no such column.
        """
        assert self.judged is not None
        chosen = self.judged.outcomes
        for column, value in where.items():
            chosen = chosen[cells_in(column, self.cells, chosen).map(cell_text) == value]
        return chosen
