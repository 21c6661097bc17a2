"""Label disputes: handed out mixed and blind, decided by people, applied whole or not at all, and what that proves."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from commands import command_in
from label_reviewers import (
    BY,
    Clock,
    bills_truth,
    decide_labels,
    handed_out,
    invoice_copy,
    invoice_truth,
    opened_again,
    small_labelled,
)
from openings import KEY

from workbench.desk import AnswerKind, Desk, Feedback, FeedbackWish, GivenAnswer, desk_path
from workbench.evaluation import (
    MAKER,
    Evaluation,
    LabelsCompared,
    compared_labels,
    decided_alone,
    development_compared,
    evaluate,
)
from workbench.evaluation.certified import certified
from workbench.evaluation.maker import evaluation_exhibit
from workbench.evidence import Facts, Population
from workbench.metrics import State
from workbench.pilot import Pilot, QueueName, open_pilot, read_review
from workbench.records import NamedCells
from workbench.records.label_sets import (
    AppliedLabels,
    DrawnList,
    label_log_path,
    label_set_path,
    labels_before,
    read_label_log,
    read_label_set,
    read_list,
)
from workbench.records.ledger import read_ledger
from workbench.records.splits import Dataset, Split, agreements_order, ledger_path, read_dataset
from workbench.review.labels import (
    WrittenLabels,
    label_group,
    label_item_id,
    label_standing,
    plan_labels,
    write_label_set,
)
from workbench.runs import RunRequest
from workbench.stats import agreements_needed, corrected_accuracy
from workbench.words import InputError, SignatureError

AGENT = "payer"
QUIET = RunRequest(show_progress=False)


class Bills:
    """The small pilot in a folder of a test's own, with its desk and a clock."""

    def __init__(self, root: Path) -> None:
        self.pilot, self.dataset = opened_again(open_pilot("bills", root))
        self.clock = Clock()
        settings = read_review(self.pilot.suite)
        assert settings is not None
        self.desk = Desk(desk_path(self.pilot.runs), settings, self.clock)

    def hand_out(self, split: Split) -> object:
        return handed_out(self.pilot, self.dataset, self.desk, AGENT, split)

    def decide(self, truth: Mapping[str, str] | None = None, errs: float = 0.0) -> int:
        return decide_labels(self.desk, self.clock, bills_truth() if truth is None else truth, errs)

    def apply(self) -> WrittenLabels:
        return write_label_set(self.pilot, self.dataset, self.desk, BY)

    def again(self) -> tuple[Pilot, Dataset]:
        return opened_again(self.pilot)

    @property
    def drawn(self) -> list[DrawnList]:
        return [one for one in read_label_log(self.pilot.data) if isinstance(one, DrawnList)]


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root where records of both splits were handed out and nobody has decided any."""
    root = tmp_path_factory.mktemp("handed")
    small_labelled(root)
    bills = Bills(root)
    for split in Split:
        bills.hand_out(split)
    bills.desk.close()
    return root


@pytest.fixture(scope="module")
def decided(handed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root where people who know the truth have decided all of them."""
    root = tmp_path_factory.mktemp("decided") / "root"
    shutil.copytree(handed, root)
    bills = Bills(root)
    bills.decide()
    bills.desk.close()
    return root


@pytest.fixture
def bills_in(tmp_path: Path) -> Iterator[Callable[[Path], Bills]]:
    """Copy a root and open it."""
    made: list[Bills] = []

    def copied(root: Path) -> Bills:
        target = tmp_path / f"copy{len(made)}"
        shutil.copytree(root, target)
        made.append(Bills(target))
        made[-1].clock.at += 10_000.0
        return made[-1]

    yield copied
    for one in made:
        one.desk.close()


def opened(pilot: Pilot, dataset: Dataset) -> Evaluation:
    return evaluate(pilot, AGENT, RunRequest(Split.HOLDOUT, show_progress=False, key=KEY), dataset)


