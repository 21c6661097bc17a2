"""Callables of a pilot: found in its files, identified without running them, loaded when they are first needed."""

from __future__ import annotations

import ast
import hashlib
import importlib
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from workbench.credentials import SIGNING_KEY, drop
from workbench.errors import InputError, RunError
from workbench.records import Record, Scalar
from workbench.splits import Dataset

Decide = Callable[[Mapping[str, Scalar]], object]
MAX_DETAIL = 500
ONLY_ANSWERED = "WORKBENCH_ONLY_ANSWERED"
INSTALLED = (*map(sysconfig.get_path, ("stdlib", "purelib", "platlib")), str(Path(__file__).parent))


@contextmanager
def only_answered() -> Iterator[None]:
    """Let this process, and those that it starts meanwhile, neither run a pilot's code nor ask for a decision."""
    before = os.environ.get(ONLY_ANSWERED)
    os.environ[ONLY_ANSWERED] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[ONLY_ANSWERED]


def is_only_answered() -> bool:
    """Return whether only answers that are there count: no code of a pilot is run and nothing is asked."""
    return ONLY_ANSWERED in os.environ


def check_may_ask(what: str) -> None:
    """Refuse to run a pilot's code, or to ask for decisions, where only answers that are there count.

    Raises
    ------
    RunError
        So it is; `what` says what would have to be run or asked.
    """
    if is_only_answered():
        raise RunError(
            "here only answers that are there count, and something is not answered yet",
            got=what,
            remedy="workbench answer N PILOT where code of the pilot may run, then this again with its mlruns/PILOT",
        )


class PilotFunction:
    """A callable `PATH:NAME` of a pilot.

    Its file is imported as part of a package that is its folder, so it may import its neighbours as
    `from . import reading`. Finding out what it consists of runs none of it: importing scikit-learn takes seconds, and
    a run whose decisions are all in the journal does not need it.

    Raises
    ------
    InputError
        The file is missing or is no Python.
    """

    def __init__(self, root: Path, reference: str) -> None:
        relative, _, self.name = reference.partition(":")
        self._root = root
        self._path = root / relative
        self._files = tuple(_with_neighbours(self._path))
        self._function: Any = None

    def digests(self, reads: tuple[str, ...]) -> dict[str, str]:
        """Return the digest of every file of the pilot that the callable imports, and of those it is said to read."""
        files = [*self._files, *(self._root / file for file in reads)]
        return {os.path.relpath(file, self._root): _file_digest(file) for file in sorted(files)}

    def load(self) -> Any:
        """Return the callable; the first call imports its file, and this process can sign with no key of its own then.

        Raises
        ------
        InputError
            The file cannot be imported or has no such callable.
        RunError
            Only answers that are there count now; see `only_answered`.
        """
        if self._function is None:
            check_may_ask(f"{self._path.name}:{self.name} is code of the pilot")
            drop(SIGNING_KEY)
            self._function = _attribute(_imported(self._path), self.name, self._path)
        return self._function


class CrossFitted:
    """Gives each record a model that has not seen it.

    A development record is decided by the model trained on the four folds it is not in, a holdout record by the model
    trained on all development records. Models are trained when first needed. Source: cross-fitting as in Stone (1974),
    Cross-validatory choice and assessment of statistical predictions.
    """

    def __init__(self, train: PilotFunction, dataset: Dataset) -> None:
        self._train = train
        self._dataset = dataset
        self._folds = dataset.folds()
        self._fold_of = {str(record_id): fold for record_id, fold in self._folds.items()}
        self._models: dict[int | None, Decide] = {}

    def __call__(self, record: Record) -> Decide:
        """Return the function that decides this record."""
        fold = self._fold_of.get(record.id)
        if fold not in self._models:
            training = self._dataset.training()
            self._models[fold] = self._trained(training[self._folds.loc[training.index] != fold])
        return self._models[fold]

    def _trained(self, training: pd.DataFrame) -> Decide:
        try:
            decide: Decide = self._train.load()(training)
        except InputError:
            raise
        except Exception as error:  # whatever a user's training raises
            raise RunError(
                f"training the agent {self._train.name!r} failed",
                where=_place(error),
                got=f"{type(error).__name__}: {error}",
                expected=f"a function of one record, learnt from {len(training):,} development records",
            ) from None
        if not callable(decide):
            raise InputError(f"{self._train.name!r} returned no function of a record", got=type(decide).__name__)
        return decide


