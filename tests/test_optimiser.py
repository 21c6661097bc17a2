"""Tests of the optimiser: its parts, its documents, the reflecting model, and whole searches on a loopback server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import command_in
from played_models import DECIDES, REFLECTS, RULE, PlayedModels, played

from workbench.agents.prompts import Prompt, read_prompt, read_prompts
from workbench.engines.choice import EngineChoice
from workbench.evaluation.optimiser import OptimiserRequest, ReflectionServer, document_parts, optimise
from workbench.evaluation.optimiser.documents import Head, candidate, editable, written
from workbench.evaluation.optimiser.reflection import Reflection
from workbench.evaluation.versions.stored import stored_evaluations
from workbench.evaluation.versions.tried import n_versions_tried
from workbench.pilot.pilot import Pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.words import InputError, RunError


def prompt_of(pilot: Pilot) -> Prompt:
    return read_prompts(pilot.suite / "prompts", pilot.prompt_fields)["v1"]


def request_for(models: PlayedModels, max_calls: int = 160) -> OptimiserRequest:
    choice = EngineChoice(base_url=models.url, model=DECIDES)
    return OptimiserRequest("v1", ReflectionServer(models.url, REFLECTS), max_calls, engine=choice)


def knows(question: str, number: int) -> str:
    return f"Thinking about it.\n<section>\nYou sort tickets into queues.\n{RULE}\n</section>"


def test_no_search_sees_the_judging_half_whatever_its_budget(tickets: Callable[[int], Pilot]) -> None:
    dataset = read_dataset(tickets(200))
    ids = set(dataset.ids(Split.DEV))
    small, large = document_parts(dataset, 50), document_parts(dataset, 100_000)
    assert list(small.judging) == list(large.judging)
    for parts in (small, large):
        train, validation, judging = set(parts.train), set(parts.validation), set(parts.judging)
        assert not train & validation
        assert not (train | validation) & judging
        assert (train | validation | judging) <= ids
    assert abs(len(small.judging) - len(ids) / 2) <= 1
    assert (len(small.train), len(small.validation)) == (20, 20)


def test_too_few_records_and_too_small_a_budget_are_refused(tickets: Callable[[int], Pilot]) -> None:
    dataset = read_dataset(tickets(200))
    with pytest.raises(InputError, match="does not pay for one round"):
        document_parts(dataset, 39)


def test_a_small_pilot_cannot_be_searched_and_judged(tickets: Callable[[int], Pilot]) -> None:
    with pytest.raises(InputError, match="too few development records"):
        document_parts(read_dataset(tickets(90)), 500)


def test_a_document_written_with_the_same_texts_is_the_same_version(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(90)
    prompt, path = prompt_of(pilot), pilot.root / "again.md"
    written(prompt, editable(prompt), Head("again", "v1", "says: the same", "a test"), path)
    again = read_prompt(path, pilot.prompt_fields)
    assert again.hash == prompt.hash
    assert (again.parent, again.change_note, again.proposed_by) == ("v1", "says: the same", "a test")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ record.body }}", "placeholder that the prompt does not have"),
        ("{% for word in labels * 1000000000 %}x{% endfor %}", "placeholder that the prompt does not have"),
        ("half open {{", "placeholder that the prompt does not have"),
        ("fine\n\n## Record\n\nnothing", "given twice"),
        ("fine\n\n## Secrets\n\nnothing", "unknown section"),
    ],
)
def test_a_models_text_is_never_run_as_a_template(tickets: Callable[[int], Pilot], text: str, problem: str) -> None:
    pilot = tickets(90)
    with pytest.raises(InputError, match=problem):
        candidate(prompt_of(pilot), {"Decision criteria": text}, pilot.root / "c.md", pilot.prompt_fields)


def test_answers_of_the_reflecting_model_are_kept_and_a_question_asked_twice_is_two(tmp_path: Path) -> None:
    kept = tmp_path / "reflections.jsonl"
    with played(lambda question, number: f"answer {number}") as models:
        first = Reflection(ReflectionServer(models.url, REFLECTS), kept)
        assert [first("a"), first("a"), first("b")] == ["answer 0", "answer 1", "answer 2"]
        kept.write_text(kept.read_text(encoding="utf-8") + '{"key": "cut', encoding="utf-8")
        again = Reflection(ReflectionServer(models.url, REFLECTS), kept)
        assert [again("a"), again("a"), again("b")] == ["answer 0", "answer 1", "answer 2"]
    assert (models.calls[REFLECTS], first.n_asked, again.n_asked, again.n_kept) == (3, 3, 0, 3)
    assert models.headers == [None] * 3


def test_the_reflecting_models_key_is_sent_only_when_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFLECTION_KEY", "s3cret")
    with played(lambda question, number: "yes") as models:
        Reflection(ReflectionServer(models.url, REFLECTS, "REFLECTION_KEY"), tmp_path / "r.jsonl")("a")
    assert models.headers == ["Bearer s3cret"]
    assert "s3cret" not in (tmp_path / "r.jsonl").read_text(encoding="utf-8")
    monkeypatch.setenv("REFLECTION_KEY", "")
    with pytest.raises(InputError, match="key is not set"):
        Reflection(ReflectionServer(models.url, REFLECTS, "REFLECTION_KEY"), tmp_path / "r.jsonl")


def test_without_gepa_the_command_says_what_to_install(
    tickets: Callable[[int], Pilot], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pilot = tickets(90)
    monkeypatch.setattr("workbench.evaluation.optimiser.optimising.find_spec", lambda name: None)
    server = ("--reflection-base-url", "http://127.0.0.1:9", "--reflection-model", "m")
    code, _, err = command_in(pilot.root, monkeypatch, capsys)("optimise", "tickets", "--from", "v1", *server)
    assert (code, "pip install 'agent-workbench[optimise]'" in err) == (2, True)


@pytest.mark.slow
def test_a_better_text_becomes_a_version_judged_on_records_no_candidate_saw(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(240)
    dataset = read_dataset(pilot)
    with played(knows) as models:
        found = optimise(pilot, dataset, request_for(models))
        calls = dict(models.calls)
        again = optimise(pilot, dataset, request_for(models))
        assert dict(models.calls) == calls
    assert found.winner is not None
    assert found.judgement is not None
    assert (found.winner.name, found.winner.parent) == ("v1_optimised", "v1")
    assert RULE in found.winner.system_source
    assert "reflecting model reflects" in str(found.winner.proposed_by)
    assert found.judgement.answer == "better"
    assert found.judgement.n == len(found.parts.judging)
    assert "v1_optimised is better" in found.winner.change_note
    assert again.winner is not None
    assert (again.winner.path, again.judgement) == (found.winner.path, found.judgement)
    assert (again.n_reflections, again.n_kept) == (found.n_reflections, found.n_reflections)
    asked = [one for one in found.candidates if one.prompt is not None]
    assert n_versions_tried(pilot) == len({one.prompt.hash for one in asked if one.prompt is not None})
    assert found.judgement.n_versions == n_versions_tried(pilot)
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        seen = {record for entry in journal.entries() for record in journal.decisions(entry.run).index}
    assert seen <= set(dataset.ids(Split.DEV))
    for question in models.questions:
        assert not [record for record in found.parts.judging if record in question]
    content = json.loads((found.folder / "search.json").read_text(encoding="utf-8"))
    assert content["judgement"]["p_adjusted"] == found.judgement.p_adjusted


def test_no_better_candidate_is_an_answer_and_writes_no_version(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(240)
    with played(lambda question, number: f"<section>\nGuess well, {number}.\n</section>") as models:
        found = optimise(pilot, read_dataset(pilot), request_for(models, 100))
    assert [path.name for path in (pilot.suite / "prompts").glob("*.md")] == ["v1.md"]
    assert found.winner is None
    assert found.in_words().startswith("No better version was found: none of ")
    with pytest.raises(InputError, match="no finished run"):
        stored_evaluations(pilot)


def test_refused_texts_are_asked_nothing_and_are_no_version(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(240)
    with played(lambda question, number: "<section>\n{{ record.body }}\n</section>") as models:
        found = optimise(pilot, read_dataset(pilot), request_for(models, 100))
    refused = [one for one in found.candidates if one.number]
    assert refused
    assert all("placeholder" in str(one.refused) and one.validated is None for one in refused)
    assert n_versions_tried(pilot) == 1


def test_an_answer_without_a_section_changes_nothing(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(240)
    with played(lambda question, number: "I would rather not.") as models:
        found = optimise(pilot, read_dataset(pilot), request_for(models, 80))
    assert [one.number for one in found.candidates] == [0]


def test_a_reflecting_model_that_refuses_ends_the_search(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(240)
    with played(lambda question, number: None) as models:
        with pytest.raises(RunError, match="the reflecting model did not answer"):
            optimise(pilot, read_dataset(pilot), request_for(models))
        assert models.calls[REFLECTS] == 1


@pytest.mark.slow
def test_the_command_prints_every_candidate_and_the_answer(
    tickets: Callable[[int], Pilot], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pilot = tickets(240)
    command = command_in(pilot.root, monkeypatch, capsys)
    with played(knows) as models:
        server = ("--reflection-base-url", models.url, "--reflection-model", REFLECTS)
        engine = ("--base-url", models.url, "--model", DECIDES, "--max-calls", "160")
        code, out, _ = command("optimise", "tickets", "--from", "v1", *server, *engine)
        assert code == 0
        assert "v1 as it is" in out
        assert "v1_optimised is better" in out
        assert "v1_optimised: {prompt: v1_optimised}" in out
        code, out, _ = command("optimise", "tickets", "--from", "v1", *server, *engine, "--json")
        assert (code, json.loads(out)["winner"]) == (0, "v1_optimised")
        code, _, err = command("optimise", "tickets", "--from", "v9", *server, *engine)
        assert (code, "no prompt 'v9'" in err) == (2, True)
