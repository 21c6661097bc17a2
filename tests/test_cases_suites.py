"""Suites read as a whole: each fault of a case is one message with its file and its id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from case_pilots import case, order_pilot, sign_suite, with_surroundings, write_suite

from workbench.cases import check_cases, read_cases
from workbench.pilot.pilot import Pilot
from workbench.pilot.signing import Signer, sign_document
from workbench.pilot.signing.keys import generated_key
from workbench.records.splits import read_dataset
from workbench.words import InputError


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    return with_surroundings(order_pilot(tmp_path_factory.mktemp("orders")))


def check(pilot: Pilot, *cases: dict[str, Any], **facts: Any) -> None:
    for old in (pilot.suite / "suites").glob("*.yaml"):
        old.unlink()
    write_suite(pilot, cases, **facts)
    check_cases(pilot, read_dataset(pilot), read_cases(pilot))


GOOD = case("a", expect={"action": "escalate", "reason": "heavy", "to": "warehouse"}, set={"weight": "9.000"})
FAULTS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "gone": ([case("a", "O999")], r"the base record is not there(.|\n)*'O999'"),
    "sealed": ([case("a", "O095")], "one of the holdout, which stays sealed"),
    "column": ([case("a", set={"wieght": "1"})], r"names a column that is not there(.|\n)*did you mean 'weight'"),
    "label": ([case("a", set={"answer": "approve"})], r"no agent sees, or the id(.|\n)*'answer' \(label\)"),
    "reason": ([case("a", set={"why": "x"})], r"no agent sees, or the id(.|\n)*\(reason\)"),
    "class": ([case("a", set={"kind": "edge"})], r"no agent sees, or the id(.|\n)*\(class\)"),
    "id": ([case("a", set={"id": "O001"})], r"no agent sees, or the id(.|\n)*\(id\)"),
    "of": ([case("a", relation="same", of="b", change="typo")], "`of` names a case that is not there"),
    "of without": ([case("b"), case("a", of="b")], "`of` belongs to a relation"),
    "two bases": (
        [case("b", "O001"), case("a", relation="same", of="b", change="typo")],
        "have two base records",
    ),
    "circle": (
        [
            case("a", relation="same", of="b", change="typo"),
            case("b", relation="same", of="c", change="case"),
            case("c", relation="same", of="a", change="case"),
        ],
        "relations go in a circle",
    ),
    "no change": ([case("a", relation="same")], "a relation without a change"),
    "change": ([case("a", relation="same", change="smell")], r"there is no such change(.|\n)*'smell'(.|\n)*typo"),
    "action": ([case("a", expect={"action": "shrug"})], r"the pilot has no such action(.|\n)*'shrug'"),
    "unknown reason": ([case("a", expect={"reason": "hevy"})], r"gives no such reason(.|\n)*did you mean 'heavy'"),
    "reason with action": (
        [case("a", expect={"action": "approve", "reason": "heavy"})],
        r"the process never gives that reason with that action(.|\n)*'heavy' with 'escalate'",
    ),
    "to": ([case("a", expect={"action": "escalate", "to": "police"})], "no such rule hands it to them"),
    "to with reason": ([case("a", expect={"reason": "heavy", "to": "quality"})], "no such rule hands it to them"),
    "both": ([case("a", expect={"tools": {"must": ["post"], "never": ["post"]}})], "must and must never be called"),
    "order": (
        [case("a", expect={"tools": {"never": ["post"], "order": ["read_order", "post"]}})],
        "the order names a tool that must never be called",
    ),
    "tool": ([case("a", expect={"tools": {"must": ["fly"]}})], r"the environment has no such tool(.|\n)*'fly'"),
    "table": ([case("a", expect={"state": {"cash": 0}})], r"the environment has no such table(.|\n)*'cash'"),
    "guard": ([case("a", expect={"guards": ["wall"]})], r"there is no such guard(.|\n)*'wall'"),
    "fault": ([case("a", faults=[{"tool": "fly"}])], "a fault is of a tool that the environment does not have"),
    "nothing": ([case("a", expect={})], "a case expects nothing"),
    "token": ([case("a", covers=["rule:hevy@at"])], r"does not have(.|\n)*did you mean 'rule:heavy@at'"),
    "side": ([case("a", covers=["rule:late@below"])], r"does not have(.|\n)*'rule:late@below'"),
    "precedence": ([case("a", covers=["precedence:heavy>complaint"])], "does not have"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_case_that_does_not_fit_is_one_message_with_file_and_id(pilot: Pilot, name: str) -> None:
    cases, message = FAULTS[name]
    with pytest.raises(InputError, match=message) as raised:
        check(pilot, *cases)
    assert str(raised.value.where) == f"{pilot.suite}/suites/hand.yaml, case a"


def test_cases_that_fit_are_taken(pilot: Pilot) -> None:
    tools = {"must": ["read_order", "post"], "never": [], "order": ["read_order", "post"]}
    check(
        pilot,
        GOOD,
        case("b", expect={"person": True, "tools": tools, "state": {"posting": 0}, "guards": ["lengths"]}),
        case("c", relation="may_only_escalate", of="a", change="two_intents"),
        case("d", relation="reason_same", set={"supplier_name": "Other"}),
        case("e", faults=[{"tool": "post", "outcome": "timeout", "done": True}]),
        case("f", covers=["rule:heavy@at", "precedence:complaint>late", "fact:complaint"]),
        case("g", covers=["exception:complaint/settled@used", "target:quality"]),
        excluded={"rule:late@holds": "tested by hand"},
    )  # fmt: skip


def test_without_an_environment_nothing_is_expected_of_tools(tmp_path: Path) -> None:
    bare = order_pilot(tmp_path)
    for expect in ({"tools": {"never": ["post"]}}, {"state": {"posting": 0}}, {"guards": ["lengths"]}):
        with pytest.raises(InputError, match=r"nothing can meet(.|\n)*the pilot has none"):
            check(bare, case("a", expect=expect))


def test_what_is_excluded_is_something_of_the_specification(pilot: Pilot) -> None:
    with pytest.raises(InputError, match=r"does not have(.|\n)*hand.yaml, excluded(.|\n)*'rule:none@holds'"):
        check(pilot, GOOD, excluded={"rule:none@holds": "why not"})


def test_an_id_is_given_once_over_all_files(pilot: Pilot) -> None:
    write_suite(pilot, [case("x1")], "one")
    write_suite(pilot, [case("x1")], "two")
    with pytest.raises(InputError, match=r"two test cases have the same id(.|\n)*two.yaml, case x1(.|\n)*one.yaml too"):
        read_cases(pilot)


def test_a_file_counts_once_a_signing_role_signed_it_as_it_is(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path)
    write_suite(pilot, [GOOD, case("b")])
    write_suite(pilot, [case("c")], "proposed", excluded={"rule:late@holds": "not yet"})
    assert [one.is_confirmed for one in read_cases(pilot).files] == [False, False]
    sign_suite(pilot)
    assert (pilot.suite / "signatures" / "suites__hand.yaml" / "process-owner.json").is_file()
    read = read_cases(pilot)
    assert [one.id for one in read.confirmed] == ["a", "b"]
    assert read.excluded == {}, "what a proposed file excludes does not count"
    write_suite(pilot, [GOOD, case("b"), case("d")])
    assert read_cases(pilot).confirmed == (), "an edit takes the signature back"


def test_a_role_that_does_not_sign_the_charter_confirms_nothing(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path)
    write_suite(pilot, [GOOD])
    sign_document(pilot.suite, "suites/hand.yaml", Signer("Eve", "visitor"), generated_key())
    assert not read_cases(pilot).files[0].is_confirmed
