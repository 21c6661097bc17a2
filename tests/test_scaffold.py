from pathlib import Path

import numpy as np
import pytest
from small_pilots import with_fixed_split
from ticket_records import write_tickets

from workbench.agents.prompts import messages, read_prompt
from workbench.cases import check_cases, read_cases
from workbench.commands.scaffold import Choices, Columns, init_pilot
from workbench.environment import read_environment
from workbench.evaluation import evaluate, evaluate_all
from workbench.pilot.contract import ColumnType, PiiClass, RareLabels, Reading, Role, Unlabelled
from workbench.pilot.pilot import open_pilot
from workbench.records.splits import Split, SplitBy, read_dataset
from workbench.records.tables.inference import Hints
from workbench.runs import RunRequest
from workbench.words import InputError


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


@pytest.mark.parametrize(("longest", "agreed"), [(123, 250), (433, 900), (4, 10), (760, 2000)])
def test_a_text_may_be_twice_as_long_as_the_longest_one_seen(tmp_path: Path, longest: int, agreed: int) -> None:
    rows = [f"{'w' * (longest - i % 3)},{i},{'a' if i % 2 else 'b'}" for i in range(20)]
    records = table(tmp_path / "r.csv", "said,amount,y", rows)
    made = init_pilot("said", records, Columns("y", text="said"), tmp_path)
    assert made.contract.columns["said"].max_length == agreed
    assert made.contract.columns["amount"].max_length is None
    assert f"max_length: {agreed}" in (made.data / "contract.yaml").read_text(encoding="utf-8")


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


def test_a_new_pilot_has_two_tools_and_a_suite_whatever_its_columns_are_called(
    tmp_path: Path,
) -> None:
    rows = [f"{number % 3},{number},{number % 5},{'yn'[number % 2]}" for number in range(40)]
    table(tmp_path / "r.csv", 'who is it?,Total "net",total "NET",y', rows)
    made = init_pilot("odd", tmp_path / "r.csv", Columns("y"), tmp_path)
    pilot = open_pilot("odd", tmp_path)
    check_cases(pilot, read_dataset(pilot), read_cases(pilot))
    assert {case.change for case in read_cases(pilot).files[0].suite.cases} == {"field_order"}
    environment = read_environment(pilot)
    assert sorted(environment.tools) == ["hand_over", "read_record"]
    assert environment.image.columns["records"] == ("who is it?", 'total "NET"')
    assert made.contract.shown == ("who is it?", 'Total "net"', 'total "NET"')


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
    assert made.said[0].startswith("2 spellings of labels read as another one: 'no' for 'NO'; 'yes' for 'Yes'.")
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


GERMAN = "Nr;Betrag;Datum;Art;Ziel\n" + "".join(
    f"r{i};{'1.' if i % 3 == 0 else ''}{100 + i},50;{1 + i % 28:02d}.{1 + i % 12:02d}.2025;{'ab'[i % 2]};"
    f"{'ja' if i % 2 else 'nein'}\n"
    for i in range(60)
)


def read_back(root: Path, name: str) -> dict[str, object]:
    """Return the first record of a pilot as an agent sees it."""
    dataset = read_dataset(open_pilot(name, root))
    return dict(next(dataset.records(dataset.splits.index[:1])).fields)


def test_numbers_and_dates_reach_agents_typed_however_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(GERMAN.replace("a;ja", "ä;ja").encode("cp1252"))
    made = init_pilot("german", tmp_path / "r.csv", Columns("Ziel"), tmp_path)
    columns = made.contract.columns
    assert (columns["Betrag"].type, columns["Betrag"].decimal) == (ColumnType.NUMBER, ",")
    assert (columns["Datum"].type, columns["Datum"].format, columns["Datum"].role) == (
        ColumnType.DATE,
        "DD.MM.YYYY",
        Role.TIMESTAMP,
    )
    assert (columns["Nr"].role, made.contract.reading) == (Role.ID, Reading(encoding=None, separator=";"))
    assert made.times == {"column": "Datum", "first": "2025-01-01", "last": "2025-12-24"}
    assert read_back(tmp_path, "german") == {"Nr": "r0", "Betrag": 1100.5, "Datum": "2025-01-01", "Art": "a"}


def test_formats_and_options_move_no_record_between_the_sides(tmp_path: Path) -> None:
    rows = [f"1,{i:03d},{i % 9},{'a' if i % 2 else 'b'}" for i in range(200)]
    records = table(tmp_path / "r.csv", "n;m;k;y".replace(";", ","), rows)
    sides = []
    for number, choices in enumerate((Choices(), Choices(hints=Hints(decimal=",")), Choices(missing=("4",)))):
        types = {"k": ColumnType.STRING} if number == 1 else {}
        init_pilot(f"p{number}", records, Columns("y", types=types), tmp_path, choices)
        splits = read_dataset(open_pilot(f"p{number}", tmp_path)).splits
        sides.append(dict(splits))
    assert sides[0] == sides[1] == sides[2]


