"""Which requirements apply to a pilot on a day, as the law was published then, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from workbench.pilot.charter.schema import AiActRiskClass, AiActRole
from workbench.pilot.regulations.catalogue import (
    RISK_CLASS,
    Condition,
    Obligation,
    Regime,
    RegimeVersion,
    Requirement,
    Sector,
    regimes,
)

AI_ACT = "ai-act"


@dataclass(frozen=True, slots=True)
class ComplianceProfile:
    """What people decided of a pilot before anything was built; whatever nobody decided yet takes nothing away.

    Parameters
    ----------
    role : AiActRole, optional
    on_market_since : date, optional
        None for a system that is not in use yet.
    regimes : mapping of str to bool
        By regime whether it applies; one that is not named applies unless it is for another sector.
    """

    risk_class: AiActRiskClass = AiActRiskClass.UNDECIDED
    role: AiActRole | None = None
    on_market_since: date | None = None
    sector: Sector | None = None
    personal_data: bool | None = None
    general_purpose_model: bool | None = None
    regimes: Mapping[str, bool] = field(default_factory=dict)

    def has(self, condition: Condition | None) -> bool:
        """Return whether a condition is so, or not decided."""
        match condition:
            case None:
                return True
            case Condition.PERSONAL_DATA:
                return self.personal_data is not False
            case Condition.GENERAL_PURPOSE_MODEL:
                return self.general_purpose_model is not False


@dataclass(frozen=True, slots=True)
class DatedRequirement:
    """A requirement as it stood on a day.

    Parameters
    ----------
    applies_from : date
    why_not : str
        Why it does not apply to this pilot on this day; empty where it does.
    """

    requirement: Requirement
    regime: Regime
    version: RegimeVersion
    applies_from: date
    why_not: str = ""

    @property
    def applies(self) -> bool:
        """Whether it applies."""
        return not self.why_not


def requirements_as_of(day: date, profile: ComplianceProfile) -> tuple[DatedRequirement, ...]:
    """Return every requirement that was published on a day or before, in the catalogue's order.

    Examples
    --------
    >>> profile = ComplianceProfile(AiActRiskClass.TRANSPARENCY, AiActRole.BOTH)
    >>> for day in (date(2026, 8, 1), date(2026, 12, 1)):
    ...     print(day, "ai-act/50-1" in {one.requirement.id for one in requirements_as_of(day, profile) if one.applies})
    2026-08-01 False
    2026-12-01 True
    """
    return tuple(one for regime in regimes().values() for one in _of_regime(regime, day, profile))


def obligation(risk_class: AiActRiskClass, day: date) -> tuple[Obligation, RegimeVersion] | None:
    """Return what applies to a risk class as the law stood on a day, None where nobody decided the class yet.

    Examples
    --------
    >>> before = obligation(AiActRiskClass.HIGH_ANNEX_III, date(2026, 1, 1))
    >>> after = obligation(AiActRiskClass.HIGH_ANNEX_III, date(2026, 12, 1))
    >>> print(before[0].applies_from, after[0].applies_from)
    2026-08-02 2027-12-02
    """
    version = regimes()[AI_ACT].as_of(day)
    if version is None or risk_class.value not in version.dates:
        return None
    return version.dates[risk_class.value], version


def _of_regime(regime: Regime, day: date, profile: ComplianceProfile) -> Iterator[DatedRequirement]:
    version = regime.as_of(day)
    if version is None:
        return
    for one in regime.requirements:
        name = _date_of(one, profile)
        if name not in version.dates:
            continue  # nobody had written it yet
        begins = version.dates[name].applies_from
        why = _regime_is_not_asked(regime, profile) or _is_not_asked(one, profile)
        yield DatedRequirement(one, regime, version, begins, why or (_not_yet(begins) if begins > day else ""))


def _date_of(one: Requirement, profile: ComplianceProfile) -> str:
    """Return by which date of its regime a requirement begins; the earlier one where nobody decided the class."""
    since = profile.on_market_since
    if one.older is not None and since is not None and since < one.older.on_market_before:
        return one.older.date
    if one.date != RISK_CLASS:
        return one.date
    asked = profile.risk_class if profile.risk_class in one.risk_classes else AiActRiskClass.HIGH_ANNEX_III
    return asked.value


def _regime_is_not_asked(regime: Regime, profile: ComplianceProfile) -> str:
    answer = profile.regimes.get(regime.id)
    if answer is False:
        return f"{regime.title} does not apply to this pilot"
    if not profile.has(regime.when):
        return "no personal data are processed"
    if answer is None and regime.sectors and profile.sector is not None and profile.sector not in regime.sectors:
        return f"for {regime.whom}"
    return ""


def _is_not_asked(one: Requirement, profile: ComplianceProfile) -> str:
    """Return why a requirement is not asked of a pilot's role and class, empty where it is or nobody decided them."""
    decided = profile.risk_class is not AiActRiskClass.UNDECIDED
    if one.risk_classes and decided and profile.risk_class not in one.risk_classes:
        return f"for other risk classes than {profile.risk_class.value.replace('_', ' ')}"
    if one.roles and profile.role not in (None, AiActRole.BOTH, *one.roles):
        return f"for a {' or '.join(role.value for role in one.roles)}"
    if not profile.has(one.when):
        return "no general-purpose model is provided"
    return ""


def _not_yet(begins: date) -> str:
    return f"applies from {begins.day} {begins:%b %Y}: not yet"
