"""The runner: one agent over a fixed set of records, each ending in exactly one terminal row of the journal.

A record is handed to the agent only while fewer than `window` records are under way or decided but not yet stored, so a
process killed at any moment repeats at most `window` calls. Decisions that come in one turn of the event loop share one
transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.runs.runner.answered import require_answers, require_asked, require_decisions
    from workbench.runs.runner.news import Asking, News, has_bars, read_news
    from workbench.runs.runner.queue import Refusal
    from workbench.runs.runner.running import GOES_ON, RecordSelection, Session, run_agent
    from workbench.runs.runner.turns import RecordSource, turns_of
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
