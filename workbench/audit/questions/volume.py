"""Volume: how many records arrive when, how that grows, and which latency class it implies."""

from __future__ import annotations

import calendar
import math
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from workbench.audit.findings import DataFinding, Effort, Remedy, Severity
from workbench.audit.questions.section import Section
from workbench.audit.table.subject import Subject
from workbench.metrics import CATALOGUE, Estimate
from workbench.pilot.charter import Charter
from workbench.stats import holm
from workbench.words import counted, percent

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
REAL_TIME_S, NEAR_REAL_TIME_S = 10.0, 900.0  # a person waits on the screen; a person comes back to it
BURST_RECORDS, BURST_SHARE = 20, 0.5  # records in one minute are a load; half of them so, and loads are the way
MIN_MONTHS = 4  # of three, any curve is a line
ALPHA, SEASONAL = 0.05, 1.2  # times the average: a smaller season needs no plan


class LatencyClass(StrEnum):
    """How soon a decision has to follow its record."""

    REAL_TIME = "real time"  # seconds: somebody waits
    NEAR_REAL_TIME = "near real time"  # minutes: records arrive one by one through the day
    BATCH = "batch"  # hours: records arrive together, or only the day is known


def volume(subject: Subject) -> Section:
    """Return how many records arrive and how that varies, as a section of the audit."""
    times = subject.times()
    known: pd.Series[Any] = pd.Series([], dtype="datetime64[ns]") if times is None else times.dropna()
    title, question = (
        "Volume",
        "How many records arrive, when is the peak, does it grow, and how fast must decisions be?",
    )
    if times is None or len(known) < 2:
        why = "no column holds the time of a record" if times is None else "no two records have a readable time"
        missing = (_no_time(subject, times),)
        return Section("volume", title, question, f"Nothing can be said: {why}.", findings=missing)
    scale = subject.n_rows / len(subject.frame)
    has_hours = bool((known != known.dt.normalize()).any())
    periods = _periods(known, has_hours, scale)
    trend = growth(known)
    implied, why = implied_class(known, has_hours)
    expected, expected_text = charter_class(subject.charter)
    shown = {row["period"]: row for row in periods.to_dict("records")}
    peak = shown["hour" if has_hours else "day"]
    answer = (
        f"{len(known) * scale:,.0f} records from {known.min():%Y-%m-%d} to {known.max():%Y-%m-%d}: "
        f"{shown['day']['average']:,.1f} a day, at most {peak['most']:,.0f} an "
        f"{peak['period']}".replace("an day", "a day")
        + f"; {_growth_text(trend)}; implied latency class: {implied.value} ({why}), charter: {expected_text}."
    )
    findings = [_mismatch(subject, implied, expected, expected_text)] if _is_slower(implied, expected) else []
    if (unread := times.index[times.isna()]).size:
        findings.append(_unreadable(subject, unread.to_numpy(dtype=np.int64)))
    seasons = seasonality(known, has_hours)
    tables = {"Records per hour, day and month": periods, "Records by day of the week": _weekdays(known)}
    if len(seasons):
        tables["Seasonality: does the number of records follow the clock or the calendar?"] = seasons
        answer = f"{answer.removesuffix('.')}; {_seasons_text(seasons)}."
    if has_hours:
        tables["Records by hour of the day"] = _hours(known)
    facts = {
        "latency_class": implied.value,
        "charter_class": None if expected is None else expected.value,
        "per_day": float(shown["day"]["average"]),
        "peak": dict(zip(periods["period"], map(float, periods["most"]), strict=True)),
    }
    estimates = {"readable_time": Estimate.proportion(len(known), len(times)), "growth_per_month": trend}
    notes = ("Counted on a sample and scaled up; peaks are rough.",) if subject.is_sampled else ()
    return Section("volume", title, question, answer, estimates, tables, tuple(findings), facts, notes)


def growth(times: pd.Series[Any]) -> Estimate:
    """Return the relative growth of the number of records a month, from a log-linear fit over whole months.

    The first and last month may be cut off and are left out. n counts months. The interval is that of the slope's
    least-squares fit (Student's t).
    """
    from scipy.stats import linregress, t

    counts = times.dt.to_period("M").value_counts().sort_index()
    whole = counts.iloc[1:-1]
    if len(whole) < MIN_MONTHS:
        return Estimate.undefined(
            f"fewer than {MIN_MONTHS} whole months", {"first and last month": min(2, len(counts))}
        )
    months = np.array([period.ordinal for period in whole.index], dtype=float)
    fit = linregress(months, np.log(whole.to_numpy(dtype=float)))
    error = 0.0 if whole.nunique() == 1 else float(fit.stderr)  # scipy knows no scatter of equal counts
    half = float(t.ppf(0.975, len(whole) - 2)) * error
    low, high = (math.expm1(float(fit.slope) + side) for side in (-half, half))
    return Estimate(
        math.expm1(float(fit.slope)), low, high, len(whole), "log-linear fit 95%", {"first and last month": 2}
    )


