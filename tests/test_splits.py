import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from workbench.commands.scaffold import Columns, init_pilot
from workbench.files.commits import Provenance
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.pilot.signing.keys import generated_key
from workbench.records.ledger import Purpose, read_ledger
from workbench.records.splits import Dataset, Split, ledger_path, open_holdout, opened_before, read_dataset
from workbench.records.splits.draw import new_split
from workbench.words import InputError

ME = Provenance("someone", "abc123", False)
KEY = generated_key()


def test_each_label_has_its_share_of_holdout_records(tickets: Callable[[int], Pilot]) -> None:
    counts = read_dataset(tickets(400)).label_counts()
    expected = (counts.sum(axis=1) * 0.3).round()
    assert counts["holdout"].tolist() == expected.tolist()


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_rare_label_has_a_record_on_each_side(n: int) -> None:
    ids = pd.Series([f"r{i}" for i in range(n)])
    split = new_split(pd.Series(["rare"] * n), ids, 0.3, "ab" * 16)
    assert 0 < split.thresholds["rare"] < 1


def test_no_record_changes_side_when_records_are_added(tickets: Callable[[int], Pilot], tmp_path: Path) -> None:
    pilot = tickets(300)
    before = read_dataset(pilot).splits
    path = pilot.data / "tickets.csv"
    more = "".join(f"N{i},2025-01-01,brand new text {i},1.00,{['refund', 'login'][i % 2]}\n" for i in range(200))
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    after = read_dataset(open_pilot("tickets", tmp_path)).splits
    assert len(after) == 500
    assert (after[before.index] == before).all()
    assert 0.2 < (after.drop(before.index) == "holdout").mean() < 0.4


def test_records_with_the_same_content_fall_on_the_same_side(tmp_path: Path) -> None:
    rows = [f"text {i % 50},{'a' if i % 50 < 25 else 'b'}" for i in range(150)]
    (tmp_path / "r.csv").write_text("t,y\n" + "\n".join(rows) + "\n", encoding="utf-8")
    init_pilot("repeats", tmp_path / "r.csv", Columns(label="y"), tmp_path)
    dataset = read_dataset(open_pilot("repeats", tmp_path))
    sides = dataset.splits.groupby(dataset.splits.index.str.split(".").str[0]).nunique()
    assert (sides == 1).all()
    folds = dataset.folds()
    assert (folds.groupby(folds.index.str.split(".").str[0]).nunique() == 1).all()


def test_a_smaller_limit_takes_a_subset_of_a_larger_one(tickets: Callable[[int], Pilot]) -> None:
    dataset = read_dataset(tickets(200))
    small, large = dataset.ids(Split.DEV, 20), dataset.ids(Split.DEV, 60)
    assert list(large[:20]) == list(small)
    assert set(large) <= set(dataset.splits.index[dataset.splits == "dev"])


def test_an_agent_sees_neither_label_nor_withheld_columns(tickets: Callable[[int], Pilot]) -> None:
    dataset = read_dataset(tickets(50))
    for split in Split:
        for record in dataset.records(dataset.ids(split)):
            assert set(record.fields) == {"ticket", "opened", "body", "amount"}
    assert set(dataset.training().index) == set(dataset.ids(Split.DEV))
    assert set(dataset.dev_labels().index) == set(dataset.ids(Split.DEV))


def decisions(dataset: Dataset, action: str = "login") -> pd.DataFrame:
    ids = dataset.ids(Split.HOLDOUT)
    columns = {"record_id": list(ids), "status": "ok", "action": action, "confidence": 0.9}
    return pd.DataFrame(columns, index=ids)


def opened(pilot: Pilot, dataset: Dataset, version: str, action: str = "login") -> pd.DataFrame:
    purpose = Purpose("evaluation", version, version, dataset.digest, 30)
    labels, _ = open_holdout(pilot, dataset, (purpose, decisions(dataset, action)), (ME, lambda: KEY))
    return labels


