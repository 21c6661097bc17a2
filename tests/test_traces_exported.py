"""Traces for other tools: OpenTelemetry's names from one table, and a sample in MLflow."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import get_args

import pytest
from acting_pilots import CLEAN, acting_pilot, evaluated
from commands import command_in

from workbench.environment import CallOutcome, Event, StateSeen, ToolCall, Trace
from workbench.runs import TracedDecision, otlp, spans_of
from workbench.runs.spans import OPERATIONS, OWN_SPANS

CALL = ToolCall(name="post", call="1", arguments={"a": 1}, outcome=CallOutcome.DENIED, error="not yours", t_s=0.25)
STATE = StateSeen(before_sha256="0", after_sha256="1")
DECISION = TracedDecision("run1", "acting", "R1", "approve", 1_000_000_000, Trace((CALL, STATE), 2))


def test_every_kind_of_event_has_a_name_there() -> None:
    kinds = {one.model_fields["kind"].default for one in get_args(Event)}
    assert kinds == OPERATIONS.keys() | OWN_SPANS.keys()


def test_a_call_is_told_by_the_conventions_names_and_the_rest_by_ours() -> None:
    whole, call, state = spans_of(DECISION)
    assert (whole.name, call.name, state.name) == ("invoke_agent acting", "execute_tool post", "workbench.state")
    assert call.attributes["gen_ai.tool.call.arguments"] == '{"a": 1}'
    assert call.attributes["error.type"] == "denied"
    assert call.attributes["workbench.tool_call.source"] == "observed"
    assert call.error == "not yours"
    assert (whole.start_ns, call.start_ns, state.start_ns) == (1_000_000_000, 1_250_000_000, 1_250_000_000)
    assert whole.attributes["workbench.events_dropped"] == 2


def test_the_ids_of_spans_follow_from_run_and_record() -> None:
    first, again = otlp(DECISION), otlp(DECISION)
    assert first == again
    spans = first["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert {len(one["traceId"]) for one in spans} == {32}
    assert {one.get("parentSpanId") for one in spans[1:]} == {spans[0]["spanId"]}
    assert len({one["spanId"] for one in spans}) == 3


@pytest.mark.filterwarnings("default")  # MLflow's own, when its tracing is imported; it then logs nothing
def test_an_agents_traces_are_written_and_a_sample_is_in_mlflow_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    acting_pilot(tmp_path, {"clean": CLEAN}, n=25)
    run = command_in(tmp_path, monkeypatch, capsys)
    code, _, told = run("traces", "small", "--agent", "clean")
    assert code == 2
    assert "workbench evaluate small --agent clean" in told
    evaluated(str(tmp_path), "clean")
    code, out, _ = run("traces", "small", "--agent", "clean", "--json")
    assert code == 0
    said = json.loads(out)
    assert (said["traces"], said["logged"]) == (25, 20)
    lines = Path(said["file"]).read_text(encoding="utf-8").splitlines()
    assert len({json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] for line in lines}) == 25
    assert "buyer" not in "".join(lines)
    _, out, _ = run("traces", "small", "--agent", "clean", "--json")
    assert json.loads(out)["logged"] == 0
    with sqlite3.connect(tmp_path / "mlruns" / "mlflow.db") as store:
        assert store.execute("SELECT COUNT(*) FROM trace_info").fetchone() == (20,)
        assert store.execute("SELECT COUNT(*) FROM spans WHERE name = 'execute_tool read_order'").fetchone() == (20,)