def facts_of(pilot: Pilot, evaluation: Evaluation) -> Facts:
    """Return what a gate would look at of one evaluation."""
    path = ledger_path(pilot)
    exhibit = evaluation_exhibit(pilot, evaluation, None)
    population = Population(evaluation.info.dataset_digest, len(evaluation.outcomes), None)
    cells = NamedCells(pd.DataFrame(), pd.DataFrame())
    ledger = path, tuple(read_ledger(path))
    return Facts(pilot, population, cells, {"evaluation": exhibit}, {}, ledger, date(2026, 12, 1))


def test_a_card_shows_fields_and_policy_and_nothing_that_anybody_said_of_the_label(
    handed: Path, bills_in: Callable[[Path], Bills]
) -> None:
    bills = bills_in(handed)
    listed = {name for one in bills.drawn for name in read_list(bills.pilot.data, one.records)}
    shown = bills.dataset.shown()
    claimed = {}
    while (claim := bills.desk.claim("anna", QueueName.LABELS)) is not None:
        card, record = claim.card, claim.card.title.removeprefix("Record ")
        fields = [(one.name, one.value) for one in card.evidence]
        assert fields == [
            *((name, str(shown.loc[record, name])) for name in ("bill", "amount", "note")),
            ("policy", "Bills below 100 are paid, others are refused."),
        ]
        assert card.actions == ("pay", "refuse")
        bare = (
            card.assessment,
            card.recommended,
            card.confidence,
            card.threshold,
            card.reasoning,
            card.rule,
            card.trace,
        )
        assert bare == ("", None, None, None, "", "", ())
        assert claim.item == label_item_id(record)
        claimed[record] = claim
        bills.desk.answer("anna", claim.item, GivenAnswer(AnswerKind.DECIDE, "pay"), claim.shown_digest)
    assert set(claimed) == listed
    items = bills.desk.items()
    alike = items.drop(columns=["item", "record_id", "put", "due", "n_answers"]).astype(str).drop_duplicates()
    assert len(alike) == 1, "disputed ones and agreements cannot be told apart"


def test_both_splits_are_handed_out_and_only_development_says_which_are_the_sample(
    handed: Path, bills_in: Callable[[Path], Bills]
) -> None:
    bills = bills_in(handed)
    dev, holdout = bills.drawn
    assert (dev.split, holdout.split, holdout.sample) == ("dev", "holdout", None)
    labels = bills.dataset.dev_labels()["label"]
    actions = decided_alone(bills.pilot, bills.dataset, AGENT, QUIET).actions
    disputed = set(actions.index[actions != labels[actions.index]])
    listed, sample = set(read_list(bills.pilot.data, dev.records)), set(read_list(bills.pilot.data, dev.sample or ""))
    assert listed == disputed | sample
    agreeing = agreements_order(bills.pilot.data, actions.index[(actions == labels[actions.index]).to_numpy()])
    assert sample == set(agreeing[: len(sample)])
    assert not set(read_list(bills.pilot.data, holdout.records)) & set(bills.dataset.ids(Split.DEV))
    said = label_log_path(bills.pilot.data).read_text(encoding="utf-8").splitlines()[1]
    assert set(json.loads(said)["said"]) == set(asdict(holdout))


def test_a_version_s_records_are_drawn_once(handed: Path, bills_in: Callable[[Path], Bills]) -> None:
    bills = bills_in(handed)
    before = label_log_path(bills.pilot.data).read_bytes()
    again = handed_out(bills.pilot, bills.dataset, bills.desk, AGENT, Split.HOLDOUT)
    assert (again.is_drawn_now, again.n_new, again.n_records) == (False, 0, bills.drawn[1].n_records)
    assert label_log_path(bills.pilot.data).read_bytes() == before


def test_once_an_opening_has_shown_a_result_holdout_labels_are_not_held_against_decisions(tmp_path: Path) -> None:
    small_labelled(tmp_path)
    bills = Bills(tmp_path)
    opened(bills.pilot, bills.dataset)
    with pytest.raises(InputError, match=r"an opening has shown a result(.|\n)*would be a new opening, charged as one"):
        bills.hand_out(Split.HOLDOUT)
    assert bills.drawn == []
    assert handed_out(bills.pilot, bills.dataset, bills.desk, AGENT, Split.DEV).is_drawn_now
    bills.desk.close()


