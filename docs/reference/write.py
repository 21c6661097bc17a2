"""Writes commands.md and files.md of this folder from the code: `make format` runs it, a test compares."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from workbench.agents.prompts.document import FrontMatter
from workbench.attacks.library import PatternFileSettings
from workbench.cases import CaseSuite
from workbench.commands.cli import app
from workbench.environment.settings import EnvironmentSettings
from workbench.gates.schema import Gates
from workbench.gates.waivers import WaiverSettings
from workbench.pilot import (
    AttackSettings,
    ComplianceSettings,
    Contract,
    LoadSettings,
    OwnedFindings,
    PilotSettings,
    Process,
    ReviewSettings,
    TableContract,
    Triage,
)
from workbench.pilot.acceptance import AcceptanceSettings
from workbench.pilot.charter import Charter
from workbench.records.sources import Sources
from workbench.records.splits import SplitSettings

HERE = Path(__file__).parent
VALUES = {"TEXT": "TEXT", "WHOLE NUMBER": "N", "NUMBER": "X", "DATETIME": "DATE"}
# every file of a pilot that a schema reads: where it lies, what it is for, its schema
FILES: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("datasets/PILOT/contract.yaml", "Columns: types, how they are written, roles, labels, personal data.", Contract),
    ("datasets/PILOT/splits.yaml", "Which records are the sealed holdout. `init` writes it; keep it.", SplitSettings),
    ("datasets/PILOT/sources.yaml", "Where `workbench data` obtains records that are not committed.", Sources),
    ("eval_suites/PILOT/pilot.yaml", "Agents, which are compared, what answers prompts.", PilotSettings),
    ("eval_suites/PILOT/charter.yaml", "What was agreed before the pilot began.", Charter),
    (
        "eval_suites/PILOT/compliance.yaml",
        "What the law asks, and what was decided: [comply](../how_to/comply.md).",
        ComplianceSettings,
    ),
    ("eval_suites/PILOT/gates.yaml", "What each gate asks for: [gates](../gates.md).", Gates),
    ("eval_suites/PILOT/prompts/*.md", "The head of a prompt document; one file is one version.", FrontMatter),
    ("eval_suites/PILOT/suites/*.yaml", "Test cases; those of a signed file count at a gate.", CaseSuite),
    (
        "eval_suites/PILOT/environment.yaml",
        "What agents act on in a test: [act](../how_to/act.md).",
        EnvironmentSettings,
    ),
    ("eval_suites/PILOT/load.yaml", "How much an agent must bear: [load](../how_to/load.md).", LoadSettings),
    (
        "eval_suites/PILOT/attacks/*.yaml",
        "Hostile texts of your own: [library](../attack_library.md).",
        PatternFileSettings,
    ),
    (
        "eval_suites/PILOT/attacks.yaml",
        "Where an outsider may write, and what one would want: [attack](../how_to/attack.md).",
        AttackSettings,
    ),
    (
        "eval_suites/PILOT/review.yaml",
        "Who decides what the agent must not: [review](../how_to/review.md).",
        ReviewSettings,
    ),
    (
        "eval_suites/PILOT/process.yaml",
        "The business process, its rules, and how it is worked today: [process](../how_to/process.md).",
        Process,
    ),
    (
        "eval_suites/PILOT/findings.yaml",
        "Who owns which finding of the audit, and what becomes of it: [data audit](../data_audit.md).",
        OwnedFindings,
    ),
    (
        "eval_suites/PILOT/acceptance.yaml",
        "Who tries the agent on real work before it goes live: [acceptance](../how_to/acceptance.md).",
        AcceptanceSettings,
    ),
    (
        "eval_suites/PILOT/triage.yaml",
        "What was decided on the issues that acceptance raised; `workbench acceptance triage` writes it.",
        Triage,
    ),
    ("eval_suites/PILOT/waivers/*.json", "What was waived; `workbench waive` writes and signs it.", WaiverSettings),
)
COMMANDS_HEAD = """# Commands

