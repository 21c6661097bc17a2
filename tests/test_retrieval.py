"""Knowledge retrieval: full-text tables, documents in the trace, recall, and what was decided without."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from acting_pilots import CLEAN, acting_pilot, evaluated
from answering_pilots import key_of, run, with_store
from hand_evaluations import hand_evaluation
from retrieval_pilots import ENVIRONMENT, PLANTED, retrieval_pilot

from workbench.agents.acting import acting_of
from workbench.environment import (
    CallOutcome,
    DecisionAt,
    Environment,
    FunctionDone,
    SaidBy,
    StateSeen,
    Tool,
    ToolCall,
    ToolDesk,
    Trace,
    cut,
    read_environment,
    reported_events,
    told_events,
    trace_from,
)
from workbench.environment.trace import MAX_EVENTS
from workbench.evaluation import Evaluation, evaluate
from workbench.evaluation.opened import check_opening
from workbench.evaluation.recomputed import RecordedEvaluation
from workbench.evaluation.shown.retrieval import recall_table, retrieval_conclusion
from workbench.gates.held.hold import GateRequest, hold_gate
from workbench.gates.verified import verify_bundle
from workbench.metrics import EvaluationSettings, behind_metric, estimate_of, recall_by_k, with_and_without
from workbench.pilot import Pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs import RunRequest, TracedDecision, spans_of
from workbench.words import InputError, SignatureError

FIELDS = {"id": "R0001", "vendor": "V1", "amount": 101.0}


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    """Give the pilot with its planted agents, each evaluated on all development records."""
    made = retrieval_pilot(tmp_path_factory.mktemp("retrieval"))
    for agent in PLANTED:
        developed(made, agent)
    return made


def developed(pilot: Pilot, agent: str) -> Evaluation:
    return evaluate(pilot, agent, RunRequest(Split.DEV, show_progress=False))


async def no_function(tool: Tool, arguments: object, state: bytes | None, key: str) -> FunctionDone:
    """Run no function."""
    raise AssertionError(tool.name)


def called(environment: Environment, name: str, **arguments: object) -> tuple[dict[str, object], Trace]:
    """Return what one call brings, and the trace after it."""

    async def calls() -> tuple[dict[str, object], Trace]:
        desk = ToolDesk(environment, DecisionAt(FIELDS, "k"), no_function)
        return await desk.call(name, arguments), Trace(desk.end())

    return asyncio.run(calls())


def test_a_full_text_table_is_searched_and_its_documents_stand_in_the_trace(pilot: Pilot) -> None:
    answer, trace = called(read_environment(pilot), "search", words="V3 OR amount105")
    assert {row["name"] for row in answer["result"]} == {"terms V3", "rule 105"}  # type: ignore[index,attr-defined]
    call, state = trace.events
    assert isinstance(call, ToolCall)
    assert isinstance(state, StateSeen)
    assert set(call.documents) == {"terms V3", "rule 105"} == set(trace.documents)
    assert state.before_sha256 == state.after_sha256
    assert trace_from(trace.as_json()) == trace


def test_what_is_written_beside_a_full_text_table_is_seen_and_the_table_stays(pilot: Pilot) -> None:
    _, trace = called(read_environment(pilot), "note", text="read")
    state = trace.events[-1]
    assert isinstance(state, StateSeen)
    assert state.changes == {"notes": {"added": ({"text": "read"},)}}


@pytest.mark.parametrize("words", ["what is it?", "", '"open', "returns-policy", "price: high", "NEAR("])
def test_a_query_that_is_none_is_an_error_that_says_how_to_ask(pilot: Pilot, words: str) -> None:
    answer, trace = called(read_environment(pilot), "search", words=words)
    error = answer["error"]
    assert isinstance(error, dict)
    assert error["outcome"] == "error"
    assert "a word with other signs stands in double quotes" in error["message"]
    assert trace.documents == ()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "{rows: knowledge.csv, full_text: true}",
            "{columns: [name, body], full_text: true}",
            "a full_text table has rows",
        ),
        ("full_text: true}", "full_text: true, unique: [name]}", "neither from_record nor unique"),
        ("full_text: true}", "full_text: true, from_record: [id]}", "neither from_record nor unique"),
        ("documents: name\n", "documents: title\n", "documents names a column that the rows of a tool have not"),
        ("effect: write", "effect: write\n    documents: text", "a tool that returns documents only reads"),
        (
            "INSERT INTO notes VALUES (:text)",
            "INSERT INTO knowledge (body) VALUES (:text)",
            "it may not use 'knowledge'",
        ),
        (
            "INSERT INTO notes VALUES (:text)",
            "UPDATE knowledge_content SET c0 = :text",
            "it may not use 'knowledge_content'",
        ),
        ("needs: must_know", "needs: must_kno", "did you mean 'must_know'?"),
        ("needs: must_know", "needs: documents", "declare it in contract.yaml with `role: ignore`"),
        ("needs: must_know", "needs: vendor", "give vendor the `role: ignore` in contract.yaml"),
        ("needs: must_know", "needs: answer", "got: answer, role label"),
    ],
)
def test_what_does_not_fit_is_one_message(tmp_path: Path, before: str, after: str, message: str) -> None:
    pilot = retrieval_pilot(tmp_path)
    assert before in ENVIRONMENT
    (pilot.suite / "environment.yaml").write_text(ENVIRONMENT.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as told:
        read_environment(pilot)
    assert "environment.yaml" in str(told.value)


def test_needs_without_a_tool_that_returns_documents_is_refused(tmp_path: Path) -> None:
    pilot = retrieval_pilot(tmp_path)
    text = re.sub(r",? *documents: name", "", ENVIRONMENT)
    (pilot.suite / "environment.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="needs asks for a tool that says which documents it returns"):
        read_environment(pilot)


def test_a_function_whose_rows_name_no_document_is_an_error_that_is_counted(pilot: Pilot) -> None:
    async def call(result: object) -> tuple[dict[str, object], Trace]:
        async def returns(*_: object) -> FunctionDone:
            return FunctionDone(result)

        desk = ToolDesk(read_environment(pilot), DecisionAt(FIELDS, "k"), returns)
        return await desk.call("terms", {"vendor": "V1"}), Trace(desk.end())

    for result, documents in (
        ([{"name": "a", "text": "x"}, {"name": "b"}, {"name": "a"}], ("a", "b")),
        (["b", 7], ("b", "7")),
        ({"name": "a"}, ("a",)),
        ([], ()),
        (None, ()),
    ):
        answer, trace = asyncio.run(call(result))
        assert (answer, trace.documents) == ({"result": result}, documents)
    for result in ([{"title": "a"}], [None], [{"name": "a;b"}], [True], ["x" * 201], [["a"]]):
        answer, trace = asyncio.run(call(result))
        calls = trace.of(ToolCall)
        assert "names none as 'name'" in str(answer["error"])
        assert [(one.outcome, one.documents) for one in calls] == [(CallOutcome.ERROR, ())]


def test_documents_stay_where_results_are_cut() -> None:
    long = ToolCall(name="search", result="x" * 10_000, documents=("a", "b"))
    kept = cut(long)
    assert isinstance(kept, ToolCall)
    assert (kept.truncated, kept.documents) == (True, ("a", "b"))
    trace = trace_from(Trace((kept.model_copy(update={"truncated": False}),) * MAX_EVENTS).as_json())
    assert len(trace.events) == MAX_EVENTS
    assert all(one.documents == ("a", "b") for one in trace.of(ToolCall))
    assert any(one.result is None for one in trace.of(ToolCall)), "there was no room for all results"


def test_documents_that_an_agent_says_it_read_are_not_counted_and_take_no_room() -> None:
    said, _ = reported_events(
        [{"kind": "tool_call", "name": "search", "documents": ["z" * 90_000], "source": "observed"}]
    )
    trace = trace_from(Trace((ToolCall(name="search", documents=("a",)), *said)).as_json())
    assert trace.documents == ("a",)
    assert [one.documents for one in trace.of(ToolCall, SaidBy.REPORTED)] == [()]


def test_documents_are_told_to_a_reader_and_exported_by_the_conventions_name() -> None:
    trace = Trace((ToolCall(name="search", result=[], documents=("a", "b")), ToolCall(name="post")))
    assert told_events(trace)[0]["result"].startswith("documents a, b: ")
    _, search, post = spans_of(TracedDecision("run", "agent", "R1", None, 0, trace))
    assert search.attributes["gen_ai.retrieval.documents"] == '[{"id": "a"}, {"id": "b"}]'
    assert not [name for name in post.attributes if "documents" in name]


def numbers_of(evaluation: Evaluation) -> tuple[pd.Index[int], pd.Series[bool], pd.Series[bool]]:
    """Return the numbers of an evaluation's records, and which need one document, and two."""
    numbers = evaluation.outcomes.index.str.lstrip("R").astype(int)
    return numbers, numbers % 3 == 0, numbers % 3 == 1