def test_a_correction_by_disagreements_alone_is_refused_with_the_agreements_that_are_missing(
    handed: Path, bills_in: Callable[[Path], Bills]
) -> None:
    bills = bills_in(handed)
    sample = set(read_list(bills.pilot.data, bills.drawn[0].sample or ""))
    skipped = {label_item_id(name) for name in sample}
    path = desk_path(bills.pilot.runs)
    bills.desk.close()
    with sqlite3.connect(path) as connection:  # whoever hides the agreements from the people
        kept = [row for row in connection.execute("SELECT rowid, item FROM slots") if row[1] in skipped]
        connection.executemany(
            "UPDATE slots SET due = 9e18, team = 'nobody' WHERE rowid = ?", [(row[0],) for row in kept]
        )
    bills = Bills(bills.pilot.root)
    bills.clock.at += 10_000.0
    bills.decide()
    n = len(sample)
    with pytest.raises(InputError, match=rf"{n} of them development records of the sample of agreements: a correction"):
        bills.apply()
    assert not label_set_path(bills.pilot.data, "v2").exists()
    assert "label_set" not in (bills.pilot.data / "contract.yaml").read_text(encoding="utf-8")
    assert not any(isinstance(one, AppliedLabels) for one in read_label_log(bills.pilot.data))
    bills.desk.close()


def test_what_people_decided_becomes_the_next_label_set(decided: Path, bills_in: Callable[[Path], Bills]) -> None:
    bills = bills_in(decided)
    truth, was = bills_truth(), bills.dataset._table.frame["right"]
    listed = {name for one in bills.drawn for name in read_list(bills.pilot.data, one.records)}
    written = bills.apply()
    pilot, dataset = bills.again()
    table = read_label_set(pilot.data, "v2")
    assert table is not None
    assert set(table.table.index) == listed
    assert table.table["label"].to_dict() == {name: truth[name] for name in listed}
    assert table.table["was"].to_dict() == was[list(listed)].to_dict()
    wrong = {name for name in listed if truth[name] != was[name]}
    assert set(table.changed.index) == wrong
    assert len(wrong) == written.n_changed
    assert (table.table["changed"] == "1").sum() == len(wrong)
    assert set(table.table["how"]) == {"two agreed"}
    assert written.n_adjudicated == 0
    people = {name for cell in table.table["people"] for name in cell.split()}
    assert people == {bills.desk.pseudonym(name) for name in ("anna", "ben")}
    assert set(table.table["why"]) == {"as the policy says"}
    text = (pilot.data / "contract.yaml").read_text(encoding="utf-8")
    assert text.startswith("# What every bill has.\nlabel_set: v2\nrecords:")
    assert "# what is done" in text
    assert dataset.splits.equals(bills.dataset.splits)
    entry = read_label_log(pilot.data)[-1]
    assert isinstance(entry, AppliedLabels)
    assert (entry.file, entry.n_looked) == (table.digest, len(listed))
    sample = set(read_list(pilot.data, bills.drawn[0].sample or ""))
    disputed = set(read_list(pilot.data, bills.drawn[0].records)) - sample
    assert written.development.disputed == (len(disputed & wrong), len(disputed))
    assert written.development.agreements == (len(sample & wrong), len(sample))


def test_where_two_people_differ_a_third_decides(handed: Path, bills_in: Callable[[Path], Bills]) -> None:
    bills = bills_in(handed)
    bills.decide(errs=0.1)
    written = bills.apply()
    found = read_label_set(bills.pilot.data, "v2")
    assert found is not None
    adjudicated = found.table["how"] == "adjudicated"
    assert int(adjudicated.sum()) == written.n_adjudicated > 30  # about 18% of 360
    cleo = bills.desk.pseudonym("cleo")
    assert found.table["people"].str.contains(cleo).equals(adjudicated)


