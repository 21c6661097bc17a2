"""A requirement and what is known of it: computed from evidence, attested by a person, or neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import pandas as pd

from workbench.evidence import Agreed, Exhibit
from workbench.records import NamedCells
from workbench.records.ledger import Opening


class Standing(StrEnum):
    """What is known of a requirement. Nothing is met by default."""

    MET = "met"
    NOT_MET = "not met"
    NOT_EVIDENCED = "not evidenced"
    ATTESTED = "attested"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class KeptFor:
    """How long something is kept, in years: at least, because it must be, and at most, because it is personal data.

    Parameters
    ----------
    what : str
        `journal`, `evidence` or `records`.
    """

    what: str
    at_least_years: float | None = None
    at_most_years: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ComplianceGround:
    """What a requirement may be computed from.

    Parameters
    ----------
    exhibits : mapping
        The present exhibits by maker; one that is stale or missing is not in it.
    absent : mapping
        By maker why there is none, one sentence.
    trail : pandas.DataFrame
        The audit trail, a row a decision, as `workbench.compliance.trail` documents its columns; empty without one.
    today : date
        The day as of which it is asked.
    openings : tuple of Opening
        The holdout's ledger.
    cells : NamedCells, optional
        Cells of the judged records, in the columns that the charter's rules name.
    kept_for : tuple of KeptFor
        What compliance.yaml says of retention.
    columns : pandas.DataFrame, optional
        As `workbench.compliance.columns_shown` gives them; None where nobody looked.
    personal : pandas.DataFrame, optional
        As `workbench.compliance.personal_places` gives them; None where nobody looked.
    gaps : tuple of str, optional
        What the architecture document lacks, a sentence each; None where there is no such document.
    """

    pilot: Agreed
    exhibits: Mapping[str, Exhibit]
    absent: Mapping[str, str]
    trail: pd.DataFrame
    today: date
    openings: tuple[Opening, ...] = ()
    cells: NamedCells | None = None
    kept_for: tuple[KeptFor, ...] = ()
    columns: pd.DataFrame | None = None
    personal: pd.DataFrame | None = None
    gaps: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Computed:
    """What was computed of one requirement.

    Parameters
    ----------
    said : str
        One sentence, the deciding number with its denominator first.
    evidence : tuple of (str, str)
        What it rests on: a maker with one of its tables or metrics, or a document with its section.
    records : tuple of str
        Decisions that it fails on, at most twenty.
    """

    standing: Standing
    said: str
    evidence: tuple[tuple[str, str], ...] = ()
    records: tuple[str, ...] = field(default=())


Computation = Callable[[ComplianceGround], Computed]
