"""Gates that ask for the probe and the fault matrix: pass, fail, unproven; stale, of another version, tampered with."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from evidence_cases import LATER, Case, case, evaluation, failed, outcomes, resigned
from gate_pilots import MADE, facts_of, gate, gate_pilot, outcomes_of, result, write_evaluation
from test_fault_matrix import BAD, GOOD, NOT_MET, WAYS

from workbench.engines import EngineChoice
from workbench.environment.proxy import FaultKind
from workbench.evidence import Exhibit, exhibit_folder, of_one_version
from workbench.gates import NotebookInputs
from workbench.gates.verified import verify_bundle
from workbench.integrations import (
    FAULTS,
    MAKER,
    FaultsRequest,
    LineVerdict,
    ProbeLine,
    ended_otherwise,
    lines_table,
    worst_first,
)
from workbench.integrations.faults import cells_table
from workbench.integrations.faults.maker import counted_exhibit
from workbench.integrations.faults.outcomes import WaysOut
from workbench.integrations.faults.tables import FaultedRecord
from workbench.integrations.maker import _counted
from workbench.metrics import State
from workbench.pilot import Pilot
from workbench.pilot.integrations import agreed_files
from workbench.records.splits import read_dataset

INVENTORY = """title: Systems
owner: Jo
engineers: IT owner
sandbox: {serve: "sandbox.py:sandbox"}
systems:
  - {id: ERP, type: rest, sandbox: "{sandbox}/erp", owner: Jo, team: council}
