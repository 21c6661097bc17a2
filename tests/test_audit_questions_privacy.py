"""Personal data: what is recognised, what is not, and what a pilot would send."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from audit_cases import subject_of
from small_pilots import ALL_DEV, written_pilot

from workbench.agents.prompts import columns_named
from workbench.audit.findings import Severity
from workbench.audit.known.personal_data import CASES_FILE, measured
from workbench.audit.questions.privacy import personal_data
from workbench.audit.table.subject import Roles, pilot_subject
from workbench.personal import PersonalData, find_personal_data, masked

IBAN = "DE89 3704 0044 0532 0130 00"  # the example of the IBAN registry


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (f"neue Bankverbindung {IBAN} ab Mai", ["iban"]),
        (IBAN.replace("89", "88") + " has a wrong check digit", []),
        ("card 4111 1111 1111 1111 please", ["card_number"]),
        ("order 4111 1111 1111 1112 please", []),
        ("tel. 0711 1234567", ["phone"]),
        ("PO 0711 1234567", []),
        ("+49 711 1234567", ["phone"]),
        ("geb. am 01.02.1990", ["birth_date"]),
        ("invoice of 01.02.1990", []),
        ("a.b@example.org and c.d@example.org", ["email", "email"]),
        ("version 10.2.1.4", []),
        ("Maria Meier called", []),  # names are not covered, and the report says so
    ],
)
def test_personal_data_needs_its_check_digit_or_its_context(text, kinds):
    assert [found.kind.value for found in find_personal_data(text)] == kinds


def test_masking_leaves_the_rest_of_the_text():
    assert masked(f"pay {IBAN} or mail a.b@example.org!") == "pay [iban] or mail [email]!"


def test_recall_is_measured_on_the_texts_that_ship():
    cases = [json.loads(line) for line in CASES_FILE.read_text(encoding="utf-8").splitlines()]
    pieces = [kind for case in cases for kind, _ in case["personal_data"]]
    table = measured().set_index("kind")
    assert {kind: int(table.loc[kind, "pieces"]) for kind in set(pieces)} == {
        kind: pieces.count(kind) for kind in set(pieces)
    }
    assert set(table.index) == {kind.value for kind in PersonalData}
    assert table.loc["iban", "recall"].value == 1.0
    assert 0.5 < table.loc["street_address", "recall"].value < 1.0, "the texts hold forms that are missed"


def test_hostile_text_does_not_stall_the_search():
    for text in ("+49" * 5_000, "a@" * 10_000, "DE12 " * 4_000, "1 2 3 4 " * 3_000, "A" * 20_000, "geb. " * 4_000):
        find_personal_data(text)


def test_what_no_prompt_names_need_not_be_sent(tmp_path: Path):
    columns = {"text": {"role": "text"}, "mail": {"pii": "contact"}, "y": {"role": "label"}}
    rows = [(f"text {n}", f"{n}@example.org" if n < 3 else None, "ab"[n // 2]) for n in range(4)]
    pilot = written_pilot(tmp_path, columns, rows, {"a": ALL_DEV, "b": ALL_DEV})
    prompts = pilot.suite / "prompts"
    prompts.mkdir()
    (prompts / "v1.md").write_text(
        "---\nname: v1\nchange_note: first\n---\n\n## Role\n\nYou sort.\n\n## Output format\n\nJSON.\n\n"
        "## Record\n\n{{ record.text }}\n",
        encoding="utf-8",
    )
    section = personal_data(pilot_subject(pilot, columns_named(pilot)))
    assert section.tables["What need not be sent"].to_numpy().tolist() == [
        ["mail", "leave out", "no prompt names it: give it the role ignore"]
    ]
    [finding] = section.findings
    assert (finding.columns, finding.rows.tolist(), finding.severity) == (("mail",), [0, 1, 2], Severity.LOW)
    assert section.estimates["records_sent_with_personal_data"].value == 0


def test_where_a_prompt_cannot_be_read_every_column_counts_as_sent(tmp_path: Path):
    columns = {"text": {"role": "text"}, "mail": {"pii": "contact"}, "y": {"role": "label"}}
    rows = [(f"text {n}", f"{n}@example.org", "ab"[n // 2]) for n in range(4)]
    pilot = written_pilot(tmp_path, columns, rows, {"a": ALL_DEV, "b": ALL_DEV})
    assert columns_named(pilot) is None, "there is no prompt"
    (pilot.suite / "prompts").mkdir()
    (pilot.suite / "prompts" / "v1.md").write_text("no front matter", encoding="utf-8")
    section = personal_data(pilot_subject(pilot, columns_named(pilot)))
    assert section.estimates["records_sent_with_personal_data"].value == 1
    assert any("every column an agent may see counts as sent" in note for note in section.notes)


def test_undeclared_personal_data_that_would_be_sent_is_severe():
    section = personal_data(subject_of({"note": [f"pay to {IBAN}", "nothing here"]}, Roles(text=("note",))))
    [finding] = section.findings
    assert finding.severity is Severity.HIGH
    assert finding.rows.tolist() == [0]
    assert "Names in free text are not covered" in section.answer
