"""The tools of environment.yaml: tricks in their arguments, and those that an agent's role may not call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from workbench.agents.acting import acting_of
from workbench.environment import ENVIRONMENT_FILE, CallOutcome, Effect, Environment, StateSeen, Tool, ToolDesk
from workbench.integrations.access_tests.declared import ONLY_HONEST, tricks_in
from workbench.integrations.access_tests.tenants import with_moved_digits
from workbench.integrations.access_tests.trials import AccessKind
from workbench.integrations.access_tests.tricks import (
    FOR_WRITES,
    TrickedArgument,
    harmless_text,
    input_verdict,
    said_about,
    tricks_with,
)
from workbench.integrations.calling import EndedCall
from workbench.integrations.lines import LineVerdict, ProbeLine, ProbeSheet
from workbench.pilot import Pilot
from workbench.records import Record

TOOLS = "tools"  # in place of a system
CANARY = "canary-environment-2f8b"  # in a row of every table that no case needs
BY_ROLE = f"{AccessKind.RIGHTS}: called by a role that may not"


@dataclass(frozen=True, slots=True)
class _Done:
    """What a call came to, and how many rows it added and took in which tables."""

    ended: EndedCall
    changes: Mapping[str, tuple[int, int]]


async def try_tools(pilot: Pilot, role: str | None, record: Record) -> tuple[ProbeLine, ...]:
    """Return what became of tricks in every text argument of a pilot's tools; none where it has no tools."""
    if not (pilot.suite / ENVIRONMENT_FILE).is_file():
        return ()
    acting = acting_of(pilot, role)
    acting, sheet = replace(acting, environment=with_canaries(acting.environment)), ProbeSheet(TOOLS)
    offered = {one.name for one in acting.offered}
    async with acting.opened() as desk_of:
        for tool in acting.environment.tools.values():
            base = tool.filled_from(record.fields)
            if tool.name not in offered:
                sheet.declare(tool.name, BY_ROLE, CallOutcome.DENIED.value)
                done = await _done(desk_of(record), tool, base)
                is_denied = done.ended.code == CallOutcome.DENIED.value and not done.changes
                sheet.holds(tool.name, BY_ROLE, is_denied, done.ended.code, 1, "" if is_denied else done.ended.said)
                continue
            for argument in [name for name, value in base.items() if isinstance(value, str)]:
                sheet.declare(tool.name, tricks_in(argument), ONLY_HONEST)
                await _try_argument(sheet, partial(desk_of, record), tool, base, argument)
    return sheet.lines


def with_canaries(environment: Environment) -> Environment:
    """Return an environment with a row that no case needs in every table."""
    return replace(environment, image=environment.image.with_canary(CANARY))


async def _try_argument(
    sheet: ProbeSheet, desk: Callable[[], ToolDesk], tool: Tool, base: Mapping[str, Any], argument: str
) -> None:
    honest = str(base[argument])

    async def with_text(text: str) -> _Done:
        return await _done(desk(), tool, {**base, argument: text})

    unknown_text = with_moved_digits(honest, 7)
    unknown, own, found = await with_text(unknown_text), await with_text(honest), TrickedArgument()
    for trick in tricks_with(honest):
        if tool.effect is Effect.WRITE and trick.name not in FOR_WRITES:
            continue
        done = await with_text(trick.text)
        allowed = {said_about(unknown.ended, unknown_text)}
        allowed |= {said_about(own.ended, honest)} if trick.has_honest else set()
        if not isinstance(done.ended.content, list):
            allowed.add(said_about((await with_text(harmless_text(trick.text))).ended, trick.text))
        is_harmless = done.changes == unknown.changes and CANARY not in str(done.ended.content)
        is_honest = is_harmless and (done.ended.content in ([], None) or said_about(done.ended, trick.text) in allowed)
        verdict = input_verdict(done.ended, is_honest=is_honest)
        found.add(trick, done.ended, verdict if is_harmless else LineVerdict.DEVIATES)
    found.put(sheet, tool.name, argument)


async def _done(desk: ToolDesk, tool: Tool, arguments: Mapping[str, Any]) -> _Done:
    """Return what one call comes to at a desk of its own."""
    said = await desk.call(tool.name, arguments)
    seen = next(one for one in reversed(desk.end()) if isinstance(one, StateSeen))
    changes = {table: (len(rows.get("added", ())), len(rows.get("gone", ()))) for table, rows in seen.changes.items()}
    error = said.get("error")
    if error is not None:
        return _Done(EndedCall(tool.name, error["outcome"], str(error["message"])), changes)
    return _Done(EndedCall(tool.name, "ok", "answered", said["result"]), changes)