def shares(recall: pd.DataFrame, column: str = "share") -> dict[str, float]:
    return dict(zip(recall["k"], recall[column], strict=True))


def test_the_agent_that_asks_for_what_it_needs_has_recall_one_and_its_curve_rises(pilot: Pilot) -> None:
    found = developed(pilot, "right")
    _, one, two = numbers_of(found)
    recall = recall_by_k(found.outcomes)
    n = one.sum() + two.sum()
    # by hand: the vendor's terms come first, the rule on the amount second or third, as the second call brings both
    assert shares(recall) == pytest.approx({"1": one.sum() / n, "3": 1, "5": 1, "10": 1, "all": 1})
    assert shares(recall, "mean_recall")["1"] == pytest.approx((one.sum() + two.sum() / 2) / n)
    assert found.estimates["recall_at_k"].value == 1
    assert found.estimates["recall_at_k"].excluded == {"needs_nothing": len(one) - n}
    assert found.estimates["wrong_without_document"].value == 0


def test_the_agent_that_queries_badly_misses_what_it_did_not_ask_for(pilot: Pilot) -> None:
    found = developed(pilot, "bad")
    numbers, one, two = numbers_of(found)
    n, asked = one.sum() + two.sum(), numbers % 5 % 2 == 1
    # by hand: one document is found where the vendor's number is odd, both never; V0 has all disputes
    assert found.estimates["recall_at_k"].value == pytest.approx((one & asked).sum() / n)
    recall = recall_by_k(found.outcomes)
    assert shares(recall, "mean_recall")["all"] == pytest.approx(((one & asked).sum() + (two & asked).sum() / 2) / n)
    wrong = ((one | two) & (numbers % 10 == 0)).sum()
    assert found.estimates["wrong_without_document"].value == pytest.approx(wrong / n)
    assert recall_table(recall)["all found"].iloc[0].startswith(f"{(one & asked).sum()} of {n} (")


