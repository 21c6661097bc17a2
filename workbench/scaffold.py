"""A new pilot from a table: contract inferred, split fixed, agents and a first prompt written, ready to run."""

from __future__ import annotations

import json
import re
import secrets
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import pandas as pd
import yaml

from workbench.charter import CHARTER_FILE, Charter
from workbench.charter.coverage import GATES_FILE, PILOT_FILE, SPLITS_FILE
from workbench.configuration import read_settings
from workbench.contract import CONTRACT_FILE, Column, ColumnType, Contract, PiiClass, Role
from workbench.errors import InputError, shown
from workbench.gates.schema import default_gates
from workbench.labels import label_aliases, label_text, looking_like_escalation
from workbench.metrics.candidates import candidate_entities
from workbench.prompts.template import spelled
from workbench.records import read_records
from workbench.splits import fresh_split, write_split
from workbench.tables.reading import read_table

NAME = re.compile(r"[a-z][a-z0-9_]*")
LONG_TEXT = 30
EXPECTED_FILLED = 0.5
_PATTERNS: Mapping[ColumnType, str] = {
    ColumnType.BOOLEAN: r"(?i:true|false)",
    ColumnType.INTEGER: r"-?(0|[1-9]\d{0,17})",
    ColumnType.NUMBER: r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?",
    ColumnType.DATE: r"\d{4}-\d{2}-\d{2}",
    ColumnType.DATETIME: r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?",
}
_TIMES = {ColumnType.DATE: "%Y-%m-%d", ColumnType.DATETIME: "ISO8601"}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns a user names; the text column is found when it is not named, an entity never is.

    `escalate` is the label that gives a record to a person, where there is one.
    """

    label: str
    id: str | None = None
    text: str | None = None
    entity: str | None = None
    escalate: str | None = None


@dataclass(frozen=True, slots=True)
class NewPilot:
    """What `init` made.

    `said` is what a person should look at or answer, one sentence each; `candidates` are columns that may be an entity
    where none was named.
    """

    name: str
    contract: Contract
    n_records: int
    n_labels: int
    data: Path
    suite: Path
    candidates: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


def init_pilot(name: str, records: Path, columns: Columns, root: Path) -> NewPilot:
    """Write both folders of a new pilot, or neither.

    Raises
    ------
    InputError
        The name is taken or no name, a named column is not there, or the records do not fit any contract (no label,
        repeated ids, a label that occurs once, ...).
    """
    data, suite = root / "datasets" / name, root / "eval_suites" / name
    _check_name(name, data, suite)
    frame = read_table(records)
    _check_columns(columns, frame, records)
    contract = infer_contract(frame, columns, records.name)
    escalate = _escalate_label(columns.escalate, contract, records)
    table = read_records(contract, records.parent)
    split = fresh_split(table, contract, data / SPLITS_FILE)
    facts = _facts(name, contract, records, len(table.frame)) | {"escalate": json.dumps(escalate, ensure_ascii=False)}
    with _both_or_neither(data, suite) as (new_data, new_suite):
        shutil.copyfile(records, new_data / records.name)
        (new_data / CONTRACT_FILE).write_text(_contract_yaml(contract), encoding="utf-8")
        write_split(new_data / SPLITS_FILE, split)
        (new_data / "README.md").write_text(_filled("README.md", facts), encoding="utf-8")
        (new_suite / "prompts").mkdir()
        (new_suite / "prompts" / "v1.md").write_text(_filled("v1.md", facts), encoding="utf-8")
        for file in (PILOT_FILE, CHARTER_FILE, "agents.py"):
            (new_suite / file).write_text(_filled(file, facts), encoding="utf-8")
        kpis = read_settings(new_suite / CHARTER_FILE, Charter).kpis
        (new_suite / GATES_FILE).write_text(default_gates(tuple(kpi.id for kpi in kpis)), encoding="utf-8")
    candidates = () if columns.entity else candidate_entities(table.frame, contract)
    n_labels = table.frame[contract.label].nunique()
    said = (
        *_label_notes(contract),
        *_escalation_notes(name, columns, contract, records),
        *_entity_notes(candidates),
        *_gap_notes(contract, frame),
    )
    return NewPilot(name, contract, len(table.frame), n_labels, data, suite, candidates, said)


def infer_contract(frame: pd.DataFrame, columns: Columns, file: str) -> Contract:
    """Return a contract that a table fits: types from all its values, roles from the named columns.

    A column that at least half of the records fill is required, as in an audit without a contract. Labels that differ
    by case or white space alone are one label, the most frequent spelling; the others are its aliases.

    Parameters
    ----------
    frame : pd.DataFrame
        Raw cells as `read_table` returns them.
    columns : Columns
        The label, and where they are known the id, the text and the entity column.
    file : str
        Name of the records file beside the contract.
    """
    types = {name: infer_type(frame[name]) for name in frame.columns} | {columns.label: ColumnType.STRING}
    counts = frame[columns.label].dropna().map(label_text).value_counts()
    aliases = label_aliases({str(label): int(n) for label, n in counts.items() if label})
    labels = tuple(sorted(str(label) for label in counts.index if label and label not in aliases))
    texts = {columns.text} if columns.text else _long_texts(frame, types, columns)
    times = [name for name, kind in types.items() if kind in _TIMES]
    roles = dict.fromkeys(texts, Role.TEXT) | dict.fromkeys(times[:1], Role.TIMESTAMP)
    named = {columns.entity: Role.ENTITY, columns.id: Role.ID, columns.label: Role.LABEL}
    roles |= {name: role for name, role in named.items() if name is not None}
    return Contract(
        records=(file,),
        columns={
            str(name): Column(
                type=types[name],
                role=roles.get(name, Role.FIELD),
                required=float(_is_empty(frame[name]).mean()) <= 1 - EXPECTED_FILLED,
                allowed=labels if name == columns.label else None,
                aliases=aliases if name == columns.label else {},
                pii=_pii(frame[name]),
            )
            for name in frame.columns
        },
    )


def infer_type(cells: pd.Series[Any]) -> ColumnType:
    """Return the narrowest type that every non-empty cell has; text when there is none.

    Numbers with leading zeros are codes, so text. Examples:

    >>> infer_type(pd.Series(["1", "20", None])), infer_type(pd.Series(["007", "8"]))
    (<ColumnType.INTEGER: 'integer'>, <ColumnType.STRING: 'string'>)
    """
    values = cells.dropna()
    if values.empty:
        return ColumnType.STRING
    text = values.map(lambda value: value.isoformat() if hasattr(value, "isoformat") else str(value))
    for kind, pattern in _PATTERNS.items():
        if text.str.fullmatch(pattern).all() and (kind not in _TIMES or _all_times(text, _TIMES[kind])):
            return kind
    return ColumnType.STRING


def _is_empty(cells: pd.Series[Any]) -> pd.Series[bool]:
    return cells.isna() | (cells.map(str).str.strip() == "")


def _all_times(text: pd.Series[str], pattern: str) -> bool:
    return bool(pd.to_datetime(text, format=pattern, errors="coerce", utc=True).notna().all())


def _long_texts(frame: pd.DataFrame, types: Mapping[str, ColumnType], columns: Columns) -> set[str]:
    """Return the text columns whose median cell is long and mostly differs from record to record."""
    names = [n for n, kind in types.items() if kind is ColumnType.STRING and n not in (columns.label, columns.id)]
    cells = {name: frame[name].dropna().map(str) for name in names}
    return {n for n, c in cells.items() if len(c) and c.str.len().median() >= LONG_TEXT and c.nunique() > len(c) / 2}


def _pii(cells: pd.Series[Any]) -> PiiClass:
    """Return `contact` when a tenth of the cells hold an e-mail address, `financial` for IBANs, else none."""
    text = cells.dropna().map(str)
    if len(text) and text.str.contains(r"[\w.+-]+@[\w-]+\.\w+").mean() >= 0.1:
        return PiiClass.CONTACT
    if len(text) and text.str.contains(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}").mean() >= 0.1:
        return PiiClass.FINANCIAL
    return PiiClass.NONE


def _check_name(name: str, data: Path, suite: Path) -> None:
    if not NAME.fullmatch(name):
        raise InputError(
            "this is no name for a pilot", got=repr(name), expected="lower-case letters, digits and _, a letter first"
        )
    taken = [str(folder) for folder in (data, suite) if folder.exists()]
    if taken:
        raise InputError(f"there is a pilot {name!r} already", where=", ".join(taken), remedy="choose another name")


def _check_columns(columns: Columns, frame: pd.DataFrame, records: Path) -> None:
    for role, name in _named(columns):
        if name is not None and name not in frame.columns:
            raise InputError(
                f"there is no {role} column {name!r}", where=str(records), expected=", ".join(map(str, frame.columns))
            )
    named = [name for _, name in _named(columns) if name is not None]
    if len(set(named)) < len(named):
        raise InputError("one column cannot have two roles", got=shown(named))
    if len(frame.columns) < 2:
        raise InputError("there is nothing to decide from", where=str(records), got="only the label column")


def _named(columns: Columns) -> tuple[tuple[str, str | None], ...]:
    return ("label", columns.label), ("id", columns.id), ("text", columns.text), ("entity", columns.entity)


def _escalate_label(named: str | None, contract: Contract, records: Path) -> str | None:
    """Return the label that a user named to escalate by."""
    labels = contract.labels or ()
    if named is not None and contract.label_of(named) not in labels:
        raise InputError(f"there is no label {named!r} to escalate by", where=str(records), expected=shown(labels))
    return None if named is None else contract.label_of(named)


def _label_notes(contract: Contract) -> Iterator[str]:
    """Say which spellings of labels were taken for one label."""
    aliases = contract.columns[contract.label].aliases
    if aliases:
        meant = {
            label: [one for one, other in aliases.items() if other == label] for label in sorted(set(aliases.values()))
        }
        named = "; ".join(f"{label!r} for {', '.join(map(repr, others))}" for label, others in meant.items())
        yield (
            f"{len(aliases)} spellings of labels are read as another label: {named}. Where two are two decisions, take "
            "the alias out of contract.yaml and add the label to `allowed`."
        )


def _escalation_notes(name: str, columns: Columns, contract: Contract, records: Path) -> Iterator[str]:
    """Ask whether a label that looks like it gives a record to a person."""
    for label in looking_like_escalation(contract.labels or ()) if columns.escalate is None else ():
        command = f"workbench init {name} --records {records} --label {shlex.quote(columns.label)}"
        command += "".join(f" --{flag} {shlex.quote(value)}" for flag, value in _named(columns)[1:] if value)
        yield (
            f"Does the label {label!r} mean that a person decides? Then say so, or answering it counts as automation: "
            f"write `escalate_label: {json.dumps(label, ensure_ascii=False)}` in eval_suites/{name}/pilot.yaml, or "
            f"remove the new folders and run {command} --escalate {shlex.quote(label)}"
        )


def _entity_notes(candidates: Sequence[str]) -> Iterator[str]:
    """Ask whether records depend on each other."""
    if candidates:
        yield f"Do records that share {' or '.join(candidates)} go right or wrong together? Then name it: --entity."


def _gap_notes(contract: Contract, frame: pd.DataFrame) -> Iterator[str]:
    """Say which columns with empty cells are required and which are not."""
    gaps = {name: int(_is_empty(frame[name]).sum()) for name in contract.columns}
    for is_required, verb in ((True, "are required"), (False, "are not required")):
        named = [f"{name} ({n:,})" for name, n in gaps.items() if n and contract.columns[name].required is is_required]
        if named:
            yield (
                f"Columns with empty cells that {verb}, with how many of {len(frame):,}: {shown(named)}. Confirm it in "
                "contract.yaml: what an agent cannot decide without is required."
            )


def _facts(name: str, contract: Contract, records: Path, n_records: int) -> dict[str, str]:
    names = [column.replace("{", "{{ '{' }}") for column in contract.shown]
    values = [f"{{{{ {spelled(column)} }}}}" for column in contract.shown]
    return {
        "pilot": name,
        "title": json.dumps(name.replace("_", " ").capitalize()),
        "label": repr(contract.label),
        "label_name": contract.label.replace('"', "'").replace("\\", "/"),
        "placeholders": "\n".join(f"{name}: {value}" for name, value in zip(names, values, strict=True)),
        "n_records": f"{n_records:,}",
        "compared": ", ".join(("majority", "baseline", *(("boosted",) if _has_fields(contract) else ()))),
        "file": records.name,
    }


def _has_fields(contract: Contract) -> bool:
    """Whether there is anything but text, ids and time to decide from."""
    others = (Role.ID, Role.TEXT, Role.TIMESTAMP)
    return any(contract.columns[name].role not in others for name in contract.shown)


def _filled(file: str, facts: Mapping[str, str]) -> str:
    template = (files("workbench") / "templates" / f"{file}.template").read_text(encoding="utf-8")
    return Template(template).substitute(facts)


def _contract_yaml(contract: Contract) -> str:
    """Return the contract as YAML with every default left out."""
    content = contract.model_dump(mode="json", exclude_defaults=True)
    head = "# Inferred from the data by workbench init: check types, roles and pii. Agents never see the columns with\n"
    head += "# the roles label, reason, class and ignore.\n"
    return head + yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=110)


@contextmanager
def _both_or_neither(*targets: Path) -> Iterator[tuple[Path, ...]]:
    """Give empty folders to fill, and put them in place together; on any fault nothing is left."""
    drafts = tuple(target.with_name(f".{target.name}.{secrets.token_hex(4)}") for target in targets)
    placed = []
    try:
        for draft in drafts:
            draft.mkdir(parents=True)
        yield drafts
        for draft, target in zip(drafts, targets, strict=True):
            draft.rename(target)
            placed.append(target)
    except OSError as error:
        for target in placed:
            shutil.rmtree(target, ignore_errors=True)
        raise InputError("the pilot cannot be written", where=str(error.filename), got=str(error.strerror)) from None
    finally:
        for draft in drafts:
            shutil.rmtree(draft, ignore_errors=True)
