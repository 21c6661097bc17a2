"""Tests of every confidence of a version: what the engine gave, and how many of its repeats decide the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from commands import command_in
from small_pilots import with_settings
from stub_server import stub_process

from workbench.agents import Agent, PromptAgent, repeated
from workbench.agents.decisions import ConfidenceSource
from workbench.agents.prompted import prompt_agent
from workbench.engines.choice import EngineChoice
from workbench.engines.protocol import Request
from workbench.engines.scripted import Script, ScriptedEngine
from workbench.evaluation import Evaluation, evaluate, judged_evaluation, open_run
from workbench.evaluation.confidences import Version, agreement, confidences_of, repeats_of
from workbench.evaluation.repeats import MAKER, RepeatRequest
from workbench.evaluation.versions.stored import stored_evaluations
from workbench.metrics import Recalibration, calibration
from workbench.pilot.pilot import Pilot
from workbench.records.splits import Split, ledger_path, read_dataset
from workbench.runs import Again, RunRequest, ask_again
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import RecordSelection, run_agent
from workbench.words import InputError

TOPICS = {"refund": "refund", "login": "password", "shipping": "parcel"}


def share(*parts: object) -> float:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:6], "big") / 2**48


def spoken(request: Request) -> str:
    """Answer by the words of a ticket, now and then another way at a temperature above 0."""
    body = request.messages[-1].content
    found = [queue for queue, word in TOPICS.items() if word in body]
    action = found[0] if found else "refund"
    sampling = request.sampling
    if sampling.temperature and share(request.id, sampling.seed) < (0.1 if found else 0.6):
        action = "login"
    return json.dumps({"action": action, "confidence": round(0.9 + share(request.id) / 10, 3)})


def probability(request: Request, text: str) -> float:
    return 0.9 if any(word in request.messages[-1].content for word in TOPICS.values()) else 0.6


def agent_of(pilot: Pilot, with_tokens: bool = True) -> PromptAgent:
    script = Script(probability=probability) if with_tokens else Script()
    engine = ScriptedEngine(spoken, script=script)
    return prompt_agent(pilot, "prompt_v1", pilot.agent("prompt_v1"), read_dataset(pilot), engine)


def run(pilot: Pilot, agent: Agent, split: Split = Split.DEV, limit: int | None = None) -> str:
    dataset = read_dataset(pilot)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        selection = RecordSelection(dataset, split, dataset.ids(split, limit))
        return run_agent(journal, agent, selection, show_progress=False).info.run


def evaluated(pilot: Pilot, split: Split = Split.DEV) -> Evaluation:
    if split is Split.DEV:
        return next(one for one in stored_evaluations(pilot) if one.agent == "prompt_v1")
    dataset = read_dataset(pilot)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        run = next(one.run for one in journal.entries(split.value) if one.agent == "prompt_v1" and not one.is_repeat)
    open_run(pilot, dataset, run)
    found = judged_evaluation(pilot, dataset, "prompt_v1")
    assert found is not None
    return found


def test_agreement_is_the_share_of_repeats_with_the_same_action() -> None:
    actions = pd.Series({"a": "x", "b": "x", "c": None, "d": "y"}, dtype=object)
    repeats = pd.DataFrame({1: ["x", "x", "x"], 2: ["x", None, None], 3: ["x", "y", None]}, index=["a", "b", "c"])
    found = agreement(actions, repeats)
    # b: one of three, as a repeat without a valid action agrees with nothing; c decided nothing; d was not asked again
    assert found.tolist() == pytest.approx([1.0, 1 / 3, float("nan"), float("nan")], nan_ok=True)


def test_all_three_confidences_are_there_raw_and_recalibrated_on_development_records(tickets) -> None:
    pilot = tickets(300)
    agent = agent_of(pilot)
    for split in Split:
        run(pilot, agent, split)
        for number in (1, 2, 3):
            run(pilot, repeated(agent, number, 0.7), split)
    evaluation, dataset = evaluated(pilot, Split.HOLDOUT), read_dataset(pilot)
    found = confidences_of(pilot, dataset, evaluation)
    assert found.sources == (ConfidenceSource.LOGPROB, ConfidenceSource.STATED, ConfidenceSource.AGREEMENT)
    assert found.times == 3
    assert set(found.recalibrated.values()) == {(source, way) for source in found.sources for way in Recalibration}
    assert set(found.outcomes["agreement"]) <= {0.0, 1 / 3, 2 / 3, 1.0}
    assert (found.outcomes["logprob"] == evaluation.outcomes["confidence"]).all(), "what the threshold is held against"
    before, after = (calibration(found.outcomes, name)["log_loss"].value for name in ("stated", "stated isotonic"))
    # three of ten are wrong at a stated .95: -.7 log(.95) - .3 log(.05) = .93 against .61 of a constant .7
    assert after < before, "what is stated is too sure, and it was on development records"


def test_development_decisions_are_recalibrated_on_the_other_folds(tickets) -> None:
    pilot = tickets(200)
    run(pilot, agent_of(pilot))
    dataset = read_dataset(pilot)
    found = confidences_of(pilot, dataset, evaluated(pilot))
    folds = dataset.folds().loc[found.outcomes.index]
    fitted = found.outcomes.assign(fold=folds).groupby(["fold", "logprob"])["logprob isotonic"].nunique()
    assert (fitted == 1).all(), "one curve for each fold"
    assert found.outcomes.groupby("logprob")["logprob isotonic"].nunique().max() > 1, "and they differ"


def test_a_version_without_repeats_and_tokens_has_what_it_states(tickets) -> None:
    pilot = tickets(60)
    run(pilot, agent_of(pilot, with_tokens=False))
    found = confidences_of(pilot, read_dataset(pilot), evaluated(pilot))
    assert found.sources == (ConfidenceSource.STATED,)
    assert found.times == 0
    assert found.outcomes["agreement"].isna().all()


def test_holdout_decisions_without_a_development_run_are_shown_as_they_are(tickets) -> None:
    pilot = tickets(60)
    run(pilot, agent_of(pilot), Split.HOLDOUT)
    found = confidences_of(pilot, read_dataset(pilot), evaluated(pilot, Split.HOLDOUT))
    assert found.sources == (ConfidenceSource.LOGPROB, ConfidenceSource.STATED)
    assert found.recalibrated == {}


def test_repeats_of_few_records_are_left_out(tickets) -> None:
    pilot = tickets(200)
    agent = agent_of(pilot)
    run(pilot, agent)
    for number in (1, 2):
        run(pilot, repeated(agent, number, 0.7), limit=10)
    found = confidences_of(pilot, read_dataset(pilot), evaluated(pilot))
    assert ConfidenceSource.AGREEMENT not in found.sources
    assert int(found.outcomes["agreement"].notna().sum()) == 10


def test_repeats_are_one_temperature_and_as_complete_as_the_fullest(tickets) -> None:
    pilot = tickets(100)
    agent, dataset = agent_of(pilot), read_dataset(pilot)
    for number, limit in ((1, 20), (2, 20), (2, 40), (1, 40), (3, 5)):
        run(pilot, repeated(agent, number, 0.7), limit=limit)
    for number in (1, 2):
        run(pilot, repeated(agent, number, 1.5), limit=30)
    run(pilot, repeated(agent, 1, 0.2))  # covers most, but a single repeat agrees with nothing
    run(pilot, agent)
    digest = evaluated(pilot).info.agent_digest
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        found = repeats_of(journal, Version(digest, Split.DEV, dataset.digest))
        assert found.shape == (40, 2)
        assert repeats_of(journal, Version(digest, Split.HOLDOUT, dataset.digest)).empty
        assert repeats_of(journal, Version(digest, Split.DEV, "other records")).empty
        assert repeats_of(journal, Version("another version", Split.DEV, dataset.digest)).empty


def test_asking_the_holdout_again_reads_no_label_and_asks_nothing_twice(tickets) -> None:
    pilot = with_settings(tickets(60), "server: {concurrency: 4}")
    dataset = read_dataset(pilot)
    with stub_process() as url:
        choice = EngineChoice("server", base_url=url, model="stub")
        request = RunRequest(Split.HOLDOUT, None, choice, show_progress=False)
        runs = ask_again(pilot, "prompt_v1", request, Again(2, 0.7), dataset)
        assert not ledger_path(pilot).exists(), "no label was read"
        development = RunRequest(Split.DEV, 10, choice, show_progress=False)
        by_pass_k = MAKER.make(pilot, dataset, RepeatRequest("prompt_v1", 2, 0.7, development))
        assert ask_again(pilot, "prompt_v1", development, Again(2, 0.7), dataset) == tuple(by_pass_k.facts["runs"])
        evaluate(pilot, "prompt_v1", request, dataset)
    assert ask_again(pilot, "prompt_v1", request, Again(2, 0.7), dataset) == runs, (
        "the journal has them, no server runs"
    )
    found = confidences_of(pilot, dataset, evaluated(pilot, Split.HOLDOUT))
    assert found.outcomes["agreement"].eq(1.0).all(), "the stub answers by content alone"
    assert set(found.sources) == set(ConfidenceSource)


def test_the_command_asks_the_holdout_again_and_says_that_no_label_was_read(tickets, monkeypatch, capsys) -> None:
    pilot = tickets(60)
    with stub_process() as url:
        with_settings(pilot, f"engine: server\nserver: {{base_url: '{url}', model: stub}}")
        command = command_in(pilot.root, monkeypatch, capsys)
        asked = ("repeat", "tickets", "--agent", "prompt_v1", "--times", "2", "--limit", "5", "--holdout")
        code, out, _ = command(*asked)
        assert code == 0
        assert out.startswith("prompt_v1, 2 times at temperature 0.7 on 5 holdout records: stored.")
    code, out, _ = command(*asked, "--json")
    assert (json.loads(out)["split"], json.loads(out)["records"], len(json.loads(out)["runs"])) == ("holdout", 5, 2)
    assert not ledger_path(pilot).exists()


@pytest.mark.parametrize("again", [Again(1, 0.7), Again(3, 0.0), Again(3, 2.5)])
def test_asking_again_needs_two_repeats_and_a_temperature(tickets: Callable[[int], Pilot], again: Again) -> None:
    pilot = tickets(60)
    with pytest.raises(InputError, match="at least two of them and a temperature above 0"):
        ask_again(pilot, "baseline", RunRequest(), again, read_dataset(pilot))


def test_a_journal_is_not_needed_to_know_that_nothing_was_asked_again(tmp_path: Path) -> None:
    with Journal(tmp_path / JOURNAL_FILE) as journal:
        assert repeats_of(journal, Version("v", Split.DEV, "d")).empty
