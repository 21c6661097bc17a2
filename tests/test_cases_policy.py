"""The policy of a pilot as a function: run in a process of its own, its faults told in one message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from loan_pilots import POLICY, PROCESS, loan_pilot, loan_rows

from workbench.cases import PolicyProcess, Ruling, mutants_of
from workbench.cases.policy import LeverRange
from workbench.files import SIGNING_KEY
from workbench.pilot import Pilot, Process, read_process
from workbench.words import InputError, RunError

SOUND: dict[str, Any] = {
    "id": "L900", "purpose": "car", "region": "north", "amount": 5000, "term_months": 60, "income": 3000, "debts": 0,
    "age": 40, "score": 700, "employed_months": 60, "remark": None,
}  # fmt: skip


def process_of(pilot: Pilot) -> Process:
    process = read_process(pilot)
    assert process is not None
    return process


def with_body(root: Path, body: str) -> PolicyProcess:
    """A policy whose function does something before it decides as usual."""
    inside = "\n".join(f"    {line}" for line in body.splitlines())
    source = POLICY.replace("    used = False\n", f"{inside}\n    used = False\n")
    pilot = loan_pilot(root, source)
    return PolicyProcess(pilot, process_of(pilot), deadline_s=1.0)


def test_a_policy_decides_records_in_the_order_of_the_rules_of_its_process(tmp_path: Path) -> None:
    pilot = loan_pilot(tmp_path)
    young_and_poor = {**SOUND, "age": 17, "score": 100}
    with PolicyProcess(pilot, process_of(pilot)) as policy:
        rulings = policy.rulings([SOUND, young_and_poor, {**SOUND, "score": 419}])
    assert rulings == [
        Ruling("approve", "plain"),
        Ruling("reject", "minor", None, "minor"),
        Ruling("reject", "score_too_low", None, "score_too_low"),
    ]


def test_a_record_is_decided_anew_under_each_mutant_and_only_differences_come_back(tmp_path: Path) -> None:
    pilot = loan_pilot(tmp_path)
    mutants = mutants_of(process_of(pilot))
    with PolicyProcess(pilot, process_of(pilot)) as policy:
        at_limit, far = policy.under([{**SOUND, "score": 420}, SOUND], mutants)
    changed = {mutants[place].id: other.rule for place, other in at_limit.items()}
    # 420 is below 462, the limit raised by a tenth; by thin_score only amounts above 10,000 are looked at
    assert changed == {"limit:score_too_low.below@+10%": "score_too_low"}
    assert far == {}


def test_a_policy_runs_in_another_process_that_has_no_key_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SIGNING_KEY, "secret")
    key = f"os.environ.get({SIGNING_KEY!r})"
    body = f"import os\nreturn {{'action': 'approve', 'reason': str(os.getpid()), 'to': {key}}}"
    with with_body(tmp_path, body) as policy:
        (ruling,) = policy.rulings([SOUND])
        assert policy._process is not None
        assert (ruling.reason, ruling.to) == (str(policy._process.pid), None)


def test_what_a_policy_prints_is_no_answer(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with with_body(tmp_path, "print('{\"own\": null}', flush=True)") as policy:
        assert policy.rulings([SOUND]) == [Ruling("approve", "plain")]
    assert capfd.readouterr().err == '{"own": null}\n'


def test_a_policy_that_raises_is_told_with_error_place_and_record(tmp_path: Path) -> None:
    body = "if record['age'] == 41:\n    raise KeyError('credit bureau')"
    with with_body(tmp_path, body) as policy:
        with pytest.raises(InputError, match="does not decide a record") as caught:
            policy.rulings([SOUND, {**SOUND, "id": "L901", "age": 41}])
        assert policy.tried([{**SOUND, "age": 41}, SOUND]) == [None, Ruling("approve", "plain")]
    line = POLICY.splitlines().index("def decide(record, process):") + 3
    assert (caught.value.where, caught.value.got) == (f"policy.py, line {line}, id L901", "KeyError: 'credit bureau'")


def test_a_policy_that_needs_a_rule_to_be_there_is_told_under_which_change_it_raises(tmp_path: Path) -> None:
    body = "limits = {rule['id']: rule['parameters'] for rule in process['rules']}\nlimits['minor']['age']"
    with with_body(tmp_path, body) as policy:
        assert policy.rulings([SOUND]) == [Ruling("approve", "plain")]
        with pytest.raises(InputError, match="when the specification changes") as caught:
            policy.under([SOUND], mutants_of(Process.model_validate(PROCESS)))
    assert caught.value.where is not None
    assert caught.value.where.endswith("id L900, where rule minor is not there")


@pytest.mark.parametrize(
    ("returned", "got"),
    [
        ("'approve'", "the policy returned 'approve'; expected a mapping of action, reason, to, rule"),
        ("{'reason': 'plain'}", "the policy returned {'reason': 'plain'}; expected a mapping"),
        ("{'action': 'approve', 'to': 3}", "the policy returned {'action': 'approve', 'to': 3}; expected text or None"),
    ],
)
def test_what_is_no_ruling_is_refused(returned: str, got: str, tmp_path: Path) -> None:
    with (
        with_body(tmp_path, f"return {returned}") as policy,
        pytest.raises(InputError, match="decide a record") as caught,
    ):
        policy.rulings([SOUND])
    assert caught.value.got is not None
    assert got in caught.value.got
    assert caught.value.where is not None
    assert caught.value.where.startswith("policy.py, line ")


def test_a_policy_that_ends_its_process_is_told_with_the_record(tmp_path: Path) -> None:
    body = "import os\nif record['age'] == 41:\n    os._exit(3)"
    with (
        with_body(tmp_path, body) as policy,
        pytest.raises(RunError, match=r"the process of the policy ended") as caught,
    ):
        policy.rulings([SOUND, {**SOUND, "id": "L901", "age": 41}, SOUND])
    assert caught.value.got == "while it decided id L901"


def test_a_policy_that_hangs_is_ended_at_its_deadline(tmp_path: Path) -> None:
    with with_body(tmp_path, "while record['age'] == 41: pass") as policy:
        with pytest.raises(RunError, match="takes too long") as caught:
            policy.rulings([{**SOUND, "id": "L901", "age": 41}])
        process = policy._process
    assert caught.value.got == "while it decided id L901"
    assert process is not None
    assert process.poll() is not None


def test_a_process_without_a_policy_is_refused(tmp_path: Path) -> None:
    pilot = loan_pilot(tmp_path, process={**PROCESS, "python": None})
    with pytest.raises(InputError, match="no policy as a function"):
        PolicyProcess(pilot, process_of(pilot))


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("def decide(record, process)", "is no Python"),
        ("x = 1", "no callable 'decide'"),
        ("1 / 0", "cannot be imported"),
    ],
)
def test_a_policy_that_cannot_be_loaded_is_told(source: str, problem: str, tmp_path: Path) -> None:
    pilot = loan_pilot(tmp_path, source)
    with pytest.raises(InputError, match=problem), PolicyProcess(pilot, process_of(pilot)):
        pass


LEVER = """
def raised(record, x, process):
    if record["purpose"] == "home":
        return None
    return {**record, "amount": round(x), "income": int(record["income"])}
