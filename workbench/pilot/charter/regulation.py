"""When obligations of the EU AI Act apply, from versioned data."""

from __future__ import annotations

import functools
from datetime import date
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from workbench.files import Settings, read_settings
from workbench.pilot.charter.schema import AiActRiskClass

DATES_FILE = Path(__file__).with_name("ai_act.yaml")


class Obligation(Settings):
    """What applies to a risk class, and from when."""

    applies_from: date
    what: str


class DatesVersion(Settings):
    """The dates as they stood from a day on."""

    as_of: date
    source: str
    dates: dict[AiActRiskClass, Obligation]


class AiActDates(Settings):
    """The content of ai_act.yaml, the oldest version first."""

    versions: tuple[DatesVersion, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        days = [version.as_of for version in self.versions]
        if days != sorted(set(days)):
            raise ValueError("versions must be in the order of their days")
        return self


@functools.cache
def ai_act_dates() -> AiActDates:
    """Return every version of the dates that ships with the workbench."""
    return read_settings(DATES_FILE, AiActDates)


def obligation(risk_class: AiActRiskClass, day: date) -> tuple[Obligation, DatesVersion] | None:
    """Return what applies to a risk class as the law stood on a day, None where nobody decided the class yet.

    Examples
    --------
    >>> before = obligation(AiActRiskClass.HIGH_ANNEX_III, date(2026, 1, 1))
    >>> after = obligation(AiActRiskClass.HIGH_ANNEX_III, date(2026, 12, 1))
    >>> print(before[0].applies_from, after[0].applies_from)
    2026-08-02 2027-12-02
    """
    known = [version for version in ai_act_dates().versions if version.as_of <= day]
    if not known or risk_class not in known[-1].dates:
        return None
    return known[-1].dates[risk_class], known[-1]