def test_a_record_to_which_nobody_gives_a_label_stops_the_label_set(
    handed: Path, bills_in: Callable[[Path], Bills]
) -> None:
    bills = bills_in(handed)
    first = None
    for person in ("anna", "ben"):
        claim = bills.desk.claim(person, QueueName.LABELS)
        assert claim is not None
        assert first in (None, claim.item)
        first = claim.item
        given = GivenAnswer(AnswerKind.REJECT, None, "cannot be told")
        bills.desk.answer(person, claim.item, given, claim.shown_digest)
    bills.decide()
    standing = label_standing(bills.pilot, bills.desk)
    assert (standing.n_without, len(standing.missing), standing.n_waiting) == (1, 1, 0)
    with pytest.raises(InputError, match=r"1 of \d+ records(.|\n)*to 1 one nobody gave a label"):
        bills.apply()


def test_answers_that_can_still_be_taken_back_are_not_settled(handed: Path, bills_in: Callable[[Path], Bills]) -> None:
    bills = bills_in(handed)
    bills.decide()
    bills.clock.at -= bills.desk.settings.lease_s
    standing = label_standing(bills.pilot, bills.desk)
    assert 0 < len(standing.missing) <= len(standing.open_ids)
    assert (standing.n_waiting, standing.n_disagreed) == (0, 0)


def test_altered_answers_make_no_label_set(decided: Path, bills_in: Callable[[Path], Bills]) -> None:
    bills = bills_in(decided)
    bills.desk.close()
    with sqlite3.connect(desk_path(bills.pilot.runs)) as connection:
        named = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in connection.execute(named).fetchall():  # whoever may write the file may do this
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE chain SET action = 'pay' WHERE action = 'refuse'")
    bills = Bills(bills.pilot.root)
    with pytest.raises(SignatureError):
        bills.apply()
    bills.desk.close()
    assert not label_set_path(bills.pilot.data, "v2").exists()


def test_labels_are_applied_once_and_another_file_is_not_written_over(
    decided: Path, bills_in: Callable[[Path], Bills]
) -> None:
    bills = bills_in(decided)
    path = label_set_path(bills.pilot.data, "v2")
    path.write_text("somebody's own\n", encoding="utf-8")
    with pytest.raises(InputError, match="a label set of this name is there already"):
        bills.apply()
    assert path.read_text(encoding="utf-8") == "somebody's own\n"
    path.unlink()
    bills.apply()
    again = Bills(bills.pilot.root)
    with pytest.raises(InputError, match="no label was looked at that is in no label set yet"):
        again.apply()
    again.desk.close()


def test_a_contract_that_cannot_be_edited_safely_is_left_and_the_line_is_told(
    decided: Path, bills_in: Callable[[Path], Bills]
) -> None:
    bills = bills_in(decided)
    path = bills.pilot.data / "contract.yaml"
    path.write_text(bills.pilot.contract.model_dump_json(), encoding="utf-8")  # JSON is YAML
    bills = Bills(bills.pilot.root)
    bills.clock.at += 10_000.0
    before = path.read_bytes()
    assert bills.apply().line == "label_set: v2"
    assert path.read_bytes() == before
    bills.desk.close()


def test_the_next_label_set_holds_the_one_before_and_asks_nothing_twice(
    decided: Path, bills_in: Callable[[Path], Bills]
) -> None:
    bills = bills_in(decided)
    bills.apply()
    code = bills.pilot.suite / "agents.py"
    code.write_text(code.read_text(encoding="utf-8").replace("< 100", "< 110"), encoding="utf-8")  # another version
    first = read_label_set(bills.pilot.data, "v2")
    again = Bills(bills.pilot.root)
    again.clock.at += 20_000.0
    handed_now = handed_out(again.pilot, again.dataset, again.desk, AGENT, Split.DEV)
    assert handed_now.is_drawn_now
    assert 0 < handed_now.n_new < handed_now.n_records
    again.decide()
    written = again.apply()
    second = read_label_set(again.pilot.data, "v3")
    assert first is not None
    assert second is not None
    assert (written.label_set, written.n_looked) == ("v3", handed_now.n_new)
    assert second.table.loc[first.table.index].equals(first.table)
    assert len(second.table) == len(first.table) + handed_now.n_new
    entry = read_label_log(again.pilot.data)[-1]
    assert isinstance(entry, AppliedLabels)
    assert len(entry.lists) == 3
    pilot, dataset = again.again()
    assert pilot.contract.label_set == "v3"
    evaluation = evaluate(pilot, AGENT, QUIET, dataset)
    compared = compared_labels(pilot, evaluation)
    assert compared is not None
    assert compared.correction is not None
    assert compared.one_sided == ""
    again.desk.close()


