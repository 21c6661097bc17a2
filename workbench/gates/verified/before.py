"""Bundles of the version before, whose decisions and findings lie in files of their own: read into exhibits."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.evidence import (
    FINDINGS_FILE,
    Exhibit,
    Finding,
    MadeBy,
    parsed,
    require_same,
)
from workbench.gates.facts import GateFacts
from workbench.gates.verified.facts import CELLS_FILE, FACTS_FILE, facts_from
from workbench.metrics import Estimate
from workbench.pilot import Severity
from workbench.records.ledger import Opening
from workbench.records.tables import unmarked
from workbench.words import SignatureError, shown

TYPE_BEFORE = "urn:agent-workbench:evidence:v2"
ESTIMATES_FILE = "estimates.json"
DECISIONS, EVALUATIONS = "decisions", "evaluations"
NUMBERS = ("confidence", "logprob", "stated", "latency_s")
INTEGERS = ("attempts", "prompt_tokens", "completion_tokens", "fold")
TABLES = {"holdout": "holdout", "dev": "development"}
UNKNOWN = MadeBy(who="", commit=None, time="")


def exhibits_before(files: Mapping[str, bytes]) -> dict[str, Exhibit]:
    """Return what a bundle's findings and evaluations come to as exhibits, by maker.

    Raises
    ------
    SignatureError
        Evaluations and decisions do not belong together, a file cannot be read, or estimates.json says something else.
    """
    found = {}
    if FINDINGS_FILE in files:
        found["audit"] = _audit(parsed(files, FINDINGS_FILE))
    parts = dict(_evaluations(files))
    if parts:
        found["evaluation"] = _evaluation(parts, parsed(files, FACTS_FILE)["opening"])
    if ESTIMATES_FILE in files:
        said = {name: one.as_json() for name, one in found["evaluation"].estimates.items()}
        require_same(said, parsed(files, ESTIMATES_FILE), ESTIMATES_FILE)
    return found


def facts_before(
    folder: Path, files: Mapping[str, bytes], of: tuple[str, Mapping[str, Exhibit]], openings: Sequence[Opening]
) -> GateFacts:
    """Return the facts that a bundle holds; see `workbench.gates.verified.facts.bundled_facts`."""
    said = parsed(files, FACTS_FILE)
    notes = {"audit": said["audit_note"], "evaluation": said["judged_note"]}
    absent = {name: note for name, note in notes.items() if name not in of[1]}
    return facts_from(folder, {**said, "absent": absent}, _cells(files[CELLS_FILE]), of, openings)


def _audit(said: Mapping[str, Any]) -> Exhibit:
    estimates: dict[str, Estimate] = {}
    for section in said["sections"].values():
        for name, one in section.get("estimates", {}).items():
            estimates.setdefault(name, Estimate(**one))
    counts = pd.DataFrame(columns=["estimate", "hits", "n", "method"])
    about = {"records": str(said["dataset_digest"])}
    findings = tuple(map(_finding, said["findings"]))
    return Exhibit("audit", said["pilot"], about, UNKNOWN, said["answer"], estimates, findings, {"counts": counts})


def _finding(said: Mapping[str, Any]) -> Finding:
    severity, where, owner = Severity(said["severity"]), tuple(said["columns"]), said.get("owner") or ""
    counted = {"n": said["n_records"], "of": said["of_records"], "remedy": said.get("remediation") or ""}
    texts = {name: said[name] for name in ("id", "kind", "title", "evidence", "consequence")}
    return Finding(severity=severity, where=where, owner=owner, **counted, **texts)


def _evaluations(files: Mapping[str, bytes]) -> Iterator[tuple[str, tuple[dict[str, Any], pd.DataFrame]]]:
    described = {path: parsed(files, path) for path in sorted(files) if path.startswith(f"{EVALUATIONS}/")}
    names = {f"{DECISIONS}/{path[len(EVALUATIONS) + 1 :].removesuffix('.json')}.csv": path for path in described}
    there = {path for path in files if path.startswith(f"{DECISIONS}/")}
    if set(names) != there:
        raise SignatureError("evaluations and decisions do not belong together", got=shown(set(names) ^ there))
    for table, path in names.items():
        yield TABLES[described[path]["split"]], (described[path], _decisions(files[table]))


def _evaluation(parts: Mapping[str, tuple[dict[str, Any], pd.DataFrame]], opening: int) -> Exhibit:
    content = dict(parts["holdout"][0])
    about = {"records": content["dataset_digest"], "agent": content["agent_digest"]}
    estimates = {name: Estimate(**one) for name, one in content.pop("estimates").items()}
    said = {"opening": opening, **{name: part[0] for name, part in parts.items()}, "holdout": content}
    exhibit = Exhibit("evaluation", content["pilot"], about, UNKNOWN, content["threshold_note"], estimates, facts=said)
    return replace(exhibit, tables={name: part[1] for name, part in parts.items()})


def _rows(content: bytes) -> tuple[list[str], list[list[str]]]:
    try:
        header, *rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
    except (ValueError, csv.Error) as error:
        raise SignatureError("a table cannot be read", got=str(error)[:200]) from None
    if len(set(header)) < len(header) or any(len(row) != len(header) for row in rows):
        raise SignatureError("a table cannot be read", got="ragged rows, or columns named twice")
    return [unmarked(name) for name in header], rows


def _decisions(content: bytes) -> pd.DataFrame:
    names, rows = _rows(content)
    return pd.DataFrame({name: _series(name, [row[at] for row in rows]) for at, name in enumerate(names)})


def _cells(content: bytes) -> pd.DataFrame:
    names, rows = _rows(content)
    index = pd.Index([unmarked(row[0]) for row in rows], dtype=object)
    values = [[unmarked(cell) if cell else None for cell in row[1:]] for row in rows]
    return pd.DataFrame(values, index=index, columns=names[1:], dtype=object)


def _series(name: str, cells: list[str]) -> pd.Series[Any]:
    if name in NUMBERS:
        return pd.Series([float(cell) if cell else np.nan for cell in cells], dtype=float)
    if name in INTEGERS:
        return pd.Series([int(float(cell)) if cell else None for cell in cells], dtype="Int64")
    return pd.Series([unmarked(cell) if cell else None for cell in cells], dtype=object)