def test_opening_the_holdout_is_on_the_ledger_before_labels_are_handed_out(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(100)
    dataset = read_dataset(pilot)
    labels = opened(pilot, dataset, "a")
    assert set(labels.index) == set(dataset.ids(Split.HOLDOUT))
    assert "label" in labels.columns
    opened(pilot, dataset, "b")
    opened(pilot, dataset, "a")
    opened(pilot, dataset, "a", "refund")
    openings = read_ledger(ledger_path(pilot))
    assert [opening.number for opening in openings] == [1, 2, 3]
    assert [opening.repeat_of for opening in openings] == [None, None, None], "other decisions are another look"
    assert (openings[0].who, openings[0].pilot) == ("someone", "tickets")


def test_what_was_opened_is_given_again_for_exactly_these_decisions(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(100)
    dataset = read_dataset(pilot)
    purpose = Purpose("evaluation", "a", "a", dataset.digest, 30)
    assert opened_before(pilot, dataset, (purpose, decisions(dataset))) is None
    labels = opened(pilot, dataset, "a")
    known = opened_before(pilot, dataset, (purpose, decisions(dataset)))
    assert known is not None
    assert known[0].equals(labels)
    assert opened_before(pilot, dataset, (purpose, decisions(dataset, "refund"))) is None


COLUMN_ROLE = ("amount:", "amount:\n    role: source")
PERSON = ("escalate_label: null", "escalate_label: login")
SHARE = ("holdout_share: 0.3", "holdout_share: 0.31")
CHANGES: dict[str, tuple[Callable[[Pilot], object], str]] = {
    "labels": (lambda pilot: edited(pilot.data / "tickets.csv", "refund", "login", 60), "have another label"),
    "records": (lambda pilot: without_lines(pilot.data / "tickets.csv", 40), "are gone"),
    "roles": (lambda pilot: edited(pilot.data / "contract.yaml", *COLUMN_ROLE), "the roles of"),
    "targets": (lambda pilot: edited(pilot.suite / "charter.yaml", "target: 0.", "target: 0.1"), "the charter's"),
    "escalation": (lambda pilot: edited(pilot.suite / "pilot.yaml", *PERSON), "the label that"),
    "split": (lambda pilot: edited(pilot.data / "splits.yaml", *SHARE), "the split"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_what_is_judged_is_charged_and_said(tickets: Callable[[int], Pilot], what: str) -> None:
    pilot = tickets(100)
    dataset = read_dataset(pilot)
    opened(pilot, dataset, "a")
    change, words = CHANGES[what]
    change(pilot)
    pilot = open_pilot("tickets", pilot.root)
    opened(pilot, read_dataset(pilot), "a")
    last = read_ledger(ledger_path(pilot))[-1]
    assert last.number == 2
    assert last.repeat_of is None
    assert last.charge < 0.5
    assert any(words in said for said in last.changes), last.changes


def test_a_copy_of_a_pilot_has_no_fresh_budget(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(100)
    opened(pilot, read_dataset(pilot), "a")
    for folder in (pilot.data, pilot.suite):
        shutil.copytree(folder, folder.with_name("copy"))
    shutil.rmtree(pilot.root / "datasets" / "copy" / "opened")
    (pilot.root / "datasets" / "copy" / "ledger.jsonl").unlink()
    copy = open_pilot("copy", pilot.root)
    opened(copy, read_dataset(copy), "a")
    (opening,) = read_ledger(ledger_path(copy))
    assert opening.share == pytest.approx(2 / 9)
    assert [one["ledger"] for one in opening.elsewhere] == ["tickets"]


def test_sealed_records_hold_no_label_of_the_holdout(tickets: Callable[[int], Pilot]) -> None:
    dataset = read_dataset(tickets(100))
    ids = dataset.ids(Split.HOLDOUT)
    plain, learning = (dataset.sealed(ids, with_training=with_training) for with_training in (False, True))
    assert "queue" not in plain["columns"]
    assert plain["ids"] == [name for name in dataset.splits.index if name in ids], "in the order of the files"
    labels = dict(zip(learning["ids"], learning["columns"]["queue"], strict=True))
    assert all(labels[name] is None for name in ids)
    again = Dataset.unsealed(dataset.contract, learning)
    assert again.training().equals(dataset.training())
    assert again.folds().to_dict() == dataset.folds().to_dict()
    assert list(again.records(ids)) == list(dataset.records(ids))


def edited(path: Path, old: str, new: str, count: int = 1) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")


def without_lines(path: Path, count: int) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-count]), encoding="utf-8")


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (lambda lines: [lines[0].replace("someone", "no one"), *lines[1:]], 1),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[0], lines[2], lines[1]], 2),
        (lambda lines: [*lines[:2], lines[2][:-9]], 3),
    ],
    ids=["edited", "first removed", "reordered", "cut"],
)
def test_an_altered_ledger_is_refused(
    tickets: Callable[[int], Pilot], broken: Callable[[list[str]], list[str]], line: int
) -> None:
    from workbench.words import RunError

    pilot = tickets(100)
    dataset = read_dataset(pilot)
    for name in "abc":
        opened(pilot, dataset, name)
    path = ledger_path(pilot)
    path.write_text("\n".join(broken(path.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")
    with pytest.raises(RunError, match=rf"ledger was altered\n.*line {line}"):
        opened(pilot, dataset, "d")


def test_only_one_function_of_the_package_reads_holdout_labels() -> None:
    # the private accessor is the only way to labels of any split; it is called where the ledger is written, for dev,
    # and where a list is made that does not say which of its records differ from their label
    package = Path(__file__).parent.parent / "workbench"
    uses = [
        (path.relative_to(package).as_posix(), line.strip())
        for path in sorted(package.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\._labels\(|\._table\.frame", line)
    ]
    assert {name for name, _ in uses} == {f"records/splits/{name}.py" for name in ("dataset", "disputing", "opening")}
    assert sum("_labels(" in line for _, line in uses) == 4


def test_a_split_with_a_misspelt_key_is_refused(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(50)
    path = pilot.data / "splits.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("holdout_share", "holdout_shar"), encoding="utf-8")
    with pytest.raises(InputError, match="unknown key 'holdout_shar'"):
        read_dataset(pilot)


def test_records_that_can_be_obtained_name_the_command(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(50)
    (pilot.data / "sources.yaml").write_text("", encoding="utf-8")
    (pilot.data / "tickets.csv").unlink()
    with pytest.raises(InputError, match=r"not obtained yet(.|\n)*do: workbench data tickets"):
        read_dataset(pilot)


def test_aliases_move_no_keyed_hash(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(90)
    before = read_dataset(pilot)
    contract = pilot.data / "contract.yaml"
    text = contract.read_text(encoding="utf-8").replace(
        "    role: label\n", "    role: label\n    aliases: {Login: login}\n"
    )
    contract.write_text(text, encoding="utf-8")
    records = pilot.data / "tickets.csv"
    records.write_text(records.read_text(encoding="utf-8").replace(",login\n", ",Login \n", 7), encoding="utf-8")
    after = read_dataset(open_pilot(pilot.name, pilot.root))
    assert after.positions.equals(before.positions)
    assert after.splits.equals(before.splits)
    assert after.labels == before.labels


def vendor_rows(n: int = 600, seed: int = 1) -> str:
    """Return records of vendors of very different size, 40 records without a vendor; two labels."""
    generator = np.random.default_rng(seed)
    vendor = np.minimum(generator.pareto(1.0, n) * 20, 90).astype(int)
    lines = [
        f"r{i},{'' if i < 40 else f'v{vendor[i]}'},{'yes' if generator.random() < 0.3 else 'no'}" for i in range(n)
    ]
    return "id,vendor,y\n" + "\n".join(lines) + "\n"


def vendor_pilot(root: Path, entity: str | None = "vendor") -> Pilot:
    (root / "r.csv").write_text(vendor_rows(), encoding="utf-8")
    init_pilot("vendors", root / "r.csv", Columns(label="y", id="id", entity=entity), root)
    return open_pilot("vendors", root)


def test_records_of_one_entity_stay_on_one_side_and_labels_near_their_share(tmp_path: Path) -> None:
    pilot = vendor_pilot(tmp_path)
    dataset = read_dataset(pilot)
    vendors = dataset.strata(dataset.splits.index)["entity"]
    assert (dataset.splits.groupby(vendors).nunique() == 1).all()
    assert set(dataset.splits[vendors.isna()]) == {"dev", "holdout"}, "records without a vendor are split one by one"
    shares = dataset.label_counts()
    assert ((shares["holdout"] / shares.sum(axis=1) - 0.3).abs() < 0.1).all()
    content = yaml.safe_load((pilot.data / "splits.yaml").read_text(encoding="utf-8"))
    assert (content["by"], content["thresholds"]) == ("vendor", {})
    folds = dataset.folds()
    assert (folds.groupby(vendors[folds.index]).nunique() == 1).all()


def test_new_records_of_a_vendor_join_its_others(tmp_path: Path) -> None:
    pilot = vendor_pilot(tmp_path)
    before = read_dataset(pilot)
    more = "".join(f"n{i},v{i % 20},yes\n" for i in range(60)) + "".join(f"m{i},new{i},no\n" for i in range(90))
    path = pilot.data / "r.csv"
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    after = read_dataset(open_pilot("vendors", tmp_path))
    assert (after.splits[before.splits.index] == before.splits).all()
    vendors = after.strata(after.splits.index)["entity"]
    assert (after.splits.groupby(vendors).nunique() == 1).all()


def test_an_old_split_by_record_keeps_its_meaning_when_an_entity_is_declared(tmp_path: Path) -> None:
    pilot = vendor_pilot(tmp_path, entity=None)
    before = read_dataset(pilot).splits
    path = pilot.data / "contract.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["columns"]["vendor"]["role"] = "entity"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert (read_dataset(open_pilot("vendors", tmp_path)).splits == before).all()


def test_a_split_by_entity_holds_without_the_role_and_not_without_the_column(tmp_path: Path) -> None:
    pilot = vendor_pilot(tmp_path)
    before = read_dataset(pilot).splits
    path = pilot.data / "contract.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    del content["columns"]["vendor"]["role"]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert (read_dataset(open_pilot("vendors", tmp_path)).splits == before).all()
    del content["columns"]["vendor"]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    table = pd.read_csv(pilot.data / "r.csv").drop(columns="vendor")
    table.to_csv(pilot.data / "r.csv", index=False)
    with pytest.raises(InputError, match=r"split by a column that is gone(.|\n)*by: vendor"):
        read_dataset(open_pilot("vendors", tmp_path))
