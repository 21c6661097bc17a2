"""Which record arrives when: drawn from a seed, compressed by a rule that is fixed beforehand, written down first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from workbench.pilot import DaySettings, LoadProfile, LoadSettings
from workbench.stats import Floats
from workbench.words import InputError

HOUR_S, HOURS_OF_A_DAY = 3_600.0, 24
USUAL_RECORDS = 500
TIMES_UNLOADED = 5.0  # a gap of five times what a decision takes leaves the agent idle before the next one
UNIFORM = (1.0,) * HOURS_OF_A_DAY
COLUMNS = ("number", "phase", "record", "real_due_s", "due_s")
PHASES = CALM, PEAK, AFTER = "before", "peak", "after"


@dataclass(frozen=True, slots=True)
class Demand:
    """What arrives in production.

    Parameters
    ----------
    per_day : int
        Records of a day.
    per_busy_hour : float
        Records of the busiest hour.
    shape : tuple of float
        Share of each of the day's hours, from the first on; they add up to 1. The last may be a part of an hour.
    hours : float
        How long the day is.
    """

    per_day: int
    per_busy_hour: float
    shape: tuple[float, ...]
    hours: float


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """The arrivals of one profile, in order.

    Parameters
    ----------
    table : DataFrame
        A row for each: `number` from 0, `phase` (of a peak: before, peak, after), `record`, `real_due_s` and `due_s`,
        seconds after the start as they would arrive and as they do.
    window_s, real_window_s : float
        Seconds in which they arrive, compressed and as they would.
    wanted : int
        Arrivals that the profile asks for; fewer are in the table where there was no time for all.
    """

    profile: LoadProfile
    table: pd.DataFrame
    window_s: float
    real_window_s: float
    wanted: int

    @property
    def shortened_to(self) -> float | None:
        """Share of the arrivals that the profile asks for, where there was no time for all; None where there was."""
        return len(self.table) / self.wanted if len(self.table) < self.wanted else None

    def part(self, number: int, of: int) -> Schedule:
        """Return every `of`-th arrival, from the `number`-th on, counted from 0: what one of several machines asks."""
        if not 0 <= number < of:
            raise InputError("a part of a schedule is none of them", got=f"{number} of {of}", expected=f"0 to {of - 1}")
        return replace(self, table=self.table.iloc[number::of])


def demand_of(
    per_day: float | None, peak_per_hour: float | None, times: pd.Series[str] | None, day: DaySettings
) -> Demand:
    """Return what arrives, from what the charter says and from the records' own times.

    Parameters
    ----------
    per_day, peak_per_hour : float, optional
        The charter's volume.
    times : Series of str, optional
        When records arrived, as the contract's column of times has them; None where it has none.
    day : DaySettings

    Returns
    -------
    Demand
        The hours are the consecutive ones of a day in which most records arrived, over midnight too. The busiest hour
        is the charter's; without it that of the shape.
    """
    n = day.records or (USUAL_RECORDS if per_day is None else round(per_day))
    shape = _shape(UNIFORM if times is None else _by_hour(times), day.hours)
    busiest = n * max(share / min(1.0, day.hours - hour) for hour, share in enumerate(shape))
    return Demand(max(1, n), peak_per_hour or busiest, shape, day.hours)


def longest_gap_s(asked_s: float, unloaded_p95_s: float) -> float:
    """Return to what longer gaps are cut: what load.yaml says, five times the unloaded p95 at least."""
    return max(asked_s, TIMES_UNLOADED * unloaded_p95_s)


def compressed(due: Floats, longest_s: float) -> Floats:
    """Return arrival times with every gap that is longer cut to `longest_s`; shorter gaps stay.

    Examples
    --------
    >>> compressed(np.array([10.0, 10.2, 30.0]), 1.0).round(3).tolist()
    [1.0, 1.2, 2.2]
    """
    return np.cumsum(np.minimum(np.diff(due, prepend=0.0), longest_s))


def day_schedule(demand: Demand, records: Sequence[str], longest_s: float, settings: LoadSettings) -> Schedule:
    """Return a day: so many arrivals as it has, by chance within each hour, as many in an hour as its share says.

    Where the time is not enough for all of them, those of the day's densest stretch.
    """
    rng = np.random.default_rng([settings.seed, 1])
    ends = np.append(np.arange(1.0, len(demand.shape)), demand.hours) * HOUR_S
    starts = np.arange(len(demand.shape)) * HOUR_S
    hour = rng.choice(len(demand.shape), size=demand.per_day, p=demand.shape)
    real = np.sort(rng.uniform(starts[hour], ends[hour]))
    due, drawn = compressed(real, longest_s), _drawn(records, len(real), rng)
    if due[-1] <= settings.day.at_most_s:
        table = _table(real, due, [""] * len(due), drawn)
        return Schedule(LoadProfile.DAY, table, float(due[-1]), demand.hours * HOUR_S, len(due))
    first, end = _densest(real, due, settings.day.at_most_s)
    since = [0.0 if first == 0 else float(at[first - 1]) for at in (real, due)]
    real, due, drawn = real[first:end] - since[0], due[first:end] - since[1], drawn[first:end]
    table = _table(real, due, [""] * len(due), drawn)
    return Schedule(LoadProfile.DAY, table, float(due[-1]), float(real[-1]), demand.per_day)


def _densest(real: Floats, due: Floats, at_most_s: float) -> tuple[int, int]:
    """Return first and end of the most arrivals that are due within some seconds, those closest in real time."""
    before = np.concatenate([[0.0], due[:-1]])
    ends = np.maximum(np.searchsorted(due, before + at_most_s, side="right"), np.arange(len(due)) + 1)
    counts = ends - np.arange(len(due))
    spans = real[ends - 1] - real
    first = int(np.lexsort((spans, -counts))[0])
    return first, int(ends[first])


def peak_schedule(demand: Demand, records: Sequence[str], longest_s: float, settings: LoadSettings) -> Schedule:
    """Return a peak: the busiest hour's rate, a multiple of it, the busiest hour's rate again.

    All three are shorter where the time is not enough, at the same rates.
    """
    wanted = _peak(demand, settings, 1.0)
    due = compressed(wanted[0], longest_s)
    asked, share = wanted, 1.0
    while due[-1] > settings.peak.at_most_s and len(due) > len(PHASES):
        share *= min(0.95, settings.peak.at_most_s / float(due[-1]))
        asked = _peak(demand, settings, share)
        due = compressed(asked[0], longest_s)
    real, phases = asked
    drawn = _drawn(records, len(due), np.random.default_rng([settings.seed, 4]))
    real_s = 60.0 * share * (settings.peak.minutes + 2.0 * settings.peak.calm_minutes)
    return Schedule(LoadProfile.PEAK, _table(real, due, phases, drawn), float(due[-1]), real_s, len(wanted[0]))


def _peak(demand: Demand, settings: LoadSettings, share: float) -> tuple[Floats, list[str]]:
    """Return when the arrivals of a share of a peak come, and the phase of each."""
    rng, peak = np.random.default_rng([settings.seed, 2]), settings.peak
    due: list[float] = []
    phases: list[str] = []
    start_s = 0.0
    for phase in PHASES:
        minutes = share * (peak.minutes if phase == PEAK else peak.calm_minutes)
        n = max(1, round(demand.per_busy_hour * (peak.factor if phase == PEAK else 1.0) * minutes / 60))
        due += sorted(start_s + rng.uniform(0, 60 * minutes, n))
        phases += [phase] * n
        start_s += 60 * minutes
    return np.array(due), phases


def soak_schedule(demand: Demand, records: Sequence[str], decision_s: float, settings: LoadSettings) -> Schedule:
    """Return a soak: what so many hours have times a factor, at a constant rate, as far as the time goes.

    Parameters
    ----------
    decision_s : float
        Mean seconds of a decision without load.
    """
    rng, soak = np.random.default_rng([settings.seed, 3]), settings.soak
    wanted = max(1, round(demand.per_day * soak.hours / HOURS_OF_A_DAY * soak.times))
    rate = soak.utilisation / decision_s
    n = max(1, min(wanted, int(rate * soak.at_most_s)))
    due = np.sort(rng.uniform(0, n / rate, n))
    real_s = soak.hours * HOUR_S
    table = _table(due * (real_s * rate / n), due, [""] * n, _drawn(records, n, rng))
    return Schedule(LoadProfile.SOAK, table, n / rate, real_s, wanted)


def _table(real: Floats, due: Floats, phases: list[str], records: list[str]) -> pd.DataFrame:
    cells = range(len(due)), phases, records, real, due
    table = pd.DataFrame(dict(zip(COLUMNS, cells, strict=True)))
    return table.astype({"number": int, "phase": object, "record": object})


def _drawn(records: Sequence[str], n: int, rng: np.random.Generator) -> list[str]:
    """Return n of some records, each as often as the others give or take one, in any order."""
    rounds = [rng.permutation(len(records)) for _ in range(-(-n // len(records)))]
    return [records[place] for place in np.concatenate(rounds)[:n]]


def _by_hour(times: pd.Series[str]) -> tuple[float, ...]:
    """Return how many records arrived in each hour of the day; all alike where no time can be read."""
    hours = [hour for time in times.dropna() if (hour := _hour(time)) is not None]
    counts = np.bincount(hours, minlength=HOURS_OF_A_DAY).astype(float)
    has_hours = len(set(hours)) > 1  # dates alone are all of midnight
    return tuple(counts) if has_hours else UNIFORM


def _hour(time: str) -> int | None:
    """Return the hour that a time says, in its own zone; None where it is no time."""
    try:
        return datetime.fromisoformat(time).hour
    except ValueError:
        return None


def _shape(by_hour: tuple[float, ...], hours: float) -> tuple[float, ...]:
    """Return the shares of the consecutive hours with the most records."""
    n = int(np.ceil(hours))
    weight = np.minimum(1.0, hours - np.arange(n))
    sums = [np.take(by_hour, np.arange(first, first + n), mode="wrap") * weight for first in range(HOURS_OF_A_DAY)]
    best = max(sums, key=lambda one: float(one.sum()))
    return tuple((best / best.sum()).tolist())
