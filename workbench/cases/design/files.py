"""A design written as a suite: one YAML file that a person reads case by case, and confirms or corrects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.cases.design.designing import Design
from workbench.cases.suite import Case
from workbench.files import write_atomically

RESERVED = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
PLAIN = re.compile(r"[A-Za-z][\w.@+-]*")  # text that YAML reads as itself


def write_design(design: Design, path: Path, title: str) -> None:
    """Write a design as a suite file, whole or not at all."""
    write_atomically(path, "\n".join([*_head(design, title), "cases:", *map(_case_text, design.cases), ""]))


def _head(design: Design, title: str) -> Iterator[str]:
    n_noticed, n_equal, n = len(design.noticed), len(design.equivalent), len(design.mutants)
    n_related = sum(case.relation is not None for case in design.cases)
    n_cases = len(design.cases) - n_related
    yield "# Written by a machine (workbench cases design): proposed until somebody signs this file."
    if n:
        yield f"# {n_cases} cases notice {n_noticed} of {n} mutants of the specification, {n_equal} are equivalent,"
        yield f"# {len(design.unnoticed)} unnoticed; {n_related} more hold relations."
    elif n_cases:
        yield f"# {n_cases} cases at values where the action changes; {n_related} more hold relations."
    for name, reason in sorted(design.unnoticed.items()):
        yield f"# Not noticed: {name}: {reason}"
    yield f"title: {_text(title)}"
    yield f"smoke: [{', '.join(design.smoke)}]"
    yield "equivalent:" if design.equivalent else "equivalent: {}"
    for name, reason in sorted(design.equivalent.items()):
        yield f"  {_text(name)}: {_text(reason)}"


def _case_text(case: Case) -> str:
    """Return a case as a few lines."""
    content = case.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    first = {key: content[key] for key in ("id", "class", "base")}
    lines = ["  - " + _pairs(first, newline=True)]
    relation = {key: content[key] for key in ("relation", "of", "change") if key in content}
    if relation:
        lines += [f"{key}: {_text(value)}" for key, value in relation.items()]
    for key in ("set", "expect"):
        if content.get(key):
            given = {name: value for name, value in content[key].items() if value is not None or key == "set"}
            lines.append(f"{key}: {{{_pairs(given)}}}")
    lines += [f"{key}: {_text(content[key])}" for key in ("covers", "why", "author") if content.get(key)]
    return "\n    ".join(lines)


def _pairs(content: dict[str, Any], newline: bool = False) -> str:
    return ("\n    " if newline else ", ").join(f"{_text(key)}: {_text(value)}" for key, value in content.items())


def _text(value: Any) -> str:
    """Return a value as YAML: JSON, which is YAML, with plain words left without quotes."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        return f"{{{_pairs(value)}}}"
    is_plain = isinstance(value, str) and PLAIN.fullmatch(value) is not None and value.lower() not in RESERVED
    return str(value) if is_plain else json.dumps(value, ensure_ascii=False)
