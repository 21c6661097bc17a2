"""What a run, an audit and a gate leave for people holds no personal data; the twin without any is as it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from answering_pilots import key_of, sign, with_store, write
from commands import command_in
from gate_pilots import gate
from personal_pilots import planted, records, write_personal

from workbench.audit.published.audits import publish
from workbench.audit.published.store import affected_rows
from workbench.audit.questions.assessment import audit_pilot
from workbench.evaluation import evaluate
from workbench.evaluation.shown.comparisons import examples
from workbench.evaluation.shown.mistakes import mistakes_table
from workbench.evaluation.shown.record_pages import record_page
from workbench.evaluation.versions.history import record_history
from workbench.evaluation.versions.masked import as_shown
from workbench.gates.held.hold import GateRequest, hold_gate
from workbench.gates.pipeline import PilotRun, run_audit, run_pilot
from workbench.metrics import is_wrong, worst_slices
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs import RunRequest
from workbench.words import RunError

ROWS = records()
# Decisions and cells that a criterion is computed from, in the journal and in a bundle.
NEEDED = re.compile(r"journal|/(exhibits/evaluation/(holdout|development)|cells)\.csv$")


def read_in(text: str) -> list[str]:
    """Return what of the planted values stands in a text, as a word of its own."""
    found = [one for one in sorted(planted(ROWS)) if one in text]
    return [one for one in found if re.search(rf"(?<![\w.]){re.escape(one)}(?!\w)", text)]


def left_in(folder: Path) -> dict[str, list[str]]:
    """Return what stands in clear in each file under a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not NEEDED.search(path.as_posix())]
    found = {str(path.relative_to(folder)): read_in(path.read_bytes().decode("utf-8", "replace")) for path in files}
    return {name: values for name, values in found.items() if values}


@pytest.fixture
def people(tmp_path: Path) -> Pilot:
    write_personal(tmp_path / "root", ROWS)
    return open_pilot("people", tmp_path / "root")


def test_an_audit_names_every_fault_in_masked_columns_and_shows_no_value(people: Pilot, tmp_path: Path) -> None:
    audit = audit_pilot(people)
    published = publish(audit, tmp_path / "audit")
    assert left_in(published.folder) == {}
    flagged = audit.detection.cells
    assert {7, 11, 12, 17, 23, 31, 37, 43, 47, 53, 59, 67, 71} <= set(flagged["row"]), "masks hide no fault"
    page = published.report.read_text(encoding="utf-8").replace("<wbr>", "")
    assert "R0023" in page, "rows are named by their ids"
    assert "[a+.a+@a+, " in page, "an address without a country is seen in its shape"
    finding = next(one for one in audit.findings if one.kind == "typo")
    [row] = affected_rows(audit, finding, finding.rows).to_dict("records")
    assert (row["record"], row["offending"]) == ("R0007", "customer")
    assert row["amount"] == ROWS[7][11], "what is not marked is as it is"
    assert row["customer"].startswith("[Aa+ Aa+, ")


def test_without_marks_an_audit_masks_what_it_recognises(tmp_path: Path) -> None:
    write_personal(tmp_path / "root", ROWS, marked=False)
    audit = audit_pilot(open_pilot("people", tmp_path / "root"))
    assert audit.subject.masking.columns == {"mail", "iban"}
    shown = publish(audit, tmp_path / "audit")
    text = "".join(path.read_text(encoding="utf-8") for path in shown.folder.rglob("*.*") if path.is_file())
    assert "Adelheid Quastenberg" in text
    assert "@mail.example" not in text
    assert "@home.example" not in text
    assert "+49 30" not in text


def test_tables_of_mistakes_and_slices_show_no_person(people: Pilot) -> None:
    dataset = read_dataset(people)
    evaluation = evaluate(people, "echo", RunRequest(show_progress=False), dataset)
    assert read_in(str(evaluation.outcomes["reason"].iloc[0])), "the agent repeats the person"
    readable, (seen,) = as_shown(people, dataset, [evaluation])
    wrong = seen.outcomes.index[is_wrong(seen.outcomes)]
    assert len(wrong)
    tables = [
        mistakes_table([seen], readable),
        examples([seen], readable, wrong),
        worst_slices(seen.outcomes, readable.shown().loc[seen.outcomes.index], fewest=20),
        pd.read_csv(seen.write(people.root / "out").with_suffix(".csv")),
    ]
    for table in tables:
        assert len(table)
        assert read_in(table.map(str).to_csv()) == []
    assert seen.estimates == evaluation.estimates
    clear, (same,) = as_shown(people, dataset, [evaluation], show_personal=True)
    assert (clear, same) == (dataset, evaluation)