"""
PROBE = [
    {"id": "tested", "check": "integrations"},
    {"id": "deviations", "metric": "integration_deviations", "operator": "<=", "target": 0},
    {"id": "probed", "metric": "operations_probed", "operator": ">=", "target": 1},
    {"id": "measured", "metric": "integration_lines_measured", "operator": ">=", "target": 0.8},
]
MATRIX = [
    {"id": "matrix", "check": "fault_matrix"},
    *({"id": one, "metric": f"faults_{one}", "operator": "<=", "target": 0} for one in ("lost", "doubled", "not_run")),
]
KEPT, DEVIATES, UNCLEAR, OPEN = (
    LineVerdict.KEPT,
    LineVerdict.DEVIATES,
    LineVerdict.UNCLEAR,
    LineVerdict.NOT_MEASURED,
)
PASS, FAIL, UNPROVEN = State.PASS, State.FAIL, State.UNPROVEN


def systems_pilot(root: Path) -> Pilot:
    """Return a pilot with systems, and a stand-in for them that has a neighbour."""
    pilot = gate_pilot(root, gate([*PROBE, *MATRIX], notebooks=["05_integrations", "05_faults"]))
    (pilot.suite / "integrations.yaml").write_text(INVENTORY, encoding="utf-8")
    (pilot.suite / "sandbox.py").write_text("from . import erp\n", encoding="utf-8")
    (pilot.suite / "erp.py").write_text("PRICE = 3\n", encoding="utf-8")
    return pilot


def lines_of(*verdicts: LineVerdict, operations: int = 2) -> tuple[ProbeLine, ...]:
    """Return lines with some verdicts, of operations in turn."""
    return tuple(
        ProbeLine("ERP", f"read_{n % operations}", f"answer: field_{n}", "text", "", 1, verdict, "")
        for n, verdict in enumerate(verdicts)
    )


def probe_of(pilot: Any, lines: tuple[ProbeLine, ...], about: dict[str, str]) -> Exhibit:
    """Return a probe with some lines."""
    facts = {"owners": {"ERP": "Jo"}, "sandbox": "here"}
    return _counted(
        Exhibit("integrations", pilot.name, about, MADE, "", tables={"lines": lines_table(lines)}, facts=facts)
    )


def matrix_of(pilot: Any, records: tuple[FaultedRecord, ...], about: dict[str, str], escalation: str | None) -> Exhibit:
    """Return a fault matrix of some records."""
    ways = WaysOut(WAYS.carried_out, escalation)
    facts = {
        "agent": "acting", "records": 40, "sandbox": "here", "carried_out": dict(ways.carried_out),
        "escalation": ways.escalation, "writes": ["ERP.post"], "unsound": [], "never_called": [],
    }  # fmt: skip
    tables = {"cells": cells_table(records, ways)}
    return counted_exhibit(Exhibit("faults", pilot.name, about, MADE, "", tables=tables, facts=facts))


def about_now(pilot: Pilot, **more: str) -> dict[str, str]:
    return {"records": read_dataset(pilot).digest, **agreed_files(pilot.suite), **more}


def probed(pilot: Pilot, *verdicts: LineVerdict) -> None:
    probe_of(pilot, lines_of(*verdicts), about_now(pilot)).write(exhibit_folder(pilot, "integrations"))


def faulted(pilot: Pilot, records: tuple[FaultedRecord, ...]) -> None:
    left = matrix_of(pilot, records, about_now(pilot, agent="a"), "escalate")
    left.write(exhibit_folder(pilot, "faults"))


def states(pilot: Pilot, asked: list[dict[str, Any]]) -> dict[str, State]:
    return {one["id"]: result(pilot, one["id"]).state for one in asked}


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([KEPT] * 10, [PASS, PASS, PASS, PASS]),
        ([KEPT] * 8 + [OPEN] * 2, [PASS, PASS, PASS, PASS]),
        ([KEPT] * 9 + [DEVIATES], [FAIL, FAIL, PASS, PASS]),
        ([KEPT] * 9 + [UNCLEAR], [UNPROVEN, PASS, PASS, PASS]),
        ([KEPT] * 7 + [OPEN] * 3, [PASS, PASS, PASS, FAIL]),
        ([KEPT, OPEN] * 5, [UNPROVEN, PASS, FAIL, FAIL]),  # the second operation has no line that was measured
        ([OPEN] * 10, [UNPROVEN, UNPROVEN, FAIL, FAIL]),
    ],
)
def test_a_probe_passes_where_all_was_measured_and_nothing_deviates(
    tmp_path: Path, verdicts: list[LineVerdict], expected: list[State]
) -> None:
    pilot = systems_pilot(tmp_path)
    probed(pilot, *verdicts)
    assert list(states(pilot, PROBE).values()) == expected


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (GOOD, [PASS, PASS, PASS, PASS]),
        ((*GOOD, *BAD), [FAIL, FAIL, FAIL, PASS]),
        ((*GOOD, *NOT_MET), [UNPROVEN, PASS, PASS, FAIL]),
        ((), [UNPROVEN, UNPROVEN, UNPROVEN, UNPROVEN]),
    ],
)
def test_a_fault_matrix_passes_where_every_fault_was_met_and_nothing_is_lost_or_doubled(
    tmp_path: Path, records: tuple[FaultedRecord, ...], expected: list[State]
) -> None:
    pilot = systems_pilot(tmp_path)
    faulted(pilot, records)
    assert list(states(pilot, MATRIX).values()) == expected


def test_without_either_every_criterion_is_unproven_and_says_what_would_make_it(tmp_path: Path) -> None:
    pilot = systems_pilot(tmp_path)
    assert set(states(pilot, [*PROBE, *MATRIX]).values()) == {UNPROVEN}
    assert (
        result(pilot, "tested").reason
        == "no probe of the integrations has been run; workbench integrations probe small"
    )
    assert (
        result(pilot, "lost").reason == "no fault matrix has been run; workbench integrations faults small --agent NAME"
    )


def test_a_line_that_deviates_is_named_with_what_was_measured(tmp_path: Path) -> None:
    pilot = systems_pilot(tmp_path)
    probed(pilot, KEPT, DEVIATES)
    found = result(pilot, "tested")
    assert found.reason == "1 line deviates from integrations.yaml of 2"
    assert found.details == ("ERP.read_1, answer: field_1: declared text; measured ",)


@pytest.mark.parametrize("changed", ["integrations.yaml", "sandbox.py", "erp.py"])
def test_evidence_is_stale_once_what_was_agreed_or_the_stand_in_changed(tmp_path: Path, changed: str) -> None:
    pilot = systems_pilot(tmp_path)
    probed(pilot, KEPT, KEPT)
    faulted(pilot, GOOD)
    before = MAKER.depends(inputs_of(pilot), "05_integrations", None)
    assert set(states(pilot, [*PROBE, *MATRIX]).values()) == {PASS}, "nothing changed"
    with (pilot.suite / changed).open("a", encoding="utf-8") as file:
        file.write("# more\n")
    assert set(states(pilot, [*PROBE, *MATRIX]).values()) == {UNPROVEN}
    for one in ("tested", "matrix"):
        assert result(pilot, one).reason.startswith(f"{changed} changed since the last ")
    assert MAKER.depends(inputs_of(pilot), "05_integrations", None) != before


def test_code_beside_the_stand_in_that_it_does_not_import_is_nothing_to_it(tmp_path: Path) -> None:
    pilot = systems_pilot(tmp_path)
    probed(pilot, KEPT, KEPT)
    (pilot.suite / "sandbox_notes.py").write_text("X = 1\n", encoding="utf-8")
    assert result(pilot, "tested").state is PASS


def inputs_of(pilot: Pilot) -> NotebookInputs:
    return NotebookInputs(pilot, read_dataset(pilot), EngineChoice(), ())


def test_a_matrix_of_another_version_than_the_judged_one_says_of_which(tmp_path: Path) -> None:
    pilot = systems_pilot(tmp_path)
    write_evaluation(pilot, outcomes_of(pilot))
    faulted(pilot, GOOD)
    facts = facts_of(pilot)
    found = of_one_version({"evaluation": facts.exhibits["evaluation"], "faults": facts.exhibits["faults"]}, pilot)
    assert found["faults"] == (
        "the last fault matrix was of another version (of acting); workbench integrations faults small --agent NAME"
    )


def test_where_no_agent_acts_the_matrix_says_so_and_is_unproven(tmp_path: Path) -> None:
    pilot = systems_pilot(tmp_path)
    left = FAULTS.make(pilot, read_dataset(pilot), FaultsRequest())
    assert left.answer == "No fault was tried: no agent of the pilot acts."
    assert set(states(pilot, MATRIX).values()) == {UNPROVEN}
    assert result(pilot, "matrix").reason == "No fault was tried: no agent of the pilot acts"
    assert FAULTS.judged(facts_of(pilot)) == "", "it is of no version"
    assert worst_first(left.tables["matrix"]).empty
    assert ended_otherwise(left.tables["cells"]).empty


def test_records_that_ended_otherwise_are_told_in_words(tmp_path: Path) -> None:
    pilot = systems_pilot(tmp_path)
    left = matrix_of(pilot, (*GOOD, *BAD), {}, "escalate")
    assert worst_first(left.tables["matrix"])["double"].tolist()[0] == 1
    told = ended_otherwise(left.tables["cells"])
    assert set(told["outcome"]) == {"escalated", "double", "wrong", "lost"}
    double = told[told["outcome"] == "double"].iloc[0]
    assert (double["at"], double["held without it"]) == ("ERP.post", "ERP.post euro 10")
    assert double["held"] == "ERP.post euro 10; ERP.post euro 10"
    assert told[told["outcome"] == "lost"].iloc[0]["held"] == "nothing"


# in a bundle


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Return a case whose gate asks for both; its pilot has no integrations.yaml of its own."""
    root = tmp_path_factory.mktemp("made")
    kpis = [{"id": f"kpi-{name}", "kpi": name, "no_waiver": True} for name in ("right", "sure")]
    gates = {"gates": {1: LATER, 2: {"title": "Sound?", "criteria": [*kpis, *PROBE, *MATRIX]}, 3: LATER}}
    named: Any = type("Named", (), {"name": "tickets"})
    version = str(evaluation(outcomes())["agent_digest"])
    faults = matrix_of(named, GOOD, {"records": "records", "agent": version}, None)
    lines = lines_of(*[KEPT] * 9, DEVIATES)
    return case(
        root, gates=gates, more={"integrations": probe_of(named, lines, {"records": "records"}), "faults": faults}
    )