class UnpreparedError(ValueError):
    """A record whose further fields could not be made: a counted outcome, not a fault of the program."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """A function of the pilot that gives a record further fields, for prompts.

    Parameters
    ----------
    function : PilotFunction
        Takes the columns an agent may see, returns a mapping.
    fields : tuple of str
        The keys of that mapping; its values are text.
    identity : mapping
        What makes this version of the function.
    """

    function: PilotFunction
    fields: tuple[str, ...]
    identity: Mapping[str, Any]

    def __call__(self, record: Record) -> Record:
        """Return the record with the further fields beside its own.

        Raises
        ------
        UnpreparedError
            The function raised, or returned something else than a text for each of the fields; or no code of the pilot
            is run here.
        """
        if is_only_answered():
            raise self._error("not prepared here, where no code of the pilot is run")
        function = self.function.load()
        try:
            made = function(dict(record.fields))
        except Exception as error:  # whatever a user's function raises concerns this record only
            raise self._error(raised(error)) from None
        if not isinstance(made, Mapping) or set(made) != set(self.fields):
            got = ", ".join(map(str, made)) if isinstance(made, Mapping) else f"no mapping but {type(made).__name__}"
            raise self._error(f"it returned {got or 'nothing'}; expected exactly {', '.join(self.fields)}")
        for field in self.fields:
            if not isinstance(made[field], str):
                raise self._error(f"{field} is no text but {type(made[field]).__name__}")
        return replace(record, fields={**record.fields, **made})

    def _error(self, detail: str) -> UnpreparedError:
        return UnpreparedError(f"prepare {self.function.name}: {detail}"[:MAX_DETAIL])


def training_digest(dataset: Dataset) -> str:
    """Return the digest of all a trained agent learns from: development records, labels and folds."""
    folded = dataset.training().assign(fold=dataset.folds())
    return hashlib.sha256(folded.to_json(orient="split").encode()).hexdigest()


def raised(error: Exception) -> str:
    """Return what a callable raised and the place in its own code, for a reader."""
    return f"{type(error).__name__}: {error} ({_place(error)})"[:MAX_DETAIL]


def _place(error: Exception) -> str:
    """Return the last place in the pilot's own code, else the last place."""
    places = traceback.extract_tb(error.__traceback__)
    own = [one for one in places if _is_own(Path(one.filename))]
    place = (own or places)[-1]
    return f"{Path(place.filename).name}, line {place.lineno}"


def _is_own(path: Path) -> bool:
    """Return whether a traceback's file is neither installed nor, as a frozen module's, no file at all."""
    return path.is_file() and not any(map(path.is_relative_to, INSTALLED))


def _with_neighbours(path: Path, seen: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Yield a file and those of its folder that it imports, each once."""
    todo, found = [path], set(seen)
    while todo:
        file = todo.pop()
        if file not in found:
            found.add(file)
            yield file
            todo += [neighbour for neighbour in _imports(file) if neighbour.is_file()]


def _imports(path: Path) -> Iterator[Path]:
    """Yield the files that a file's relative imports may mean."""
    try:
        tree = ast.parse(_content(path))
    except SyntaxError as error:
        raise InputError(
            "a file of the pilot is no Python", where=f"{path}, line {error.lineno}", got=error.msg
        ) from None
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from (path.parent / f"{name.replace('.', '/')}.py" for name in names)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError("a file of the pilot cannot be read", where=str(path), got=error.strerror) from None


def _file_digest(path: Path) -> str:
    return hashlib.sha256(_content(path)).hexdigest()


def _imported(path: Path) -> ModuleType:
    """Return the module in a file, imported anew."""
    package = f"workbench_pilot_{hashlib.sha256(str(path.parent).encode()).hexdigest()[:12]}"
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]
    parent = ModuleType(package)
    parent.__path__ = [str(path.parent)]
    sys.modules[package] = parent
    importlib.invalidate_caches()
    writes_no_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # bytecode can be stale within a second
    try:
        return importlib.import_module(f"{package}.{path.stem}")
    except Exception as error:  # whatever a user's module raises while it is imported
        raise InputError(
            "a file of the pilot cannot be imported",
            where=f"{path} ({_place(error)})",
            got=f"{type(error).__name__}: {error}",
        ) from None
    finally:
        sys.dont_write_bytecode = writes_no_bytecode


def _attribute(module: ModuleType, name: str, path: Path) -> Any:
    function = getattr(module, name, None)
    if not callable(function):
        found = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise InputError(f"there is no callable {name!r}", where=str(path), expected=", ".join(found) or None)
    return function
