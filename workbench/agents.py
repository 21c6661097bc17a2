"""Agents: what turns a record into a decision - a prompt with an engine, a Python callable or an HTTP endpoint."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import random
import sys
import time
import traceback
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pandas as pd

from workbench.decisions import Decision, InvalidAnswer, Status, decision_from_reply, read_answer
from workbench.engines.http import CallPolicy, JsonCaller
from workbench.engines.pool import results_of
from workbench.engines.protocol import Engine, FailureCause, Reply, Request
from workbench.errors import InputError
from workbench.pilot import AgentSettings, Pilot
from workbench.prompts import Prompt, messages, read_prompt, response_schema
from workbench.records import Record, Scalar
from workbench.splits import Dataset

Decide = Callable[[Mapping[str, Scalar]], object]
PYTHON_WINDOW = 64
LEARNING_LIBRARIES = ("numpy", "pandas", "scikit-learn")


class Agent(Protocol):
    """Turns records into decisions.

    `identity` is everything that makes this version of the agent; `window` is how many records may be under way.
    """

    @property
    def name(self) -> str:
        """The agent's name in pilot.yaml."""
        ...

    @property
    def identity(self) -> Mapping[str, Any]:
        """What the journal's keys are made from."""
        ...

    @property
    def window(self) -> int:
        """How many records may be under way at once."""
        ...

    @property
    def deadline_s(self) -> float | None:
        """Seconds within which each record is decided; a later decision does not count. None: no bound."""
        ...

    def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        """Yield one decision for each record, in any order."""
        ...


@dataclass(frozen=True, slots=True)
class PythonAgent:
    """A callable of the pilot, called in process, one record at a time.

    Parameters
    ----------
    decide_for : callable
        Takes a record, returns the function that decides it: always the same one for a plain callable; for a trained
        one the model that has not seen the record.
    """

    name: str
    identity: Mapping[str, Any]
    actions: Collection[str]
    decide_for: Callable[[Record], Decide]
    window: int = PYTHON_WINDOW
    deadline_s: float | None = None

    async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        """Yield a decision for each record; an exception of the callable is a failed decision."""
        async for record in records:
            function = self.decide_for(record)
            start = time.perf_counter()
            try:
                content = function(record.fields)
            except Exception as error:  # whatever a user's callable raises concerns this record only
                yield _failed(record.id, error, time.perf_counter() - start)
            else:
                yield self._decision(record.id, content, time.perf_counter() - start)

    def _decision(self, record_id: str, content: object, latency_s: float) -> Decision:
        try:
            answer = read_answer(content, self.actions)
        except InvalidAnswer as invalid:
            return Decision(
                record_id,
                Status.INVALID,
                cause=invalid.cause.value,
                detail=invalid.detail,
                text=str(content)[:1000],
                latency_s=latency_s,
                attempts=1,
            )
        return Decision(
            record_id,
            Status.OK,
            action=answer.action,
            confidence=answer.confidence,
            confidence_source=None if answer.confidence is None else "stated",
            reason=answer.reason,
            latency_s=latency_s,
            attempts=1,
        )


@dataclass(frozen=True, slots=True)
class PromptAgent:
    """A prompt document and an engine that answers it."""

    name: str
    prompt: Prompt
    engine: Engine
    labels: tuple[str, ...]

    @property
    def identity(self) -> Mapping[str, Any]:
        """Prompt and engine; the prompt's hash covers its text, sampling and response schema."""
        return {"prompt": self.prompt.hash, "engine": dict(self.engine.identity), "labels": list(self.labels)}

    @property
    def window(self) -> int:
        """The engine's concurrency."""
        return self.engine.concurrency

    @property
    def deadline_s(self) -> float | None:
        """The engine's deadline."""
        return self.engine.deadline_s

    async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        """Yield a decision for each reply, as the replies come."""
        async with self.engine:
            async for reply in self.engine.stream(_Rendered(records, self.prompt, self.labels)):
                yield decision_from_reply(reply, self.labels)


class _Rendered:
    """Requests rendered when an engine asks for them; safe for several workers waiting at once."""

    def __init__(self, records: AsyncIterator[Record], prompt: Prompt, labels: tuple[str, ...]) -> None:
        self._records = records
        self._prompt = prompt
        self._labels = labels
        self._schema = response_schema(prompt, labels)

    def __aiter__(self) -> AsyncIterator[Request]:
        return self

    async def __anext__(self) -> Request:
        record = await anext(self._records)
        return Request(record.id, messages(self._prompt, record, self._labels), self._prompt.sampling, self._schema)