LEVERS = {"amount and income": (raised, 1000.0, 50000.0, 1.0)}
"""


def test_a_lever_of_the_policy_moves_records_where_it_can(tmp_path: Path) -> None:
    pilot = loan_pilot(tmp_path, POLICY + LEVER)
    records = [SOUND, {**SOUND, "purpose": "home"}, {**SOUND, "income": "unknown"}]
    moves = [(place, "amount and income", 41_000.0) for place in range(3)]
    with PolicyProcess(pilot, process_of(pilot)) as policy:
        assert policy.levers == {"amount and income": LeverRange(1000.0, 50000.0, 1.0)}
        assert policy.moved(records, moves) == [{**SOUND, "amount": 41_000}, None, None]
        assert policy.moved_rulings(records, moves) == [
            Ruling("refer", "amount", "credit committee", "amount"),
            None,
            None,
        ]


def test_a_lever_without_a_range_is_refused(tmp_path: Path) -> None:
    pilot = loan_pilot(tmp_path, f"{POLICY}\nLEVERS = {{'amount': decide}}\n")
    with pytest.raises(InputError, match="a lever does not fit"), PolicyProcess(pilot, process_of(pilot)):
        pass


def test_generated_loan_requests_hold_all_decisions() -> None:
    assert {row[-1] for row in loan_rows(60)} == {"approve", "reject", "refer"}