def compared_on_holdout(bills: Bills) -> tuple[Evaluation, LabelsCompared]:
    pilot, dataset = bills.again()
    evaluation = opened(pilot, dataset)
    compared = compared_labels(pilot, evaluation)
    assert compared is not None
    return evaluation, compared


def test_accuracy_under_both_labels_and_what_nobody_looked_at_are_counted_by_hand(
    decided: Path, bills_in: Callable[[Path], Bills]
) -> None:
    bills = bills_in(decided)
    bills.apply()
    evaluation, compared = compared_on_holdout(bills)
    outcomes, was = evaluation.outcomes, bills.dataset._table.frame["right"]
    found = read_label_set(bills.pilot.data, "v2")
    assert found is not None
    looked = outcomes.index.isin(found.table.index)
    before, after = was[outcomes.index] == outcomes["action"], outcomes["label"] == outcomes["action"]
    assert compared.before["accuracy"].value == pytest.approx(before.mean())
    assert compared.after["accuracy"].value == pytest.approx(after.mean())
    assert (compared.n_looked, compared.n_records) == (looked.sum(), len(outcomes))
    assert evaluation.certification is not None
    assert evaluation.threshold is not None
    auto = outcomes["confidence"] >= evaluation.threshold.threshold
    wanted = corrected_accuracy(
        int(auto.sum()),
        int((auto & ~before & ~after).sum()),
        int((auto & before).sum()),
        int((auto & before & looked).sum()),
        int((auto & before & looked & ~after).sum()),
        evaluation.certification.level,
    )
    assert compared.correction == wanted
    assert wanted.n_sampled > 100
    assert wanted.hidden_at_most > 0
    assert labels_before(outcomes["label"], found).equals(was[outcomes.index].rename("label"))


def test_a_two_sided_label_set_leaves_the_certificate_and_a_one_sided_one_takes_it(
    decided: Path, bills_in: Callable[[Path], Bills]
) -> None:
    bills = bills_in(decided)
    bills.apply()
    evaluation, compared = compared_on_holdout(bills)
    facts = facts_of(bills.again()[0], evaluation)
    assert (compared.one_sided, certified(facts).state) == ("", State.PASS)
    assert not any("one-sided" in remark for remark in MAKER.remarks(facts))

    by_hand = bills_in(decided)
    label_log_path(by_hand.pilot.data).unlink()
    labels = by_hand.dataset._table.frame["right"]
    actions = evaluation.outcomes["action"]
    differs = actions.index[actions != labels[actions.index]]
    rows = pd.DataFrame(
        {
            "label": actions[differs],
            "reason": "",
            "was": labels[differs],
            "changed": "1",
            "people": "",
            "how": "",
            "why": "",
        },
        index=differs,
    )
    path = label_set_path(by_hand.pilot.data, "v2")
    rows.rename_axis("record_id").reset_index().to_csv(path, index=False)
    contract = by_hand.pilot.data / "contract.yaml"
    contract.write_text("label_set: v2\n" + contract.read_text(encoding="utf-8"), encoding="utf-8")
    one_sided, compared = compared_on_holdout(by_hand)
    assert compared.after["accuracy"].value == 1.0, "labels as the agent decides"
    assert compared.correction is None
    assert "the correction is one-sided" in compared.sentence.lower()
    facts = facts_of(by_hand.again()[0], one_sided)
    answer = certified(facts)
    assert (answer.state, answer.reason.startswith("the correction is one-sided")) == (State.UNPROVEN, True)
    assert any("one-sided" in remark for remark in MAKER.remarks(facts))
    exhibit = facts.exhibits["evaluation"]
    silent = replace(exhibit, facts={name: one for name, one in exhibit.facts.items() if name != "labels"})
    answer = certified(replace(facts, exhibits={"evaluation": silent}))
    assert (answer.state, "does not say how label set v2 came about" in answer.reason) == (State.UNPROVEN, True)


