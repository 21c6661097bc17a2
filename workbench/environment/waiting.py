"""Work of an event loop, waited for by whoever may be in another one already, as a notebook is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def waited_for(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns, run in a thread and an event loop of its own. Raises what it raises."""
    with ThreadPoolExecutor(1, thread_name_prefix="workbench-loop") as pool:
        return pool.submit(asyncio.run, work).result()
