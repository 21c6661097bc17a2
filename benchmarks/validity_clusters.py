"""Certificates when errors come in clusters: undeclared, at a stated bound, at one from development records.

Part of `python -m benchmarks.validity`. Every population has .81% errors at every confidence, so at a target of 99.2%
every certificate is wrong; `power_cells` and `warning_cells` have agents that deserve theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.stats import BoundSource, CorrelationBound, certify_threshold, error_clusters
from workbench.stats.clustering import correlation_limits
from workbench.stats.dependence import BOUND_SHARE

TARGET, DELTA, RATE = 0.992, 0.05, 0.0081
SEED = 4_712
DEVELOPMENT = 7 / 3  # development records for each holdout record, as a split of 70 to 30 leaves them
LARGEST = 200

Rates = Callable[[np.random.Generator, int, float, float], np.ndarray]


def beta(generator: np.random.Generator, n: int, mean: float, correlation: float) -> np.ndarray:
    """Return error rates of vendors from a beta distribution."""
    if correlation == 0:
        return np.full(n, mean)
    spread = 1 / correlation - 1
    return generator.beta(mean * spread, (1 - mean) * spread, n)


def few_bad(generator: np.random.Generator, n: int, mean: float, correlation: float) -> np.ndarray:
    """Return error rates that are 0 for most vendors: the worst case for small ones."""
    bad = correlation + mean * (1 - correlation)
    return np.where(generator.random(n) < mean / bad, bad, 0.0)


def some_wholly_wrong(generator: np.random.Generator, n: int, mean: float, correlation: float) -> np.ndarray:
    """Return error rates that are alike for most vendors and 1 for a few, as few as the correlation needs."""
    good = mean * (1 - correlation)
    return np.where(generator.random(n) < (mean - good) / (1 - good), 1.0, good)


RATES: dict[str, Rates] = {"beta": beta, "few bad": few_bad, "some wholly wrong": some_wholly_wrong}


@dataclass(frozen=True, slots=True)
class Vendors:
    """Vendors of a population: the distribution of their error rates and of their sizes, and whose confidence it is."""

    rates: str
    correlation: float
    is_heavy: bool = False
    is_confidence_theirs: bool = False
    error_rate: float = RATE

    def draw(self, generator: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return confidence, correctness and vendor of about n records; sizes are ten, or heavy-tailed up to 200."""
        sizes = np.full(n // 10, 10)
        if self.is_heavy:
            sizes = np.minimum(generator.pareto(1.1, n) + 1, LARGEST).astype(int)
            sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), n)) + 1]
        vendor = np.repeat(np.arange(len(sizes)), sizes)
        chance = RATES[self.rates](generator, len(sizes), self.error_rate, self.correlation)[vendor]
        confidence = generator.random(len(vendor))
        if self.is_confidence_theirs:
            confidence = 0.9 * generator.random(len(sizes))[vendor] + 0.1 * confidence
        return confidence, generator.random(len(vendor)) >= chance, vendor


Bound = float | CorrelationBound | None


def estimated(generator: np.random.Generator, vendors: Vendors, n: int) -> CorrelationBound:
    """Return the bound that a development set of such vendors gives."""
    _, correct, vendor = vendors.draw(generator, round(n * DEVELOPMENT))
    upper = correlation_limits(correct, vendor, 1 - BOUND_SHARE * DELTA).upper
    return CorrelationBound(upper, BoundSource.DEVELOPMENT, BOUND_SHARE)


def certified(sample: tuple[np.ndarray, np.ndarray, np.ndarray], bound: Bound, is_declared: bool = True) -> bool:
    """Return whether anything is certified on holdout records, at a bound or without their vendors."""
    confidence, correct, vendor = sample
    dependence = {"clusters": vendor, "correlation_at_most": bound} if is_declared else {}
    found = certify_threshold(confidence, correct, target=TARGET, confidence_level=1 - DELTA, **dependence)
    return found.threshold is not None


WRONG: tuple[tuple[Vendors, str], ...] = (
    *((Vendors("beta", 0.2, heavy), "undeclared") for heavy in (False, True)),
    *((Vendors(kind, 0.05), "stated .05") for kind in RATES),
    *((Vendors(kind, 0.2, heavy), "stated .2") for kind in RATES for heavy in (False, True)),
    (Vendors("beta", 0.1), "stated .2"),
    (Vendors("few bad", 0.2, True, True), "stated .2"),
    (Vendors("beta", 0.0), "estimated"),
    *((Vendors(kind, 0.2), "estimated") for kind in RATES),
    (Vendors("some wholly wrong", 0.5), "estimated"),
    *((Vendors(kind, 0.2, True, True), "estimated") for kind in ("beta", "few bad")),
)


def wrong_cells(n_pilots: int) -> Iterator[dict[str, Any]]:
    """Yield how often a certificate is wrong, by population, procedure and size."""
    for number, (vendors, procedure) in enumerate(WRONG):
        for n in (1_000, 3_000):
            generator, wrong, bounds = np.random.default_rng([SEED, number, n]), 0, []
            for _ in range(n_pilots):
                bound: Bound = None
                if procedure == "estimated":
                    bound = estimated(generator, vendors, n)
                    bounds.append(bound.at_most)
                elif procedure != "undeclared":
                    bound = float(procedure.removeprefix("stated "))
                wrong += certified(vendors.draw(generator, n), bound, procedure != "undeclared")
            yield {
                "rates": vendors.rates,
                "correlation": vendors.correlation,
                "sizes": "heavy-tailed" if vendors.is_heavy else "ten",
                "confidence": "a vendor's" if vendors.is_confidence_theirs else "a record's",
                "n": n,
                "bound": procedure,
                "median_bound": float(np.median(bounds)) if bounds else None,
                "pilots": n_pilots,
                "wrong": wrong / n_pilots,
            }


def power_cells(n_pilots: int) -> Iterator[dict[str, Any]]:
    """Yield how often .2% errors among automated records, tested at once, are certified at a stated bound."""
    for n, bound, correlation in ((1_000, 0.05, 0.0), (3_000, 0.2, 0.0), (3_000, 0.2, 0.2)):
        generator = np.random.default_rng([SEED, 98, n, round(100 * correlation)])
        vendors = Vendors("beta", correlation, error_rate=0.002)
        found, known = 0, dict[tuple[int, ...], bool]()
        for _ in range(n_pilots):
            _, correct, vendor = vendors.draw(generator, n)
            wrong = tuple(sorted(np.bincount(vendor, weights=~correct).astype(int).tolist()))
            if wrong not in known:  # all confidences are alike, so only these numbers matter
                known[wrong] = certified((np.ones(n), correct, vendor), bound)
            found += known[wrong]
        yield {"n": n, "bound": bound, "correlation": correlation, "pilots": n_pilots, "certified": found / n_pilots}


def warning_cells(n_pilots: int, n: int = 700) -> Iterator[dict[str, Any]]:
    """Yield how often an undeclared column is warned of, with 5% errors and five candidate columns."""
    for correlation in (0.2, 0.0):
        generator, warned = np.random.default_rng([SEED, 97, round(100 * correlation)]), 0
        for _ in range(n_pilots):
            _, correct, vendor = Vendors("beta", correlation, error_rate=0.05).draw(generator, n)
            others = {f"other {size}": generator.integers(size, size=n) for size in (15, 40, 100, 300)}
            warned += any(
                one.column == "vendor" or not correlation
                for one in error_clusters(correct, {"vendor": vendor, **others})
            )
        yield {"correlation": correlation, "records": n, "pilots": n_pilots, "warned": warned / n_pilots}
