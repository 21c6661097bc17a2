"""What a load test shows to be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from workbench.evidence import Finding
from workbench.load_testing.analysis import Recovery, kept_time, latencies, recovery_of, slowing_of
from workbench.load_testing.numbers import CALLED_LEVEL, LEAK_BYTES, LEAK_DESCRIPTORS, LEAK_THREADS, leak_slopes
from workbench.load_testing.taps import TAPS, reviewers_table
from workbench.pilot import LoadProfile, LoadSettings, Severity
from workbench.stats import quantile_interval
from workbench.words import seconds, several, shown

LEAKED = {
    LEAK_BYTES: ("bytes", "memory"),
    LEAK_DESCRIPTORS: ("descriptors", "file descriptors"),
    LEAK_THREADS: ("threads", "threads"),
}
TIMES_SLOWER, SLOWER_S = 10.0, 0.1  # than without load: what a busy machine does to single decisions is less
GROWS_PER_S = 0.05  # of the queue under a peak, in records: slower growth would take a long peak to matter


def load_findings(
    tables: Mapping[str, pd.DataFrame], profiles: pd.DataFrame, causes: pd.DataFrame, facts: Mapping[str, Any]
) -> tuple[Finding, ...]:
    """Return the findings of a load test, the gravest first.

    Parameters
    ----------
    tables : mapping
        `arrivals`, `calls`, `samples`, and what was seen of the review desk.
    profiles, causes : DataFrame
        As `workbench.load_testing.analysis` gives them.
    """
    arrivals, settings = tables["arrivals"], LoadSettings.model_validate(facts["settings"])
    found = [
        *_of_the_generator(arrivals),
        *_of_errors(profiles, causes),
        *_of_integrations(tables["calls"]),
        *_of_decisions(profiles),
        *_of_the_peak(arrivals, settings.seed),
        *_of_slowness(arrivals, facts["unloaded"]["p95_s"]),
        *_of_slowing(arrivals, settings.seed),
        *_of_leaks(tables["samples"], settings),
        *_of_reviewers(tables, settings),
    ]
    return tuple(sorted(found, key=lambda one: list(Severity).index(one.severity)))


def _of_the_generator(arrivals: pd.DataFrame) -> Iterator[Finding]:
    for profile, part in arrivals.groupby("profile", sort=False):
        kept = kept_time(part)
        if not kept.is_valid:
            yield Finding(
                id=f"generator-{profile}", kind="invalid", severity=Severity.HIGH,
                title=f"The generator did not keep time in the profile {profile}: {kept.said}",
                consequence="what was measured is the generator, not the agent: latencies of this profile do not count",
                remedy="run on a quieter machine, or split the schedule (--workers)",
            )  # fmt: skip


def _of_errors(profiles: pd.DataFrame, causes: pd.DataFrame) -> Iterator[Finding]:
    for profile, n, errors in profiles[["profile", "arrivals", "errors"]].itertuples(index=False, name=None):
        if errors:
            of = causes[causes["profile"] == profile]
            said = [f"{status}: {cause} {k:,}" for _, status, cause, k in of.itertuples(index=False, name=None)]
            yield Finding(
                id=f"errors-{profile}", kind="errors", severity=Severity.HIGH,
                title=f"{several(int(errors), 'record')} got no decision in the profile {profile}",
                n=int(errors), of=int(n), evidence=shown(said),
                consequence="they are lost, or a person must find and decide them",
                remedy="see what fails first as arrivals come faster: the agent, its pool, or what it calls",
            )  # fmt: skip


def _of_integrations(calls: pd.DataFrame) -> Iterator[Finding]:
    wrong = calls[calls["outcome"].isin(["error", "timeout"])]
    for (profile, system), part in wrong.groupby(["profile", "system"], sort=False):
        of = calls[(calls["profile"] == profile) & (calls["system"] == system)]["n"].sum()
        said = [
            f"{tool} {outcome} {n:,}" for tool, outcome, n in part[["tool", "outcome", "n"]].itertuples(index=False)
        ]
        yield Finding(
            id=f"integration-{str(system).lower()}-{profile}", kind="integration", severity=Severity.MEDIUM,
            title=f"Calls of {system} fail in the profile {profile}", where=(str(system),),
            n=int(part["n"].sum()), of=int(of), evidence=shown(said),
            consequence="the agent decides with less than it should know, or writes nothing",
            remedy="hold the system's rate in integrations.yaml against what arrives",
        )  # fmt: skip


def _of_decisions(profiles: pd.DataFrame) -> Iterator[Finding]:
    for profile, changed, both in profiles[["profile", "changed", "compared"]].itertuples(index=False, name=None):
        if changed:
            yield Finding(
                id=f"changed-{profile}", kind="changed", severity=Severity.CRITICAL,
                title=f"{several(int(changed), 'decision')} differ from the agent's own without load ({profile})",
                n=int(changed), of=int(both),
                consequence="what is decided depends on how much arrives, and was never evaluated so",
                remedy="look for state that decisions share, and for answers that are mixed up between calls",
            )  # fmt: skip


def _of_the_peak(arrivals: pd.DataFrame, seed: int) -> Iterator[Finding]:
    found = recovery_of(arrivals[arrivals["profile"] == LoadProfile.PEAK.value], seed)
    if found is not None and (found.recovery_s is None or found.slope_per_s > GROWS_PER_S):
        yield Finding(
            id="queue", kind="queue", severity=Severity.MEDIUM,
            title=f"The queue grows by {found.slope_per_s:.2g} records a second under the peak", n=found.most,
            evidence=f"{found.most:,} at most, {found.before:,} before the peak; {_after(found)}",
            consequence="whoever waits at the end of a peak waits for all of it",
            remedy="let the agent decide more at once, or agree on a peak that it bears",
        )  # fmt: skip


def _of_slowness(arrivals: pd.DataFrame, alone_s: float) -> Iterator[Finding]:
    """Yield a finding where an agent itself takes far longer under load, by the lower 99.9% bound of the p99.

    Of the p99, because what waits for a place in the agent's window while it stalls is not sent.
    """
    for profile, part in arrivals.groupby("profile", sort=False):
        taken = latencies(part, "sent_s")
        is_told = len(taken) and kept_time(part).is_valid
        lower = quantile_interval(taken, 0.99, 2 * CALLED_LEVEL - 1)[0] if is_told else None
        if lower is not None and lower > max(TIMES_SLOWER * alone_s, alone_s + SLOWER_S):
            yield Finding(
                id=f"slower-{profile}", kind="slower", severity=Severity.MEDIUM,
                title=f"One decision in a hundred takes {seconds(lower)} and more ({profile})", n=len(taken),
                evidence=f"p99 from the send at least {seconds(lower)} (99.9%), p95 without load {seconds(alone_s)}",
                consequence="records wait for the agent itself, not for each other alone",
                remedy="look for what decisions wait for together: a lock, a pool, a pause of the process",
            )  # fmt: skip


def _of_slowing(arrivals: pd.DataFrame, seed: int) -> Iterator[Finding]:
    """Yield a finding where decisions take ever longer in the soak: surely twice as long at its end."""
    soak = arrivals[arrivals["profile"] == LoadProfile.SOAK.value]
    found = slowing_of(soak, seed, 2 * CALLED_LEVEL - 1)
    if found is not None and found.is_sure and kept_time(soak).is_valid:
        yield Finding(
            id="slowing-soak", kind="slower", severity=Severity.HIGH, n=found.decided,
            title=f"Decisions take ever longer: {seconds(found.first_s)} at first, {seconds(found.last_s)} at last",
            evidence=f"at least {seconds(found.grown_s)} more over {found.decided:,} decisions (99.9%)",
            consequence="it gets slower the longer it runs, until it is started anew",
            remedy="look for what is gone through at each decision and grows with their number",
        )  # fmt: skip


def _after(found: Recovery) -> str:
    never = "not worked off when the test ended"
    return never if found.recovery_s is None else f"worked off {found.recovery_s:.1f} s after it"


def _of_leaks(samples: pd.DataFrame, settings: LoadSettings) -> Iterator[Finding]:
    """Yield a finding where a process surely grows: by the lower 99.9% bound, one-sided."""
    leaks = settings.leaks
    tolerated = {LEAK_BYTES: leaks.bytes, LEAK_DESCRIPTORS: leaks.descriptors, LEAK_THREADS: leaks.threads}
    for metric, (unit, what) in LEAKED.items():
        for whose, slope in leak_slopes(samples, metric, settings.seed, 2 * CALLED_LEVEL - 1).items():
            if slope.lower is not None and slope.lower > tolerated[metric]:
                yield Finding(
                    id=f"leak-{unit}-{whose.split(',')[0]}", kind="leak", severity=Severity.HIGH,
                    title=f"The {whose}'s process keeps {what}: {slope.value:,.3g} {unit} of each decision",
                    n=slope.n, evidence=f"at least {slope.lower:,.3g} (99.9%), tolerated {tolerated[metric]:g}",
                    consequence="it ends, or is ended, after so many decisions",
                    remedy="look for what is kept by each decision and never given back",
                )  # fmt: skip


WRONG_AT_THE_DESK = {
    "lost": (Severity.CRITICAL, "answer is lost", "answers are lost", "what a person decided is not done"),
    "doubled": (
        Severity.CRITICAL, "answer counts twice", "answers count twice", "a decision may be carried out twice",
    ),
    "peeks": (
        Severity.HIGH, "blind card shows its recommendation", "blind cards show their recommendation",
        "agreement between people is no longer measured",
    ),
    "errors": (Severity.HIGH, "tap gets no answer", "taps get no answer", "people decide again, or give up"),
}  # fmt: skip


def _of_reviewers(tables: Mapping[str, pd.DataFrame], settings: LoadSettings) -> Iterator[Finding]:
    """Yield what goes wrong at the review desk, and where a tap surely takes too long (lower 99.9% bound)."""
    if TAPS not in tables or tables[TAPS].empty:
        return
    table, limit_s = reviewers_table(tables, 2 * CALLED_LEVEL - 1), settings.tap_p95_ms / 1_000
    for name, (severity, one, many, consequence) in WRONG_AT_THE_DESK.items():
        if n := int(table[name].sum()):
            at = table[table[name] > 0]["at_once"]
            yield Finding(
                id=f"reviewers-{name}", kind="reviewers", severity=severity, n=n, of=int(table["taps"].sum()),
                title=several(n, one, many), evidence=f"reviewers at once: {shown(at.tolist())}",
                consequence=consequence, remedy="look at the desk's log, and at what its file lies on",
            )  # fmt: skip
    slow = [row for row in table.to_dict("records") if row["p95_lower_s"] is not None and row["p95_lower_s"] > limit_s]
    if slow:
        yield Finding(
            id="reviewers-slow", kind="slower", severity=Severity.MEDIUM, n=int(slow[0]["taps"]),
            title=f"95% of taps take {seconds(slow[0]['p95_s'])}, {slow[0]['at_once']} reviewers at once",
            evidence=f"at least {seconds(slow[0]['p95_lower_s'])} (99.9%), agreed {seconds(limit_s)}",
            consequence="people wait for the desk", remedy="move the desk's file to a faster disk, or ask for less",
        )  # fmt: skip
