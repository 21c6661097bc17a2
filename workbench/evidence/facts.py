"""What a verdict rests on: what was agreed, the exhibits of the makers, the holdout's ledger, and the day.

Facts are read from a pilot's own files when a gate is held, and from a bundle when its evidence is verified: so there
is nothing in them that a bundle does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

from workbench.evidence.exhibit import Exhibit
from workbench.pilot import Contract, OpeningTerms, Price
from workbench.pilot.charter import Charter
from workbench.records import NamedCells
from workbench.records.ledger import Opening


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

    @property
    def evaluation(self) -> OpeningTerms:
        """When the holdout is opened for a version."""


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
class Facts:
    """Everything a verdict rests on.

    Parameters
    ----------
    cells : NamedCells
        Cells of the judged records, in the columns that rules, slices and suites name.
    exhibits : mapping
        By maker; one that is about other records or another version is not in it.
    absent : mapping
        By maker why there is none, one sentence.
    ledger : (Path, tuple of Opening)
        Where the ledger is, its lists of opened records beside it, and what it holds.
    today : date
        Day on which waivers must be valid.
    told : tuple of str
        Remarks that rest on what lies outside: the ledger's history, earlier evidence.
    """

    pilot: Agreed
    population: Population
    cells: NamedCells
    exhibits: Mapping[str, Exhibit]
    absent: Mapping[str, str]
    ledger: tuple[Path, tuple[Opening, ...]]
    today: date
    told: tuple[str, ...] = field(default=(), kw_only=True)
