from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_pilots import with_fixed_split
from ticket_records import write_tickets

from workbench.contract import ColumnType, PiiClass, Role
from workbench.errors import InputError
from workbench.evaluation import RunRequest, evaluate, evaluate_all
from workbench.pilot import open_pilot
from workbench.prompts import messages, read_prompt
from workbench.scaffold import Columns, infer_type, init_pilot
from workbench.splits import Split, read_dataset


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-20", None], ColumnType.INTEGER),
        (["1", "2.5"], ColumnType.NUMBER),
        (["1e3", "2"], ColumnType.NUMBER),
        (["01", "2"], ColumnType.STRING),
        (["1,5", "2,5"], ColumnType.STRING),
        (["true", "FALSE"], ColumnType.BOOLEAN),
        (["2025-01-31", "2024-02-29"], ColumnType.DATE),
        (["2025-01-31", "2025-02-30"], ColumnType.STRING),
        (["2025-01-31T10:00:00Z", "2025-01-31 10:00"], ColumnType.DATETIME),
        ([None, None], ColumnType.STRING),
        (["NaN", "1"], ColumnType.STRING),
    ],
)
def test_a_type_is_the_narrowest_that_every_cell_has(cells: list[str | None], kind: ColumnType) -> None:
    assert infer_type(pd.Series(cells, dtype=object)) is kind


def test_a_contract_is_inferred_from_the_cells(tmp_path: Path) -> None:
    records = write_tickets(tmp_path / "tickets.csv", 60)
    text = records.read_text(encoding="utf-8").splitlines()
    mails = [f"{line},{'a@b.example' if i % 3 else 'none'}" for i, line in enumerate(text[1:])]
    records.write_text("\n".join([text[0] + ",mail", *mails]) + "\n", encoding="utf-8")
    columns = init_pilot("tickets", records, Columns("queue", id="ticket"), tmp_path).contract.columns
    assert {name: column.role for name, column in columns.items()} == {
        "ticket": Role.ID, "opened": Role.TIMESTAMP, "body": Role.TEXT, "amount": Role.FIELD, "queue": Role.LABEL,
        "mail": Role.FIELD,
    }  # fmt: skip
    assert columns["queue"].allowed == ("login", "refund", "shipping")
    assert columns["mail"].pii is PiiClass.CONTACT


def test_columns_that_may_be_an_entity_are_named_until_one_is(tmp_path: Path) -> None:
    # vendors of ten; a class of three values, an id of its own and an amount are no entity
    rows = [f"r{i},v{i // 10},{'abc'[i % 3]},{i * 1.5},{'yes' if i % 4 else 'no'}" for i in range(200)]
    (tmp_path / "r.csv").write_text("\n".join(["id,vendor,kind,amount,y", *rows]) + "\n", encoding="utf-8")
    asked = init_pilot("asked", tmp_path / "r.csv", Columns("y", id="id"), tmp_path)
    assert asked.candidates == ("vendor",)
    named = init_pilot("named", tmp_path / "r.csv", Columns("y", id="id", entity="vendor"), tmp_path)
    assert (named.candidates, named.contract.columns["vendor"].role) == ((), Role.ENTITY)
    with pytest.raises(InputError, match="there is no entity column 'supplier'"):
        init_pilot("wrong", tmp_path / "r.csv", Columns("y", entity="supplier"), tmp_path)


def test_a_new_pilot_runs_without_editing_a_file(tmp_path: Path) -> None:
    init_pilot("tickets", write_tickets(tmp_path / "tickets.csv", 200), Columns("queue"), tmp_path)
    pilot = open_pilot("tickets", tmp_path)
    majority, baseline, boosted = evaluate_all(pilot, (), RunRequest(show_progress=False))
    assert majority.info.finished
    assert baseline.info.finished
    assert boosted.info.finished
    learnt, floor = baseline.estimates["accuracy"].value, majority.estimates["accuracy"].value
    assert learnt is not None
    assert floor is not None
    assert learnt > 0.8 > 0.5 > floor  # three queues with words of their own against the largest share
    holdout = evaluate(pilot, "baseline", RunRequest(Split.HOLDOUT, show_progress=False))
    assert holdout.info.planned == len(read_dataset(pilot).ids(Split.HOLDOUT))
    assert holdout.threshold is not None


