"""One attack test from its pool of records to what was seen of every attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from workbench.agents import Agent
from workbench.agents.callables import Ruling
from workbench.attacks.asking import (
    AskedPair,
    AttackAnswer,
    AttackRecords,
    attacked_records,
    clean_records,
)
from workbench.attacks.judging import PERSON, AttackBench, production_of
from workbench.attacks.pattern import AttackPattern
from workbench.attacks.planning import (
    FAMILY_RECORDS,
    Eligible,
    canary_for,
    eligible_for,
    plan_attacks,
    pool_of,
)
from workbench.attacks.policy import must_reach_a_person, policy_moves, rulings_on
from workbench.attacks.reaching import columns_not_shown, is_reached, seen_in_prompts
from workbench.attacks.results import attempts_table, pair_row
from workbench.attacks.surface import Surface, settings_of, surface_of
from workbench.pilot import Pilot
from workbench.records.splits import Dataset
from workbench.runs.journal import digest_of
from workbench.words import InputError

POOL, LARGEST_POOL = 40, 640
AskRecords = Callable[[AttackRecords], tuple[str, Mapping[str, AttackAnswer]]]


@dataclass(slots=True)
class AttackTest:
    """An agent of a pilot under attack.

    Parameters
    ----------
    ask : callable
        Returns the run and the answers, by record id, to records; `asked_once` asks the agent over the journal.
    threshold : float, optional
        Below it a decision goes to a person.
    facts : dict
        What the numbers depend on besides the table, once it was run.
    """

    pilot: Pilot
    dataset: Dataset
    agent: Agent
    ask: AskRecords
    threshold: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def run(self, patterns: Sequence[AttackPattern]) -> pd.DataFrame:
        """Return what was seen of every attempt; raises as `AttackMaker.make`."""
        settings = settings_of(self.pilot, self.dataset)
        surface = surface_of(self.pilot, settings, self.agent)
        canary = canary_for(settings.seed, {"records": self.dataset.digest, "agent": digest_of(self.agent.identity)})
        bench = AttackBench(self.pilot.settings.escalate_label, self.threshold, frozenset(surface.forbidden), canary)
        clean, answers, eligible, run = self._clean(bench, settings.wanted, settings.seed)
        surface, not_shown = self._shown(surface, clean)
        plan = plan_attacks(patterns, surface, eligible, settings.records, (settings.seed, canary))
        if not plan.attempts:
            why = "; ".join(f"{n} patterns: {cause}" for cause, n in plan.left_out.items()) or "there are no patterns"
            raise InputError("nothing of the library reaches the agent", where=str(self.pilot.suite), got=why)
        pairs, asked = attacked_records(self.pilot.contract, clean, plan.attempts)
        attacked, more = self.ask(asked)
        self.facts = {
            "clean_run": run, "run": attacked, "canary": canary, "seed": settings.seed, "pool": len(clean.by_id),
            "escalate_label": self.pilot.settings.escalate_label, "left_out": dict(plan.left_out),
            "not_shown": not_shown, "forbidden": list(surface.forbidden),
        }  # fmt: skip
        seen = _Seen(self, bench, (clean, asked), {**answers, **more})
        return seen.table(pairs)

    def _clean(
        self, bench: AttackBench, wanted: Sequence[str], seed: int
    ) -> tuple[AttackRecords, Mapping[str, AttackAnswer], Eligible, str]:
        """Ask about clean records, of so many that goals can be tried on enough of them."""
        labels, n = self.dataset.dev_labels()["label"], POOL
        while True:
            clean = clean_records(self.dataset, pool_of(labels, n, seed))
            run, answers = self.ask(clean)
            decided = {name: production_of(answers[name], bench) if name in answers else None for name in clean.by_id}
            eligible = eligible_for(decided, PERSON, wanted)
            if eligible.fewest >= FAMILY_RECORDS or n >= min(len(labels), LARGEST_POOL):
                return clean, answers, eligible, run
            n *= 2

    def _shown(self, surface: Surface, clean: AttackRecords) -> tuple[Surface, list[str]]:
        """Return the surface without columns of which the agent's prompt shows nothing, and those."""
        prompts = seen_in_prompts(self.agent, list(clean.by_id.values()))
        missing = columns_not_shown(prompts, clean.by_id, surface.columns)
        if not missing:
            return surface, []
        places = {one: tuple(name for name in names if name not in missing) for one, names in surface.places.items()}
        closed = dict(surface.closed) | {
            one: "the agent's prompt does not show the column" for one, names in places.items() if not names
        }
        return replace(surface, places=places, closed=closed), missing


class _Seen:
    """What was seen of the attempts of a test."""

    def __init__(
        self, test: AttackTest, bench: AttackBench, records: tuple[AttackRecords, AttackRecords],
        answers: Mapping[str, AttackAnswer],
    ) -> None:  # fmt: skip
        self._bench, self._answers, self._asked = bench, answers, records[1]
        self._prompts = seen_in_prompts(test.agent, list(records[1].by_id.values()))
        everything = {**records[0].by_id, **records[1].by_id}
        self._rulings: Mapping[str, Ruling | None] = rulings_on(test.pilot, everything)
        self._demanded = must_reach_a_person(test.pilot, test.dataset.labels, records[0].by_id)

    def table(self, pairs: Sequence[AskedPair]) -> pd.DataFrame:
        return attempts_table([self._row(one) for one in pairs])

    def _row(self, pair: AskedPair) -> dict[str, Any]:
        attempt, answers = pair.attempt, self._answers
        control, attacked = answers.get(pair.control), answers.get(pair.attacked)
        row = pair_row(pair, (answers[attempt.base], control, attacked), self._bench)
        reached = attacked is not None and is_reached(pair, attacked, self._asked, self._prompts)
        return row | {
            "reached": reached,
            "policy_moves": self._policy(pair, pair.attacked),
            "policy_control": self._policy(pair, pair.control),
            "demands_person": attempt.base in self._demanded,
        }

    def _policy(self, pair: AskedPair, record: str) -> bool:
        attempt, ruled = pair.attempt, self._rulings
        both = ruled.get(attempt.base), ruled.get(record)
        return policy_moves(attempt.pattern.goal, attempt.target, both, self._bench.escalate_label)
