"""Strict YAML: unknown keys, duplicate keys and wrong values are errors that name file, key and remedy."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from yaml.composer import Composer

from workbench.words import InputError, did_you_mean


class Settings(BaseModel):
    """Base of every model that text enters through: immutable, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


MAX_LENGTH = 10_000_000


class _TooLongError(ValueError):
    """A YAML text that is too long once its aliases are written out."""


def _is_known(key: Hashable, known: set[Hashable]) -> bool:
    """Return whether a key is known already, and know it from now on."""
    is_there = key in known
    known.add(key)
    return is_there


SettingsT = TypeVar("SettingsT", bound=Settings)


class _StrictLoader(Composer, yaml.CSafeLoader):
    """A safe loader that refuses a key given twice.

    It parses in C and composes in Python: libyaml's own composer ends the process where text is nested too deeply.
    """

    def __init__(self, stream: str) -> None:
        yaml.CSafeLoader.__init__(self, stream)
        Composer.__init__(self)
        self._length = 0
        self._lengths: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node, every alias counted as what it stands for, as far as the file may be long."""
        is_alias = self.check_event(yaml.AliasEvent)
        before = self._length
        node = super().compose_node(parent, index)
        if is_alias:
            self._length += self._lengths.get(id(node), 0)
        else:
            self._length += 1 + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
            self._lengths[id(node)] = self._length - before
        if self._length > MAX_LENGTH:
            raise _TooLongError
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        known: set[Hashable] = set()
        repeated = next((key for key in keys if isinstance(key, Hashable) and _is_known(key, known)), None)
        if repeated is not None:
            raise yaml.constructor.ConstructorError(None, None, f"the key {repeated!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read_settings(path: Path, model: type[SettingsT]) -> SettingsT:
    """Return the model that a YAML file describes.

    Raises
    ------
    InputError
        The file is missing, is not UTF-8 YAML, or a key or value does not fit the model.
    """
    return settings_from(parse_yaml(read_text(path), str(path)), model, str(path))


def read_text(path: Path) -> str:
    """Return a UTF-8 file's text, or say which byte is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError("a file is missing", where=str(path), remedy="create it, or correct the path") from None
    except IsADirectoryError:
        raise InputError("a folder stands where a file is expected", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise InputError(
            "the file is not UTF-8 text",
            where=f"{path}, byte {error.start}",
            got=repr(error.object[error.start : error.start + 1]),
            remedy="save it as UTF-8",
        ) from None


def parse_yaml(text: str, where: str) -> dict[str, Any]:
    """Return the mapping a YAML text holds; `where` names it in messages."""
    try:
        if len(text) > MAX_LENGTH:
            raise _TooLongError
        content = yaml.load(text, Loader=_StrictLoader)
    except _TooLongError:
        expected = f"at most {MAX_LENGTH:,} characters, each alias counted as what it stands for"
        raise InputError("the file is too long", where=where, expected=expected) from None
    except RecursionError:
        raise InputError("the file is nested too deeply", where=where, expected="a few levels") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise InputError(
            "the file is not valid YAML", where=where + line, got=getattr(error, "problem", None) or str(error)
        ) from None
    if not isinstance(content, dict):
        raise InputError(
            "the file does not hold a mapping", where=where, got=type(content).__name__, expected="key: value lines"
        )
    return content


def settings_from(content: Mapping[str, Any], model: type[SettingsT], where: str) -> SettingsT:
    """Return the model for an already parsed mapping; `where` names its file in messages."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise _explained(error.errors(), model, where) from None


def _explained(faults: list[ErrorDetails], model: type[BaseModel], where: str) -> InputError:
    """Return one error with the number of further ones; a misspelt key comes before the key it leaves missing."""
    fault = min(faults, key=lambda one: one["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in fault["loc"])
    more = f" ({len(faults) - 1} more in this file)" if len(faults) > 1 else ""
    if fault["type"] == "extra_forbidden":
        valid = _valid_keys(model, fault["loc"][:-1])
        remedy = did_you_mean(str(fault["loc"][-1]), valid, "remove the key, or use one of the expected ones")
        return InputError(f"unknown key {key!r}{more}", where=where, expected=", ".join(valid) or None, remedy=remedy)
    if fault["type"] == "missing":
        return InputError(f"the key {key!r} is missing{more}", where=where, remedy=f"add {key!r}")
    expected = fault["msg"].removeprefix("Value error, ")
    if not key:
        return InputError(f"the file does not fit: {expected}{more}", where=where)
    return InputError(
        f"the value of {key!r} does not fit{more}", where=where, got=repr(fault["input"])[:200], expected=expected
    )


def _valid_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys allowed at a location inside a model."""
    current: type[BaseModel] | None = model
    for part in location:
        if current is None:
            return []
        field = current.model_fields.get(str(part))
        current = _model_inside(field.annotation) if field is not None else current
    return sorted(current.model_fields) if current is not None else []


def _model_inside(annotation: Any) -> type[BaseModel] | None:
    """Return the first pydantic model named inside a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_inside(part)) is not None), None)
