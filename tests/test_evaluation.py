import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hand_evaluations import NO_OTHERS
from small_pilots import with_settings
from stub_server import stub_process
from tiny_model import Sizes, make_model

from workbench.engines.choice import EngineChoice
from workbench.evaluation import Evaluation, evaluate, evaluate_all
from workbench.evaluation.versions.pairs import paired_differences
from workbench.evaluation.versions.stored import chosen, stored_evaluations
from workbench.evaluation.versions.tracing import records_behind
from workbench.evaluation.versions.tried import tried_versions
from workbench.metrics import CATALOGUE, SELECTIVE_ACCURACY
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.ledger import read_ledger
from workbench.records.splits import Split, ledger_path, read_dataset
from workbench.runs import RunRequest
from workbench.words import InputError, RunError

DEV = RunRequest(show_progress=False)
HOLDOUT = RunRequest(Split.HOLDOUT, show_progress=False)
AGENTS = """
def right_on(letters, confidence):
    def decide(record):
        queue = {"money": "refund", "password": "login"}
        return {"action": "login" if record["ticket"][-1] in letters else "refund", "confidence": confidence}
    return decide

some = right_on("01234", 0.6)
more = right_on("0123456789", 0.9)
def silent(record):
    return {"action": "login"}
"""


def with_agents(pilot: Pilot, *names: str) -> Pilot:
    (pilot.suite / "mine.py").write_text(AGENTS, encoding="utf-8")
    path = pilot.suite / "pilot.yaml"
    lines = "".join(f"  {name}: {{python: 'eval_suites/tickets/mine.py:{name}'}}\n" for name in names)
    path.write_text(path.read_text(encoding="utf-8").replace("agents:\n", "agents:\n" + lines, 1), encoding="utf-8")
    return open_pilot(pilot.name, pilot.root)


