"""What the law asks, as of a day: the dates are those of the Official Journal, the sets are written out by hand."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from workbench.compliance.computed import COMPUTATIONS
from workbench.files import settings_from
from workbench.pilot.charter.schema import AiActRiskClass, AiActRole
from workbench.pilot.regulations import (
    ComplianceProfile,
    DatedRequirement,
    Regime,
    Sector,
    obligation,
    regimes,
    requirement_ids,
    requirements_as_of,
)
from workbench.pilot.regulations.catalogue import FILES, FOLDER
from workbench.words import InputError

NONE_ELSE = dict.fromkeys(("gdpr", "gobd", "marisk", "dora", "iatf-16949", "iso-42001"), False)
PROVIDED = {"10", "11", "12", "13", "14", "14-4", "15-accuracy", "15-attacks", "15-robustness", "17", "19", "43", "47"}
HIGH = PROVIDED | {"9", "9-8", "annex-iv-2g", "26-2", "26-5", "26-6", "26-7", "27", "72", "73"}


def act(role: str = "both", risk_class: str = "high_annex_iii", **changes: object) -> ComplianceProfile:
    """Return a profile to which nothing but the EU AI Act applies; the system was on the market in January 2026."""
    said = {"on_market_since": date(2026, 1, 15), "general_purpose_model": True, "regimes": NONE_ELSE, **changes}
    return ComplianceProfile(AiActRiskClass(risk_class), AiActRole(role), **said)  # type: ignore[arg-type]


def asked(day: date, profile: ComplianceProfile) -> set[str]:
    return {one.requirement.id.partition("/")[2] for one in requirements_as_of(day, profile) if one.applies}


def of(day: date, profile: ComplianceProfile, requirement: str) -> DatedRequirement:
    return next(one for one in requirements_as_of(day, profile) if one.requirement.id == requirement)


def test_the_applicable_set_changes_on_the_days_of_regulation_2026_1744() -> None:
    # Regulation (EU) 2026/1744, OJ 24 July 2026: Art. 4, 5 since 2 Feb 2025, general-purpose models since 2 Aug 2025,
    # Art. 50 since 2 Aug 2026, Art. 50(2) of older systems and the new prohibitions 2 Dec 2026, Annex III 2 Dec 2027
    summer = {"4", "5", "53", "55"}
    winter = summer | {"50-1", "50-3", "50-4"}
    after = winter | {"50-2", "5-imagery", "5-abuse"}
    assert asked(date(2026, 8, 1), act()) == summer
    assert asked(date(2026, 12, 1), act()) == winter
    assert asked(date(2026, 12, 3), act()) == after
    assert asked(date(2027, 12, 1), act()) == after
    assert asked(date(2027, 12, 2), act()) == after | HIGH


def test_high_risk_of_annex_i_begins_in_august_2028() -> None:
    assert "9" not in asked(date(2028, 8, 1), act(risk_class="high_annex_i"))
    later = asked(date(2028, 8, 2), act(risk_class="high_annex_i"))
    assert later >= HIGH - {"27"}
    assert "27" not in later, "the impact on fundamental rights is asked of Annex III"


def test_before_the_amendment_annex_iii_would_have_begun_in_august_2026() -> None:
    before = of(date(2026, 6, 1), act(), "ai-act/9")
    assert (before.applies_from, before.why_not) == (date(2026, 8, 2), "applies from 2 Aug 2026: not yet")
    after = of(date(2026, 8, 2), act(), "ai-act/9")
    assert (after.applies_from, after.why_not) == (date(2027, 12, 2), "applies from 2 Dec 2027: not yet")
    assert "2026/1744" in after.version.source


def test_marking_is_asked_of_new_systems_four_months_before_older_ones() -> None:
    day = date(2026, 12, 1)
    assert "50-2" in asked(day, act(on_market_since=None))
    assert "50-2" in asked(day, act(on_market_since=date(2026, 8, 2)))
    assert "50-2" not in asked(day, act(on_market_since=date(2026, 8, 1)))
    assert "50-2" in asked(date(2026, 12, 2), act(on_market_since=date(2026, 8, 1)))


def test_a_deployer_of_a_minimal_system_is_asked_for_little() -> None:
    minimal = act("deployer", "minimal", general_purpose_model=False)
    assert asked(date(2028, 9, 1), minimal) == {"4", "5", "5-imagery", "5-abuse"}
    assert of(date(2028, 9, 1), minimal, "ai-act/14").why_not == "for other risk classes than minimal"
    assert of(date(2028, 9, 1), act("deployer"), "ai-act/14").why_not == "for a provider"


def test_what_nobody_decided_takes_nothing_away() -> None:
    day = date(2028, 9, 1)
    everything = {one.requirement.id for one in requirements_as_of(day, ComplianceProfile()) if one.applies}
    assert everything == set(requirement_ids())


def test_a_regime_of_another_sector_applies_only_where_somebody_says_so() -> None:
    def applies(profile: ComplianceProfile) -> set[str]:
        return {one.regime.id for one in requirements_as_of(date(2026, 12, 1), profile) if one.applies}

    assert {"dora", "marisk", "iatf-16949"} <= applies(ComplianceProfile())
    assert not {"dora", "marisk", "iatf-16949"} & applies(ComplianceProfile(sector=Sector.OTHER))
    assert {"dora", "marisk"} <= applies(ComplianceProfile(sector=Sector.FINANCIAL))
    assert "dora" not in applies(ComplianceProfile(sector=Sector.FINANCIAL, regimes={"dora": False}))
    assert "iatf-16949" in applies(ComplianceProfile(sector=Sector.OTHER, regimes={"iatf-16949": True}))
    assert "gdpr" not in applies(ComplianceProfile(personal_data=False))


def test_the_structured_part_of_an_e_invoice_is_asked_since_the_second_amendment_of_gobd() -> None:
    # BMF, 14 July 2025
    ids = {one.requirement.id for one in requirements_as_of(date(2025, 7, 13), ComplianceProfile())}
    assert "gobd/structured-invoice" not in ids
    assert of(date(2025, 7, 14), ComplianceProfile(), "gobd/structured-invoice").applies


def test_dora_begins_in_january_2025() -> None:
    # Regulation (EU) 2022/2554, Art. 64
    assert not of(date(2025, 1, 16), ComplianceProfile(), "dora/24").applies
    assert of(date(2025, 1, 17), ComplianceProfile(), "dora/24").applies


def test_sandboxes_are_a_date_of_the_member_states_and_no_requirement() -> None:
    version = regimes()["ai-act"].as_of(date(2026, 12, 1))
    assert version is not None
    assert version.dates["sandboxes"].applies_from == date(2027, 8, 2)


def test_whatever_is_computed_has_a_computation_and_every_computation_is_asked_for() -> None:
    named = {one.computed for regime in regimes().values() for one in regime.requirements if one.computed}
    assert named == set(COMPUTATIONS)


def test_the_text_of_copyrighted_standards_is_not_repeated() -> None:
    for name in ("iatf-16949", "iso-42001"):
        for one in regimes()[name].requirements:
            assert one.title.startswith("What c"), one.id
            assert one.clause in one.title or one.clause.upper() in one.title


def test_every_version_says_where_it_is_from_and_every_file_is_read() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(FILES)
    assert all(version.source and version.version for one in regimes().values() for version in one.versions)
    found = obligation(AiActRiskClass.HIGH_ANNEX_III, date(2026, 12, 1))
    assert found is not None
    assert "2026/1744" in found[1].source


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda said: said["versions"].reverse(), "in the order of their days"),
        (lambda said: said["requirements"].append(dict(said["requirements"][0])), "given twice or of another regime"),
        (lambda said: said["requirements"][0].update(id="gdpr/4"), "given twice or of another regime: 'gdpr/4'"),
        (lambda said: said["requirements"][0].update(date="never"), "no version has the dates 'never'"),
        (lambda said: said["requirements"][0].update(clauses="4"), "unknown key"),
    ],
)
def test_a_catalogue_that_contradicts_itself_is_refused(change: object, message: str) -> None:
    said = yaml.safe_load(Path(FOLDER / "ai_act.yaml").read_text(encoding="utf-8"))
    change(said)  # type: ignore[operator]
    with pytest.raises(InputError, match=message):
        settings_from(said, Regime, "ai_act.yaml")
