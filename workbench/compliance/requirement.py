"""A requirement and what is known of it: computed from evidence, attested by a person, or neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import pandas as pd

from workbench.evidence import Agreed, Exhibit


class Standing(StrEnum):
    """What is known of a requirement. Nothing is met by default."""

    MET = "met"
    NOT_MET = "not met"
    NOT_EVIDENCED = "not evidenced"
    ATTESTED = "attested"
    NOT_APPLICABLE = "not applicable"


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
    """

    pilot: Agreed
    exhibits: Mapping[str, Exhibit]
    absent: Mapping[str, str]
    trail: pd.DataFrame
    today: date


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
