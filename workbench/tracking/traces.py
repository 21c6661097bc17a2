"""A sample of traces in MLflow, in an experiment of their own; MLflow's client is needed for them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from workbench.pilot import Pilot
from workbench.runs import TracedDecision, TraceSpan, spans_of
from workbench.tracking.rows import add_experiment
from workbench.tracking.store import client_of, read_logged, rows_of, write_logged
from workbench.tracking.upkeep import PILOT_TAG, artifact_location
from workbench.words import RunError

TRACES, SPAN_TYPES = "traces", {"invoke_agent": "AGENT", "execute_tool": "TOOL", "chat": "CHAT_MODEL"}
GENAI = {"mlflow.experimentKind": "genai_development"}  # its traces come first


def log_traces(pilot: Pilot, decisions: Sequence[TracedDecision]) -> tuple[str, int]:
    """Log traces of decisions to MLflow, each once, and return the experiment's name and how many are new.

    Raises
    ------
    RunError
        The store cannot be written.
    """
    name, known = f"{pilot.name}: {TRACES}", read_logged(pilot)
    new = [one for one in decisions if _key(one) not in known]
    if not new:
        return name, 0
    with rows_of(pilot.root) as store:
        tags = {PILOT_TAG: pilot.name, **GENAI}
        experiment = add_experiment(store, name, artifact_location(pilot.root, pilot.name), tags)
    os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"  # a trace is there when it is said to be
    with client_of(pilot.root):
        for one in new:
            known[_key(one)] = {"trace": _logged(str(experiment.number), one)}
    write_logged(pilot, known)
    return name, len(new)


def _key(decision: TracedDecision) -> str:
    return f"trace {decision.run} {decision.record_id}"


def _logged(experiment: str, decision: TracedDecision) -> str:
    """Log the spans of one decision and return the trace's id."""
    import mlflow
    from mlflow.entities.span import NO_OP_SPAN_TRACE_ID

    whole, *parts = spans_of(decision)
    tags = {"agent": decision.agent, "record": decision.record_id, "run": decision.run}
    root = mlflow.start_span_no_context(
        whole.name,
        span_type=_type(whole),
        inputs={"record": decision.record_id},
        attributes=_texts(whole),
        tags=tags,
        experiment_id=experiment,
        start_time_ns=whole.start_ns,
    )
    for part in parts:
        inputs, outputs = (part.attributes.get(f"gen_ai.tool.call.{name}") for name in ("arguments", "result"))
        span = mlflow.start_span_no_context(
            part.name,
            span_type=_type(part),
            parent_span=root,
            inputs=inputs,
            attributes=_texts(part),
            start_time_ns=part.start_ns,
        )
        span.end(outputs=outputs, status="OK" if part.error is None else "ERROR", end_time_ns=part.end_ns)
    if root.trace_id == NO_OP_SPAN_TRACE_ID:
        raise RunError("MLflow took no trace", where=f"record {decision.record_id}", got="a span without effect")
    root.end(outputs={"action": decision.action}, status="OK", end_time_ns=whole.end_ns)
    return str(root.trace_id)


def _type(span: TraceSpan) -> str:
    return SPAN_TYPES.get(str(span.attributes.get("gen_ai.operation.name")), "UNKNOWN")


def _texts(span: TraceSpan) -> dict[str, str]:
    return {name: str(value) for name, value in span.attributes.items()}
