"""Findings from audit to audit: their states by hand, what an acceptance is worth, and what gate 1 makes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from gate_pilots import finding, gate, gate_pilot, result, signed, write_audit
from typer.testing import CliRunner

from workbench.audit import FindingState, follow_pilot, followed
from workbench.audit.published.store import owners_of
from workbench.commands.cli import app
from workbench.metrics import State
from workbench.pilot import OwnedFindings, Pilot, open_pilot, read_owned_findings
from workbench.pilot.signing import Signer, SigningKey, sign_document
from workbench.pilot.signing.keys import generated_key
from workbench.words import InputError

ROOT = Path(__file__).parent.parent
TODAY = date(2026, 11, 23)
GAPS, ODD = "missing-00000001", "outlier-00000002"
OWNED = [{"id": "owned", "check": "issues_owned", "at_least": 2}]
MEND = {
    "id": GAPS,
    "owner": "Ann",
    "decision": "mend",
    "reason": "filled on import from now on",
    "until": date(2027, 1, 1),
}
ACCEPT = {
    "id": ODD,
    "owner": "Bo",
    "decision": "accept",
    "reason": "it is an odd case, not a wrong one",
    "until": TODAY,
}


def audits(*found: Sequence[str]) -> list[dict[str, Any]]:
    """Return audits on the first days of November that found these."""
    return [
        {
            "created": f"2026-11-{day:02d}T08:00:00+00:00",
            "run": f"run{day}",
            "findings": [{"id": name, "title": f"Title of {name}", "severity": "high"} for name in names],
        }
        for day, names in enumerate(found, 1)
    ]


def owned(*entries: Mapping[str, Any]) -> OwnedFindings:
    return OwnedFindings.model_validate({"title": "Assessment", "findings": list(entries)})


# Audits on 1, 2, 3 ... November; by hand: state, day of the first audit with it, day with which the state began.
@pytest.mark.parametrize(
    ("found", "state", "first", "since"),
    [
        ([[GAPS]], "new", 1, 1),
        ([[], [GAPS]], "new", 2, 2),
        ([[GAPS], [GAPS]], "known", 1, 1),
        ([[], [GAPS], [GAPS]], "known", 2, 2),
        ([[GAPS], []], "mended", 1, 2),
        ([[GAPS], [GAPS], [], []], "mended", 1, 3),
        ([[GAPS], [], [GAPS]], "back again", 1, 3),
        ([[GAPS], [], [GAPS], [GAPS]], "back again", 1, 3),
        ([[GAPS], [], [GAPS], []], "mended", 1, 4),
        ([[], [GAPS], [], [], [GAPS]], "back again", 2, 5),
    ],
)
def test_a_finding_is_new_known_mended_or_back(found: list[list[str]], state: str, first: int, since: int) -> None:
    [one] = followed(audits(*found), None, (), TODAY)
    assert (one.state, one.first, one.since) == (state, f"2026-11-0{first}", f"2026-11-0{since}")
    assert (one.title, one.severity, one.owner) == (f"Title of {GAPS}", "high", "")


def test_an_acceptance_counts_over_its_signature_and_until_its_day() -> None:
    found = audits([ODD], [ODD])
    [one] = followed(found, owned(ACCEPT), {"Bo"}, TODAY)
    assert (one.state, one.since, one.until, one.fault) == (FindingState.ACCEPTED, "2026-11-01", TODAY, "")
    [unsigned] = followed(found, owned(ACCEPT), {"Ann"}, TODAY)
    assert (unsigned.state, unsigned.fault) == (FindingState.KNOWN, "not signed")
    [late] = followed(found, owned(ACCEPT), {"Bo"}, date(2026, 11, 24))
    assert (late.state, late.fault) == (FindingState.KNOWN, "accepted until 2026-11-23")


def test_what_is_to_be_mended_stays_what_it_is_until_it_is_gone() -> None:
    [one] = followed(audits([GAPS]), owned(MEND), {"Ann"}, TODAY)
    assert (one.state, one.owner, one.decision, one.fault) == (FindingState.NEW, "Ann", "mend", "")
    [late] = followed(audits([GAPS], [GAPS]), owned(MEND), {"Ann"}, date(2027, 1, 2))
    assert (late.state, late.fault) == (FindingState.KNOWN, "due 2027-01-01")
    [gone] = followed(audits([GAPS], []), owned(MEND), (), date(2027, 1, 2))
    assert (gone.state, gone.since, gone.fault) == (FindingState.MENDED, "2026-11-02", "")


def test_what_only_the_file_knows_is_mended_and_stands_last() -> None:
    rows = followed(audits([ODD]), owned(MEND, ACCEPT), {"Ann", "Bo"}, TODAY)
    assert [(one.id, one.state, one.since) for one in rows] == [
        (ODD, FindingState.ACCEPTED, "2026-11-01"), (GAPS, FindingState.MENDED, ""),
    ]  # fmt: skip


def test_a_kind_is_mended_as_a_whole_and_an_id_goes_before_it() -> None:
    of_kind = {**MEND, "id": "missing", "owner": "Cy"}
    said = owned(of_kind, MEND)
    assert [said.of(name) for name in (GAPS, "missing-0000000f", ODD)] == [said.findings[1], said.findings[0], None]


@pytest.mark.parametrize(
    ("entries", "match"),
    [
        ([{**ACCEPT, "id": "outlier"}], "'outlier' is a kind; one finding can be accepted, by its whole id"),
        ([MEND, MEND], f"findings has '{GAPS}' twice"),
        ([{**MEND, "decision": "wait"}], "mend"),
        ([{**MEND, "reason": "later"}], "at least 10"),
        ([{name: value for name, value in MEND.items() if name != "until"}], "until"),
        ([], "at least 1"),
    ],
)
def test_a_file_that_decides_nothing_is_refused(entries: list[dict[str, Any]], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        owned(*entries)


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    """Give a pilot whose audit found two things, neither of which has an owner in its exhibit."""
    made = gate_pilot(tmp_path, gate(OWNED))
    write_audit(made, [finding("high", id=GAPS, owner=None), finding("low", id=ODD, owner=None)])
    return made


def decide(pilot: Pilot, *entries: Mapping[str, Any]) -> None:
    content = {"title": "Assessment", "findings": list(entries)}
    (pilot.suite / "findings.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def sign(pilot: Pilot, keys: Mapping[str, SigningKey], *roles: str) -> None:
    for role in roles:
        sign_document(pilot.suite, "findings.yaml", Signer(role, role), keys[role])


def test_gate_1_passes_on_decided_and_signed_findings_only(pilot: Pilot) -> None:
    keys = signed(pilot)
    assert result(pilot, "owned").state is State.FAIL
    decide(pilot, MEND)
    found = result(pilot, "owned")
    assert (found.state, found.details) == (State.FAIL, (f"{ODD} (low): Amounts are empty; no owner",))
    decide(pilot, MEND, ACCEPT)
    sign(pilot, keys, "sponsor")
    found = result(pilot, "owned")
    assert (found.state, found.details) == (State.UNPROVEN, ("IT owner: no signature",))
    assert found.missing.signatures == 1
    sign(pilot, keys, "IT owner")
    found = result(pilot, "owned")
    expected = "1 of the top 2 findings are being mended, 1 are accepted; signed by 2 owners"
    assert (found.state, found.reason) == (State.PASS, expected)
    decide(pilot, MEND, {**ACCEPT, "until": date(2026, 12, 31)})
    assert result(pilot, "owned").state is State.UNPROVEN, "an edit takes the signatures back"


@pytest.mark.parametrize(("entry", "said"), [(ACCEPT, "accepted until 2026-11-22"), (MEND, "due 2026-11-22")])
def test_a_day_that_is_over_fails_while_the_finding_is_there(pilot: Pilot, entry: dict[str, Any], said: str) -> None:
    keys = signed(pilot)
    others = [one for one in (MEND, ACCEPT) if one is not entry]
    decide(pilot, {**entry, "until": date(2026, 11, 22)}, *others)
    sign(pilot, keys, "sponsor", "IT owner")
    found = result(pilot, "owned")
    assert found.state is State.FAIL
    assert [detail.rpartition("; ")[2] for detail in found.details] == [said]


def test_an_owner_who_is_no_stakeholder_signs_in_a_role_of_their_own(pilot: Pilot) -> None:
    keys = {**signed(pilot), "Master data team": generated_key()}
    decide(pilot, {**MEND, "owner": "Master data team"}, ACCEPT)
    sign(pilot, keys, "IT owner")
    assert result(pilot, "owned").details == ("Master data team: no signature",)
    sign(pilot, keys, "Master data team")
    assert result(pilot, "owned").state is State.PASS


def test_the_command_says_where_each_stands(pilot: Pilot) -> None:
    decide(pilot, MEND)
    sign(pilot, signed(pilot), "sponsor")
    root = ["--root", str(pilot.root)]
    said = CliRunner().invoke(app, ["audit", pilot.name, "--findings", "--json", *root])
    rows = {one["id"]: one for one in json.loads(said.output)["findings"]}
    assert {name: (one["state"], one["owner"], one["until"]) for name, one in rows.items()} == {
        GAPS: ("new", "Ann", "2027-01-01"), ODD: ("new", "", None),
    }  # fmt: skip
    said = CliRunner().invoke(app, ["audit", pilot.name, "--findings", *root])
    assert said.exit_code == 0
    assert said.output.startswith("2 findings: 2 new.")
    assert "nobody yet" in said.output


def test_without_an_audit_or_a_pilot_there_is_nothing_to_follow(tmp_path: Path) -> None:
    made = gate_pilot(tmp_path, gate(OWNED))
    with pytest.raises(InputError, match="no audit has been run yet"):
        follow_pilot(made, TODAY)
    said = CliRunner().invoke(app, ["audit", "--findings"])
    assert "--findings needs a pilot" in str(said.exception)


def test_owners_in_the_former_file_are_not_overlooked(pilot: Pilot) -> None:
    decide(pilot, MEND)
    assert owners_of(pilot) == {GAPS: "Ann"}
    (pilot.suite / "audit.yaml").write_text("owners: {missing: Ana}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"audit\.yaml is read no more: owners stand in findings\.yaml"):
        owners_of(pilot)


@pytest.mark.parametrize(("name", "n"), [("invoice_matching", 26), ("support_triage", 6)])
def test_the_owners_of_shipped_findings_sign_the_charter_too(name: str, n: int) -> None:
    pilot = open_pilot(name, ROOT)
    said = read_owned_findings(pilot.suite)
    assert said is not None
    people = {one.name for one in pilot.charter.stakeholders if one.signs}
    assert {one.owner for one in said.findings} <= people
    assert n >= len(said.findings)