def seasonality(known: pd.Series[Any], has_hours: bool) -> pd.DataFrame:
    """Return for the hour of the day, the day of the week and the month of the year how records follow them.

    Records are counted for each hour (each day) between the first and the last, and the counts of the same hour of the
    day (day of the week, month) compared with those of the others by Kruskal and Wallis's test; p is by Holm over the
    cycles. A cycle is looked at where the records span it twice, the year where they span eleven months.

    Returns
    -------
    DataFrame
        `cycle`, `busiest`, `times the average`, `quietest`, `of the average`, `p, Holm`.
    """
    from scipy.stats import kruskal

    days = pd.Series(1, index=pd.DatetimeIndex(known)).resample("D").sum()
    cycles = [
        ("day of the week", days, pd.DatetimeIndex(days.index).dayofweek, 14),
        ("month of the year", days, pd.DatetimeIndex(days.index).month, 330),
    ]
    if has_hours:
        hours = pd.Series(1, index=pd.DatetimeIndex(known)).resample("h").sum()
        cycles.insert(0, ("hour of the day", hours, pd.DatetimeIndex(hours.index).hour, 2))
    rows = []
    for name, counts, place, least in cycles:
        groups = [part.to_numpy() for _, part in counts.groupby(place)]
        if len(days) < least or len(groups) < 2 or counts.nunique() < 2:
            continue
        means = counts.groupby(place).mean() / counts.mean()
        busiest, quietest = (_cycle_text(name, int(str(one))) for one in (means.idxmax(), means.idxmin()))
        rows.append((name, busiest, float(means.max()), quietest, float(means.min()), float(kruskal(*groups).pvalue)))
    names = ["cycle", "busiest", "times the average", "quietest", "of the average", "p"]
    table = pd.DataFrame(rows, columns=names)
    table["p, Holm"] = holm(list(table.pop("p")))
    return table


def _cycle_text(cycle: str, place: int) -> str:
    if cycle == "hour of the day":
        return f"{place:02}:00"
    return WEEKDAYS[place] if cycle == "day of the week" else calendar.month_name[place]


def _seasons_text(seasons: pd.DataFrame) -> str:
    seen = seasons[(seasons["p, Holm"] < ALPHA) & (seasons["times the average"] >= SEASONAL)]
    if not len(seen):
        return "no season in hours, weekdays or months is certain"
    return "busiest " + ", ".join(
        f"by {row['cycle']} {row['busiest']} ({row['times the average']:.1f} times the average)"
        for row in seen.to_dict("records")
    )


def implied_class(times: pd.Series[Any], has_hours: bool) -> tuple[LatencyClass, str]:
    """Return the latency class that the way records arrive implies, and why.

    Batch when only days are known, or when half of the records arrive in minutes with 20 or more; real time when the
    median record in the busiest hour of the day follows another within 10 s; else near real time.
    """
    if not has_hours:
        return LatencyClass.BATCH, "times have no hour"
    minutes = times.dt.floor("min")
    together = minutes.map(minutes.value_counts())
    in_bursts = float((together >= BURST_RECORDS).mean())
    if in_bursts >= BURST_SHARE:
        return LatencyClass.BATCH, f"{percent(in_bursts)} of the records arrive in minutes with 20 or more"
    ordered = times.sort_values()
    gaps = ordered.diff().dt.total_seconds()
    hours = ordered.dt.hour
    busiest = int(hours.mode().iloc[0])
    gap = float(gaps[hours == busiest].median())
    what = LatencyClass.REAL_TIME if gap <= REAL_TIME_S else LatencyClass.NEAR_REAL_TIME
    return what, f"around {busiest}:00 the median gap between two records is {gap:,.0f} s"


def charter_class(charter: Charter | None) -> tuple[LatencyClass | None, str]:
    """Return the latency class of the strictest latency that the charter asks for, and the words for it."""
    kpis = [kpi for kpi in charter.kpis if CATALOGUE[kpi.metric].quantile is not None] if charter is not None else []
    targets = [kpi.target for kpi in kpis]
    if charter is not None and charter.latency.p95_s is not None:
        targets.append(charter.latency.p95_s)
    if not targets:
        return None, "no latency agreed"
    target = min(targets)
    if target <= REAL_TIME_S:
        found = LatencyClass.REAL_TIME
    else:
        found = LatencyClass.NEAR_REAL_TIME if target <= NEAR_REAL_TIME_S else LatencyClass.BATCH
    mark = next((kpi.mark for kpi in kpis if kpi.target == target), "")
    return found, f"{found.value} ({target:g} s){mark}"