def test_masked_slices_are_the_same_slices(people: Pilot) -> None:
    dataset = read_dataset(people)
    evaluation = evaluate(people, "echo", RunRequest(show_progress=False), dataset)
    readable, (seen,) = as_shown(people, dataset, [evaluation])
    own = [name for name in dataset.shown().columns if name != "salary"]  # quarters of numbers, no single ones
    sizes = [
        sorted(zip(found["n"], found["wrong"], strict=True))
        for one, frame in ((evaluation, dataset.shown()), (seen, readable.shown()))
        for found in [worst_slices(one.outcomes, frame[own].loc[one.outcomes.index], fewest=20)]
    ]
    assert sizes[0] == sizes[1]


def test_the_page_of_a_record_masks_prompt_reply_and_tokens(people: Pilot) -> None:
    pilot, dataset = people, read_dataset(people)
    evaluate(pilot, "echo", RunRequest(limit=3, show_progress=False), dataset)
    with pytest.raises(RunError, match="not one of 3 records got a decision"):  # it was trained for invoices
        evaluate(pilot, "prompt_v1", RunRequest(limit=3, show_progress=False), dataset)
    for record_id in dataset.ids(Split.DEV, 3):
        history = record_history(pilot, dataset, record_id)
        page = record_page(history)
        assert read_in(page) == []
        [user] = [message.content for message in history.prompts["v1"] if message.role == "user"]
        assert user.startswith("Customer [Aa+ Aa+, "), "the prompt's own words stay"
        assert len(history.answered) == 2
        assert read_in(record_page(record_history(pilot, dataset, record_id, show_personal=True)))


def test_the_command_shows_a_record_in_clear_only_where_it_is_asked_to(
    people: Pilot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = command_in(people.root, monkeypatch, capsys)
    pages = people.runs / "results" / "records"
    assert command("record", "people", "R0007")[0] == 0
    assert left_in(pages) == {}
    assert command("record", "people", "R0007", "--show-personal")[0] == 0
    assert "Ygberg" not in left_in(pages)["R0007.html"], "another person"
    assert "Quastenberg" in left_in(pages)["R0007.html"]


def test_records_without_anybody_in_them_are_shown_as_they_are(tickets: Callable[[int], Pilot], tmp_path: Path) -> None:
    pilot = tickets(60)
    audit = audit_pilot(pilot)
    assert audit.subject.masking.columns == frozenset()
    pd.testing.assert_frame_equal(audit.subject.masking.frame(audit.subject.frame), audit.subject.frame)
    text = "".join(path.read_text(encoding="utf-8") for path in publish(audit, tmp_path).folder.rglob("*.*"))
    assert " signs, " not in text
    dataset = read_dataset(pilot)
    evaluation = evaluate(pilot, "majority", RunRequest(show_progress=False), dataset)
    readable, (seen,) = as_shown(pilot, dataset, [evaluation])
    pd.testing.assert_frame_equal(readable.shown(), dataset.shown())
    pd.testing.assert_frame_equal(seen.outcomes, evaluation.outcomes)


@pytest.mark.slow
def test_no_file_of_a_run_an_audit_and_a_gate_holds_personal_data(people: Pilot, migrated_store: Path) -> None:
    with_store(people, migrated_store)
    kpis = [{"id": "right", "metric": "accuracy", "operator": ">=", "target": 0.8, "confidence_level": 0.95}]
    signers = [{"role": role, "name": "Ann", "signs": True} for role in ("sponsor", "IT owner")]
    high_risk = [{"id": "b", "description": "kind b", "when": {"column": "clerk", "values": ["Klothilde Querfurth"]}}]
    charter = {"process": "Requests are approved or rejected.", "kpis": kpis, "stakeholders": signers}
    write(people, "charter.yaml", {**charter, "high_risk": high_risk})
    criteria = [{"id": "right", "kpi": "right"}, {"id": "found", "check": "audit_limits"}]
    write(people, "gates.yaml", gate(criteria, notebooks=["01_data_audit", "02_prompt_iteration", "03_evaluation"]))
    pilot = sign(people)
    run_pilot(pilot, PilotRun(key=key_of(pilot)))
    run_audit(pilot)
    hold_gate(pilot, 2, GateRequest(key=pilot.root / "keys" / "key.pem"))
    found = left_in(pilot.root / "mlruns") | left_in(pilot.root / "evidence")
    agreed = {"Klothilde", "Querfurth", "Klothilde Querfurth"}  # stands in the charter
    assert {name: values for name, values in found.items() if set(values) - agreed} == {}
    assert list((pilot.root / "mlruns").rglob("profile.html"))
    assert list(pilot.root.rglob("gate-2/*/report.html"))