def test_everything_inferred_can_be_overruled(tmp_path: Path) -> None:
    rows = [f"{i},{i},{1000 + i},{'NA' if i % 5 == 0 else 'x'},{'a' if i % 2 else 'b'}" for i in range(40)]
    records = table(tmp_path / "r.csv", ",order_id,plant,note,y", rows)
    found = init_pilot("found", records, Columns("y"), tmp_path).contract.columns
    assert [found[name].role for name in found] == [Role.IGNORE, Role.ID, Role.FIELD, Role.FIELD, Role.LABEL]
    assert (found["plant"].type, found["note"].missing) == (ColumnType.INTEGER, ("NA",))
    columns = Columns("y", roles={"column_0": Role.ID, "order_id": Role.FIELD}, types={"plant": ColumnType.STRING})
    init_pilot("said", records, columns, tmp_path, Choices(missing=("x",)))
    said = open_pilot("said", tmp_path).contract.columns
    assert [said[name].role for name in said] == [Role.ID, Role.FIELD, Role.FIELD, Role.FIELD, Role.LABEL]
    assert (said["plant"].type, said["plant"].model_fields_set >= {"type"}) == (ColumnType.STRING, True)
    assert said["note"].missing == ("NA", "x")


def test_rows_without_a_label_are_kept_apart_on_request(tmp_path: Path) -> None:
    rows = [f"r{i},{i % 7},{'' if i % 10 == 0 else ' ' if i == 11 else 'ab'[i % 2]}" for i in range(60)]
    records = table(tmp_path / "r.csv", "id,n,y", rows)
    with pytest.raises(InputError, match=r"row 0, 10, 11, 20, 30, ... \(7 in all\)(.|\n)*--unlabelled apart"):
        init_pilot("refused", records, Columns("y"), tmp_path)
    made = init_pilot("apart", records, Columns("y"), tmp_path, Choices(unlabelled=Unlabelled.APART))
    assert (made.n_records, made.table.n_apart) == (53, 7)
    ids = read_dataset(open_pilot("apart", tmp_path)).splits.index
    assert (len(ids), "r10" in ids, "r11" in ids, "r12" in ids) == (53, False, False, True)


def test_a_label_that_stands_for_nothing_is_no_label_when_it_is_said(tmp_path: Path) -> None:
    rows = [f"r{i},{'?' if i in (3, 4) else 'ab'[i % 2]}" for i in range(60)]
    records = table(tmp_path / "r.csv", "id,y", rows)
    assert init_pilot("text", records, Columns("y"), tmp_path).label_counts == {"a": 29, "b": 29, "?": 2}
    choices = Choices(missing=("?",), unlabelled=Unlabelled.APART)
    made = init_pilot("nothing", records, Columns("y"), tmp_path, choices)
    assert (made.label_counts, made.table.n_apart) == ({"a": 29, "b": 29}, 2)
    assert read_dataset(open_pilot("nothing", tmp_path)).labels == ("a", "b")


def test_a_label_with_one_record_stays_in_development_or_becomes_another_one(tmp_path: Path) -> None:
    rows = [f"r{i},{'once' if i == 7 else 'ab'[i % 2]}" for i in range(60)]
    records = table(tmp_path / "r.csv", "id,y", rows)
    with pytest.raises(InputError, match=r"'once'\): row 7(.|\n)*--alias ONE=OTHER(.|\n)*--rare-labels development"):
        init_pilot("refused", records, Columns("y"), tmp_path)
    init_pilot("kept", records, Columns("y"), tmp_path, Choices(rare_labels=RareLabels.DEVELOPMENT))
    dataset = read_dataset(open_pilot("kept", tmp_path))
    assert dataset.splits["r7"] == "dev"
    assert dataset.labels == ("a", "b", "once")
    merged = init_pilot("merged", records, Columns("y"), tmp_path, Choices(aliases={"once": "a"}))
    assert merged.label_counts == {"a": 31, "b": 29}


