"""The catalogue of regimes that ships with the workbench: a file a regime, each with its versions and requirements."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Self

from pydantic import Field, model_validator

from workbench.files import Settings, read_settings
from workbench.pilot.charter.schema import AiActRiskClass, AiActRole
from workbench.words import shown

FOLDER = Path(__file__).parent
RISK_CLASS = "risk_class"  # as the date of a requirement: that of the pilot's own class
FILES = ("ai_act", "gdpr", "gobd", "marisk", "dora", "iatf_16949", "iso_42001")  # in the order that readers see


class Sector(StrEnum):
    """The business that a pilot is of, as far as regimes ask for it."""

    FINANCIAL = "financial"
    AUTOMOTIVE = "automotive"
    OTHER = "other"


class Condition(StrEnum):
    """What must be so of a pilot besides role, class and sector; not said counts as so."""

    PERSONAL_DATA = "personal_data"
    GENERAL_PURPOSE_MODEL = "general_purpose_model"


class Obligation(Settings):
    """What applies, and from when."""

    applies_from: date
    what: str


class RegimeVersion(Settings):
    """A regime as it was published on a day: its version, and by name the dates from which parts of it apply."""

    as_of: date
    version: str
    source: str
    dates: dict[str, Obligation] = Field(min_length=1)


class OlderSystems(Settings):
    """Another date for systems that were on the market before a day."""

    on_market_before: date
    date: str


class Requirement(Settings):
    """One thing that a regime asks.

    Parameters
    ----------
    clause : str
        Where it stands.
    title : str
        What is asked, in a sponsor's words.
    date : str
        Which date of the regime it applies from; `risk_class` for that of the pilot's class under the EU AI Act.
    roles, risk_classes : tuple
        Whom it is asked of, as the EU AI Act names them; empty for everybody.
    computed : str, optional
        What is computed for it; without, a person attests it.
    evidence : str
        What would show that it is met.
    """

    id: str = Field(pattern=r"^[a-z0-9-]+/[a-z0-9.-]+$")
    clause: str
    title: str
    date: str = "in_force"
    roles: tuple[AiActRole, ...] = ()
    risk_classes: tuple[AiActRiskClass, ...] = ()
    when: Condition | None = None
    older: OlderSystems | None = None
    computed: str | None = None
    evidence: str


class Regime(Settings):
    """A law, a rule of an authority, or a standard; `sectors` and `when` say whom it is for, empty for everybody."""

    id: str
    title: str
    whom: str
    sectors: tuple[Sector, ...] = ()
    when: Condition | None = None
    versions: tuple[RegimeVersion, ...] = Field(min_length=1)
    requirements: tuple[Requirement, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        days = [version.as_of for version in self.versions]
        if days != sorted(set(days)):
            raise ValueError("versions must be in the order of their days")
        repeated = [name for name, n in Counter(one.id for one in self.requirements).items() if n > 1]
        strange = [one.id for one in self.requirements if one.id.partition("/")[0] != self.id]
        if repeated or strange:
            raise ValueError(f"ids given twice or of another regime: {shown([*repeated, *strange])}")
        known = {name for version in self.versions for name in version.dates} | {RISK_CLASS}
        named = {one.date for one in self.requirements} | {one.older.date for one in self.requirements if one.older}
        if named - known:
            raise ValueError(f"no version has the dates {shown(sorted(named - known))}")
        return self

    def as_of(self, day: date) -> RegimeVersion | None:
        """Return the newest version that was published on a day or before, None where there was none yet."""
        known = [version for version in self.versions if version.as_of <= day]
        return known[-1] if known else None


@functools.cache
def regimes() -> Mapping[str, Regime]:
    """Return every regime that ships with the workbench, by its id."""
    read = (read_settings(FOLDER / f"{name}.yaml", Regime) for name in FILES)
    return MappingProxyType({one.id: one for one in read})


def requirement_ids() -> tuple[str, ...]:
    """Return the ids of all requirements, in the catalogue's order."""
    return tuple(one.id for regime in regimes().values() for one in regime.requirements)