def test_both_are_computed_again_from_a_bundle(made: Case, tmp_path: Path) -> None:
    bundle, pinned = made.written(tmp_path / "evidence"), made.public_key(tmp_path)
    assert failed(bundle, pinned) == []
    assert verify_bundle(bundle, pinned).ok


@pytest.mark.parametrize(
    ("name", "table", "old", "new"),
    [
        ("integrations", "lines", "deviates", "kept"),
        ("integrations", "lines", "deviates", "fine"),
        ("integrations", "lines", "answer: field_9", "rate: field_9"),
        ("faults", "cells", "recovered", "escalated"),
        ("faults", "cells", "wrong", "recovered"),
        ("faults", "matrix", f"{FaultKind.RESET_AFTER.value},ERP,post,1,1,1", "reset after commit,ERP,post,1,1,0"),
    ],
)
def test_a_cell_that_an_insider_changes_is_found(
    made: Case, tmp_path: Path, name: str, table: str, old: str, new: str
) -> None:
    bundle, pinned = made.written(tmp_path / "evidence"), made.public_key(tmp_path)
    folder = f"exhibits/{name}"
    said = json.loads((bundle / folder / "exhibit.json").read_text(encoding="utf-8"))
    text = (bundle / folder / f"{table}.csv").read_text(encoding="utf-8")
    assert old in text
    content = text.replace(old, new, 1).encode()
    said["tables"][table]["sha256"] = hashlib.sha256(content).hexdigest()
    files = {f"{folder}/exhibit.json": json.dumps(said).encode(), f"{folder}/{table}.csv": content}
    assert "recomputed" in failed(resigned(bundle, made, files), pinned)