def test_a_number_to_predict_is_refused_or_cut_into_labels(tmp_path: Path) -> None:
    # 0.5 to 80.5 in steps of one, with a decimal comma: the quarters are at 20.5, 40.5 and 60.5
    rows = [f"r{i};{'ab'[i % 2]};{i},5" for i in range(81)]
    records = table(tmp_path / "r.csv", "id;kind;price", rows)
    with pytest.raises(InputError, match=r"81 different numbers in 81 records(.|\n)*--bins 20.5,40.5,60.5;"):
        init_pilot("refused", records, Columns("price"), tmp_path)
    made = init_pilot("cut", records, Columns("price"), tmp_path, Choices(bins=(20.0, 60.0)))
    assert made.label_counts == {"20 to below 60": 40, "60 or more": 21, "below 20": 20}
    assert read_dataset(open_pilot("cut", tmp_path)).labels == ("below 20", "20 to below 60", "60 or more")


def test_the_newest_records_are_the_holdout_on_request(tmp_path: Path) -> None:
    rows = [f"r{i},{1 + i % 28:02d}/{1 + i // 28:02d}/2025,{'ab'[i % 2]}" for i in range(200)]
    records = table(tmp_path / "r.csv", "id,received,y", rows)
    made = init_pilot("newest", records, Columns("y"), tmp_path, Choices(split=SplitBy.TIME))
    dataset = read_dataset(open_pilot("newest", tmp_path))
    times = dataset.strata(dataset.splits.index)["timestamp"]
    assert made.split.words == "by time: records with received from 2025-06-01 on"
    assert times[dataset.splits == "dev"].max() == "2025-05-28"
    assert times[dataset.splits == "holdout"].min() == "2025-06-01"
    assert int((dataset.splits == "holdout").sum()) == 60
    with pytest.raises(InputError, match="no column of dates has the role timestamp"):
        init_pilot(
            "none",
            table(tmp_path / "n.csv", "n,y", ["1,a", "2,b"] * 9),
            Columns("y"),
            tmp_path,
            Choices(split=SplitBy.TIME),
        )


def test_a_column_that_is_nearly_a_number_is_said_with_the_cells_that_are_not(tmp_path: Path) -> None:
    rows = [f"r{i},{'12O' if i == 3 else i / 2},{'ab'[i % 2]}" for i in range(40)]
    made = init_pilot("near", table(tmp_path / "r.csv", "id,amount,y", rows), Columns("y"), tmp_path)
    assert made.contract.columns["amount"].type is ColumnType.STRING
    assert "'amount' would be a number but for 1 of 40 cells, so it is read as text: '12O' in row 3" in " ".join(
        made.said
    )


def test_a_column_that_tells_the_label_is_suspected_and_a_clean_one_is_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    labels = rng.choice(["a", "b"], 200)
    rows = [f"r{i},paid {label},{rng.integers(0, 5)},{label}" for i, label in enumerate(labels)]
    made = init_pilot("leaks", table(tmp_path / "r.csv", "id,state,n,y", rows), Columns("y"), tmp_path)
    assert made.leaks == ("state",)
    assert made.said[-1].startswith("Suspected leak: 'state' alone gives the label 'y'")


def test_an_agent_may_abstain_with_an_answer_that_is_no_label(tmp_path: Path) -> None:
    rows = [f"r{i},{i % 4},{'ab'[i % 2]}" for i in range(80)]
    records = table(tmp_path / "r.csv", "id,n,y", rows)
    init_pilot("person", records, Columns("y", abstain="ask a person"), tmp_path)
    suite = tmp_path / "eval_suites" / "person"
    answers = "{0: 'a', 1: 'b', 2: 'ask a person', 3: 'a'}"
    code = f"\n\ndef careful(record):\n    return {{'action': {answers}[record['n']], 'confidence': 0.9}}\n"
    with (suite / "agents.py").open("a", encoding="utf-8") as file:
        file.write(code)
    settings = (suite / "pilot.yaml").read_text(encoding="utf-8")
    agent = "agents:\n  careful:\n    python: eval_suites/person/agents.py:careful\n"
    (suite / "pilot.yaml").write_text(settings.replace("agents:\n", agent, 1), encoding="utf-8")
    pilot = open_pilot("person", tmp_path)
    assert pilot.settings.escalate_label == "ask a person"
    found = evaluate(with_fixed_split(pilot), "careful", RunRequest(show_progress=False))
    # of four records in a row one is given to a person, one is decided wrong, two are right
    assert found.estimates["accuracy"].value == pytest.approx(0.5, abs=0.06)
    assert (found.info.ok, found.info.invalid) == (found.info.planned, 0)
    assert (found.outcomes["action"] == "ask a person").mean() == pytest.approx(0.25, abs=0.06)
    with pytest.raises(InputError, match="no record has as its label, and 'a' is one"):
        init_pilot("twice", records, Columns("y", abstain="a"), tmp_path)
    with pytest.raises(InputError, match=r"no label 'other' to escalate by(.|\n)*--abstain other"):
        init_pilot("other", records, Columns("y", escalate="other"), tmp_path)