def test_odd_column_names_work_in_the_first_prompt(tmp_path: Path) -> None:
    header = 'Order "No", Größe,items,a.b,{{x}},y'
    rows = [f"{i},L,3 pieces,{i},{{% if %}},{'p' if i % 2 else 'q'}" for i in range(20)]
    (tmp_path / "r.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    init_pilot("odd", tmp_path / "r.csv", Columns("y"), tmp_path)
    pilot = open_pilot("odd", tmp_path)
    prompt = read_prompt(pilot.suite / "prompts" / "v1.md", pilot.contract.shown)
    dataset = read_dataset(pilot)
    record = next(dataset.records(dataset.ids(Split.DEV)))
    user = messages(prompt, record, dataset.labels)[-1].content
    assert "3 pieces" in user
    assert "{% if %}" in user


@pytest.mark.parametrize(
    ("name", "columns", "text", "message"),
    [
        ("Bad Name", Columns("y"), "t,y\n1,a\n2,b\n3,a\n4,b\n", "no name for a pilot"),
        ("../up", Columns("y"), "t,y\n1,a\n2,b\n3,a\n4,b\n", "no name for a pilot"),
        ("ok", Columns("z"), "t,y\n1,a\n2,b\n3,a\n4,b\n", "there is no label column 'z'"),
        ("ok", Columns("y", id="z"), "t,y\n1,a\n2,b\n3,a\n4,b\n", "there is no id column 'z'"),
        ("ok", Columns("y", text="y"), "t,y\n1,a\n2,b\n3,a\n4,b\n", "one column cannot have two roles"),
        ("ok", Columns("y"), "y\na\nb\na\nb\n", "nothing to decide from"),
        ("ok", Columns("y"), "t,y\n1,a\n", "labels with one record"),
        ("ok", Columns("y"), "t,y\n1,a\n2,b\n3,a\n", "labels with one record"),
        ("ok", Columns("y"), "t,y\n1,a\n2,\n3,a\n4,b\n5,b\n", "records without a label in column 'y': row 1"),
        ("ok", Columns("y", id="t"), "t,y\n1,a\n1,b\n3,a\n4,b\n", r"ids given twice in column 't' \('?1'?\): row 0, 1"),
    ],
)
def test_what_cannot_become_a_pilot_leaves_nothing_behind(
    tmp_path: Path, name: str, columns: Columns, text: str, message: str
) -> None:
    (tmp_path / "r.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        init_pilot(name, tmp_path / "r.csv", columns, tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["r.csv"]


def test_a_pilot_is_never_overwritten(tmp_path: Path) -> None:
    records = write_tickets(tmp_path / "tickets.csv", 40)
    init_pilot("tickets", records, Columns("queue"), tmp_path)
    with pytest.raises(InputError, match="there is a pilot 'tickets' already"):
        init_pilot("tickets", records, Columns("queue"), tmp_path)


def test_a_root_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    records = write_tickets(tmp_path / "tickets.csv", 40)
    (tmp_path / "eval_suites").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(InputError, match="the pilot cannot be written"):
        init_pilot("tickets", records, Columns("queue"), tmp_path)
    assert not list((tmp_path / "datasets").iterdir())


def table(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_columns_with_gaps_are_required_and_mostly_empty_ones_are_not(tmp_path: Path) -> None:
    rows = [f"{i},{i if i % 4 else ''},{i if i % 4 == 0 else ''},{'a' if i % 2 else 'b'}" for i in range(40)]
    made = init_pilot("gaps", table(tmp_path / "r.csv", "id,often,seldom,y", rows), Columns("y", id="id"), tmp_path)
    required = {name: column.required for name, column in made.contract.columns.items()}
    assert required == {"id": True, "often": True, "seldom": False, "y": True}
    said = " ".join(made.said)
    assert "that are required, with how many of 40: 'often (10)'" in said
    assert "that are not required, with how many of 40: 'seldom (30)'" in said


def test_spellings_of_a_label_become_aliases_and_are_said(tmp_path: Path) -> None:
    cells = ["yes"] * 9 + ["Yes"] * 3 + ["yes "] * 2 + ["NO"] * 2 + ["no"] * 7
    rows = [f"{i},{cell}" for i, cell in enumerate(cells)]
    made = init_pilot("said", table(tmp_path / "r.csv", "n,y", rows), Columns("y"), tmp_path)
    assert made.n_labels == 2
    pilot = open_pilot("said", tmp_path)
    assert pilot.contract.columns["y"].allowed == ("no", "yes")
    assert pilot.contract.columns["y"].aliases == {"Yes": "yes", "NO": "no"}
    assert made.said[0].startswith("2 spellings of labels are read as another label: 'no' for 'NO'; 'yes' for 'Yes'.")
    assert read_dataset(pilot).labels == ("no", "yes")


def test_a_label_that_looks_like_a_person_is_asked_about_and_can_be_named(tmp_path: Path) -> None:
    rows = [f"text {i},{('billing', 'login', 'Out of scope')[i % 3]}" for i in range(60)]
    records = table(tmp_path / "r.csv", "t,y", rows)
    [asked] = init_pilot("asked", records, Columns("y"), tmp_path).said
    assert asked.startswith("Does the label 'Out of scope' mean that a person decides?")
    assert asked.endswith(f"workbench init asked --records {records} --label y --escalate 'Out of scope'")
    assert open_pilot("asked", tmp_path).settings.escalate_label is None
    assert init_pilot("named", records, Columns("y", escalate="Out of scope "), tmp_path).said == ()
    assert open_pilot("named", tmp_path).settings.escalate_label == "Out of scope"
    with pytest.raises(InputError, match=r"there is no label 'other' to escalate by(.|\n)*'Out of scope', 'billing'"):
        init_pilot("wrong", records, Columns("y", escalate="other"), tmp_path)
    assert not (tmp_path / "datasets" / "wrong").exists()


def accuracies(pilot_root: Path, name: str) -> dict[str, float]:
    pilot = with_fixed_split(open_pilot(name, pilot_root))
    found = evaluate_all(pilot, (), RunRequest(show_progress=False))
    return {one.agent: one.estimates["accuracy"].value or 0.0 for one in found}


def test_the_baselines_reach_what_one_if_reaches(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    history = (rng.random(400) > 0.08).astype(int)  # 0 decides for reject, and is rare
    kinds = rng.choice(list("abc"), 400)
    rows = [f"r{i},{history[i]},{kinds[i]},{'approve' if history[i] else 'reject'}" for i in range(400)]
    records = table(tmp_path / "r.csv", "id,history,kind,y", rows)
    init_pilot("rare", records, Columns("y", id="id"), tmp_path)
    found = accuracies(tmp_path, "rare")
    assert found["majority"] < 0.95
    assert found["baseline"] == found["boosted"] == 1.0


def test_a_fold_with_one_label_alone_is_answered_by_it(tmp_path: Path) -> None:
    # records of one content share a fold, so whoever answers the eight has learnt from "approve" alone
    rows = [f"{h},{'approve' if h else 'reject'}" for h in [0] * 8 + [1, 2, 3, 4, 5, 6, 7, 8] * 5]
    init_pilot("two", table(tmp_path / "r.csv", "history,y", rows), Columns("y"), tmp_path)
    assert set(accuracies(tmp_path, "two")) == {"majority", "baseline", "boosted"}


def test_sentences_without_spaces_are_read_by_their_letters(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    kinds = {"card": ("我的卡丢了", "カードをなくしました"), "money": ("我想转账给他", "お金を送りたいです")}
    fillers = list("今明昨早晚上下午你我他她它这那东西南北")
    rows = []
    for i in range(240):
        label = ("card", "money")[i % 2]
        said = kinds[label][i % 4 // 2]
        rows.append(f"{''.join(rng.choice(fillers, 6))}{said}{''.join(rng.choice(fillers, 6))},{label}")
    init_pilot("unspaced", table(tmp_path / "r.csv", "t,y", rows), Columns("y", text="t"), tmp_path)
    found = accuracies(tmp_path, "unspaced")
    assert found["baseline"] > 0.95, "every sentence is different, so it is not read as one word"
    assert "boosted" not in found, "there is nothing but text, which the trees do not read"