Written from the commands themselves (`make format`). How they behave - widths, progress, stopping, completion - is in
[the command line](../command_line.md). `--root DIR` is the folder with datasets/, eval_suites/ and mlruns/, by default
the current one; `--json` prints JSON on standard output and nothing else.

Exit codes: 0 done or GO; 1 NO-GO, a missing or invalid signature, open points in a charter, evidence that does not
hold; 2 bad input; 4 could not run."""
FILES_HEAD = """# Files

Written from the schemas that read them (`make format`). A key that is not listed is refused, with the name that is
nearest.

## What you edit

Two folders of text, made by `workbench init` (`--root DIR`, by default the current folder). Commit both.

| file | what it says |
|---|---|
| `datasets/PILOT/contract.yaml`, `splits.yaml`, `sources.yaml` | below |
| `datasets/PILOT/ledger.jsonl`, `opened/` | every opening of the holdout, signed; never edit, always commit |
| `eval_suites/PILOT/pilot.yaml`, `charter.yaml`, `gates.yaml`, `suites/`, `waivers/` | below |
| `eval_suites/PILOT/process.yaml`, `findings.yaml` | below |
| `eval_suites/PILOT/attacks/*.yaml` | below |
| `eval_suites/PILOT/prompts/*.md` | prompt documents: [agents](../how_to/agents.md) |
| `eval_suites/PILOT/agents.py` | agents in Python |
| `eval_suites/PILOT/signatures/` | who signed the charter and the documents; an edit takes a signature back |
| `eval_suites/PILOT/expectations/*.json` | a great-expectations suite of your own: [data audit](../data_audit.md) |

## What runs leave

Everything under `mlruns/`. Keep it out of git, but for the evidence.

| file | what it is |
|---|---|
| `PILOT/index.html` | the pilot at a glance: KPIs, gates, versions, findings, links; offline |
| `PILOT/notebooks/` | the executed notebooks, each also as one page |
| `PILOT/results/` | figures and tables of the notebooks; copies for people, no gate reads them |
| `PILOT/journal.sqlite` | every decision, asked exactly once; what a gate judges |
| `PILOT/exhibits/NAME/` | what a gate rests on: answer, estimates, findings and their tables |
| `PILOT/audit/RUN/` | one audit: [data audit](../data_audit.md) |
| `PILOT/sandbox.json` | where `workbench sandbox` runs and its credentials, while it runs |
| `PILOT/serve.log`, `servers.json` | of `serve`, and what servers said of their models |
| `PILOT/promotions.jsonl`, `optimiser/` | every move of an alias; what the optimiser asked |
| `evidence/PILOT/gate-N/ID/` | a signed bundle: [evidence](../evidence.md) |
| `notebooks_lab/USER/` | your copies of the notebooks for `workbench lab` |
| `mlflow.db`, `artifacts/` | MLflow's store; `workbench ui` opens it |"""


def commands_page() -> str:
    """Return the text of commands.md: every command with arguments, options and example."""
    lines = [COMMANDS_HEAD]
    group = typer.main.get_command(app)
    panel = None
    for words, command in sorted(every_command(group), key=lambda one: _place(group, one[0][0])):
        said = group.commands[words[0]].rich_help_panel
        if said != panel:
            lines += ["", f"## {said}"]
            panel = said
        lines += _command_lines(words, command)
    return "\n".join(lines) + "\n"


