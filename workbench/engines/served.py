"""What a server says it serves: asked at /v1/models once, remembered for when it cannot be asked."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from workbench.engines.http import CallPolicy, CallResult, JsonCaller
from workbench.engines.protocol import FailureCause
from workbench.files import write_atomically
from workbench.words import whole_text

UNKNOWN = "unknown"
MEMORY_FILE = "servers.json"
LONGEST_S = 5.0
MAX_TEXT = 200
# `created` and `permission` are left out: vLLM and llama.cpp say the time of the question there, and random ids.
FACTS = ("id", "root", "parent", "owned_by", "max_model_len")

Served: TypeAlias = "Mapping[str, str | int] | str"


def served_model(base: str, model: str, headers: Mapping[str, str], deadline_s: float, memory: Path | None) -> Served:
    """Return what a server says of a model, an empty mapping where it says nothing, UNKNOWN where it cannot be asked.

    One call, of at most a quarter of the deadline and five seconds. Where it fails, the server's last answer counts,
    which the file `memory` keeps, and standard error is told.

    Parameters
    ----------
    base : str
        Address under which `models` stands.
    """
    result = _asked(f"{base}/models", headers, min(LONGEST_S, deadline_s / 4))
    failure = result.failure
    if failure is None or failure.cause is FailureCause.REJECTED:  # a 404 or so: there is no list to show
        served = facts_of(model, result.body)
        _remember(memory, f"{base} {model}", served)
        return served
    known = _remembered(memory).get(f"{base} {model}")
    why = f"The server {base} could not be asked what it serves ({failure.cause.value}: {failure.detail})"
    if isinstance(known, dict) and isinstance(known.get("served"), dict):
        print(f"{why}: {model} counts as what it was at {known.get('at')}.", file=sys.stderr)
        return dict(known["served"])
    if failure.cause is FailureCause.MALFORMED:  # a page for people stands there
        return {}
    print(f"{why}: {model} is known by name and address alone.", file=sys.stderr)
    return UNKNOWN


def facts_of(model: str, listed: Mapping[str, Any] | None) -> dict[str, str | int]:
    """Return what a list of models says of one of them, empty where it says nothing.

    Examples
    --------
    >>> facts_of("m", {"data": [{"id": "m", "root": "/models/m", "created": 1, "max_model_len": 4096}]})
    {'id': 'm', 'root': '/models/m', 'max_model_len': 4096}
    """
    entries = None if listed is None else listed.get("data")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and entry.get("id") == model:
            said = {name: entry[name] for name in FACTS if isinstance(entry.get(name), str | int)}
            return {name: whole_text(one[:MAX_TEXT]) if isinstance(one, str) else one for name, one in said.items()}
    return {}


def _asked(url: str, headers: Mapping[str, str], limit_s: float) -> CallResult:
    """Return how one call ended, made in a thread of its own: whoever asks may be in an event loop already."""

    async def ask() -> CallResult:
        policy = CallPolicy(deadline_s=limit_s, max_attempts=1, attempt_s=limit_s)
        async with JsonCaller(policy, concurrency=1, rng=random.Random(0)) as caller:
            return await caller.get(url, headers)

    with ThreadPoolExecutor(1, thread_name_prefix="workbench-served") as pool:
        return pool.submit(lambda: asyncio.run(ask())).result()


def _remembered(memory: Path | None) -> dict[str, Any]:
    try:
        known = {} if memory is None else json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there or damaged: nothing is known
        return {}
    return known if isinstance(known, dict) else {}


def _remember(memory: Path | None, name: str, served: Mapping[str, str | int]) -> None:
    if memory is None:
        return
    known = _remembered(memory)
    if isinstance(known.get(name), dict) and known[name].get("served") == served:
        return
    at = datetime.now(UTC).isoformat(timespec="seconds")
    with suppress(OSError):  # a folder that cannot be written remembers nothing; the run itself says so if it matters
        write_atomically(memory, json.dumps({**known, name: {"served": served, "at": at}}, indent=1))
