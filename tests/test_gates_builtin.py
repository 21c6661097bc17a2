"""Criteria that every gate has: one key for two roles leaves it unproven, unless the signed charter allows it."""

from pathlib import Path

import pytest
import yaml
from gate_pilots import CHARTER, TODAY, facts_of, gate, gate_pilot, outcomes_of, result, signed, write_evaluation

from workbench.gates import Verdict, decide, read_gates
from workbench.gates.judging import asked_criteria, judged_criteria
from workbench.gates.schema import GATE_NUMBERS
from workbench.gates.waivers import WaiverSettings, waive
from workbench.metrics import State
from workbench.pilot.charter.signatures import sign_charter
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.pilot.signing.documents import Signer
from workbench.pilot.signing.keys import generated_key
from workbench.words import InputError

RIGHT, SURE = {"id": "right", "kpi": "right"}, {"id": "sure", "kpi": "sure"}
ALLOWED = "All 2 signatures were given with 1 key, as the charter allows"


def pilot_with(root: Path, keys: str | None) -> Pilot:
    """Return a pilot that meets its KPIs; `keys` goes into its charter."""
    charter = CHARTER if keys is None else {**CHARTER, "keys": keys}
    pilot = gate_pilot(root, gate([RIGHT, SURE]), charter)
    write_evaluation(pilot, outcomes_of(pilot, wrong=range(4)))
    return pilot


def signed_with_one_key(pilot: Pilot) -> None:
    key = generated_key()
    for person in pilot.charter.stakeholders:
        if person.signs:
            sign_charter(pilot.suite, pilot.charter, Signer(person.name, person.role), key)


@pytest.mark.parametrize("keys", [None, "distinct"])
def test_two_roles_that_signed_with_one_key_leave_every_gate_unproven(tmp_path: Path, keys: str | None) -> None:
    pilot = pilot_with(tmp_path, keys)
    signed_with_one_key(pilot)
    for number in GATE_NUMBERS:
        found = result(pilot, "distinct-keys", number)
        assert (found.state, found.reason) == (State.UNPROVEN, "Ann and Bo signed with one key")
        assert found.missing.signatures == 1
        assert "workbench keys new" in found.would_change
    decision = decide(facts_of(pilot), 2, {})
    assert decision.verdict is Verdict.NO_GO
    assert "Ann and Bo signed with one key" in str(decision.brief)


@pytest.mark.parametrize("keys", [None, "distinct", "shared"])
def test_keys_of_ones_own_pass_and_are_no_news(tmp_path: Path, keys: str | None) -> None:
    pilot = pilot_with(tmp_path, keys)
    signed(pilot)
    assert result(pilot, "distinct-keys").reason == "each of the 2 roles signed with a key of its own"
    decision = decide(facts_of(pilot), 2, {})
    assert (decision.verdict, str(decision.brief)) == (
        Verdict.GO,
        "GO at gate 2 for A (no language model). 6 of 6 criteria pass.",
    )


def test_a_shared_key_that_the_charter_allows_is_said_beside_a_go(tmp_path: Path) -> None:
    pilot = pilot_with(tmp_path, "shared")
    signed_with_one_key(pilot)
    decision = decide(facts_of(pilot), 2, {})
    assert decision.verdict is Verdict.GO
    assert dict(decision.brief.groups) == {"Mind": (ALLOWED,)}
    assert result(pilot, "distinct-keys").reason == ALLOWED


def test_allowing_shared_keys_after_the_signatures_takes_them_back(tmp_path: Path) -> None:
    pilot = pilot_with(tmp_path, None)
    signed_with_one_key(pilot)
    (pilot.suite / "charter.yaml").write_text(yaml.safe_dump({**CHARTER, "keys": "shared"}), encoding="utf-8")
    found = result(open_pilot(pilot.name, pilot.root), "distinct-keys")
    assert (found.state, found.reason) == (
        State.UNPROVEN, "0 of 2 roles that must sign the charter have signed it",
    )  # fmt: skip


def test_nobody_can_waive_distinct_keys(tmp_path: Path) -> None:
    pilot = pilot_with(tmp_path, None)
    signed_with_one_key(pilot)
    asked = {one.id: one for one in asked_criteria(facts_of(pilot), 2)}
    said = WaiverSettings(
        pilot="small", gate=2, criterion="distinct-keys", why="they are in one room", until=TODAY, name="Ann",
        role="sponsor",
    )  # fmt: skip
    with pytest.raises(InputError, match="this criterion accepts no waiver"):
        waive(pilot, said, asked["distinct-keys"], generated_key(), TODAY)


def test_what_is_asked_is_what_is_judged(tmp_path: Path) -> None:
    facts = facts_of(pilot_with(tmp_path, None))
    for number in GATE_NUMBERS:
        judged = [one.criterion.id for one in judged_criteria(facts, number)]
        assert [one.id for one in asked_criteria(facts, number)] == judged


def test_gates_yaml_cannot_take_the_place_of_a_criterion_that_every_gate_has(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate([{**RIGHT, "id": "distinct-keys"}]))
    with pytest.raises(InputError, match=r"'distinct-keys'.*what is built in stands in no file"):
        read_gates(pilot)
