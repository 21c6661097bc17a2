"""What the arrivals of one profile show: waits, the queue, its end, and whether the generator kept time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.load_testing.schedule import CALM, PEAK
from workbench.metrics import Status
from workbench.stats import Floats, Slope, theil_sen

SLICES = 20  # of the window, for the spread of the throughput
LATE_SHARE, LATE_S = 0.1, 0.01
QUANTILE_LATE = 0.99
WARM_SHARE = 0.2  # of a soak, in which caches fill
BLOCKS, FEWEST_IN_BLOCK = 60, 5
WAITS = tuple(f"{since}{quantile}_s" for since in ("", "sent_") for quantile in ("p50", "p95", "p99"))
PROFILE_COLUMNS = (
    *("profile", "arrivals", "errors", "changed", "compared", "window_s", "real_window_s", "asked_share", *WAITS),
    *("busy_s", "utilisation", "real_utilisation", "most_waiting", "late_p99_s", "valid"),
)


@dataclass(frozen=True, slots=True)
class TimeKept:
    """Whether the generator kept time: how late it noticed arrivals, and how many it never did.

    It did not where its p99 is a tenth of the median latency and ten milliseconds or more, or where an arrival was
    never handed out: what was measured then is the generator.
    """

    late_p99_s: float | None
    not_dispatched: int
    p50_s: float | None

    @property
    def is_valid(self) -> bool:
        """Whether what was measured is the agent."""
        if self.late_p99_s is None or self.p50_s is None or self.not_dispatched:
            return False
        return self.late_p99_s < max(LATE_S, LATE_SHARE * self.p50_s)

    @property
    def said(self) -> str:
        """The same for a reader."""
        if self.is_valid:
            return f"arrivals were late by at most {1_000 * (self.late_p99_s or 0.0):.1f} ms at p99"
        if self.not_dispatched:
            return f"{self.not_dispatched:,} arrivals were never handed out"
        if self.late_p99_s is None or self.p50_s is None:
            return "nothing was decided"
        late, half = 1_000 * self.late_p99_s, 1_000 * self.p50_s
        return f"arrivals were {late:.0f} ms late at p99, beside a median latency of {half:.0f} ms"


def kept_time(arrivals: pd.DataFrame) -> TimeKept:
    """Return whether the generator kept time over the arrivals of a profile."""
    late = (arrivals["fired_s"] - arrivals["due_s"]).dropna()
    waits = latencies(arrivals)
    p99 = float(np.quantile(late, QUANTILE_LATE, method="inverted_cdf")) if len(late) else None
    p50 = float(np.quantile(waits, 0.5, method="inverted_cdf")) if len(waits) else None
    return TimeKept(p99, int(arrivals["fired_s"].isna().sum()), p50)


def latencies(arrivals: pd.DataFrame, since: str = "due_s") -> Floats:
    """Return the seconds from `due_s` (the schedule) or `sent_s` until each decision, failed ones too."""
    return (arrivals["done_s"] - arrivals[since]).dropna().to_numpy(dtype=float)


def failures(arrivals: pd.DataFrame) -> pd.Series[bool]:
    """Return which arrivals got no decision: failed, invalid, or never answered."""
    return arrivals["status"] != Status.OK.value


def differing(arrivals: pd.DataFrame) -> tuple[int, int]:
    """Return how many decisions are other than the same record's without load, of how many that have both."""
    both = arrivals[~failures(arrivals) & arrivals["alone"].notna()]
    return int((both["action"] != both["alone"]).sum()), len(both)


def rates_per_h(arrivals: pd.DataFrame) -> Floats:
    """Return decisions an hour in equal slices of the peak, or of the whole where there is none.

    Only those made between its first arrival and its last count; nothing where it has no length.
    """
    of = arrivals[arrivals["phase"] == PEAK] if (arrivals["phase"] == PEAK).any() else arrivals
    start, end = float(of["due_s"].min()), float(of["due_s"].max())
    if not end > start:
        return np.array([])
    counts, _ = np.histogram(arrivals.loc[~failures(arrivals), "done_s"], bins=SLICES, range=(start, end))
    return counts * (3_600.0 * SLICES / (end - start))


def busy_s(arrivals: pd.DataFrame) -> float:
    """Return the seconds in which at least one decision was under way.

    Examples
    --------
    >>> busy_s(pd.DataFrame({"sent_s": [0.0, 1.0, 5.0], "done_s": [2.0, 3.0, 6.0]}))
    4.0
    """
    taken = arrivals[["sent_s", "done_s"]].dropna().sort_values("sent_s", kind="stable").to_numpy(dtype=float)
    total, end = 0.0, -np.inf
    for sent, done in taken:
        total += max(0.0, done - max(sent, end))
        end = max(end, done)
    return float(total)


def in_system(arrivals: pd.DataFrame) -> pd.DataFrame:
    """Return how many records are due and undecided at each arrival and each decision: `t_s`, `n`."""
    due, done = arrivals["due_s"].to_numpy(dtype=float), arrivals["done_s"].dropna().to_numpy(dtype=float)
    times, steps = np.concatenate([due, done]), np.concatenate([np.ones(len(due)), -np.ones(len(done))])
    order = np.lexsort((-steps, times))
    return pd.DataFrame({"t_s": times[order], "n": np.cumsum(steps[order]).astype(int)})


