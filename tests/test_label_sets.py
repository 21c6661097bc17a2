"""Label sets beside the records: how they are read, what they refuse, their log, and lists that hide their parts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from label_reviewers import BY, N_SMALL, bills_truth, opened_again, small_labelled
from openings import KEY, ME

from workbench.pilot import Pilot
from workbench.records.label_sets import (
    AppliedLabels,
    DecidedAlone,
    DrawnList,
    append_label_entry,
    label_log_path,
    label_set_path,
    label_set_text,
    labels_before,
    next_label_set,
    read_label_log,
    read_label_set,
    read_list,
    write_list,
)
from workbench.records.ledger import Purpose, read_ledger
from workbench.records.splits import (
    Dataset,
    Split,
    agreements_order,
    disputed_among,
    holdout_has_results,
    ledger_path,
    open_holdout,
    read_dataset,
)
from workbench.words import InputError, RunError

DRAWN = DrawnList("dev", "payer", "a" * 64, "d" * 64, "e" * 64, "list", 3, "sample")


def rows(changes: dict[str, tuple[str, str]]) -> pd.DataFrame:
    """Return rows of a label set: what each label is, and was."""
    plain = {"reason": "", "people": "p1 p2", "how": "two agreed", "why": ""}
    cells = [
        {"label": label, "was": was, "changed": str(int(label != was)), **plain} for label, was in changes.values()
    ]
    return pd.DataFrame(cells, index=pd.Index(list(changes), name="record_id"))


def with_labels(pilot: Pilot, changes: dict[str, tuple[str, str]], name: str = "v2") -> Pilot:
    """Write a label set by hand and name it in the contract."""
    path = label_set_path(pilot.data, name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(label_set_text(rows(changes)), encoding="utf-8")
    contract = pilot.data / "contract.yaml"
    contract.write_text(f"label_set: {name}\n" + contract.read_text(encoding="utf-8"), encoding="utf-8")
    return opened_again(pilot)[0]


def labelled(dataset: Dataset) -> pd.Series[str]:
    """Return all labels, for a test alone."""
    return dataset._table.frame["right"]


def test_a_label_set_changes_labels_and_the_digest_of_records_and_moves_no_record(tmp_path: Path) -> None:
    pilot = small_labelled(tmp_path)
    before = read_dataset(pilot)
    wrong = {
        one: (right, labelled(before)[one]) for one, right in bills_truth().items() if labelled(before)[one] != right
    }
    kept = {"b000": ("pay", "pay")}
    after = read_dataset(with_labels(pilot, {**wrong, **kept}))
    assert labelled(after).to_dict() == bills_truth()
    assert after.digest != before.digest
    assert after.splits.equals(before.splits)
    assert after.digests(after.splits.index).equals(before.digests(before.splits.index))  # no agent sees another record
    dev = after.ids(Split.DEV)
    assert after.dev_labels()["label"].to_dict() == {one: bills_truth()[one] for one in dev}
    assert after.training()["right"].to_dict() == {one: bills_truth()[one] for one in dev}
    found = read_label_set(pilot.data, "v2")
    assert labels_before(labelled(after), found).equals(labelled(before))


def test_a_label_set_that_changes_nothing_leaves_the_digest(tmp_path: Path) -> None:
    pilot = small_labelled(tmp_path)
    before = read_dataset(pilot).digest
    assert read_dataset(with_labels(pilot, {"b000": ("pay", "pay")})).digest == before


def test_a_label_set_without_a_reason_takes_the_old_reason_away(tmp_path: Path) -> None:
    pilot = small_labelled(tmp_path)
    contract = pilot.data / "contract.yaml"
    text = contract.read_text(encoding="utf-8").replace("note: {required: true}", "note: {role: reason}")
    contract.write_text(text, encoding="utf-8")
    again = with_labels(opened_again(pilot)[0], {"b007": ("pay", "refuse"), "b000": ("pay", "pay")})
    frame = read_dataset(again)._table.frame
    assert (frame.loc["b007", "note"], frame.loc["b000", "note"]) == (None, "plain")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"b999": ("pay", "pay")}, "names records that are not there(.|\n)*b999"),
        ({"b000": ("refuse", "refuse")}, "made of other labels than those in the records(.|\n)*b000"),
        ({"b000": ("later", "pay")}, "labels that the contract does not allow(.|\n)*later"),
    ],
)
def test_a_label_set_that_does_not_fit_the_records_is_refused(
    tmp_path: Path, changes: dict[str, tuple[str, str]], message: str
) -> None:
    pilot = small_labelled(tmp_path)
    with pytest.raises(InputError, match=message):
        with_labels(pilot, changes)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.unlink(), "label set v2 cannot be read"),
        (lambda path: path.write_text("record_id,label\nb000,pay\n", encoding="utf-8"), "has other columns"),
        (lambda path: path.write_text(path.read_text() + path.read_text().splitlines()[1]), "has a record twice"),
    ],
)
def test_a_file_that_is_no_label_set_is_refused(tmp_path: Path, write: Callable[[Path], object], message: str) -> None:
    pilot = with_labels(small_labelled(tmp_path), {"b000": ("pay", "pay")})
    write(label_set_path(pilot.data, "v2"))
    with pytest.raises(InputError, match=message):
        read_dataset(pilot)


@pytest.mark.parametrize("name", ["v1", "two", "v02", "../v2"])
def test_a_contract_names_label_sets_from_v2_on(tmp_path: Path, name: str) -> None:
    pilot = small_labelled(tmp_path)
    contract = pilot.data / "contract.yaml"
    contract.write_text(f'label_set: "{name}"\n' + contract.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(InputError, match="label_set"):
        opened_again(pilot)
    assert (next_label_set(None), next_label_set("v2"), next_label_set("v9")) == ("v2", "v3", "v10")


def signed_as(line: str, other: str) -> str:
    """Return an entry with the signature of another one."""
    return json.dumps({**json.loads(line), "signature": json.loads(other)["signature"]})


def test_the_log_reads_back_what_was_said(tmp_path: Path) -> None:
    applied = AppliedLabels("v2", "f" * 64, ("list",), 3, 1)
    append_label_entry(tmp_path, DRAWN, BY)
    append_label_entry(tmp_path, applied, BY)
    assert read_label_log(tmp_path) == (DRAWN, applied)
    assert read_label_log(tmp_path / "elsewhere") == ()


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (lambda lines: [lines[0].replace('"n_records": 3', '"n_records": 4'), *lines[1:]], 1),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[1], lines[0]], 1),
        (lambda lines: [lines[0], lines[1].replace('"who": "someone"', '"who": "nobody"')], 2),
        (lambda lines: [lines[0], signed_as(lines[1], lines[0])], 2),
        (lambda lines: [*lines, "no JSON"], 3),
    ],
)  # fmt: skip
def test_a_log_that_was_altered_is_named_with_its_line(
    tmp_path: Path, broken: Callable[[list[str]], list[str]], line: int
) -> None:
    append_label_entry(tmp_path, DRAWN, BY)
    append_label_entry(tmp_path, DRAWN, BY)
    path = label_log_path(tmp_path)
    path.write_text("\n".join(broken(path.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")
    with pytest.raises(RunError, match=rf"log of label sets was altered\n.*line {line}"):
        read_label_log(tmp_path)
    with pytest.raises(RunError, match="log of label sets was altered"):
        append_label_entry(tmp_path, DRAWN, BY)


def test_a_list_is_known_by_its_content(tmp_path: Path) -> None:
    name = write_list(tmp_path, ["b2", "b1"])
    assert read_list(tmp_path, name) == ("b1", "b2")
    assert read_list(tmp_path, write_list(tmp_path, [])) == ()
    (tmp_path / "labels" / "lists" / name).write_text("b1", encoding="utf-8")
    with pytest.raises(RunError, match="is gone or was altered"):
        read_list(tmp_path, name)


def decided_with(pilot: Pilot, dataset: Dataset, split: Split, n_other: int) -> pd.Series[str]:
    """Return decisions that agree with all labels of a split but so many."""
    labels = labelled(dataset)[dataset.ids(split)]
    other = labels.map({"pay": "refuse", "refuse": "pay"})
    return labels.where(pd.Series(range(len(labels)), index=labels.index) >= n_other, other)


def test_a_list_holds_all_disagreements_and_the_first_agreements_by_the_key(tmp_path: Path) -> None:
    pilot = small_labelled(tmp_path)
    dataset = read_dataset(pilot)
    decided = decided_with(pilot, dataset, Split.HOLDOUT, 7)
    listed = set(disputed_among(pilot, dataset, decided, 20))
    assert set(decided.index[:7]) <= listed
    assert listed - set(decided.index[:7]) == set(agreements_order(pilot.data, decided.index[7:])[:20])
    assert list(disputed_among(pilot, dataset, decided, 20)) == sorted(listed)
    assert set(disputed_among(pilot, dataset, decided, 10_000)) == set(decided.index)


def test_the_length_of_a_list_of_the_holdout_does_not_say_how_many_disagree(tmp_path: Path) -> None:
    pilot = small_labelled(tmp_path)
    dataset = read_dataset(pilot)
    lengths = [
        len(disputed_among(pilot, dataset, decided_with(pilot, dataset, Split.HOLDOUT, n), 50, 30))
        for n in (0, 1, 15, 30)
    ]
    assert lengths == [80] * 4
    more = disputed_among(pilot, dataset, decided_with(pilot, dataset, Split.HOLDOUT, 31), 50, 30)
    assert len(more) == 110, "where they do not fit, in steps of the room"


def test_a_sample_is_drawn_by_the_labels_in_the_records_whatever_was_corrected(tmp_path: Path) -> None:
    pilot = small_labelled(tmp_path)
    dataset = read_dataset(pilot)
    decided = decided_with(pilot, dataset, Split.DEV, 7)
    listed = disputed_among(pilot, dataset, decided, 20)
    first = decided.index[0]
    again = with_labels(pilot, {first: (decided[first], labelled(dataset)[first])})
    assert disputed_among(again, read_dataset(again), decided, 20) == listed


def test_samples_are_drawn_evenly(tmp_path: Path) -> None:
    pilot = small_labelled(tmp_path)
    ids = read_dataset(pilot).splits.index
    order = agreements_order(pilot.data, ids)
    assert list(order) == list(agreements_order(pilot.data, ids[::-1]))
    assert list(order) != sorted(order)
    assert 100 < sum(int(name[1:]) < N_SMALL // 2 for name in order[:300]) < 200  # 150, six standard deviations


def opened_for(pilot: Pilot, dataset: Dataset) -> tuple[object, ...]:
    """Open the holdout for decisions that are all to pay, and return the ledger."""
    ids = dataset.ids(Split.HOLDOUT)
    decisions = pd.DataFrame({"record_id": ids, "status": "ok", "action": "pay", "confidence": 0.5}, index=ids)
    purpose = Purpose("evaluation", "payer", "version", dataset.digest, len(ids))
    open_holdout(pilot, dataset, (purpose, decisions), (ME, lambda: KEY))
    return read_ledger(ledger_path(pilot))


def test_other_labels_of_opened_records_are_a_new_opening_that_is_charged(tmp_path: Path) -> None:
    pilot = small_labelled(tmp_path)
    dataset = read_dataset(pilot)
    assert not holdout_has_results(pilot, dataset)
    assert len(opened_for(pilot, dataset)) == len(opened_for(pilot, dataset)) == 1  # the same look adds nothing
    assert holdout_has_results(pilot, dataset)
    first = dataset.ids(Split.HOLDOUT)[0]
    was = labelled(dataset)[first]
    again = with_labels(pilot, {first: ("pay" if was == "refuse" else "refuse", was)})
    one, other = opened_for(again, read_dataset(again))
    assert (other.repeat_of, round(other.charge, 3), round(one.charge, 3)) == (None, 0.222, 0.667)  # type: ignore[attr-defined]
    assert "1 of 303 records opened before have another label" in other.changes  # type: ignore[attr-defined]
    assert holdout_has_results(again, read_dataset(again))


def test_decisions_alone_have_one_digest_in_any_order() -> None:
    actions = pd.Series({"a": "pay", "b": "refuse"})
    one, other = (DecidedAlone("payer", "v", "dev", some, 2) for some in (actions, actions[::-1]))
    assert one.digest == other.digest != DecidedAlone("payer", "v", "dev", actions.replace("pay", "refuse"), 2).digest
