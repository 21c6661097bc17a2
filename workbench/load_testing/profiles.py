"""A load test from its beginning to its end: measured alone, schedules written down, each profile run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.agents import Agent, Decision
from workbench.evidence import write_table
from workbench.load_testing.asking import (
    CALL_COLUMNS,
    Alone,
    DistinctRecords,
    PartRun,
    ask_schedule,
    asked_alone,
    asked_records_of,
)
from workbench.load_testing.parts import ask_in_parts, merged
from workbench.load_testing.reviewing import FEWEST_ITEMS, PAUSE_S, ReviewLoad, reviewed_desk
from workbench.load_testing.sampling import ProcessRole, listening_on
from workbench.load_testing.sandboxed import SandboxedAgent, clock_ahead, sandboxed
from workbench.load_testing.schedule import (
    Demand,
    Schedule,
    day_schedule,
    demand_of,
    longest_gap_s,
    peak_schedule,
    soak_schedule,
)
from workbench.load_testing.taps import ANSWERS, ITEMS, TAPS
from workbench.pilot import LoadProfile, LoadSettings, Pilot, Role, read_load
from workbench.pilot.integrations import INTEGRATIONS_FILE, read_integrations
from workbench.records import Record
from workbench.records.splits import Dataset, Split
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Apart, Journal, RunPlan

FOLDER = "load"
UNCOMPRESSED = (
    "A soak by count shows what grows with decisions. What goes by time is not in it: expiry of tokens, leaks by "
    "the hour, rotation of logs, the lifetime of connections."
)
SHORTENED = {
    LoadProfile.DAY: "its densest stretch, for which its at_most_s in load.yaml is enough",
    LoadProfile.PEAK: "the same rates, for as long as its at_most_s in load.yaml is enough",
    LoadProfile.SOAK: "as many as its at_most_s in load.yaml is enough for",
}
TIMES_ALONE = 100.0  # of the sandbox's clock, while one record after another is asked without a pause
CLOCKED = "its tokens expired as in the time that the soak is for, and its rates were never reached."

PAUSED = (
    "Each scripted reviewer paused for {:.3g} s on average before a tap: harder on the desk than as many people, who "
    "read a card first, and milder than tap upon tap."
)


@dataclass(frozen=True, slots=True)
class LoadTest:
    """A pilot's agent, and how it is put under load.

    Its decisions go into a journal of the test's own, made anew: what decisions take of the disk is seen by it, and
    the pilot's journal does not grow by the same records asked again and again.
    """

    pilot: Pilot
    dataset: Dataset
    agent: Agent
    request: RunRequest
    workers: int

    def run(self, profiles: Sequence[LoadProfile]) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
        """Run profiles one after another; return what was measured, as tables, and what was fixed before the start."""
        if self.workers > 1:  # each part has an agent of its own, and there is one sandbox
            return self._run(SandboxedAgent(self.agent, self.agent), profiles)
        with sandboxed(self.pilot, self.dataset, self.agent) as under:
            return self._run(under, profiles)

    def _run(
        self, under: SandboxedAgent, profiles: Sequence[LoadProfile]
    ) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
        settings, began = read_load(self.pilot.suite), time.monotonic()
        under.agent.prepare()
        every = DistinctRecords.of(self.dataset, settings.records)
        with clock_ahead(under, TIMES_ALONE):
            actions, alone = asked_alone(self.pilot, under.unpaced, every, settings.unloaded.at_most_s)
        records = every.only(actions)
        cut_s = longest_gap_s(settings.longest_gap_s, alone.p95_s)
        arriving = [one for one in profiles if one is not LoadProfile.REVIEWERS]
        schedules = [self._schedule(one, records, settings, cut_s, alone) for one in arriving]
        for one in schedules:
            write_table(self.folder / f"schedule-{one.profile.value}.csv", one.table)
        runs = {one.profile.value: self._profile(under, one, records, actions) for one in schedules}
        handed_over = self._handed_over(actions)
        has_people = LoadProfile.REVIEWERS in profiles
        reviewed = self._reviewed(records, actions, settings) if has_people else {}
        facts = {
            "settings": settings.model_dump(mode="json"),
            "seed": settings.seed,
            "unloaded": {"n": alone.n, "mean_s": alone.mean_s, "p95_s": alone.p95_s},
            "longest_gap_s": cut_s,
            "windows": {
                one.profile.value: {
                    "window_s": one.window_s, "real_window_s": one.real_window_s, "wanted": one.wanted,
                    "shortened_to": one.shortened_to,
                } for one in schedules
            },
            "journal_bytes": {name: grown for name, (_, grown) in runs.items()},
            "workers": self.workers,
            "sandbox": under.sandbox is not None,
            "clock": under.clock is not None,
            "distinct_records": len(records.by_id),
            "handed_over": handed_over,
            "pause_s": PAUSE_S if has_people else None,
            "reviewed_items": self._day_of_reviews(handed_over, settings),
            "wall_s": time.monotonic() - began,
        }  # fmt: skip
        return {**self._tables({name: run for name, (run, _) in runs.items()}), **reviewed}, facts

    @property
    def folder(self) -> Path:
        """Where schedules and the test's own journal are."""
        return self.pilot.runs / FOLDER

    def notes(self, facts: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what a reader must know of how time was compressed, and how fast reviewers were."""
        cut = f"Gaps between arrivals longer than {facts['longest_gap_s']:.3g} s were cut to it; shorter ones stayed."
        notes = [cut] if facts["windows"] else []
        for name, window in facts["windows"].items():
            if (share := window["shortened_to"]) is not None:
                asked = f"{round(share * window['wanted']):,} of {window['wanted']:,} arrivals ({100 * share:.3g}%)"
                notes.append(f"The {name} was shortened to {asked}: {SHORTENED[LoadProfile(name)]}.")
        soak = facts["windows"].get(LoadProfile.SOAK.value)
        notes += [] if soak is None else [UNCOMPRESSED]
        if soak is not None and facts["clock"]:
            times = soak["real_window_s"] / soak["window_s"]
            notes.append(f"The sandbox's clock ran {times:,.0f} times as fast in the soak: {CLOCKED}")
        if facts["pause_s"] is not None:
            notes.append(PAUSED.format(facts["pause_s"]))
        return tuple(notes)

    def _schedule(
        self, profile: LoadProfile, records: DistinctRecords, settings: LoadSettings, cut_s: float, alone: Alone
    ) -> Schedule:
        demand, names = self._demand(settings), list(records.by_id)
        if profile is LoadProfile.DAY:
            return day_schedule(demand, names, cut_s, settings)
        if profile is LoadProfile.PEAK:
            return peak_schedule(demand, names, cut_s, settings)
        return soak_schedule(demand, names, alone.mean_s, settings)

    def _handed_over(self, actions: Mapping[str, str | None]) -> float:
        """Return the share of records that the agent itself hands over: it escalates them, or does not decide them."""
        over = sum(action is None or action == self.pilot.settings.escalate_label for action in actions.values())
        return over / len(actions)

    def _day_of_reviews(self, handed_over: float, settings: LoadSettings) -> int:
        """Return how many decisions reviewers are put before: a day's, and enough for the time of a tap to be told."""
        return max(FEWEST_ITEMS, round(handed_over * self._demand(settings).per_day))

    def _reviewed(
        self, records: DistinctRecords, actions: Mapping[str, str | None], settings: LoadSettings
    ) -> dict[str, pd.DataFrame]:
        """Let reviewers decide as much as a day hands over, and return what was seen."""
        items = self._day_of_reviews(self._handed_over(actions), settings)
        chosen = self.pilot.contract.labels or tuple(sorted({one for one in actions.values() if one is not None}))
        load = ReviewLoad(list(records.by_id.values()), chosen, items, settings)
        seen = reviewed_desk(load, show_progress=self.request.show_progress)
        return {TAPS: seen.taps, ITEMS: seen.items, ANSWERS: seen.answers}

    def _demand(self, settings: LoadSettings) -> Demand:
        volume, column = self.pilot.charter.volume, self.pilot.contract.column_with(Role.TIMESTAMP)
        ids = self.dataset.ids(Split.DEV)
        times = None if column is None else self.dataset.strata(ids)[Role.TIMESTAMP.value]
        return demand_of(volume.records_per_day, volume.peak_per_hour, times, settings.day)

    def _profile(
        self, under: SandboxedAgent, schedule: Schedule, records: DistinctRecords, actions: Mapping[str, str | None]
    ) -> tuple[PartRun, int]:
        """Run one profile and return what was seen, and by how many bytes the journal grew."""
        path = self.folder / f"{schedule.profile.value}-{JOURNAL_FILE}"
        for left in self.folder.glob(f"{path.name}*"):
            left.unlink()
        asked = asked_records_of(schedule, records, read_load(self.pilot.suite).seed)
        plan = RunPlan(self.agent.name, Apart.LOAD.value, self.agent.identity, self.dataset.digest)
        with Journal(path) as journal:
            journal.plan(plan, ((one.id, one.digest) for one in asked[1]))
            before = _size(path)
            run = self._asked(under, schedule, asked, _ToJournal(journal, plan.asked_digest, asked[1]))
        alone = [actions.get(name) for name in run.arrivals["record"]]
        return replace(run, arrivals=run.arrivals.assign(alone=pd.Series(alone, dtype=object))), _size(path) - before

    def _asked(
        self, under: SandboxedAgent, schedule: Schedule, asked: tuple[list[Record], list[Record]], store: _ToJournal
    ) -> PartRun:
        bar, is_soak = self.request.show_progress, schedule.profile is LoadProfile.SOAK
        times = schedule.real_window_s / schedule.window_s if is_soak else 1.0
        if self.workers == 1:
            with clock_ahead(under, times):
                agent = under.unpaced if times > 1.0 else under.agent
                runs = [ask_schedule(agent, asked, schedule, store, self._others(under), show_progress=bar)]
        else:
            engine = self.request.engine
            runs, decided = ask_in_parts(self.pilot, self.agent.name, engine, schedule, self.workers)
            store(decided)
        calls = pd.concat([one.calls for one in runs]).groupby(["tool", "outcome"])["n"].sum().reset_index()
        return PartRun(
            merged([one.arrivals for one in runs], ["number"]),
            calls[list(CALL_COLUMNS)],
            merged([one.samples for one in runs]),
            merged([one.gpus for one in runs]),
            sum(one.n_unmatched for one in runs),
        )

    def _others(self, under: SandboxedAgent) -> dict[ProcessRole, frozenset[int]]:
        """Return the processes of this machine that answer the agent's calls and that it has not started."""
        settings, server = self.pilot.agent(self.agent.name), self.pilot.settings.server
        url = settings.http or (self.request.engine.base_url or server.base_url if settings.prompt else None)
        sandbox = frozenset[int]() if under.sandbox is None else frozenset({under.sandbox.pid})
        return {ProcessRole.AGENT: listening_on(url), ProcessRole.SANDBOX: sandbox}

    def _tables(self, runs: Mapping[str, PartRun]) -> dict[str, pd.DataFrame]:
        """Return what was measured in all profiles, each row with its profile, each tool with the system behind it."""
        has_systems = (self.pilot.suite / INTEGRATIONS_FILE).is_file()
        behind = read_integrations(self.pilot.suite).behind_tools() if has_systems else {}
        systems = {tool: system.id for tool, (system, *_) in behind.items()}
        runs = runs or {LoadProfile.REVIEWERS.value: PartRun.nothing()}
        calls = _of_all({name: one.calls for name, one in runs.items()})
        named = calls["tool"].map(systems)
        tables = {
            "arrivals": _of_all({name: one.arrivals for name, one in runs.items()}),
            "calls": calls.assign(system=named.astype(object).where(named.notna(), None)),
            "samples": _of_all({name: one.samples for name, one in runs.items()}),
        }
        gpus = _of_all({name: one.gpus for name, one in runs.items()})
        return {**tables, "gpus": gpus} if len(gpus) else tables


class _ToJournal:
    """Keeps decisions in the journal of the test."""

    def __init__(self, journal: Journal, asked: str, records: Sequence[Record]) -> None:
        self._journal, self._asked, self._records = journal, asked, records

    def __call__(self, batch: Sequence[tuple[int, Decision]]) -> None:
        """Store (number of the arrival, decision) pairs."""
        self._journal.keep(self._asked, [(self._records[place].digest, one) for place, one in batch])


def _of_all(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the tables of all profiles as one, `profile` first."""
    named = [table.assign(profile=name) for name, table in tables.items()]
    whole = pd.concat([one for one in named if len(one)] or named[:1], ignore_index=True)
    return whole[["profile", *(name for name in whole.columns if name != "profile")]]


def _size(path: Path) -> int:
    """Return the bytes of a journal's files."""
    return sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*"))
