"""What it costs to see what an agent does: CPU of five tool calls on a state of their own, traced and untraced."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from statistics import median
from typing import Any

from workbench.environment import (
    DecisionAt,
    Environment,
    FunctionDone,
    Tool,
    ToolDesk,
    Trace,
    read_environment,
    redacted,
)
from workbench.environment.tools import run_statement
from workbench.pilot import Pilot, open_pilot
from workbench.records import Record
from workbench.records.splits import Split, read_dataset

PILOT = "invoice_matching"
ROUNDS, DECISIONS = 7, 400


def calls_of(record: Record) -> list[tuple[str, dict[str, Any]]]:
    """Return the five calls of a decision: three reads, a search, a posting."""
    order, vendor = {"po_number": record.fields["po_number"]}, {"vendor_id": record.fields["vendor_id"]}
    posting = {"invoice_number": record.fields["invoice_number"], **vendor, "amount_eur": 100.0}
    return [
        ("read_order", order),
        ("read_receipts", order),
        ("read_vendor", vendor),
        ("find_earlier", vendor),
        ("post", posting),
    ]


async def traced(environment: Environment, record: Record) -> None:
    """Do the five calls over a desk, and write the trace as the journal keeps it."""
    desk = ToolDesk(environment, DecisionAt(record.fields, record.digest, "clerk"), _no_function)
    for name, arguments in calls_of(record):
        await desk.call(name, arguments)
    redacted(Trace(desk.end()), {"vendor_name": str(record.fields["vendor_name"])}).as_json()


async def untraced(environment: Environment, record: Record) -> None:
    """Do the five calls on a fresh state, and note nothing."""
    state = environment.image.opened(record.fields)
    for name, arguments in calls_of(record):
        tool = environment.tools[name]
        run_statement(state.connection, tool, tool.checked(arguments), record.digest)
    state.close()


async def _no_function(tool: Tool, arguments: Mapping[str, Any], state: bytes | None, key: str) -> FunctionDone:
    raise NotImplementedError(tool.name)


def cpu_ms(
    way: Callable[[Environment, Record], Coroutine[Any, Any, None]], environment: Environment, records: list[Record]
) -> float:
    """Return the CPU milliseconds of a decision, over all records."""

    async def all_of() -> None:
        for record in records:
            await way(environment, record)

    start = time.process_time()
    asyncio.run(all_of())
    return (time.process_time() - start) / len(records) * 1000


def main() -> None:
    """Print both ways, in turns, and their difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=".", help="where the shipped pilot is")
    pilot: Pilot = open_pilot(PILOT, parser.parse_args().root)
    dataset, environment = read_dataset(pilot), read_environment(pilot)
    records = list(dataset.records(dataset.ids(Split.DEV)[:DECISIONS]))
    cpu_ms(traced, environment, records)
    pairs = [(cpu_ms(traced, environment, records), cpu_ms(untraced, environment, records)) for _ in range(ROUNDS)]
    seen, unseen = (median(one[place] for one in pairs) for place in (0, 1))
    print(f"{DECISIONS} decisions of five calls, median of {ROUNDS} rounds, CPU ms a decision")
    print(f"traced    {seen:.3f}   (events, digests of the state before and after, redaction, JSON)")
    print(f"untraced  {unseen:.3f}   (a fresh state, the same statements)")
    print(f"tracing   {seen - unseen:.3f}")


if __name__ == "__main__":
    main()
