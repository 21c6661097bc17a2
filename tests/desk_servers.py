"""Review desks served with one planted fault each: `python tests/desk_servers.py FAULT JOB`, as a load test asks."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from workbench.desk import Claim, Desk, GivenAnswer, Recorded
from workbench.desk.chain import ChainEnd, Event
from workbench.load_testing.reviewing import HIDDEN
from workbench.load_testing.served_desk import serve_job

FAULTS = ("clean", "loses", "doubles", "slow", "peeks", "breaks")
EVERY, SLOW_S = 100, 0.15


class FaultyDesk(Desk):
    """A desk that does one thing wrong: now and then, or always."""

    def __init__(self, fault: str, *given: Any) -> None:
        super().__init__(*given)
        self.fault, self.n = fault, 0

    def answer(self, person: str, item: str, given: GivenAnswer, shown_digest: str) -> Recorded:
        self.n += 1
        is_hit = self.n % EVERY == 0
        if self.fault == "loses" and is_hit:  # told that it is stored, which it is not
            return Recorded(1, completes=True)
        if self.fault == "breaks" and is_hit:
            raise RuntimeError("planted")
        if self.fault == "slow":
            time.sleep(SLOW_S)
        recorded = super().answer(person, item, given, shown_digest)
        if self.fault == "doubles" and is_hit:
            self._again(person, item, given)
        return recorded

    def claim(self, *given: Any) -> Claim | None:
        claim = super().claim(*given)
        if self.fault == "peeks" and claim is not None and claim.card.recommended is None:
            return replace(claim, card=replace(claim.card, assessment=HIDDEN))
        return claim

    def _again(self, person: str, item: str, given: GivenAnswer) -> None:
        """Write the answer into the chain a second time."""
        with self._file.writing() as connection:
            end = ChainEnd(connection)
            row = Event(
                given.kind.value, 0.0, {"group": ""}, item=item, reviewer=self.pseudonym(person), lease_until=0.0
            )
            end.add(replace(row, reviewer=self.pseudonym(person)))
            end.keep()


def server_of(fault: str) -> tuple[str, ...]:
    """Return the command that serves a desk with a fault; the job's path follows it."""
    return sys.executable, __file__, fault


if __name__ == "__main__":
    serve_job(Path(sys.argv[2]), partial(FaultyDesk, sys.argv[1]))
