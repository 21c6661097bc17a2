"""Tests of repeats: how often a version is right every time, counted by hand and asked for real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import comb

import numpy as np
import pandas as pd
import pytest
from small_pilots import with_settings
from statsmodels.stats.proportion import proportion_confint

from workbench.agents import build_agent
from workbench.engines.choice import EngineChoice
from workbench.evaluation.repeats import MAKER, RepeatRequest, unsteady
from workbench.evaluation.repeats.passing import answers_of, estimates_of, mean_of_shares
from workbench.evaluation.versions.stored import stored_runs
from workbench.evidence import Exhibit, exhibit_folder
from workbench.pilot.pilot import Pilot
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import RecordSelection, Session, run_agent
from workbench.words import InputError, RunError


def quietly(limit: int | None, choice: EngineChoice | None = None) -> RunRequest:
    return RunRequest(Split.DEV, limit, choice or EngineChoice(), show_progress=False)


def by_hand(*answers: str) -> pd.DataFrame:
    """Return answers about records whose label is x; each text is one record, each letter one repeat, - no answer."""
    said = pd.DataFrame([[None if sign == "-" else sign for sign in row] for row in answers], dtype=object)
    said.columns = [f"answer_{place + 1}" for place in said.columns]
    said.insert(0, "label", "x")
    said.insert(0, "record_id", [f"r{place}" for place in range(len(said))])
    return said


def test_pass_k_counts_records_that_are_right_every_time() -> None:
    estimates = estimates_of(by_hand("xxx", "xxy", "xyy", "yyy"))
    # of C(3, 2) = 3 choices of two repeats 3, 1, 0 and 0 are all right
    found = [estimates[name].value for name in ("pass^1", "pass^2", "pass^3")]
    assert found == pytest.approx([0.5, 1 / 3, 0.25])
    assert {estimate.n for estimate in estimates.values()} == {4}


def test_agreement_is_about_answers_not_about_being_right() -> None:
    estimates = estimates_of(by_hand("yyy", "xxy", "---"))
    assert estimates["agreement"].value == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert estimates["always_the_same"].value == pytest.approx(1 / 3), "no answer agrees with nothing"
    assert unsteady(by_hand("yyy", "xxy", "---")) == ["r2", "r1"]


@pytest.mark.parametrize("k", [0, 3, 20])
def test_shares_of_zero_and_one_have_the_exact_binomial_interval(k: int) -> None:
    estimate = mean_of_shares([1.0] * k + [0.0] * (20 - k))
    assert (estimate.lower, estimate.upper) == pytest.approx(proportion_confint(k, 20, 0.05, method="beta"))
    assert estimate.n == 20


def test_nothing_asked_is_undefined() -> None:
    assert mean_of_shares([]).value is None


def test_the_interval_of_repeated_records_covers_the_true_chance() -> None:
    # 5 repeats of 40 records, each with a chance of its own of being right (Beta(8, 2), mean .8): pass^1 = .8
    rng = np.random.default_rng(5)
    misses = 0
    for _ in range(400):
        hits = rng.binomial(5, rng.beta(8, 2, 40))
        estimate = mean_of_shares([comb(int(c), 1) / 5 for c in hits])
        assert estimate.lower is not None
        assert estimate.upper is not None
        misses += not estimate.lower <= 0.8 <= estimate.upper
    assert misses / 400 <= 0.05 + 2.33 * (0.05 * 0.95 / 400) ** 0.5


@pytest.fixture
def prompted(tickets: Callable[[int], Pilot]) -> Pilot:
    """Return a pilot whose prompt is answered by the packaged model."""
    pilot = with_settings(tickets(60), "engine: pocket")
    path = pilot.suite / "prompts" / "v1.md"
    path.write_text(path.read_text(encoding="utf-8").replace("max_tokens: 200", "max_tokens: 12"), encoding="utf-8")
    return pilot


def prompt_agent_of(pilot: Pilot) -> str:
    return next(name for name, agent in pilot.settings.agents.items() if agent.prompt is not None)


def asked_once(pilot: Pilot, name: str, dataset: Dataset) -> Session:
    """Ask a version about six development records."""
    agent = build_agent(pilot, name, dataset, EngineChoice())
    selection = RecordSelection(dataset, Split.DEV, dataset.ids(Split.DEV, 6))
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        return run_agent(journal, agent, selection, show_progress=False)


def test_repeats_that_no_call_answers_are_no_repeats(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_settings(tickets(60), "engine: server\nserver: {deadline_s: 1, max_attempts: 1}")
    choice = EngineChoice("server", base_url="http://127.0.0.1:9", model="m")
    with pytest.raises(RunError, match=r"not one of 4 records got a decision(.|\n)*4 failed: connection"):
        MAKER.make(pilot, read_dataset(pilot), RepeatRequest("prompt_v1", 2, 1.0, quietly(4, choice)))


def test_repeats_have_rows_of_their_own_and_leave_the_version_alone(prompted: Pilot) -> None:
    name, dataset = prompt_agent_of(prompted), read_dataset(prompted)
    before = asked_once(prompted, name, dataset)
    request = RepeatRequest(name, 3, 1.5, quietly(6))
    repeats = MAKER.make(prompted, dataset, request)
    assert answers_of(repeats.tables["answers"]).shape == (6, 3)
    assert len(set(repeats.facts["runs"])) == 3
    with Journal(prompted.runs / JOURNAL_FILE) as journal:
        calls = {entry.run: entry.decided for entry in journal.entries()}
        again = MAKER.make(prompted, dataset, request)
        assert {entry.run: entry.decided for entry in journal.entries()} == calls
        assert {entry.repeated_digest for entry in journal.entries()} == {before.info.agent_digest}
    pd.testing.assert_frame_equal(again.tables["answers"], repeats.tables["answers"])
    after = asked_once(prompted, name, dataset)
    assert after.n_asked == 0, "the version's own decisions are still the cached ones"
    with pytest.raises(InputError, match=rf"left out: {name} \([^,)]*\)\n"):  # a repeat is no run of the version
        stored_runs(prompted, dataset)


def test_more_repeats_later_ask_only_what_is_new(prompted: Pilot) -> None:
    name, dataset = prompt_agent_of(prompted), read_dataset(prompted)
    first = MAKER.make(prompted, dataset, RepeatRequest(name, 2, 1.0, quietly(4)))
    more = MAKER.make(prompted, dataset, RepeatRequest(name, 3, 1.0, quietly(4)))
    assert more.facts["runs"][:2] == first.facts["runs"]


def _twice(runs: list[str]) -> list[str]:
    return [runs[0], runs[0], runs[2]]


def _without_the_first(runs: list[str]) -> list[str]:
    return runs[1:]


def _unknown(runs: list[str]) -> list[str]:
    return [*runs[:2], "0" * 16]


def _turned(runs: list[str]) -> list[str]:
    return runs[::-1]


@pytest.mark.parametrize("choose", [_twice, _without_the_first, _unknown, _turned])
def test_runs_chosen_by_hand_are_no_repeats(prompted: Pilot, choose: Callable[[list[str]], list[str]]) -> None:
    name, dataset = prompt_agent_of(prompted), read_dataset(prompted)
    exhibit = MAKER.make(prompted, dataset, RepeatRequest(name, 3, 1.5, quietly(6)))
    found = MAKER.present(prompted, dataset, None)
    assert isinstance(found, Exhibit)
    assert found.as_json() == exhibit.as_json()
    chosen = replace(exhibit, facts={**exhibit.facts, "runs": choose(exhibit.facts["runs"])})
    chosen.write(exhibit_folder(prompted, "repeats"))
    with pytest.raises(RunError, match="not all repeats of one version"):
        MAKER.present(prompted, dataset, None)


def test_repeats_without_their_journal_do_not_count(prompted: Pilot) -> None:
    dataset = read_dataset(prompted)
    MAKER.make(prompted, dataset, RepeatRequest(prompt_agent_of(prompted), 2, 1.0, quietly(4)))
    for path in prompted.runs.glob(f"{JOURNAL_FILE}*"):
        path.unlink()
    said = MAKER.present(prompted, dataset, None)
    assert said == f"the answers of the last repeat are gone; workbench repeat {prompted.name} --agent NAME"
    assert not (prompted.runs / JOURNAL_FILE).exists(), "looking makes no journal"


def test_an_agent_in_python_is_not_repeated(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    with pytest.raises(InputError, match="answers the same every time"):
        MAKER.make(pilot, read_dataset(pilot), RepeatRequest("baseline", run=quietly(None)))


@pytest.mark.parametrize("wrong", [{"times": 1}, {"temperature": 0.0}, {"temperature": 3.0}])
def test_repeats_need_two_and_a_temperature(tickets: Callable[[int], Pilot], wrong: dict[str, float]) -> None:
    pilot = tickets(60)
    with pytest.raises(InputError, match="at least two of them and a temperature above 0"):
        MAKER.make(pilot, read_dataset(pilot), RepeatRequest("baseline", **wrong))