def _periods(known: pd.Series[Any], has_hours: bool, scale: float) -> pd.DataFrame:
    """Return for hour, day and month the average over all of them, the most, when that was, and how many times more."""
    rows = []
    for name, rule, form in (("hour", "h", "%Y-%m-%d %H:00"), ("day", "D", "%Y-%m-%d"), ("month", "MS", "%Y-%m")):
        if name == "hour" and not has_hours:
            continue
        counts = pd.Series(1, index=pd.DatetimeIndex(known)).resample(rule).sum() * scale
        most = float(counts.max())
        when = pd.Timestamp(str(counts.idxmax()))
        rows.append((name, float(counts.mean()), most, when.strftime(form), most / float(counts.mean())))
    return pd.DataFrame(rows, columns=["period", "average", "most", "at", "times the average"])


def _weekdays(known: pd.Series[Any]) -> pd.DataFrame:
    counts = known.dt.dayofweek.value_counts().reindex(range(7), fill_value=0)
    days = pd.Series(1, index=pd.DatetimeIndex(known)).resample("D").sum()
    n_days = pd.Series(pd.DatetimeIndex(days.index).dayofweek).value_counts().reindex(range(7), fill_value=0)
    rows = [
        (WEEKDAYS[day], int(counts[day]), int(n_days[day]), counts[day] / n_days[day] if n_days[day] else float("nan"))
        for day in range(7)
    ]
    return pd.DataFrame(rows, columns=["day", "records", "days", "records a day"])


def _hours(known: pd.Series[Any]) -> pd.DataFrame:
    counts = known.dt.hour.value_counts().reindex(range(24), fill_value=0)
    return pd.DataFrame({"hour": [f"{hour:02}:00" for hour in range(24)], "records": counts.to_numpy()})


def _growth_text(trend: Estimate) -> str:
    if trend.value is None or trend.lower is None or trend.upper is None:
        return f"growth is not known ({trend.method.removeprefix('none: ')})"
    said = "grows" if trend.lower > 0 else "shrinks" if trend.upper < 0 else "neither growth nor decline is certain,"
    return f"{said} {100 * trend.value:+.1f}% a month ({100 * trend.lower:+.1f} to {100 * trend.upper:+.1f})"


def _is_slower(implied: LatencyClass, expected: LatencyClass | None) -> bool:
    """Return whether the charter expects slower decisions than the records' arrival implies."""
    order = list(LatencyClass)
    return expected is not None and order.index(expected) > order.index(implied)


def _no_time(subject: Subject, times: pd.Series[Any] | None) -> DataFinding:
    columns = (subject.roles.time,) if subject.roles.time is not None and times is not None else ()
    return DataFinding(
        "no_time",
        "No time of a record is known, so volume, season and drift cannot be judged",
        columns,
        subject.rows,
        len(subject.frame),
        Severity.MEDIUM if subject.pilot is not None else Severity.LOW,
        "no column has the role timestamp" if times is None else "the time column cannot be read",
        "nobody knows whether these records are like those that will arrive",
        Remedy("export each record's time and give its column the role timestamp in contract.yaml", Effort.DAYS,
               "the section on volume has an answer"),
    )  # fmt: skip


def _unreadable(subject: Subject, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> DataFinding:
    return DataFinding(
        "unreadable_time",
        f"{counted(len(rows), len(subject.frame))} records have no readable time",
        (str(subject.roles.time),),
        rows,
        len(subject.frame),
        Severity.LOW,
        "the cells are empty, no date, or a date with slashes of which it is not known whether the day stands first",
        "these records are in no month and in neither end of the drift comparison",
        Remedy("export the time as ISO 8601", Effort.HOURS, "every record has a readable time"),
    )


def _mismatch(subject: Subject, implied: LatencyClass, expected: LatencyClass | None, said: str) -> DataFinding:
    return DataFinding(
        "latency_class",
        f"Records arrive in {implied.value}, the charter expects {'' if expected is None else said}",
        (str(subject.roles.time),),
        subject.rows,
        len(subject.frame),
        Severity.LOW,
        "the way records arrive, see the section on volume",
        "records queue up in the busiest hour",
        Remedy("agree on the latency in the charter, or plan for the queue", Effort.HOURS,
               "the charter's latency class is the implied one or faster"),
    )  # fmt: skip
