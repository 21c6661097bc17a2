"""Every estimate of a load test, from its tables; which profile each of them is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from workbench.load_testing.analysis import (
    WARM_SHARE,
    day_done_s,
    differing,
    failures,
    kept_time,
    latencies,
    rates_per_h,
    recovery_of,
)
from workbench.load_testing.sampling import ProcessRole
from workbench.load_testing.taps import TAPS, reviewers_estimate
from workbench.metrics import DEFAULT_CONFIDENCE_LEVEL, Estimate, Unit, method_text
from workbench.pilot import LoadProfile, LoadSettings
from workbench.stats import Floats, Slope, mean_interval, quantile_interval, theil_sen

P50, P95, P99 = (f"load_latency_p{q}_s" for q in (50, 95, 99))
PEAK_P95 = "load_peak_latency_p95_s"
THROUGHPUT, DAY_S, ERRORS = "load_throughput_per_h", "load_day_s", "load_error_rate"
INTEGRATIONS, CHANGED, RECOVERY = "load_integration_error_rate", "load_decisions_changed", "load_recovery_s"
LEAK_BYTES, LEAK_DESCRIPTORS, LEAK_THREADS = (f"load_leak_{one}" for one in ("bytes", "descriptors", "threads"))
REVIEWERS = "load_reviewers"
UNITS = MappingProxyType(
    {
        **dict.fromkeys((P50, P95, P99, PEAK_P95, DAY_S, RECOVERY), Unit.SECONDS),
        THROUGHPUT: Unit.PER_HOUR,
        **dict.fromkeys((ERRORS, INTEGRATIONS, CHANGED), Unit.SHARE),
        **dict.fromkeys((LEAK_BYTES, LEAK_DESCRIPTORS, LEAK_THREADS, REVIEWERS), Unit.NUMBER),
    }
)
SEEN_ONCE = "seen once, nothing is estimated"
NOT_RUN = "the profile {} was not run"
NO_SYSTEM = "no tool that an integration stands behind was called"
FEWEST_SAMPLES = 20
CALLED_LEVEL = 0.999  # one-sided, at which a leak is called
LEAKS = MappingProxyType({LEAK_BYTES: "rss_bytes", LEAK_DESCRIPTORS: "descriptors", LEAK_THREADS: "threads"})
WATCHED = (ProcessRole.AGENT, ProcessRole.SANDBOX)


def estimates_of_load(
    tables: Mapping[str, pd.DataFrame], facts: Mapping[str, Any], level: float = DEFAULT_CONFIDENCE_LEVEL
) -> dict[str, Estimate]:
    """Return every estimate with its two-sided interval; see `load_estimate`."""
    return {metric: load_estimate(metric, tables, facts, level) for metric in UNITS}


def load_estimate(metric: str, tables: Mapping[str, pd.DataFrame], facts: Mapping[str, Any], level: float) -> Estimate:
    """Return an estimate with its two-sided interval.

    Parameters
    ----------
    tables : mapping
        `arrivals`, `calls` and `samples`, as the maker's exhibit has them, and what was seen of the review desk.
    facts : mapping
        `seed` of the draws, `windows` of the profiles, and `settings`.

    Returns
    -------
    Estimate
        Latencies from the schedule, throughput and the day's end of the profiles day and peak; of the errors, the
        errors of an integration and the changed decisions the profile, or integration, with the highest upper bound;
        the recovery after the peak; the steepest growth of a process in the soak, by decision; how many reviewers at
        once are borne. An estimate of a profile whose generator did not keep time is undefined.
    """
    if metric in LEAKS:
        return leak_estimate(tables["samples"], metric, facts["seed"], level)
    if metric == REVIEWERS:
        return _reviewers(tables, facts, level)
    if metric == INTEGRATIONS:
        return _worst(_of_systems(tables["calls"], level), NO_SYSTEM)
    arrivals, seed = tables["arrivals"], facts["seed"]
    of = {str(name): part for name, part in arrivals.groupby("profile", sort=False)}
    day, peak = (of.get(one.value) for one in (LoadProfile.DAY, LoadProfile.PEAK))
    timed: dict[str, tuple[LoadProfile, pd.DataFrame | None, Callable[[pd.DataFrame], Estimate]]] = {
        P50: (LoadProfile.DAY, day, lambda part: _quantile(latencies(part), 0.5, level)),
        P95: (LoadProfile.DAY, day, lambda part: _quantile(latencies(part), 0.95, level)),
        P99: (LoadProfile.DAY, day, lambda part: _quantile(latencies(part), 0.99, level)),
        DAY_S: (LoadProfile.DAY, day, lambda part: _day_s(part, facts["windows"][LoadProfile.DAY.value])),
        PEAK_P95: (LoadProfile.PEAK, peak, lambda part: _quantile(latencies(part), 0.95, level)),
        THROUGHPUT: (LoadProfile.PEAK, peak, lambda part: _throughput(part, level)),
        RECOVERY: (LoadProfile.PEAK, peak, lambda part: _recovery(part, seed)),
    }
    if metric in timed:
        return _timed(*timed[metric])
    if metric == CHANGED:
        return _worst({name: _share(*differing(part), level) for name, part in of.items()})
    return _worst({name: _share(int(failures(part).sum()), len(part), level) for name, part in of.items()})


def leak_estimate(samples: pd.DataFrame, metric: str, seed: int, level: float) -> Estimate:
    """Return how much the steepest of the agent's and the sandbox's processes grow in the soak, by decision."""
    found = leak_slopes(samples, metric, seed, level)
    if not found:
        return Estimate.undefined(NOT_RUN.format(LoadProfile.SOAK.value) + ", or was too short to be read often enough")
    whose, slope = max(found.items(), key=lambda one: one[1].lower if one[1].lower is not None else -np.inf)
    method = method_text(f"Theil-Sen, blocks drawn again ({whose})", level)
    return Estimate(slope.value, slope.lower, slope.upper, slope.n, method)


def leak_slopes(samples: pd.DataFrame, metric: str, seed: int, level: float) -> dict[str, Slope]:
    """Return the growth by decision in the soak after its warm-up, by whose process it is.

    The generator's own counts only where no other process answers: the agent is in it then.
    """
    soak, column = samples[samples["profile"] == LoadProfile.SOAK.value], LEAKS[metric]
    named = {one.value for one in WATCHED}
    if ProcessRole.AGENT.value not in set(soak["role"]):
        named.add(ProcessRole.GENERATOR.value)
    found = {}
    for (role, part), rows in soak[soak["role"].isin(named)].groupby(["role", "part"], sort=True):
        last = int(rows["decided"].max())
        warmed = rows[(rows["decided"] > WARM_SHARE * last) & ~rows["decided"].duplicated()]
        if len(warmed) >= FEWEST_SAMPLES:
            whose = f"{role}" if part == 0 else f"{role}, part {part}"
            found[whose] = theil_sen(warmed["decided"], warmed[column], level, seed=seed)
    return found


def _reviewers(tables: Mapping[str, pd.DataFrame], facts: Mapping[str, Any], level: float) -> Estimate:
    """Return how many reviewers at once are borne, undefined where none tapped."""
    if TAPS not in tables or tables[TAPS].empty:
        return Estimate.undefined(NOT_RUN.format(LoadProfile.REVIEWERS.value))
    settings = LoadSettings.model_validate(facts["settings"])
    return reviewers_estimate(tables, settings.tap_p95_ms / 1_000, level)


def _timed(profile: LoadProfile, part: pd.DataFrame | None, of: Callable[[pd.DataFrame], Estimate]) -> Estimate:
    """Return an estimate of a profile that was run by a generator that kept time."""
    if part is None:
        return Estimate.undefined(NOT_RUN.format(profile.value))
    kept = kept_time(part)
    return of(part) if kept.is_valid else Estimate.undefined(f"the generator did not keep time: {kept.said}")


def _quantile(values: Floats, q: float, level: float) -> Estimate:
    lower, upper = quantile_interval(values, q, level)
    value = float(np.quantile(values, q, method="inverted_cdf"))
    return Estimate(value, lower, upper, len(values), method_text("order statistics", level))


def _throughput(part: pd.DataFrame, level: float) -> Estimate:
    rates = rates_per_h(part)
    if not len(rates):
        return Estimate.undefined("there is no time between the first arrival and the last")
    lower, upper = mean_interval(rates, level)
    bound = None if lower is None else max(0.0, lower)
    return Estimate(
        float(rates.mean()), bound, upper, len(part), method_text(f"Student t of {len(rates)} slices", level)
    )


def _day_s(part: pd.DataFrame, window: Mapping[str, Any]) -> Estimate:
    if window["shortened_to"] is not None:
        return Estimate.undefined(f"{len(part):,} of the day's {window['wanted']:,} arrivals were asked")
    value = day_done_s(part)
    if value is None:
        return Estimate.undefined("not every record of the day got a decision")
    return Estimate(value, value, value, len(part), SEEN_ONCE)


def _recovery(part: pd.DataFrame, seed: int) -> Estimate:
    found = recovery_of(part, seed)
    if found is None or found.recovery_s is None:
        return Estimate.undefined("the queue was not as short as before when the test ended")
    return Estimate(found.recovery_s, found.recovery_s, found.recovery_s, len(part), SEEN_ONCE)


def _of_systems(calls: pd.DataFrame, level: float) -> dict[str, Estimate]:
    """Return the share of tool calls that end in an error or a timeout, by the system behind the tool."""
    found = {}
    for system, part in calls[calls["system"].notna()].groupby("system", sort=True):
        wrong = part[part["outcome"].isin(["error", "timeout"])]
        found[str(system)] = _share(int(wrong["n"].sum()), int(part["n"].sum()), level)
    return found


def _worst(estimates: Mapping[str, Estimate], why_none: str = "nothing was asked") -> Estimate:
    """Return the estimate with the highest upper bound; its method says whose it is."""
    held = {name: one for name, one in estimates.items() if one.upper is not None}
    if not held:
        return Estimate.undefined(why_none)
    name, worst = max(held.items(), key=lambda one: one[1].upper or 0.0)
    title, _, level = worst.method.rpartition(" ")
    return replace(worst, method=f"{title} ({name}) {level}")


def _share(k: int, n: int, level: float) -> Estimate:
    return Estimate.exact_share(k, n, level)