@dataclass(frozen=True, slots=True)
class HttpAgent:
    """An endpoint that takes `{"id", "record"}` and returns an answer object."""

    name: str
    url: str
    actions: Collection[str]
    policy: CallPolicy
    window: int

    @property
    def identity(self) -> Mapping[str, Any]:
        """The endpoint's address: what runs behind it cannot be seen from here."""
        return {"http": self.url}

    @property
    def deadline_s(self) -> float | None:
        """The deadline of a call."""
        return self.policy.deadline_s

    async def decide(self, records: AsyncIterator[Record]) -> AsyncIterator[Decision]:
        """Yield a decision for each answer, as the answers come."""
        rng = random.Random(self.url)
        async with JsonCaller(self.policy, concurrency=self.window, rng=rng) as caller:

            async def ask(record: Record) -> Reply:
                body = json.dumps({"id": record.id, "record": dict(record.fields)}, ensure_ascii=False).encode()
                result = await caller.post(self.url, body, {})
                text = None if result.body is None else json.dumps(result.body, ensure_ascii=False)
                return Reply(record.id, text, result.latency_s, result.attempts, failure=result.failure)

            async for reply in results_of(records, ask, self.window):
                yield decision_from_reply(reply, self.actions)


def python_agent(pilot: Pilot, name: str, settings: AgentSettings, dataset: Dataset) -> PythonAgent:
    """Return the agent of a callable named in pilot.yaml.

    Raises
    ------
    InputError
        The file or a file it reads is missing, cannot be imported, or has no such callable.
    """
    relative, _, attribute = str(settings.python).partition(":")
    path = pilot.root / relative
    _file_digest(path)
    module = _imported(path)
    function = _attribute(module, attribute, path)
    code = _code(module, pilot, settings)
    if not settings.trained:
        return PythonAgent(name, {"python": attribute, "code": code}, dataset.labels, lambda record: function)
    identity = {
        "python": attribute,
        "code": code,
        "training": _training_digest(dataset),
        "libraries": {library: version(library) for library in LEARNING_LIBRARIES},
    }
    return PythonAgent(name, identity, dataset.labels, CrossFitted(function, dataset))


class CrossFitted:
    """Gives each record a model that has not seen it.

    A development record is decided by the model trained on the four folds it is not in, a holdout record by the model
    trained on all development records. Models are trained when first needed. Source: cross-fitting as in Stone (1974),
    Cross-validatory choice and assessment of statistical predictions.
    """

    def __init__(self, train: Callable[[pd.DataFrame], Decide], dataset: Dataset) -> None:
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
            self._models[fold] = self._train(training[self._folds.loc[training.index] != fold])
        return self._models[fold]


def prompt_agent(pilot: Pilot, name: str, settings: AgentSettings, dataset: Dataset, engine: Engine) -> PromptAgent:
    """Return the agent of a prompt document and an engine."""
    path = pilot.suite / "prompts" / f"{settings.prompt}.md"
    return PromptAgent(name, read_prompt(path, pilot.contract.shown), engine, dataset.labels)


def _failed(record_id: str, error: Exception, latency_s: float) -> Decision:
    """Return the failed decision of a callable that raised, with the place in its own code."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    detail = f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})"
    cause = FailureCause.EXCEPTION.value
    return Decision(record_id, Status.FAILED, cause=cause, detail=detail[:500], latency_s=latency_s, attempts=1)


def _training_digest(dataset: Dataset) -> str:
    """Return the digest of all a trained agent learns from: development records, labels and folds."""
    training = dataset.training()
    folded = training.assign(fold=dataset.folds())
    return hashlib.sha256(folded.to_json(orient="split").encode()).hexdigest()


def _file_digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError("a file of an agent cannot be read", where=str(path), got=error.strerror) from None


def _imported(path: Path) -> ModuleType:
    """Return the module in a file, imported anew as part of a package that is its folder.

    So the file may import its neighbours as `from . import reading`.
    """
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
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise InputError(
            "an agent's file cannot be imported",
            where=f"{path} ({place.filename}, line {place.lineno})",
            got=f"{type(error).__name__}: {error}",
        ) from None
    finally:
        sys.dont_write_bytecode = writes_no_bytecode


def _code(module: ModuleType, pilot: Pilot, settings: AgentSettings) -> dict[str, str]:
    """Return the digest of every file of the pilot that an agent's module imports or is said to read."""
    package = module.__name__.rpartition(".")[0]
    parts = [part for name, part in sys.modules.items() if name.startswith(f"{package}.")]
    files = [Path(part.__file__) for part in parts if part.__file__ is not None]
    files += [pilot.root / file for file in settings.reads]
    return {os.path.relpath(file, pilot.root): _file_digest(file) for file in sorted(files)}


def _attribute(module: ModuleType, name: str, path: Path) -> Any:
    function = getattr(module, name, None)
    if not callable(function):
        found = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise InputError(f"there is no callable {name!r}", where=str(path), expected=", ".join(found) or None)
    return function
