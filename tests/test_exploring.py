"""A pilot explored from Python: decisions, mistakes, comparisons and trials of six records counted by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from personal_pilots import planted, records, write_personal
from stub_server import logged_calls, stub_process

import workbench
from workbench.evaluation import evaluate_all
from workbench.evaluation.versions.tried import n_versions_tried
from workbench.pilot.pilot import open_pilot
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Journal

# `careful` is right on d1, d2, d4 and d5; `hasty` on d1, d2 and d6. Both are wrong on d3, by the same answer.
AGENTS = """
def careful(record):
    small = record["amount"] < 100
    return {"action": "pay" if small else "ask", "confidence": 0.9 if small else 0.8, "reason": "by amount"}

def hasty(record):
    return {"action": "pay", "confidence": 0.6}
"""
ROWS = [
    ("d1", "new", 10, "pay"),
    ("d2", "old", 20, "pay"),
    ("d3", "new", 30, "ask"),
    ("d4", "old", 200, "ask"),
    ("d5", "new", 300, "ask"),
    ("d6", "old", 400, "pay"),
    ("h1", "new", 50, "hold"),
    ("h2", "new", 60, "hold"),
]
COLUMNS = {"doc": {"role": "id", "required": True}, "reason": {}, "amount": {"type": "number"}, "is": {"role": "label"}}
PROMPT = """## Role

You decide. The action is one of: {{ labels | join(", ") }}.

## Record