def day_done_s(arrivals: pd.DataFrame) -> float | None:
    """Return the seconds from a day's start until its last record is decided, at the times as they would arrive.

    Latencies are those that were measured, which compressed gaps can only have made longer. None where one has no
    decision.
    """
    if failures(arrivals).any() or arrivals.empty:
        return None
    return float((arrivals["real_due_s"] + arrivals["done_s"] - arrivals["due_s"]).max())


@dataclass(frozen=True, slots=True)
class Recovery:
    """A peak and what came after it.

    Parameters
    ----------
    slope_per_s : float
        Records that the queue grew by in a second during the peak.
    most : int
        The longest queue.
    before : int
        The longest before the peak.
    recovery_s : float, optional
        Seconds after the peak's last arrival until the queue is as short as it was before; None where it never was.
    """

    slope_per_s: float
    most: int
    before: int
    recovery_s: float | None


def recovery_of(arrivals: pd.DataFrame, seed: int) -> Recovery | None:
    """Return how the queue grew under a peak and when it was gone; None where there was no peak."""
    of_peak = arrivals["phase"] == PEAK
    if of_peak.sum() < 2:
        return None
    queue, starts_s = in_system(arrivals), float(arrivals.loc[of_peak, "due_s"].min())
    ends_s = float(arrivals.loc[of_peak, "due_s"].max())
    before = queue[queue["t_s"] < starts_s]["n"].max() if (arrivals["phase"] == CALM).any() else 0
    during = queue[queue["t_s"].between(starts_s, ends_s)]
    slope = theil_sen(during["t_s"], during["n"], seed=seed).value if during["t_s"].nunique() > 1 else 0.0
    after = queue[queue["t_s"] >= ends_s]
    short = after[after["n"] <= max(1, before)]
    recovered = float(short["t_s"].iloc[0] - ends_s) if len(short) else None
    return Recovery(slope, int(queue["n"].max()), int(before), recovered)


@dataclass(frozen=True, slots=True)
class Slowing:
    """How decisions of a soak get slower with their number, after its warm-up: medians of blocks, from the send.

    Parameters
    ----------
    slope : Slope
        Seconds that each further decision adds.
    decided : int
        Decisions after the warm-up.
    first_s, last_s : float
        The median of the first fifth of the blocks and of the last.
    """

    slope: Slope
    decided: int
    first_s: float
    last_s: float

    @property
    def grown_s(self) -> float:
        """Seconds by which the last decision takes surely longer than the first."""
        return (self.slope.lower or 0.0) * self.decided

    @property
    def is_sure(self) -> bool:
        """Whether they take at least twice as long in the end; some milliseconds are no matter."""
        return self.grown_s > max(LATE_S, self.first_s)


def slowing_of(arrivals: pd.DataFrame, seed: int, level: float) -> Slowing | None:
    """Return how decisions of a soak get slower; None where there are too few."""
    taken = latencies(arrivals, "sent_s")
    warmed = taken[int(WARM_SHARE * len(taken)) :]
    if len(warmed) < BLOCKS * FEWEST_IN_BLOCK:
        return None
    medians = np.array([np.median(one) for one in np.array_split(warmed, BLOCKS)])
    slope = theil_sen(np.arange(BLOCKS) * (len(warmed) / BLOCKS), medians, level, seed=seed)
    fifth = BLOCKS // 5
    return Slowing(slope, len(warmed), float(np.median(medians[:fifth])), float(np.median(medians[-fifth:])))


def profiles_table(arrivals: pd.DataFrame, windows: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return a row for each profile: counts, times, latencies from schedule and from send, use, and the generator.

    Parameters
    ----------
    windows : mapping
        By profile `window_s`, `real_window_s` and `shortened_to`.
    """
    rows = []
    for profile, part in arrivals.groupby("profile", sort=False):
        window = windows[str(profile)]
        changed, both = differing(part)
        kept, busy = kept_time(part), busy_s(part)
        rows.append(
            {
                "profile": profile,
                "arrivals": len(part),
                "errors": int(failures(part).sum()),
                "changed": changed,
                "compared": both,
                "window_s": window["window_s"],
                "real_window_s": window["real_window_s"],
                "asked_share": window["shortened_to"] or 1.0,
                **_quantiles(latencies(part), ""),
                **_quantiles(latencies(part, "sent_s"), "sent_"),
                "busy_s": busy,
                "utilisation": busy / max(window["window_s"], float(part["done_s"].max())),
                "real_utilisation": busy / window["real_window_s"],
                "most_waiting": int(in_system(part)["n"].max()),
                "late_p99_s": kept.late_p99_s,
                "valid": kept.is_valid,
            }
        )
    return pd.DataFrame(rows, columns=list(PROFILE_COLUMNS)).astype({"valid": bool})


def causes_table(arrivals: pd.DataFrame) -> pd.DataFrame:
    """Return how many arrivals of each profile got no decision, by status and cause."""
    lost = arrivals[failures(arrivals)]
    named = lost.assign(status=lost["status"].fillna("failed"), cause=lost["cause"].fillna("never answered"))
    counted = named.groupby(["profile", "status", "cause"], sort=True).size().reset_index(name="n")
    return counted.astype({"profile": object, "status": object, "cause": object, "n": int})


def _quantiles(values: Floats, prefix: str) -> dict[str, float | None]:
    if not len(values):
        return dict.fromkeys((f"{prefix}p50_s", f"{prefix}p95_s", f"{prefix}p99_s"))
    found: Sequence[float] = np.quantile(values, [0.5, 0.95, 0.99], method="inverted_cdf").tolist()
    return dict(zip((f"{prefix}p50_s", f"{prefix}p95_s", f"{prefix}p99_s"), found, strict=True))
