"""One system while it is probed: its sheet of lines, how it is called, the records at hand, what it answered."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from workbench.environment.connections import Asked, Connection
from workbench.integrations.answers import AnswersSeen
from workbench.integrations.asking import RecordsAtHand
from workbench.integrations.calling import TOO_MANY, Caller, EndedCall, ended_call, is_silence
from workbench.integrations.lines import ProbeSheet
from workbench.pilot.integrations import System


@dataclass(frozen=True, slots=True)
class Probed:
    """One system while it is probed.

    Parameters
    ----------
    holds_records : bool
        Whether its sandbox is the pilot's own, which holds the pilot's records.
    run : str
        Tells this probe from every other.
    until : float
        When the whole probe ends, by this process's clock.
    heard : list of EndedCall
        How every call ended that was made by `ended`.
    """

    system: System
    sheet: ProbeSheet
    caller: Caller
    records: RecordsAtHand
    holds_records: bool
    run: str
    until: float
    seen: AnswersSeen = field(default_factory=AnswersSeen)
    heard: list[EndedCall] = field(default_factory=list)

    async def ended(self, connection: Connection, asked: Asked) -> EndedCall:
        """Call once within the declared rate, and return how it ended.

        What was refused for the rate all the same is called once more after the wait, and what no answer came to: this
        machine may have been busy.
        """
        await self.caller.room()
        ended = await ended_call(connection, asked)
        if ended.code == TOO_MANY or is_silence(ended.code):
            await self.caller.fill_up()
            ended = await ended_call(connection, asked)
        self.heard.append(ended)
        return ended

    def key(self, *parts: object) -> str:
        """Return an idempotency key that no other probe has used: one for the same parts."""
        return f"probe-{hashlib.sha256(repr((self.run, *map(str, parts))).encode()).hexdigest()[:32]}"