id: {{ record.doc }}
reason: {{ record.reason }}
"""
DOCUMENT = f"---\nname: v1\nchange_note: by hand\nsampling: {{max_tokens: 20}}\n---\n\n{PROMPT}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pilot of six development records and two of the holdout, decided by two versions."""
    root = tmp_path_factory.mktemp("small")
    data, suite = root / "datasets" / "small", root / "eval_suites" / "small"
    data.mkdir(parents=True)
    (suite / "prompts").mkdir(parents=True)
    with (data / "records.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(COLUMNS), *ROWS])
    python = {name: {"python": f"eval_suites/small/agents.py:{name}"} for name in ("careful", "hasty")}
    pilot = {
        "title": "Small",
        "question": "Which?",
        "agents": {**python, "prompt_v1": {"prompt": "v1"}},
        "compare": list(python),
        "server": {"model": "stub", "deadline_s": 10},
        "engine": "server",
    }
    for path, content in (
        (data / "contract.yaml", {"records": ["records.csv"], "columns": COLUMNS}),  # JSON is YAML
        (
            data / "splits.yaml",
            {"key": "0" * 32, "holdout_share": 0.3, "thresholds": {"pay": 0.0, "ask": 0.0, "hold": 1.1}},
        ),
        (suite / "pilot.yaml", pilot),
        (suite / "charter.yaml", {"process": "documents are paid"}),
    ):
        path.write_text(json.dumps(content), encoding="utf-8")
    (suite / "agents.py").write_text(AGENTS, encoding="utf-8")
    (suite / "prompts" / "v1.md").write_text(DOCUMENT, encoding="utf-8")
    evaluate_all(open_pilot("small", root), ("careful", "hasty"), RunRequest(show_progress=False))
    return root


@pytest.fixture
def pilot(root: Path) -> workbench.LoadedPilot:
    return workbench.load("small", root)


def test_a_pilot_is_found_from_a_folder_below(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "datasets" / "small")
    assert repr(workbench.load("small")) == "small: Which?"
    with pytest.raises(workbench.InputError, match=r"there is no pilot 'smal'(.|\n)*small"):
        workbench.load("smal")


def test_versions_stand_in_one_table_the_chosen_one_first(pilot: workbench.LoadedPilot) -> None:
    versions = pilot.versions()
    assert versions.index.tolist() == ["careful", "hasty"]
    assert versions["records"].tolist() == [6, 6]
    assert versions["accuracy"].tolist() == pytest.approx([4 / 6, 3 / 6])
    assert versions["decides_alone"].isna().all(), "without a target nothing is decided alone"


def test_decisions_stand_beside_their_records_and_no_record_of_the_holdout_is_there(
    pilot: workbench.LoadedPilot,
) -> None:
    decisions = pilot.decisions().sort_index()
    assert decisions.index.tolist() == ["d1", "d2", "d3", "d4", "d5", "d6"]
    assert decisions["right"].tolist() == [True, True, False, True, True, False]
    assert decisions["action"].tolist() == ["pay", "pay", "pay", "ask", "ask", "ask"]
    assert decisions["amount"].tolist() == [10, 20, 30, 200, 300, 400]
    assert set(decisions["reason"]) == {"by amount"}, "the decision's; the record's own is record_reason"
    assert decisions["record_reason"].tolist() == ["new", "old"] * 3
    assert set(decisions["route"]) == {"no_threshold"}


def test_errors_are_the_wrong_ones_the_surest_first(pilot: workbench.LoadedPilot) -> None:
    assert pilot.errors("careful").index.tolist() == ["d3", "d6"]
    assert set(pilot.errors("hasty").index) == {"d3", "d4", "d5"}


@pytest.mark.parametrize(
    ("where", "fields", "found"),
    [
        (None, {"record_reason": "new"}, {"d3", "d5"}),
        (None, {"amount": [30, 200]}, {"d3", "d4"}),
        (None, {"amount": "200"}, {"d4"}),
        (None, {"amount": lambda amount: amount > 100, "label": "ask"}, {"d4", "d5"}),
        ("amount > 250", {}, {"d5"}),
        (lambda table: table["amount"] < 100, {}, {"d3"}),
        ("confidence > 0.99", {}, set()),
    ],
)
def test_errors_are_filtered_by_fields_and_conditions(
    pilot: workbench.LoadedPilot, where: object, fields: dict[str, object], found: set[str]
) -> None:
    assert set(pilot.errors("hasty", where, **fields).index) == found


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda pilot: pilot.decisions("carefull"), r"no version 'carefull'(.|\n)*did you mean 'careful'"),
        (lambda pilot: pilot.decisions("prompt_v1"), r"prompt_v1 has no finished run(.|\n)*--agent prompt_v1"),
        (lambda pilot: pilot.errors(amout=10), r"no column 'amout'(.|\n)*did you mean 'amount'"),
        (lambda pilot: pilot.errors(label="payy"), r"no record has label 'payy'(.|\n)*did you mean 'pay'"),
        (lambda pilot: pilot.errors("hasty", "amount >"), r"a condition cannot be read"),
        (lambda pilot: pilot.record("d9"), r"there is no record 'd9'"),
        (lambda pilot: pilot.compare("careful", "careful"), r"with itself"),
        (lambda pilot: pilot.prompt("careful"), r"careful is no prompt"),
        (lambda pilot: pilot.figure(pilot.decisions("careful"), by="amout"), r"did you mean 'amount'"),
        (lambda pilot: pilot.figure(pilot.errors("hasty", "amount > 900")), r"no decisions to draw"),
        (lambda pilot: pilot.try_prompt("nowhere.md"), r"there is no such prompt"),
        (lambda pilot: pilot.try_prompt("Decide well.\n"), r"before the first section(.|\n)*the text of the trial"),
        (lambda pilot: pilot.try_prompt(DOCUMENT, n=0), r"at least 1"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_do(
    pilot: workbench.LoadedPilot, call: Callable[[workbench.LoadedPilot], object], match: str
) -> None:
    with pytest.raises(workbench.InputError, match=match):
        call(pilot)


def test_two_versions_are_compared_by_hand(pilot: workbench.LoadedPilot) -> None:
    # only careful is right on d4 and d5, only hasty on d6; mid-p of 2 against 1: 2 * (4/8) - 3/8; one pair is all
    found = pilot.compare("hasty", "careful")
    assert (found.n, found.right, found.right_before, found.n_versions) == (6, 4, 3, 2)
    assert found.difference == pytest.approx(1 / 6)
    assert (found.p, found.p_corrected) == pytest.approx((0.625, 0.625))
    assert found.better is None
    assert found.flips["change"].to_dict() == {"d6": "broken", "d4": "mended", "d5": "mended"}
    assert found.flips.loc["d6", ["before", "after", "reason"]].tolist() == ["pay", "ask", "old"]
    assert str(found).startswith("These records cannot tell them apart: careful is right on 4 of 6 (66.7%)")
    turned = pilot.compare("careful", "hasty")
    assert turned.difference == pytest.approx(-1 / 6)
    assert turned.flips["change"].value_counts().to_dict() == {"broken": 2, "mended": 1}


def test_one_record_shows_what_its_page_shows_and_a_label_of_the_holdout_stays_sealed(
    pilot: workbench.LoadedPilot,
) -> None:
    record = pilot.record("d4")
    assert dict(zip(record.decisions["version"], record.decisions["right"], strict=True)) == {
        "careful": True,
        "hasty": False,
    }
    assert "Record d4 (dev), label ask, decided by 2 versions" in repr(record)
    assert "<strong>ask</strong>" in record._repr_html_()
    sealed = pilot.record("h1")
    assert "label sealed" in repr(sealed)
    assert "hold" not in repr(sealed).replace("holdout", "")


def test_the_table_has_every_record_and_every_version(pilot: workbench.LoadedPilot) -> None:
    table = pilot.table()
    assert table.frame.columns.tolist() == ["label", "careful", "hasty"]
    assert table.frame.loc["d4"].tolist() == ["ask", "ask", "pay"]
    page = table.page.read_text(encoding="utf-8")
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    names = [column["name"] for column in data["columns"]]
    by_record = {row[0]: dict(zip(names, row, strict=True)) for row in data["rows"]}
    assert data["rows"][0][0] == "d3", "the record that no version decides rightly comes first"
    assert {name: by_record["d4"][name] for name in ("decided rightly", "careful", "hasty")} == {
        "decided rightly": "by some",
        "careful": "ask",
        "hasty": "pay, wrong",
    }
    assert data["texts"][int(by_record["d4"]["what it says"])] == "reason: old · amount: 200.0"


def test_figures_say_what_they_show(pilot: workbench.LoadedPilot, tmp_path: Path) -> None:
    # careful by amount's reason: new d1, d5 of three; old d2, d4 of three
    picture = pilot.figure(pilot.decisions("hasty"), by="label")
    assert repr(picture) == "Right by label: ask 0% to pay 100%"
    assert picture.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert repr(pilot.figure("careful")) == "4 of 6 (66.7%) decisions are right"


def test_slices_are_of_the_fields(pilot: workbench.LoadedPilot) -> None:
    assert pilot.slices("hasty").empty, "six records are too few for a slice"


def test_a_trial_is_asked_once_and_is_no_version(root: Path, tmp_path: Path) -> None:
    log = tmp_path / "calls"
    pilot = open_pilot("small", root)
    before = n_versions_tried(pilot)
    with stub_process("--latency-ms", "0", "--log", str(log)) as url:
        explored = workbench.load("small", root, base_url=url, model="stub")
        trial = explored.try_prompt(DOCUMENT, n=4)
        assert (trial.n, len(trial.decisions), len(logged_calls(log))) == (4, 4, 4)
        assert repr(trial).startswith(f"A trial, not a version: right on {trial.right} of 4")
        assert trial.right == int(trial.decisions["right"].sum())
        again = workbench.load("small", root, base_url=url, model="stub").try_prompt(DOCUMENT, n=4)
        assert len(logged_calls(log)) == 4, "the same text asks nothing"
        assert again == trial
        explored.try_prompt(PROMPT.replace("You decide", "You decide well"), n=4)
        assert len(logged_calls(log)) == 8, "another text is asked; sections alone are enough"
        assert n_versions_tried(pilot) == before
        assert explored.versions().index.tolist() == ["careful", "hasty"]
        with Journal(pilot.runs / JOURNAL_FILE) as journal:
            assert {entry.agent for entry in journal.entries()} == {"careful", "hasty"}
        asked = explored.ask("prompt_v1", n=2)
        assert (len(asked), n_versions_tried(pilot)) == (2, before + 1), "it counts once it is a version"


def test_personal_data_is_masked_unless_it_is_asked_for(tmp_path: Path) -> None:
    rows = records(60)
    write_personal(tmp_path, rows)
    evaluate_all(open_pilot("people", tmp_path), ("echo",), RunRequest(show_progress=False))
    explored, clear = (workbench.load("people", tmp_path, show_personal=flag) for flag in (False, True))

    def shown(pilot: workbench.LoadedPilot) -> str:
        decisions, record = pilot.decisions(), pilot.record("R0003")
        texts = [
            decisions.drop(columns="latency_s").to_csv(),
            repr(record),
            record._repr_html_(),
            record.decisions.to_csv(),
        ]
        return "\n".join([*texts, pilot.table().page.read_text(encoding="utf-8"), pilot.slices().to_csv()])

    text = shown(explored)
    assert {secret for secret in planted(rows) if secret in text} == set()
    assert "Quastenberg" in shown(clear)