def every_command(group: Any, *before: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each command with the words that it is called by, in the order of the help."""
    for name, one in group.commands.items():
        if getattr(one, "commands", None):
            yield from every_command(one, *before, name)
        else:
            yield (*before, name), one


def _place(group: Any, name: str) -> int:
    """Return where the help has a command: its group's place."""
    panels = list(dict.fromkeys(one.rich_help_panel for one in group.commands.values()))
    return panels.index(group.commands[name].rich_help_panel)


def _command_lines(words: Sequence[str], command: Any) -> list[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and one.name not in ("root", "as_json")]
    places = [one.metavar or one.name.upper() for one in arguments]
    also = [
        text for name, text in (("root", "--root"), ("as_json", "--json")) if name in {p.name for p in command.params}
    ]
    lines = ["", f"### workbench {' '.join([*words, *places])}", "", _whole(command.help)]
    if options:
        lines += ["", "| option | what it is |", "|---|---|"]
        lines += [f"| {_spelling(one)} | {_cell(one.help or '')}{_rule(one)} |" for one in options]
    lines += ["", f"Also: {', '.join(f'`{one}`' for one in also)}."] if also else []
    return [*lines, "", "```sh", command.epilog.removeprefix("Example: "), "```"]


def _spelling(option: Any) -> str:
    kind = _kind(option.type_descriptor.annotation).upper()
    value = "" if option.is_flag else f" {option.metavar or VALUES.get(kind, kind)}"
    return _cell(f"`{' / '.join([*option.opts, *option.secondary_opts])}{value}`")


def _rule(option: Any) -> str:
    if option.required:
        return " Required."
    plain = isinstance(option.default, (str, int, float)) and not isinstance(option.default, bool)
    return f" Default: {option.default}." if plain else ""


def files_page() -> str:
    """Return the text of files.md: every file of a pilot with its keys, and what runs leave."""
    lines = [FILES_HEAD]
    shown: list[type[BaseModel]] = []
    for place, use, schema in FILES:
        lines += ["", f"## {place}", "", use, *_schema_lines(schema)]
        shown.append(schema)
        for part in _parts(schema):
            if part not in shown:
                shown.append(part)
                lines += ["", f"### {part.__name__}", *_schema_lines(part)]
    return "\n".join(lines) + "\n"


def _parts(schema: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield the schemas within a schema, outer ones first."""
    for field in schema.model_fields.values():
        for part in _models(field.annotation):
            yield part
            yield from _parts(part)


def _models(kind: Any) -> list[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for one in get_args(kind) for model in _models(one)]


def _schema_lines(schema: type[BaseModel]) -> list[str]:
    docs = [inspect.getdoc(one) or "" for one in (schema, TableContract) if issubclass(schema, one)]
    lines = [line for text in docs for line in ("", _whole(text))]
    lines += ["", "| key | value | without it |", "|---|---|---|"]
    return [*lines, *(_key_line(name, field) for name, field in schema.model_fields.items())]


def _key_line(name: str, field: FieldInfo) -> str:
    return f"| `{field.alias or name}` | {_cell(_kind(field.annotation))} | {_cell(_default(field))} |"


def _kind(kind: Any) -> str:
    """Return what a key holds, in words."""
    parts = [one for one in get_args(kind) if one is not type(None) and one is not Ellipsis]
    match get_origin(kind):
        case None:
            return _named(kind)
        case origin if origin is Literal:
            return " or ".join(f"`{one}`" for one in parts)
        case origin if origin is tuple:
            return f"list of {_kind(parts[0])}"
        case origin if origin is dict:
            return f"{_kind(parts[0])} to {_kind(parts[1])}"
        case origin if origin in (Union, type(int | None)):
            return " or ".join(_kind(one) for one in parts)
        case _:
            return _kind(parts[0])  # Annotated: what it annotates


def _named(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.__name__
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{one.value}`" for one in kind)
    words = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false", "Any": "anything"}
    return words.get(getattr(kind, "__name__", str(kind)), getattr(kind, "__name__", str(kind)))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    value = value.value if isinstance(value, Enum) else value
    if isinstance(value, BaseModel) or value in (None, "", (), {}):
        return "-"
    if isinstance(value, tuple):
        return ", ".join(f"`{getattr(one, 'value', one)}`" for one in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _whole(text: str) -> str:
    """Return a docstring's paragraphs, each in one line."""
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    (HERE / "commands.md").write_text(commands_page(), encoding="utf-8")
    (HERE / "files.md").write_text(files_page(), encoding="utf-8")