def test_a_version_whose_agreements_nobody_looked_at_is_told_so(
    decided: Path, bills_in: Callable[[Path], Bills]
) -> None:
    bills = bills_in(decided)
    bills.apply()
    code = bills.pilot.suite / "agents.py"
    code.write_text(code.read_text(encoding="utf-8").replace("0.99", "0.98"), encoding="utf-8")
    pilot, dataset = bills.again()
    compared = compared_labels(pilot, evaluate(pilot, AGENT, QUIET, dataset))
    assert compared is not None
    assert (compared.correction, compared.one_sided) == (None, "")
    assert compared.why_not == "no dev record was drawn by what this version decides"


def test_development_is_compared_at_once(decided: Path, bills_in: Callable[[Path], Bills]) -> None:
    bills = bills_in(decided)
    bills.apply()
    digest = bills.drawn[0].agent_digest
    compared = development_compared((bills.pilot, bills.dataset), bills.again(), digest)
    assert compared is not None
    assert compared.correction is not None
    before, after = compared.before["accuracy"].value, compared.after["accuracy"].value
    assert before is not None
    assert after is not None
    assert after > before
    assert development_compared((bills.pilot, bills.dataset), bills.again(), "another") is None


def test_the_plan_asks_for_agreements_that_prove_the_charter_s_accuracy(tmp_path: Path) -> None:
    pilot = small_labelled(tmp_path)
    dataset = read_dataset(pilot)
    decided = decided_alone(pilot, dataset, AGENT, QUIET)
    plan = plan_labels(pilot, dataset, decided)
    dev, holdout = plan.splits
    n_dev, n_holdout = (len(dataset.ids(split)) for split in (Split.DEV, Split.HOLDOUT))
    labels = dataset.dev_labels()["label"]
    n_differing = int((decided.actions != labels[decided.actions.index]).sum())
    assert (dev.n_alone, dev.n_automated, dev.disputed) == (n_dev, round(0.8 * n_dev), n_differing)
    assert dev.needed == agreements_needed(dev.n_automated, 0, 0.95, dev.level)
    assert dev.agreements > dev.needed * n_dev / dev.n_automated
    assert (holdout.n_automated, round(holdout.level, 4)) == (round(0.8 * n_holdout), round(0.05 * 2 / 3, 4))
    assert plan.minutes(dev) == 2 * 3 * dev.n_records
    with pytest.raises(InputError, match="decides no dev record alone"):
        plan_labels(pilot, dataset, replace(decided, actions=decided.actions[:0]))


def test_records_that_the_audit_doubts_are_handed_out_too_and_are_no_sample(tmp_path: Path) -> None:
    pilot = small_labelled(tmp_path)
    dataset = read_dataset(pilot)
    doubted = [*dataset.ids(Split.DEV)[:3], *dataset.ids(Split.HOLDOUT)[:2]]
    folder = pilot.runs / "audit" / "one"
    (folder / "rows").mkdir(parents=True)
    kinds = {"likely_label_error": doubted, "missing_value": list(dataset.ids(Split.DEV)[3:20])}
    for kind, names in kinds.items():
        rows = pd.DataFrame({"row": range(len(names)), "record": names, "offending": "right", "reason": "why"})
        rows.to_csv(folder / "rows" / f"{kind}.csv", index=False)
    findings = [{"kind": kind, "rows_file": f"rows/{kind}.csv"} for kind in kinds]
    content = {"run": "one", "findings": findings, "sections": {}, "dataset_digest": dataset.digest}
    (folder / "findings.json").write_text(json.dumps(content), encoding="utf-8")
    (folder.parent / "latest.json").write_text(json.dumps({"path": "one/findings.json"}), encoding="utf-8")
    bills = Bills(tmp_path)
    said = dataset.ids(Split.DEV)[30]
    for record, wants in ((said, FeedbackWish.DISPUTE), (dataset.ids(Split.HOLDOUT)[9], FeedbackWish.DISPUTE)):
        bills.desk.feedback("anna", Feedback(record, "label", "major", "this is not right", wants=wants))
    bills.hand_out(Split.DEV)
    (drawn,) = bills.drawn
    assert {*doubted[:3], said} <= set(read_list(pilot.data, drawn.records))
    labels = dataset.dev_labels()["label"]
    actions = decided_alone(pilot, dataset, AGENT, QUIET).actions
    agreeing = agreements_order(pilot.data, actions.index[(actions == labels[actions.index]).to_numpy()])
    sample = set(read_list(pilot.data, drawn.sample or ""))
    assert sample == set(agreeing[: len(sample)])
    bills.desk.close()


