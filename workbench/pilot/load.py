"""load.yaml: how much a pilot's agent must bear, in which profiles, and what a leak is."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from workbench.files import Settings, read_settings

LOAD_FILE = "load.yaml"


class LoadProfile(StrEnum):
    """What an agent is put under."""

    DAY = "day"  # a day's records in a day's hours
    PEAK = "peak"  # a multiple of the busiest hour, and the time after it
    SOAK = "soak"  # as many decisions as two days have, and many times that
    REVIEWERS = "reviewers"  # people at the review desk at once


class UnloadedSettings(Settings):
    """What an agent is asked one after another first: every record that arrives, as far as `at_most_s` is enough."""

    at_most_s: float = Field(default=30.0, gt=0)


class DaySettings(Settings):
    """A day: the records of a day arrive in so many hours, the busiest of those that the records' times show.

    `records` is the charter's volume where it is not given, and 500 where the charter says none either. Where
    `at_most_s` seconds of compressed time are not enough for all of it, its densest stretch is asked.
    """

    records: int | None = Field(default=None, ge=1)
    hours: float = Field(default=8.0, gt=0, le=24)
    at_most_s: float = Field(default=120.0, gt=0)


class PeakSettings(Settings):
    """A peak: `factor` times the busiest hour for so many minutes, the busiest hour's rate before and after it.

    All three are shorter, at the same rates, where `at_most_s` seconds of compressed time are not enough.
    """

    factor: float = Field(default=3.0, gt=1)
    minutes: float = Field(default=20.0, gt=0)
    calm_minutes: float = Field(default=10.0, gt=0)
    at_most_s: float = Field(default=40.0, gt=0)


class SoakSettings(Settings):
    """A soak, by count: what arrives in so many hours, `times` as much, as far as `at_most_s` seconds are enough.

    `utilisation` is how busy the agent is kept, in (0, 1), by how long it takes for one decision alone.
    """

    hours: float = Field(default=48.0, gt=0)
    times: float = Field(default=10.0, ge=1)
    at_most_s: float = Field(default=50.0, gt=0)
    utilisation: float = Field(default=0.5, gt=0, lt=1)


class LeakSettings(Settings):
    """What a process may keep of each decision before that is called a leak."""

    bytes: float = Field(default=128.0, ge=0)
    descriptors: float = Field(default=0.001, ge=0)
    threads: float = Field(default=0.001, ge=0)


class LoadSettings(Settings):
    """The content of load.yaml.

    Parameters
    ----------
    seed : int
        Of the arrivals: which record, and when.
    records : int
        Different development records that arrive, again and again where there are more arrivals.
    longest_gap_s : float
        Gaps between arrivals that are longer are cut to it; it counts as five times the unloaded p95 where it is less.
    reviewers : int
        People at the review desk at once, at most: one, two, four and so on are tried before.
    tap_p95_ms : float
        How long 95% of their taps may take, from the tap to the next card.
    reviewers_at_most_s : float
        Seconds for all of these numbers of people together; longer where they made fewer than a hundred taps each.
    """

    seed: int = 1
    records: int = Field(default=300, ge=1)
    unloaded: UnloadedSettings = UnloadedSettings()
    longest_gap_s: float = Field(default=0.02, gt=0)
    day: DaySettings = DaySettings()
    peak: PeakSettings = PeakSettings()
    soak: SoakSettings = SoakSettings()
    reviewers: int = Field(default=8, ge=1, le=100)
    tap_p95_ms: float = Field(default=100.0, gt=0)
    reviewers_at_most_s: float = Field(default=40.0, gt=0)
    leaks: LeakSettings = LeakSettings()


def read_load(suite: Path) -> LoadSettings:
    """Return what load.yaml of a pilot's folder says, what is usual where there is none.

    Raises
    ------
    InputError
        It does not fit.
    """
    path = suite / LOAD_FILE
    return read_settings(path, LoadSettings) if path.is_file() else LoadSettings()
