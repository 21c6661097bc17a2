"""A new pilot from a table of labelled records: both folders, a contract, a charter and a first prompt to fill in."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

import yaml

from workbench.agents.prompts import placeholder_name
from workbench.commands.scaffold.choices import Choices, Columns
from workbench.commands.scaffold.contract import Inferred, check_columns, infer_contract
from workbench.commands.scaffold.leaks import telling_columns
from workbench.commands.scaffold.notes import entity_note, leak_note, notes
from workbench.compliance.documents import ARCHITECTURE_FILE, architecture_skeleton
from workbench.environment import ENVIRONMENT_FILE
from workbench.evaluation import candidate_entities
from workbench.files import read_settings
from workbench.gates import default_gates
from workbench.pilot import (
    ACCEPTANCE_FILE,
    ATTACKS_FILE,
    COMPLIANCE_FILE,
    CONTRACT_FILE,
    REVIEW_FILE,
    SUITES_FOLDER,
    Column,
    ColumnType,
    Contract,
    Role,
    Semantic,
)
from workbench.pilot.charter import CHARTER_FILE, GATES_FILE, PILOT_FILE, SPLITS_FILE, Charter
from workbench.records import RecordTable, labelled_rows, records_of
from workbench.records.splits import Split, SplitSettings, drawn_split, fresh_split, write_split
from workbench.records.tables import KEY_NAME, read_raw_table
from workbench.words import InputError, shown

NAME = re.compile(r"[a-z][a-z0-9_]*")
FIRST_CASES = 5
FILLED = (  # files of eval_suites/PILOT that a template is filled in for
    PILOT_FILE, CHARTER_FILE, COMPLIANCE_FILE, ENVIRONMENT_FILE, REVIEW_FILE, ACCEPTANCE_FILE, "agents.py",
)  # fmt: skip
NAMES = re.compile(r"(?:^|_)(?:name|address|street|city|company|customer|vendor|supplier)(?:$|_)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class NewPilot:
    """What `init` made.

    Parameters
    ----------
    name : str
    inferred : Inferred
        What the records were read as.
    table : RecordTable
    split : SplitSettings
    data, suite : Path
        The new folders.
    candidates : tuple of str
        Columns that may be an entity where none was named.
    leaks : tuple of str
        Columns that alone tell the label.
    said : tuple of str
        What a person should look at or answer, one sentence each.
    """

    name: str
    inferred: Inferred
    table: RecordTable
    split: SplitSettings
    data: Path
    suite: Path
    candidates: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    said: tuple[str, ...] = ()

    @property
    def contract(self) -> Contract:
        """The contract that was inferred."""
        return self.inferred.contract

    @property
    def n_records(self) -> int:
        """Labelled records."""
        return len(self.table.frame)

    @property
    def n_labels(self) -> int:
        """Different labels."""
        return len(self.label_counts)

    @property
    def label_counts(self) -> dict[str, int]:
        """Records of each label, the most frequent first."""
        counts = self.table.frame[self.contract.label].value_counts()
        return {str(label): int(n) for label, n in counts.items()}

    @property
    def times(self) -> dict[str, str] | None:
        """The time column, the first and the last time in it as ISO text; None where no column has times."""
        name = self.contract.column_with(Role.TIMESTAMP)
        known = None if name is None else self.table.frame[name].dropna().map(str)
        if name is None or known is None or known.empty:
            return None
        return {"column": name, "first": known.min(), "last": known.max()}


def init_pilot(name: str, records: Path, columns: Columns, root: Path, choices: Choices | None = None) -> NewPilot:
    """Write both folders of a new pilot, or neither.

    Raises
    ------
    InputError
        The name is taken or no name, a named column is not there, or the records do not fit any contract (no label,
        repeated ids, a label that occurs once, ...).
    """
    choices = choices or Choices()
    data, suite = root / "datasets" / name, root / "eval_suites" / name
    _check_name(name, data, suite)
    cells = read_raw_table(records, choices.reading)
    check_columns(columns, cells.names, str(records))
    inferred = infer_contract(cells, columns, records.name, choices)
    contract = inferred.contract
    escalate = _escalate_label(columns.escalate or columns.abstain, contract, records)
    table = records_of(contract, labelled_rows(contract, inferred.frame), records.parent)
    split = fresh_split(table, contract, data / SPLITS_FILE, choices.split)
    facts = _facts(name, contract, records, len(table.frame)) | {"escalate": json.dumps(escalate, ensure_ascii=False)}
    with _both_or_neither(data, suite) as (new_data, new_suite):
        shutil.copyfile(records, new_data / records.name)
        (new_data / CONTRACT_FILE).write_text(_contract_yaml(contract, columns), encoding="utf-8")
        write_split(new_data / SPLITS_FILE, split)
        (new_data / "README.md").write_text(_filled("README.md", facts), encoding="utf-8")
        (new_suite / "prompts").mkdir()
        (new_suite / "prompts" / "v1.md").write_text(_filled("v1.md", facts), encoding="utf-8")
        for file in FILLED:
            (new_suite / file).write_text(_filled(file, facts), encoding="utf-8")
        (new_suite / SUITES_FOLDER).mkdir()
        first = {"title_of_suite": facts["title"], "cases": _cases(contract, table, split, data / SPLITS_FILE)}
        (new_suite / SUITES_FOLDER / "first.yaml").write_text(_filled("first.yaml", facts | first), encoding="utf-8")
        title = name.replace("_", " ").capitalize()
        (new_suite / ARCHITECTURE_FILE).write_text(architecture_skeleton(title), encoding="utf-8")
        attacks = _attacks_yaml(contract, escalate)
        if attacks:
            (new_suite / ATTACKS_FILE).write_text(attacks, encoding="utf-8")
        kpis = read_settings(new_suite / CHARTER_FILE, Charter).kpis
        (new_suite / GATES_FILE).write_text(default_gates(tuple(kpi.id for kpi in kpis)), encoding="utf-8")
    candidates = () if columns.entity else _candidates(table, contract)
    leaks = telling_columns(contract, table, split, data / SPLITS_FILE)
    said = (
        *notes(name, inferred, columns, str(records)),
        *leak_note(leaks, contract.label),
        *entity_note(candidates),
    )
    return NewPilot(name, inferred, table, split, data, suite, candidates, leaks, said)


def _candidates(table: RecordTable, contract: Contract) -> tuple[str, ...]:
    """Return the columns that may be an entity: text that repeats, or whole numbers that are named for a key."""
    kinds = {name: column.type for name, column in contract.columns.items()}
    found = candidate_entities(table.frame, contract)
    return tuple(name for name in found if kinds[name] is ColumnType.STRING or KEY_NAME.search(name))


def _check_name(name: str, data: Path, suite: Path) -> None:
    if not NAME.fullmatch(name):
        raise InputError(
            "this is no name for a pilot", got=repr(name), expected="lower-case letters, digits and _, a letter first"
        )
    taken = [str(folder) for folder in (data, suite) if folder.exists()]
    if taken:
        raise InputError(f"there is a pilot {name!r} already", where=", ".join(taken), remedy="choose another name")


def _escalate_label(named: str | None, contract: Contract, records: Path) -> str | None:
    """Return the label that a user named to escalate by."""
    labels = contract.labels or ()
    if named is not None and contract.label_of(named) not in labels:
        raise InputError(
            f"there is no label {named!r} to escalate by",
            where=str(records),
            expected=shown(labels),
            remedy=f"for an answer that no record has as its label: --abstain {named}",
        )
    return None if named is None else contract.label_of(named)


def _facts(name: str, contract: Contract, records: Path, n_records: int) -> dict[str, str]:
    names = [column.replace("{", "{{ '{' }}") for column in contract.shown]
    values = [f"{{{{ {placeholder_name(column)} }}}}" for column in contract.shown]
    return {
        "pilot": name,
        "title": json.dumps(name.replace("_", " ").capitalize()),
        "label": repr(contract.label),
        "label_name": contract.label.replace('"', "'").replace("\\", "/"),
        "placeholders": "\n".join(f"{name}: {value}" for name, value in zip(names, values, strict=True)),
        "n_records": f"{n_records:,}",
        "compared": ", ".join(("majority", "baseline", *(("boosted",) if _has_fields(contract) else ()))),
        "file": records.name,
        "columns": _flow({name.casefold(): name for name in contract.shown}.values()),
    }


def _cases(contract: Contract, table: RecordTable, split: SplitSettings, path: Path) -> str:
    """Return cases of a few development records, one of each label first."""
    _, _, sides = drawn_split(split, table, contract, path)
    developed = table.frame.loc[sides == Split.DEV.value, contract.label]
    change = "field_order" if len(contract.shown) > 1 else "whitespace"
    chosen = developed[~developed.duplicated()].index[:FIRST_CASES]
    return "\n".join(
        f"  - {{id: written-otherwise-{number}, class: edge, base: {json.dumps(str(name))}, relation: same, "
        f"change: {change}}}"
        for number, name in enumerate(chosen, start=1)
    )


def _flow(names: Iterable[str]) -> str:
    """Return names as a list of YAML within a line, or a few; of those that SQL takes for one the last."""
    text = yaml.dump(list(names), Dumper=yaml.CSafeDumper, allow_unicode=True, default_flow_style=True, width=100)
    return text.strip().replace("\n", "\n    ")


def _has_fields(contract: Contract) -> bool:
    """Whether there is anything but text, ids and time to decide from."""
    others = (Role.ID, Role.TEXT, Role.TIMESTAMP)
    return any(contract.columns[name].role not in others for name in contract.shown)


def _filled(file: str, facts: Mapping[str, str]) -> str:
    template = (Path(__file__).parent / "templates" / f"{file}.template").read_text(encoding="utf-8")
    return Template(template).substitute(facts)


def _contract_yaml(contract: Contract, columns: Columns) -> str:
    """Return the contract as YAML with every default left out but a type that the user named."""
    content = contract.model_dump(mode="json", exclude_defaults=True)
    for name, kind in columns.types.items():
        content["columns"][name]["type"] = kind.value
    head = "# Inferred from the data by workbench init: check types, roles and pii. Agents never see the columns with\n"
    head += (
        '# the roles label, reason, class and ignore. How cells are written: decimal ("." or ","), format of a date,\n'
    )
    head += "# missing (texts that stand for nothing). max_length of a text is twice the longest one, rounded up: the\n"
    head += "# guard `lengths` keeps an agent from a longer one.\n"
    return head + yaml.dump(content, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=110)


def _attacks_yaml(contract: Contract, escalate: str | None) -> str:
    """Return by which columns an outsider may write, as they look; empty where none looks so."""
    open_text = [name for name in contract.shown if contract.columns[name].allowed is None]
    texts = [name for name in open_text if contract.columns[name].role is Role.TEXT]
    names = [name for name in open_text if _holds_names(name, contract.columns[name]) and name not in texts]
    channels = {"free_text": texts, "name": names}
    wanted = next((label for label in contract.labels or () if label != escalate), None)
    if wanted is None or not (texts or names):
        return ""
    head = (
        "# Inferred by workbench init: where an outsider may write, and what one would want, the most wanted first.\n"
    )
    head += "# docs/how_to/attack.md says what every key means.\n"
    content = {"channels": {name: columns for name, columns in channels.items() if columns}, "wanted": [wanted]}
    return head + yaml.dump(content, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=110)


def _holds_names(name: str, column: Column) -> bool:
    """Whether a column holds names or addresses, as its semantic or its own name says."""
    is_text = column.type is ColumnType.STRING and column.role in (Role.FIELD, Role.ENTITY)
    return is_text and (column.semantic is Semantic.NAME or NAMES.search(name) is not None)


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