def test_pairs_are_counted_on_the_records_both_were_asked(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_agents(tickets(200), "some", "more")
    some, more = evaluate_all(pilot, ["some", "more"], DEV)
    labels = read_dataset(pilot).dev_labels()["label"]
    # by hand from the two rules: they differ on tickets that end in 5 to 9, where `some` says refund and `more` login
    high = labels.index.str[-1].isin(list("56789"))
    (pair,) = paired_differences([some, more], NO_OTHERS).to_dict("records")
    assert pair["only_first"] == (labels[high] == "refund").sum()
    assert pair["only_second"] == (labels[high] == "login").sum()
    assert pair["n"] == len(labels)
    assert pair["both_right"] + pair["only_first"] + pair["only_second"] + pair["neither"] == pair["n"]
    assert pair["difference"] == pytest.approx((pair["only_first"] - pair["only_second"]) / pair["n"])
    small = evaluate(pilot, "more", RunRequest(limit=30, show_progress=False))
    assert paired_differences([some, small], NO_OTHERS)["n"].tolist() == [30]


def test_a_skipped_record_is_in_no_pair(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_agents(tickets(100), "some", "more")
    some, more = evaluate_all(pilot, ["some", "more"], DEV)
    some.outcomes.loc[some.outcomes.index[:10], ["status", "action"]] = ["skipped", None]
    assert paired_differences([some, more], NO_OTHERS)["n"].tolist() == [60]


def test_the_chosen_version_automates_most_at_the_charters_accuracy(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(300)
    majority, baseline = evaluate_all(pilot, ("majority", "baseline"), DEV)
    assert majority.threshold is None
    assert (
        "No threshold reaches a selective accuracy of 0.95 (placeholder) on 210 development records"
        in majority.threshold_note
    )
    assert chosen([majority, baseline]) is baseline
    assert baseline.threshold is not None
    assert "not certified" in baseline.threshold_note


def test_the_threshold_for_the_holdout_is_certified_at_the_level_its_opening_is_charged(
    tickets: Callable[[int], Pilot],
) -> None:
    pilot = tickets(300)
    charter = pilot.suite / "charter.yaml"  # 70% is far below what the baseline has, so that any split certifies it
    text = re.sub(r"(metric: selective_accuracy[^}]*?target: )0\.95", r"\g<1>0.7", charter.read_text(encoding="utf-8"))
    charter.write_text(text, encoding="utf-8")
    pilot = open_pilot(pilot.name, pilot.root)
    target = pilot.charter.target(SELECTIVE_ACCURACY)
    assert target == 0.7
    evaluate(pilot, "baseline", DEV)
    found = evaluate(pilot, "baseline", HOLDOUT)
    assert found.certification is not None
    assert found.certification.confidence_level == pytest.approx(1 - 0.05 * 2 / 3)
    assert found.threshold is not None
    assert found.threshold.is_certified
    assert found.threshold.threshold == found.certification.threshold
    assert "certified on 90 holdout records: right in at least " in found.threshold_note
    assert found.as_json()["certification"]["certified"]
    again = evaluate(pilot, "baseline", HOLDOUT)
    assert again.session.n_asked == 0
    assert again.as_json()["certification"] == found.as_json()["certification"]
    assert found.as_json()["outlook"]["says"] == "nothing is missing"
    openings = read_ledger(ledger_path(pilot))
    assert [(opening.number, opening.repeat_of) for opening in openings] == [(1, None)], (
        "the very same look adds no line"
    )
    assert openings[0].purpose.prompt is None


def test_where_nothing_can_be_certified_the_threshold_is_that_of_development_records(
    tickets: Callable[[int], Pilot],
) -> None:
    # 30 holdout records cannot prove 95% at any error count: 67 without an error would be needed at this level
    pilot = tickets(100)
    early = evaluate(pilot, "baseline", HOLDOUT)
    assert early.threshold is None
    assert "this version has no finished development run" in early.threshold_note
    assert early.estimates["automation_rate"].value is None
    dev = evaluate(pilot, "baseline", DEV)
    late = evaluate(pilot, "baseline", HOLDOUT)
    assert late.certification is not None
    assert late.certification.threshold is None
    assert late.threshold == dev.threshold
    assert (
        "Nothing can be certified for 0.95 (placeholder) on 30 holdout records at 96.67% confidence"
        in late.threshold_note
    )


def test_an_agent_without_confidence_is_never_automated(tickets: Callable[[int], Pilot]) -> None:
    evaluation = evaluate(with_agents(tickets(100), "silent"), "silent", DEV)
    assert evaluation.info.finished
    assert evaluation.threshold is None


def test_stored_evaluations_are_the_last_finished_run_of_each_agent(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(120)
    with pytest.raises(
        InputError, match=r"no finished run on dev with all its present records(.|\n)*workbench run tickets"
    ):
        stored_evaluations(pilot)
    ran = evaluate_all(pilot, (), DEV)
    again = {evaluation.agent: evaluation for evaluation in stored_evaluations(pilot)}
    assert sorted(again) == ["baseline", "boosted", "majority"]
    for evaluation in ran:
        stored = again[evaluation.agent]
        assert {**stored.as_json(), "asked_now": None} == {**evaluation.as_json(), "asked_now": None}


def test_a_written_evaluation_holds_every_decision_and_estimate(
    tickets: Callable[[int], Pilot], tmp_path: Path
) -> None:
    evaluation: Evaluation = evaluate(tickets(100), "majority", DEV)
    path = evaluation.write(tmp_path / "out")
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["estimates"]["accuracy"]["n"] == content["counts"]["planned"] == 70
    rows = path.with_suffix(".csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 71
    assert {"record_id", "status", "action", "label"} <= set(rows[0].split(","))


def test_a_decision_costs_what_its_models_tokens_cost(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    path = pilot.suite / "pilot.yaml"
    prices = "prices:\n  m: {input_per_million: 2, output_per_million: 10}\n"
    prices += "  other: {input_per_million: 9, output_per_million: 9}\n"
    path.write_text(path.read_text(encoding="utf-8") + prices, encoding="utf-8")
    pilot = open_pilot("tickets", pilot.root)
    with stub_process("--latency-ms", "1") as url:
        request = RunRequest(engine=EngineChoice(base_url=url, model="m"), limit=20, show_progress=False)
        evaluation = evaluate(pilot, "prompt_v1", request)
    tokens = evaluation.outcomes[["prompt_tokens", "completion_tokens"]].astype(float)
    by_hand = (2 * tokens["prompt_tokens"] + 10 * tokens["completion_tokens"]).mean() / 1e6
    cost = evaluation.estimates["cost_per_decision"]
    assert cost.value == pytest.approx(by_hand)
    assert by_hand > 0
    assert cost.n == 20
    assert evaluation.outcomes["confidence_source"].eq("logprob").all()


def test_prompt_versions_share_one_engine_that_is_used_again_for_each(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    path = pilot.suite / "pilot.yaml"
    other = "agents:\n  again: {prompt: v2}\n"
    path.write_text(path.read_text(encoding="utf-8").replace("agents:\n", other, 1), encoding="utf-8")
    text = (pilot.suite / "prompts" / "v1.md").read_text(encoding="utf-8")
    text = text.replace("name: v1", "name: v2").replace("one record at a time", "one ticket at a time")
    (pilot.suite / "prompts" / "v2.md").write_text(text, encoding="utf-8")
    pilot = open_pilot("tickets", pilot.root)
    with stub_process("--latency-ms", "1") as url:
        request = RunRequest(engine=EngineChoice(base_url=url, model="m"), limit=20, show_progress=False)
        evaluations = evaluate_all(pilot, ["prompt_v1", "again", "majority"], request)
    assert [evaluation.info.ok for evaluation in evaluations] == [20, 20, 20]
    assert [evaluation.session.n_asked for evaluation in evaluations] == [20, 20, 20]
    first, second = (dict(evaluation.identity) for evaluation in evaluations[:2])
    assert first["engine"] == second["engine"]
    assert (first["engine"]["model"], first["engine"]["address"]) == ("m", f"{url}/v1")
    assert first["prompt"] != second["prompt"]


def test_prompts_are_answered_in_process_and_another_model_of_that_name_is_asked_again(
    tickets: Callable[[int], Pilot], tmp_path: Path
) -> None:
    pilot = with_settings(tickets(60), "engine: pocket")
    folders = [make_model(tmp_path / f"{seed}" / "tiny", Sizes(context=2000, seed=seed)) for seed in (0, 1)]
    choices = [EngineChoice(model=str(folder)) for folder in (*folders, folders[0])]
    requests = [RunRequest(engine=choice, limit=6, show_progress=False) for choice in choices]
    first, other, again = (evaluate(pilot, "prompt_v1", request) for request in requests)
    assert [evaluation.session.n_asked for evaluation in (first, other, again)] == [6, 6, 0]
    assert first.identity["engine"]["kind"] == "pocket"
    assert first.identity["engine"]["model"] == other.identity["engine"]["model"] == "tiny"
    assert first.identity == again.identity != other.identity
    assert first.info.failed == 0
    assert first.outcomes["prompt_tokens"].min() > 0
    evaluate(pilot, "prompt_v1", RunRequest(Split.HOLDOUT, 6, choices[0], show_progress=False))
    assert read_ledger(ledger_path(pilot))[-1].purpose.prompt == first.identity["prompt"]


def test_options_of_an_engine_that_go_nowhere_are_refused_even_without_a_prompt(
    tickets: Callable[[int], Pilot],
) -> None:
    choice = EngineChoice("pocket", base_url="http://127.0.0.1:9")
    with pytest.raises(InputError, match="asks no server"):
        evaluate(tickets(60), "majority", RunRequest(engine=choice))


@pytest.mark.parametrize("label", ["login", None])
def test_the_records_behind_a_number_are_those_of_the_page_whatever_the_pilot_escalates(
    tickets: Callable[[int], Pilot], label: str | None
) -> None:
    pilot = with_settings(tickets(200), "" if label is None else f"escalate_label: {label}")
    found = evaluate(pilot, "baseline", DEV)
    assert found.threshold is not None
    for number in (one.id for one in CATALOGUE.values() if one.at_threshold and one.id in {*found.estimates}):
        behind, estimate = records_behind(found, number), found.estimates[number]
        assert (len(behind.of), behind.share) == (estimate.n, estimate.value and pytest.approx(estimate.value)), number
    alone = records_behind(found, "selective_accuracy").of
    sure = found.outcomes[found.outcomes["confidence"] >= found.threshold.threshold]
    # by hand: what is decided alone is sure and hands nothing to a person
    assert set(alone) == set(sure.index[sure["action"] != label])


def test_what_was_tried_is_paid_for_wherever_a_pair_is_compared(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_agents(tickets(200), "some", "more", "silent")
    evaluate_all(pilot, ["some", "more", "silent"], DEV)
    dataset = read_dataset(pilot)
    stored = {one.agent: one for one in stored_evaluations(pilot)}
    some, more = stored["some"], stored["more"]
    (row,) = paired_differences([some, more], tried_versions(pilot, dataset)).to_dict("records")
    # by hand: `silent` answers login like `more`, so of three tests two have the same p, and Holm takes it three times
    assert row["p_adjusted"] == pytest.approx(min(3 * row["p"], 1.0))
    (alone,) = paired_differences([some, more], NO_OTHERS).to_dict("records")
    assert alone["p_adjusted"] == row["p"]
    with pytest.raises(TypeError, match="tried"):
        paired_differences([some, more])  # type: ignore[call-arg]


def test_a_limit_below_one_is_refused(tickets: Callable[[int], Pilot]) -> None:
    with pytest.raises(InputError, match="a limit must be at least 1"):
        evaluate(tickets(60), "majority", RunRequest(limit=0))


def test_an_interruption_before_anything_is_asked_says_how_to_go_on(tickets: Callable[[int], Pilot]) -> None:
    def interrupted() -> Iterator[str]:
        yield "majority"
        raise KeyboardInterrupt

    with pytest.raises(RunError, match=r"every decision that came is stored(.|\n)*run the same cell or command again"):
        evaluate_all(tickets(40), interrupted(), DEV)  # type: ignore[arg-type]