def test_labels_are_decided_by_two_people_who_need_not_adjudicate(tmp_path: Path) -> None:
    settings = read_review(small_labelled(tmp_path).suite)
    assert settings is not None
    assert (label_group(settings, None), label_group(settings, "adjudication")) == ("clerks", "adjudication")
    with pytest.raises(InputError, match="no group 'nobody'"):
        label_group(settings, "nobody")
    alone = settings.model_copy(update={"people": settings.people[1:]})
    with pytest.raises(InputError, match="no group of two people beside the adjudicators"):
        label_group(alone, None)


def test_the_commands_go_from_the_plan_to_the_label_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small_labelled(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    run = command_in(tmp_path, monkeypatch, capsys)
    code, out, _ = run("labels", "plan", "bills", "--agent", AGENT)
    assert (code, " dev records to look at" in out, "About" in out and " holdout records to look at" in out) == (
        0,
        True,
        True,
    )
    code, out, _ = run("labels", "adjudicate", "bills")
    assert (code, "No label waits for people" in out) == (0, True)
    code, out, _ = run("labels", "disputed", "bills", "--agent", AGENT, "--json")
    said = json.loads(out)
    assert (code, said["is_drawn_now"], said["group"]) == (0, True, "clerks")
    code, out, _ = run("labels", "disputed", "bills", "--agent", AGENT, "--split", "holdout", "--json")
    assert set(json.loads(out)) == {"pilot", "agent", "group", "split", "n_records", "n_new", "is_drawn_now"}
    assert run("labels", "disputed", "bills", "--agent", AGENT, "--split", "test")[0] == 2
    code, _, error = run("labels", "apply", "bills")
    assert (code, "a correction by the others alone would be one-sided" in error) == (2, True)
    bills = Bills(tmp_path)
    bills.clock.at = 1_700_000_000.0
    bills.decide()
    bills.desk.close()
    code, out, _ = run("labels", "adjudicate", "bills")
    assert (code, "Next: workbench labels apply bills" in out) == (0, True)
    code, out, _ = run("labels", "apply", "bills")
    assert code == 0
    assert " labels changed by people (v2); an adjudicator decided 0." in out
    assert "payer, development records, accuracy:" in out
    assert "The next evaluation on the holdout is a new opening" in out
    assert run("status", "bills")[0] == 0


def wrong_among(dataset: Dataset, truth: Mapping[str, str], ids: pd.Index[str]) -> int:
    labels = dataset._table.frame[dataset.contract.label][ids]
    return int((labels != pd.Series(truth)[ids]).sum())


@pytest.mark.slow
@pytest.mark.parametrize(("errs", "at_most"), [(0.0, 0.0005), (0.02, 0.002)])
def test_wrong_labels_of_invoices_go_from_one_percent_to_under_a_twentieth(
    tmp_path: Path, errs: float, at_most: float
) -> None:
    pilot = invoice_copy(tmp_path)
    dataset, truth, clock = read_dataset(pilot), invoice_truth(pilot), Clock()
    settings = read_review(pilot.suite)
    assert settings is not None
    alone: list[pd.Index[str]] = []
    with Desk(desk_path(pilot.runs), settings, clock) as desk:
        for split in Split:
            handed_out(pilot, dataset, desk, "policy_rules", split, lambda actions: alone.append(actions.index))
        decide_labels(desk, clock, truth, errs)
        write_label_set(pilot, dataset, desk, BY)
    ids = alone[0].append(alone[1])
    after = opened_again(pilot)[1]
    before, now = (wrong_among(one, truth, ids) / len(ids) for one in (dataset, after))
    assert 0.008 < before < 0.012
    assert now < at_most
