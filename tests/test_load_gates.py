"""What a gate says of a load test: each criterion passes, fails or stays unproven by its own numbers, and says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gate_pilots import MADE, facts_of, gate, gate_pilot

from workbench.evidence import Exhibit, exhibit_folder
from workbench.gates import decide
from workbench.gates.criteria import CriterionResult
from workbench.gates.judging import judged_criteria
from workbench.gates.page import gate_page
from workbench.load_testing import MAKER
from workbench.metrics import State
from workbench.pilot import LoadSettings, Pilot
from workbench.records.splits import read_dataset

TARGETS = {
    "load_latency_p95_s": ("<=", 45), "load_throughput_per_h": (">=", 225), "load_error_rate": ("<=", 0.01),
    "load_decisions_changed": ("<=", 0.01), "load_recovery_s": ("<=", 300), "load_leak_bytes": ("<=", 128),
    "load_leak_descriptors": ("<=", 0.001), "load_integration_error_rate": ("<=", 0.01), "load_reviewers": (">=", 8),
}  # fmt: skip
CRITERIA = [
    {"id": "load", "check": "load"},
    *({"id": name, "metric": name, "operator": op, "target": target} for name, (op, target) in TARGETS.items()),
]
N, WINDOW_S = 600, 60.0


def arrivals() -> pd.DataFrame:
    """Return three profiles, each a minute of ten a second, decided after a fifth of a second as without load."""
    due = np.arange(N) / 10
    phase = np.repeat(["before", "peak", "after"], N // 3)
    parts = [
        pd.DataFrame(
            {
                "profile": profile, "number": range(N), "phase": phase if profile == "peak" else "", "record": "R",
                "real_due_s": due, "due_s": due, "fired_s": due, "sent_s": due, "done_s": due + 0.2, "part": 0,
            }
        ) for profile in ("day", "peak", "soak")
    ]  # fmt: skip
    return pd.concat(parts).assign(status="ok", cause=None, action="approve", alone="approve")


def samples(bytes_each: float, noise: float = 0.0) -> pd.DataFrame:
    decided = np.arange(0, N, 10)
    kept = bytes_each * decided + noise * np.random.default_rng(2).normal(size=len(decided))
    columns = {"rss_bytes": 5e7 + kept, "descriptors": 12, "threads": 3}
    return pd.DataFrame(
        {"profile": "soak", "part": 0, "role": "agent", "t_s": decided / 10, "decided": decided, **columns}
    )


CALLS = pd.DataFrame({"profile": "day", "tool": ["post"], "outcome": ["ok"], "n": [1_200], "system": ["ERP"]})


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    return gate_pilot(tmp_path, {"gates": {**gate(CRITERIA)["gates"], 3: gate(CRITERIA)["gates"][2]}})


def taps(seconds: float) -> dict[str, pd.DataFrame]:
    """Return what is seen of a desk at which one, two, four and eight reviewers tap a hundred times each."""
    items = pd.DataFrame({"at_once": np.repeat([1, 2, 4, 8], 100), "item": range(400)})
    timed = items.assign(person="p", kind="approve", sent_s=0.0, done_s=seconds, outcome="ok", peeked=False)
    answers = items.assign(reviewer="x", kind="approve")
    return {"taps": timed, "desk_items": items.assign(needs=1), "desk_answers": answers}


def leave(pilot: Pilot, **tables: pd.DataFrame) -> Exhibit:
    """Leave a load test with these tables in the place of those in which nothing is wrong."""
    window = {"window_s": WINDOW_S, "real_window_s": 28_800.0, "wanted": N, "shortened_to": None}
    facts = {
        "agent": "A", "settings": LoadSettings().model_dump(mode="json"), "seed": 1, "sandbox": False,
        "unloaded": {"n": 20, "mean_s": 0.2, "p95_s": 0.2}, "windows": dict.fromkeys(("day", "peak", "soak"), window),
    }  # fmt: skip
    measured = {"arrivals": arrivals(), "calls": CALLS, "samples": samples(0.0), **tables}
    about = {"records": read_dataset(pilot).digest, "agent": "a" * 64, "load": "as usual"}
    empty = Exhibit("load", pilot.name, about, MADE, "", tables=measured, facts=facts)
    exhibit = MAKER.again(empty, facts_of(pilot))
    exhibit.write(exhibit_folder(pilot, "load"))
    return exhibit


def results(pilot: Pilot) -> dict[str, CriterionResult]:
    return {one.criterion.id: one for one in judged_criteria(facts_of(pilot), 3)}


def states(pilot: Pilot, state: State) -> set[str]:
    return {name for name, one in results(pilot).items() if one.state is state} & {"load", *TARGETS}


def test_an_agent_that_bears_its_load_at_a_desk_that_bears_its_reviewers_passes(pilot: Pilot) -> None:
    leave(pilot, **taps(0.02))
    assert states(pilot, State.PASS) == {"load", *TARGETS}


def test_without_reviewers_only_their_number_is_unproven(pilot: Pilot) -> None:
    leave(pilot)
    assert states(pilot, State.PASS) == {"load", *TARGETS} - {"load_reviewers"}
    reviewers = results(pilot)["load_reviewers"]
    assert (reviewers.state, reviewers.reason) == (State.UNPROVEN, "not known: the profile reviewers was not run")


@pytest.mark.parametrize(
    ("tables", "name"),
    [
        ({"arrivals": arrivals().assign(done_s=lambda table: table["done_s"] + 50)}, "load_latency_p95_s"),
        (taps(0.2), "load_reviewers"),
        ({"arrivals": arrivals().assign(status=["failed"] * 100 + ["ok"] * (3 * N - 100))}, "load_error_rate"),
        (
            {"arrivals": arrivals().assign(alone=["reject"] * 100 + ["approve"] * (3 * N - 100))},
            "load_decisions_changed",
        ),
        ({"calls": pd.concat([CALLS, CALLS.assign(outcome="timeout", n=200)])}, "load_integration_error_rate"),
        ({"samples": samples(300.0)}, "load_leak_bytes"),
        ({"samples": samples(0.0).assign(descriptors=lambda table: table["decided"] // 20)}, "load_leak_descriptors"),
    ],
)
def test_what_is_surely_wrong_fails_its_own_criterion(pilot: Pilot, tables: dict[str, Any], name: str) -> None:
    leave(pilot, **tables)
    assert name in states(pilot, State.FAIL)
    assert "load" in states(pilot, State.PASS), "the check asks whether it was tested, the numbers how well it did"


def test_a_leak_that_may_be_tolerable_is_unproven(pilot: Pilot) -> None:
    estimate = leave(pilot, samples=samples(128.0, noise=3e4)).estimates["load_leak_bytes"]
    assert estimate.lower is not None
    assert estimate.upper is not None
    assert estimate.lower < 128 < estimate.upper
    assert results(pilot)["load_leak_bytes"].state is State.UNPROVEN


def test_a_criterion_on_a_leak_has_the_bounds_at_which_one_is_called(pilot: Pilot) -> None:
    leave(pilot, samples=samples(300.0))
    estimate = results(pilot)["load_leak_bytes"].estimate
    assert estimate is not None
    assert estimate.method.endswith("one-sided 99.9%"), "gates.yaml asks for no level, which is 95%"


def test_the_report_of_a_gate_shows_a_finding_without_a_count(pilot: Pilot) -> None:
    late = leave(pilot, arrivals=arrivals().assign(fired_s=lambda table: table["due_s"] + 0.1)).findings
    assert [one.n for one in late] == [None] * 3
    facts = facts_of(pilot)
    page = gate_page(facts, decide(facts, 3, {"agent": "A"}), ())
    assert all(one.title in page for one in late)


def test_few_arrivals_without_an_error_are_unproven(pilot: Pilot) -> None:
    # no error in 100 of a profile: at most 1 - .05 ** (1 / 100), which is 3%
    few = arrivals().groupby("profile").head(100)
    leave(pilot, arrivals=few)
    assert {"load_error_rate", "load_decisions_changed"} <= states(pilot, State.UNPROVEN)
    assert results(pilot)["load_error_rate"].would_change.startswith("let more records arrive (load.yaml: ")
    assert results(pilot)["load_error_rate"].missing.records is None, "no more labelled records are needed"


def test_an_agent_that_calls_no_system_has_no_errors_of_one(pilot: Pilot) -> None:
    leave(pilot, calls=CALLS.iloc[:0])
    found = results(pilot)["load_integration_error_rate"]
    assert (found.state, found.reason) == (
        State.UNPROVEN, "not known: no tool that an integration stands behind was called",
    )  # fmt: skip


def test_a_generator_that_did_not_keep_time_leaves_the_check_and_the_times_unproven(pilot: Pilot) -> None:
    leave(pilot, arrivals=arrivals().assign(fired_s=lambda table: table["due_s"] + 0.1))
    assert {"load", "load_latency_p95_s", "load_throughput_per_h", "load_recovery_s"} <= states(pilot, State.UNPROVEN)
    assert results(pilot)["load"].reason == "the generator did not keep time: day, peak, soak"


def test_a_load_test_of_another_version_than_the_one_to_judge_says_what_to_run(pilot: Pilot) -> None:
    left, dataset = leave(pilot), read_dataset(pilot)
    assert isinstance(MAKER.present(pilot, dataset, "A"), Exhibit)
    asked = "the last load test was of A; workbench load small --agent B"
    assert MAKER.present(pilot, dataset, "B") == asked
    of_other = replace(left, about={**left.about, "load": "0" * 64})
    of_other.write(exhibit_folder(pilot, "load"))
    assert results(pilot)["load"].reason.startswith("load.yaml changed since the last load test; workbench load small")