def test_the_agent_that_never_looks_finds_nothing_and_is_wrong_alone_without(pilot: Pilot) -> None:
    found = developed(pilot, "never")
    numbers, one, two = numbers_of(found)
    needing, disputed = one | two, numbers % 10 == 0
    assert found.threshold is not None
    assert found.estimates["recall_at_k"].value == 0
    # by hand: it approves all, decides all alone, and disputes are wrong
    wrong = found.estimates["wrong_without_document"]
    assert (wrong.value, wrong.n) == (pytest.approx((needing & disputed).sum() / needing.sum()), needing.sum())
    behind = behind_metric("wrong_without_document", found.outcomes, found.settings)
    assert list(behind.counted) == list(found.outcomes.index[needing & disputed])
    said = retrieval_conclusion(found)
    assert f"the agent saw on 0 of {needing.sum()} (0%) records; with them 0 of 0 are decided alone" in said.sentence
    assert f"without them {needing.sum()} of {needing.sum()} are decided alone" in said.sentence
    assert said.sentence.endswith(f", {(needing & disputed).sum()} of {needing.sum()} wrong.")
    assert list(said.behind["not found: wrong, of those decided alone"].counted) == list(behind.counted)


def test_the_agent_that_ignores_what_it_finds_is_wrong_with_it(pilot: Pilot) -> None:
    found = developed(pilot, "deaf")
    numbers, one, two = numbers_of(found)
    disputed = numbers % 10 == 0
    parts = with_and_without(found.outcomes, found.settings)
    # by hand: the vendor's terms are all that some records need; two documents are never found
    (alone, wrong), (alone_without, wrong_without) = parts[True], parts[False]
    assert (alone.n, alone.value, wrong.value) == (one.sum(), 1, pytest.approx((one & disputed).sum() / one.sum()))
    assert (alone_without.n, wrong_without.n) == (two.sum(), two.sum())
    assert wrong_without.value == pytest.approx((two & disputed).sum() / two.sum())
    assert alone.method.startswith("Clopper-Pearson")


def test_recall_counted_by_hand_keeps_failed_decisions_and_leaves_out_skipped_ones() -> None:
    rows = [
        ("a", "ok", "pay", 0.9, "pay"),  # has both
        ("b", "ok", "pay", 0.9, "no"),  # one of two, the second to come: wrong and alone
        ("c", "failed", None, None, "pay"),  # none
        ("d", "ok", "pay", 0.5, "no"),  # none, below the threshold
        ("e", "ok", "pay", 0.9, "no"),  # needs nothing
        ("f", "skipped", None, None, "pay"),
    ]
    needs = ["x;y", "x; y ;", "x", "x", None, "x"]
    seen = ["y;q;q2;x", "q;x", None, "y", "x", "x"]
    outcomes = hand_evaluation("A", rows, 0.8).outcomes.assign(needs=needs, documents=seen)
    recall = recall_by_k(outcomes)
    assert recall["found"].tolist() == [0, 0, 1, 1, 1]
    assert recall["of"].tolist() == [4] * 5
    assert recall["mean_recall"].tolist() == [1 / 8, (1 / 2 + 1 / 2) / 4, 1.5 / 4, 1.5 / 4, 1.5 / 4]
    settings = EvaluationSettings(0.8)
    wrong = estimate_of("wrong_without_document", outcomes, settings)
    assert (wrong.value, wrong.n, wrong.excluded) == (0.25, 4, {"skipped": 1, "needs_nothing": 1})
    found, missing = with_and_without(outcomes, settings)[True], with_and_without(outcomes, settings)[False]
    assert [(one.value, one.n) for one in (*found, *missing)] == [(1, 1), (0, 1), (1 / 3, 3), (1, 1)]
    # exact bound of 1 of 1 by hand: the smallest share with chance 2.5% of it is 0.025
    assert missing[1].lower == pytest.approx(0.025)


