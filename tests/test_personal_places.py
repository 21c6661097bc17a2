"""Personal data in prompts, outputs, traces, memories and details of failures; columns that an agent is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_pilots import ALL_DEV, written_pilot

from workbench.agents.decisions import Decision
from workbench.compliance import columns_shown, personal_places
from workbench.environment.trace import ToolCall, Trace
from workbench.metrics import Status
from workbench.pilot.pilot import Pilot
from workbench.records.splits import read_dataset
from workbench.runs.journal import JOURNAL_FILE, Journal, RunPlan, key_of

COLUMNS: dict[str, dict[str, object]] = {
    "id": {"role": "id", "required": True},
    "clerk": {"pii": "personal", "description": "who asks"},
    "desk": {"description": "where mail goes to"},
    "phone": {"pii": "contact"},
    "answer": {"role": "label"},
}
ROWS = [[f"R{i}", f"Klothilde {i}", f"desk{i}@office.example", "+49 30 901820", "yn"[i % 2]] for i in range(6)]
PROMPT = "---\nname: v1\n---\n## Record\n\n{{ record.clerk }}, see process\n"
PLAN = RunPlan("agent", "dev", {"code": "1"}, "data")
CLEAN = [
    Decision(f"R{i}", Status.OK, action="y", reason=f"desk{i}@office.example knows", text="Klothilde is not all of it")
    for i in range(6)
]


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    made = written_pilot(tmp_path, COLUMNS, ROWS, {"y": ALL_DEV, "n": ALL_DEV})
    (made.suite / "prompts").mkdir()
    (made.suite / "prompts" / "v1.md").write_text(PROMPT, encoding="utf-8")
    return made


def decide(pilot: Pilot, *decisions: Decision) -> None:
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        journal.plan(PLAN, [(one.record_id, one.record_id) for one in decisions])
        journal.append([(key_of(PLAN.asked_digest, one.record_id), one) for one in decisions])


def found(pilot: Pilot) -> dict[str, tuple[int, int, str, str]]:
    table = personal_places(pilot, read_dataset(pilot))
    return {place: tuple(rest) for place, *rest in table.itertuples(index=False, name=None)}


def test_a_column_that_is_declared_as_not_personal_may_be_said(pilot: Pilot) -> None:
    decide(pilot, *CLEAN)
    assert found(pilot) == {
        "prompts": (1, 0, "", ""),
        "outputs": (6, 0, "", ""),
        "traces": (0, 0, "", ""),
        "memories": (0, 0, "", ""),
        "journal": (0, 0, "", ""),
    }


def test_personal_data_is_found_in_every_place_and_its_record_named(pilot: Pilot) -> None:
    decide(
        pilot,
        CLEAN[0],
        Decision("R1", Status.OK, action="y", text="Klothilde 1 asked"),
        Decision("R2", Status.OK, action="y", trace=Trace((ToolCall(name="t", result="write to Klothilde 2"),))),
        Decision("R3", Status.OK, action="y", remembered={"desk": "max@home.example called"}),
        Decision("R4", Status.FAILED, cause="error", detail="no row for Klothilde 4"),
    )
    (pilot.suite / "prompts" / "v1.md").write_text(f"{PROMPT}\nAsk max@home.example\n", encoding="utf-8")
    assert found(pilot) == {
        "prompts": (1, 1, "email", "v1.md"),
        "outputs": (2, 1, "clerk", "R1"),
        "traces": (1, 1, "clerk", "R2"),
        "memories": (1, 1, "email", "R3"),
        "journal": (1, 1, "clerk", "R4"),
    }


def test_a_value_of_another_record_is_not_this_one_s(pilot: Pilot) -> None:
    decide(pilot, Decision("R1", Status.OK, action="y", text="Klothilde 2 asked"))
    assert found(pilot)["outputs"] == (1, 0, "", "")


def test_columns_say_whether_they_are_personal_shown_and_named(pilot: Pilot) -> None:
    table = columns_shown(pilot).set_index("column")
    assert table.loc["clerk"].tolist() == ["personal", True, True, "prompts/v1.md"]
    assert table.loc["phone"].tolist() == ["contact", False, True, ""]
    assert table.loc["answer", "shown"] == False  # noqa: E712 - a cell


def test_a_prompt_that_takes_the_whole_record_names_every_column(pilot: Pilot) -> None:
    (pilot.suite / "prompts" / "v1.md").write_text("{% for name in record %}{{ name }}{% endfor %}", encoding="utf-8")
    assert set(columns_shown(pilot)["named_by"]) == {"prompts/v1.md"}


def test_of_a_record_that_was_made_for_a_test_only_what_its_base_has_is_anybodys(pilot: Pilot) -> None:
    made = [f"R{i}~{'0' * 11}{i}" for i in range(3)]
    said = ("max@made-up.example, +49 30 901820", "desk1@office.example", "+49 30 901820")
    traces = [Trace((ToolCall(name="t", result={"text": text}),)) for text in said]
    decide(pilot, *(Decision(name, Status.OK, action="y", trace=one) for name, one in zip(made, traces, strict=True)))
    assert found(pilot)["traces"] == (3, 2, "phone", f"{made[0]};{made[2]}")


def test_a_digest_in_a_trace_is_no_number_of_anybody(pilot: Pilot) -> None:
    digest = "4929000000006" + "0" * 51
    decide(pilot, Decision("R1", Status.OK, action="y", trace=Trace((ToolCall(name="t", result={"sha": digest}),))))
    assert found(pilot)["traces"] == (1, 0, "", "")
