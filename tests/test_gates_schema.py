from pathlib import Path
from typing import Any

import pytest
from gate_pilots import CHARTER, KPIS, gate, gate_pilot
from ticket_records import write_tickets

from workbench.commands.scaffold import Columns, init_pilot
from workbench.files.configuration import parse_yaml, settings_from
from workbench.gates.schema import Gates, default_gates, read_gates
from workbench.pilot.pilot import open_pilot
from workbench.words import InputError

ONE = {"id": "a", "check": "load"}
BAD = [
    ([{"id": "a"}], "exactly one of kpi, metric, check must be given, not 0"),
    ([{"id": "a", "kpi": "right", "check": "load"}], "exactly one of kpi, metric, check must be given, not 2"),
    ([{"id": "a", "metric": "accuracy"}], "a metric needs an operator and a target"),
    ([{"id": "a", "metric": "acuracy", "operator": ">=", "target": 1}], r"'acuracy'(.|\n)*did you mean accuracy"),
    ([{"id": "a", "kpi": "right", "target": 0.5}], "a KPI's are in the charter"),
    ([{"id": "a", "check": "vibes"}], r"check' does not fit(.|\n)*'vibes'"),
    ([{"id": "a", "check": "load", "slice": {"class": "edge"}}], "a slice belongs to an estimate of decisions"),
    ([{"id": "a", "check": "load", "at_least": 3}], "at_least belongs to the checks"),
    ([{"id": "a", "check": "issues_owned", "each": 3}], "each belongs to the checks human_workflow, test_cases"),
    ([{"id": "a", "check": "load", "skip": True}], "unknown key(.|\n)*skip"),
    ([ONE, ONE], "ids given twice: 'a'"),
    ([], "criteria' does not fit"),
    ([{"id": "a", "kpi": "speed"}], r"the charter has no KPI 'speed'(.|\n)*expected: right, sure"),
    (
        [{"id": "a", "metric": "accuracy", "operator": ">=", "target": 1, "slice": {"colour": "red"}}],
        "a slice names a column by which records cannot be cut",
    ),
]


@pytest.mark.parametrize(("criteria", "message"), BAD)
def test_a_gate_that_does_not_fit_is_bad_input(tmp_path: Path, criteria: list[dict[str, Any]], message: str) -> None:
    pilot = gate_pilot(tmp_path, gate(criteria))
    with pytest.raises(InputError, match=message):
        read_gates(pilot)


def test_no_gate_can_be_left_out(tmp_path: Path) -> None:
    gates = gate([ONE])
    del gates["gates"][3]
    with pytest.raises(InputError, match="gates 3 are missing; a gate is never skipped"):
        read_gates(gate_pilot(tmp_path, gates))


def test_a_pilot_without_gates_says_how_to_get_them(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate([ONE]))
    (pilot.suite / "gates.yaml").unlink()
    with pytest.raises(InputError, match=r"has no gates.yaml(.|\n)*workbench gates-file small"):
        read_gates(pilot)


def test_a_kpi_with_an_unknown_metric_is_bad_input(tmp_path: Path) -> None:
    charter = {**CHARTER, "kpis": [{**KPIS[0], "metric": "beauty"}]}
    with pytest.raises(InputError, match=r"kpis.0.metric' does not fit(.|\n)*'beauty'"):
        gate_pilot(tmp_path, gate([ONE]), charter)


def test_the_default_gates_fit_and_ask_for_every_kpi() -> None:
    gates = settings_from(parse_yaml(default_gates(("fast", "right")), "default"), Gates, "default").gates
    assert [one.kpi for one in gates[2].criteria if one.kpi] == ["fast", "right"]
    assert all(gates[number].criteria for number in (1, 2, 3))
    assert [document.id for document in gates[1].documents] == ["process", "integrations", "architecture", "compliance"]
    checks, metrics = {one.check for one in gates[3].criteria}, {one.metric for one in gates[3].criteria}
    assert checks - {None} == {"load", "access", "security", "compliance", "acceptance"}
    attacks = {
        f"attack_{name}" for name in ("hits_severe", "rate_severe", "fragile", "not_reached", "errors", "not_run")
    }
    others = {"load_error_rate", "load_decisions_changed", "access_violations", "keys_too_old"}
    assert metrics - {None} == others | attacks


def test_a_new_pilot_has_gates(tmp_path: Path) -> None:
    init_pilot("tickets", write_tickets(tmp_path / "t.csv", 60), Columns("queue", "ticket"), tmp_path)
    text = (tmp_path / "eval_suites" / "tickets" / "gates.yaml").read_text(encoding="utf-8")
    kpis = [kpi.id for kpi in open_pilot("tickets", tmp_path).charter.kpis]
    assert text == default_gates(tuple(kpis))
    assert kpis


@pytest.mark.parametrize("pilot", ["invoice_matching", "support_triage"])
def test_the_shipped_pilots_gates_fit_their_charters(pilot: str) -> None:
    opened = open_pilot(pilot, Path(__file__).parent.parent)
    asked = {one.kpi for one in read_gates(opened).gates[2].criteria}
    assert {kpi.id for kpi in opened.charter.kpis} <= asked