def test_where_no_record_needs_a_document_nothing_is_known_and_the_page_says_so() -> None:
    outcomes = hand_evaluation("A", [("a", "ok", "pay", 0.9, "pay")], 0.8).outcomes.assign(needs=None, documents="x")
    recall = recall_by_k(outcomes)
    assert recall["of"].tolist() == [0] * 5
    assert np.isnan(recall["mean_recall"]).all()
    assert recall_table(recall).empty
    assert estimate_of("recall_at_k", outcomes, EvaluationSettings(0.8)).value is None


def test_what_an_agent_is_given_has_no_column_of_needs(pilot: Pilot) -> None:
    dataset = read_dataset(pilot)
    assert "must_know" not in dataset.shown().columns
    assert "must_know" not in dataset.training().columns
    assert dataset.unseen("vendor", dataset.ids(Split.DEV)) is None
    assert dataset.unseen("answer", dataset.ids(Split.DEV)) is None


def test_a_clean_pilot_without_needs_has_the_estimates_and_the_identity_it_had(tmp_path: Path) -> None:
    pilot = acting_pilot(tmp_path, {"clean": CLEAN})
    evaluated(str(tmp_path), "clean")
    found = evaluate(pilot, "clean", RunRequest(Split.DEV, show_progress=False))
    assert not {"needs", "documents"} & set(found.outcomes.columns)
    assert not {"recall_at_k", "wrong_without_document"} & set(found.estimates)
    assert (
        estimate_of("recall_at_k", found.outcomes, found.settings).method
        == "none: no record says which documents it needs"
    )
    with pytest.raises(InputError, match="the outcomes have no column 'needs'"):
        behind_metric("recall_at_k", found.outcomes, found.settings)
    assert set(acting_of(pilot, None).identity) == {"environment", "tools", "role"}
    # what the version before wrote for the same file
    assert str(acting_of(pilot, None).identity["environment"]).startswith("3c84a0a5ab33")


@pytest.mark.slow
def test_the_holdout_is_judged_with_what_was_found_and_a_bundle_of_it_verifies(
    tmp_path: Path, migrated_store: Path
) -> None:
    level = {"confidence_level": 0.95}
    criteria = [
        {"id": "recall", "metric": "recall_at_k", "operator": ">=", "target": 0.9, **level},
        {"id": "without", "metric": "wrong_without_document", "operator": "<=", "target": 0.05, **level},
    ]
    pilot = retrieval_pilot(tmp_path / "root", criteria)
    with_store(pilot, migrated_store)
    found = run(pilot, "right")
    assert found.estimates["recall_at_k"].value == 1
    held = hold_gate(pilot, 2, GateRequest(key=pilot.root / "keys" / "key.pem"))
    states = {one.criterion.id: one.state.value for one in held.decision.results}
    assert (states["recall"], states["without"]) == ("pass", "pass")
    pinned = tmp_path / "key.pub.pem"
    pinned.write_bytes(key_of(pilot).public.pem)
    assert verify_bundle(held.bundle, pinned).ok
    other = found.outcomes.reset_index(drop=True).assign(documents=found.outcomes["needs"].to_numpy())
    assert found.opening is not None
    with pytest.raises(SignatureError, match="the decisions are not those that the holdout was opened for"):
        check_opening(pilot.suite, RecordedEvaluation(found.as_json(), other), found.opening)


def test_a_function_of_the_environment_is_there_when_the_holdout_is_answered(tmp_path: Path) -> None:
    found = run(retrieval_pilot(tmp_path), "deaf", development=False, limit=40)
    _, one, two = numbers_of(found)
    assert (found.info.ok, found.estimates["recall_at_k"].n) == (40, one.sum() + two.sum())
    assert found.estimates["recall_at_k"].value == pytest.approx(one.sum() / (one.sum() + two.sum()))
