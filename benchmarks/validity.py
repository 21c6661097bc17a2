"""Is what the workbench certifies true as often as it says? Simulated pilots against a known truth, and figures.

    nice -n 10 python -m benchmarks.validity [--pilots 1000] [--cluster-pilots 1000] [--out docs]

Writes docs/validity.md, its figures and docs/validity.json. Every number has a seed; it takes about 25 minutes
of one core.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import optimize, stats

from workbench.stats import (
    AccuracyClaim,
    IntervalMethod,
    certify_threshold,
    mean_interval,
    proportion_bounds,
    quantile_interval,
    tango_bounds,
)
from workbench.stats.power import binomial_p_values
from workbench.stats.sequence import Order, Ranked, order_from_development, rank

Sample = tuple[np.ndarray, np.ndarray]
TARGET, DELTA, AIM, ACCURACY = 0.992, 0.05, 0.8, 0.97
SIZES = (300, 1_000, 3_000)
SEED = 4_711
GRID = 100_001


@dataclass(frozen=True, slots=True)
class Population:
    """Where records come from: a sampler of (confidence, correct, cluster), and the true risk above a threshold."""

    name: str
    says: str
    draw: Callable[[np.random.Generator, int], Sample]
    risk: Callable[[float], float]


def calibrated(name: str, limit: float, says: str) -> Population:
    """Return confidences that are the true chances of being right, such that `limit` can truly be automated."""

    def curve(strength: float) -> tuple[np.ndarray, np.ndarray]:
        chance = stats.beta(ACCURACY * strength, (1 - ACCURACY) * strength).ppf(1 - (np.arange(GRID) + 0.5) / GRID)
        return chance, np.cumsum(1 - chance) / np.arange(1, GRID + 1)

    def reached(strength: float) -> float:
        return float(np.searchsorted(curve(strength)[1], 1 - TARGET)) / GRID

    strength = optimize.brentq(lambda value: reached(value) - limit, 2, 15)
    chances, risks = curve(strength)

    def draw(generator: np.random.Generator, n: int) -> Sample:
        chance = generator.beta(ACCURACY * strength, (1 - ACCURACY) * strength, n)
        return chance, generator.random(n) < chance

    return Population(name, says, draw, lambda at: float(np.interp(at, chances[::-1], risks[::-1])))


def flat(name: str, rate: float, says: str, ties: int | None = None) -> Population:
    """Return confidences that say nothing about errors of one rate; with `ties` so many distinct ones."""

    def draw(generator: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        confidence = generator.random(n) if ties is None else generator.integers(0, ties, n) / ties
        return confidence, generator.random(n) >= rate

    return Population(name, says, draw, lambda at: rate)


def tied(name: str, says: str) -> Population:
    """Return verbalised confidences: seven values, the errors of each at its own rate, 80% only just out of reach."""
    values = np.array([1.0, 0.99, 0.98, 0.95, 0.9, 0.8, 0.6])
    shares = np.array([0.15, 0.2, 0.15, 0.3, 0.1, 0.06, 0.04])
    rates = np.array([0.004, 0.006, 0.008, 0.0125, 0.05, 0.12, 0.3])
    risks = np.cumsum(shares * rates) / np.cumsum(shares)

    def draw(generator: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        place = generator.choice(len(values), n, p=shares)
        return values[place], generator.random(n) >= rates[place]

    return Population(name, says, draw, lambda at: float(risks[np.searchsorted(-values, -at)]))


POPULATIONS = (
    calibrated("A", 0.837, "informative confidence; 83.7% can truly be automated"),
    calibrated("B", 0.896, "more informative confidence; 89.6% can truly be automated"),
    calibrated("C", 0.780, "informative confidence; the 80% aimed at is out of reach"),
    flat("F", 0.0081, "flat: .81% errors at every confidence, so every certificate is wrong"),
    flat("F tied", 0.0081, "the same with five distinct confidences", ties=5),
    tied("T", "seven verbalised confidences; certifying 80% would be wrong, 50% right"),
    flat("G", 0.003, "flat .3% errors: everything can truly be automated"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What one method certified on one pilot: automation rate (0 for nothing) and whether that was wrong."""

    automation: float
    is_wrong: bool


Orders = dict[float | None, Order]
Method = Callable[[Sample, Orders, Population], Found]


def ours(aim: float | None, uses_development: bool) -> Method:
    """Return `certify_threshold`, for the gate (with an aim) or for attainable automation."""

    def method(sample: Sample, orders: Orders, population: Population) -> Found:
        confidence, correct = sample
        found = certify_threshold(
            confidence,
            correct,
            target=TARGET,
            confidence_level=1 - DELTA,
            automation_target=aim,
            development=orders[aim] if uses_development else None,
        )
        wrong = found.threshold is not None and population.risk(found.threshold) > 1 - TARGET
        return Found(found.automation_rate, wrong)

    return method


def fixed(starts: Callable[[int], tuple[float, ...]]) -> Method:
    """Return step-by-step fixed-sequence tests from one or more starts, the level divided among the starts."""

    def method(sample: Sample, orders: Orders, population: Population) -> Found:
        ranked = rank(sample[0], sample[1])
        begun = starts(ranked.n)
        places = [_last(ranked, share, DELTA / len(begun)) for share in begun]
        best = max(places)
        if best < 0:
            return Found(0.0, False)
        wrong = population.risk(float(ranked.threshold[best])) > 1 - TARGET
        return Found(float(ranked.n_automated[best]) / ranked.n, wrong)

    return method


def naive(sample: Sample, orders: Orders, population: Population) -> Found:
    """Return the lowest threshold whose observed accuracy reaches the target: what must not be done."""
    ranked = rank(sample[0], sample[1])
    good = np.flatnonzero(ranked.n_wrong <= (1 - TARGET) * ranked.n_automated)
    if not len(good):
        return Found(0.0, False)
    wrong = population.risk(float(ranked.threshold[good[-1]])) > 1 - TARGET
    return Found(float(ranked.n_automated[good[-1]]) / ranked.n, wrong)


def _last(ranked: Ranked, share: float, alpha: float) -> int:
    """Return the last place that passes, starting where a share of the records is automated; -1 for none."""
    places = np.flatnonzero(ranked.n_automated >= share * ranked.n)
    p_values = binomial_p_values(ranked.n_wrong[places], ranked.n_automated[places], 1 - TARGET)
    failed = np.flatnonzero(p_values > alpha)
    n_passed = int(failed[0]) if len(failed) else len(places)
    return int(places[n_passed - 1]) if n_passed else -1


OURS: dict[str, Method] = {
    "ours, gate": ours(AIM, False),
    "ours, gate, order from dev": ours(AIM, True),
    "ours, attainable": ours(None, False),
    "ours, attainable, order from dev": ours(None, True),
}
OTHERS: dict[str, Method] = {
    "naive point estimate": naive,
    "start at the KPI": fixed(lambda n: (AIM,)),
    "two starts, half each": fixed(lambda n: (0.6, 0.8)),
    "start where one error is allowed": fixed(lambda n: (min(592 / n, 1.0),)),
}
COMPARED = ("A", "B", "F", "G")
PILOTS_PER_DEVELOPMENT_SET = 25


def certification_cells(n_pilots: int) -> Iterator[dict[str, Any]]:
    """Yield one row per population, size and method; 25 pilots share a development set of 1,000 records."""
    for number, population in enumerate(POPULATIONS):
        methods = OURS | (OTHERS if population.name in COMPARED else {})
        for n in SIZES:
            generator = np.random.default_rng([SEED, number, n])
            found: dict[str, list[Found]] = {name: [] for name in methods}
            for pilot in range(n_pilots):
                if pilot % PILOTS_PER_DEVELOPMENT_SET == 0:
                    orders = orders_of(population.draw(generator, 1_000), n)
                sample = population.draw(generator, n)
                for name, method in methods.items():
                    found[name].append(method(sample, orders, population))
            for name, results in found.items():
                yield {
                    "population": population.name,
                    "n": n,
                    "method": name,
                    "pilots": n_pilots,
                    "wrong": float(np.mean([one.is_wrong for one in results])),
                    "automation": float(np.mean([one.automation for one in results])),
                    "reaches_aim": float(np.mean([one.automation >= AIM for one in results])),
                }


def orders_of(development: Sample, n: int) -> Orders:
    """Return the orders that a development set chooses, by what is aimed at."""
    confidence, correct = development
    return {
        aim: order_from_development(confidence, correct, n, AccuracyClaim(TARGET, DELTA, automation_target=aim))
        for aim in (AIM, None)
    }


def versions_cell(n_pilots: int, n_versions: int = 30) -> Iterator[dict[str, Any]]:
    """Yield wrong certificates when the best of 30 versions on development records is certified on the holdout.

    All versions have a flat .81% error rate, so every certificate is wrong and choosing among them is choosing luck.
    `every version`: all 30 are tried on one holdout at the full level, which is what the ledger is there to prevent;
    `every version, charged`: the same with the share of the level that the ledger charges each opening.
    """
    shares = [2 / 3 / 3**k for k in range(n_versions)]
    for n in SIZES:
        generator = np.random.default_rng([SEED, 99, n])
        wrong = {"best on dev": 0, "every version": 0, "every version, charged": 0}
        for _ in range(n_pilots):
            development = generator.binomial(1_000, 0.0081, n_versions)
            errors = generator.random((n_versions, n)) < 0.0081
            confidence = generator.random(n)
            best = int(np.argmin(development))
            passed = [_is_certified(confidence, ~row, DELTA) for row in errors]
            wrong["best on dev"] += passed[best]
            wrong["every version"] += any(passed)
            hopeful = [k for k in range(n_versions) if passed[k]]
            wrong["every version, charged"] += any(
                _is_certified(confidence, ~errors[k], DELTA * shares[k]) for k in hopeful
            )
        for name, count in wrong.items():
            yield {"n": n, "procedure": name, "pilots": n_pilots, "wrong": count / n_pilots}


def _is_certified(confidence: np.ndarray, correct: np.ndarray, delta: float) -> bool:
    found = certify_threshold(confidence, correct, target=TARGET, confidence_level=1 - delta, automation_target=AIM)
    return found.threshold is not None


def coverage_cells(n_samples: int) -> Iterator[dict[str, Any]]:
    """Yield how often each interval that is printed holds the truth, at 95%; exact where all outcomes can be listed."""
    for n in (5, 20, 100, 1_000):
        k = np.arange(n + 1)
        for method in IntervalMethod:
            lower, upper = proportion_bounds(k, np.full(n + 1, n), 0.95, method)
            truths = np.concatenate((np.linspace(0.002, 0.998, 499), [0.0, 1.0]))
            covered = [stats.binom.pmf(k, n, p)[(lower <= p) & (p <= upper)].sum() for p in truths]
            yield _coverage(method.shown_name, f"n = {n}, truth 0 to 1", covered, exact=True)
            at_ends = [covered[-2], covered[-1]]
            yield _coverage(method.shown_name, f"n = {n}, truth 0% and 100%", at_ends, exact=True)
    generator = np.random.default_rng([SEED, 7])
    for n, first, second in ((20, 0.05, 0.05), (100, 0.01, 0.01), (1_000, 0.015, 0.005), (1_000, 0.0, 0.0)):
        table = generator.multinomial(n, [first, second, 0.9 - first, 0.1 - second], n_samples)
        n10, n01, n11, n00 = (table[:, place] for place in range(4))
        for name, (lower, upper) in (
            ("Tango", tango_bounds(n10, n01, np.full(n_samples, n), 0.95)),
            ("Newcombe 10", newcombe_bounds(n11, n10, n01, n00, 0.95)),
        ):
            held = (lower <= first - second + 1e-12) & (first - second - 1e-12 <= upper)
            yield _coverage(name, f"n = {n}, only first {first:g}, only second {second:g}", [held.mean()])
    for n, q in ((20, 0.5), (100, 0.95), (500, 0.99)):
        draws = generator.lognormal(size=(n_samples, n))
        truth = float(np.exp(stats.norm.ppf(q)))
        bounds = [quantile_interval(row, q, 0.95) for row in draws]
        held_ = [(a is None or a <= truth) and (b is None or truth <= b) for a, b in bounds]
        yield _coverage("order statistics", f"n = {n}, quantile {q:g}, lognormal", [float(np.mean(held_))])
    for n in (20, 100, 1_000):
        rows = generator.lognormal(sigma=0.5, size=(n_samples, n))
        both = np.array([mean_interval(row, 0.95) for row in rows], dtype=float)
        inside = np.mean((both[:, 0] <= math.exp(0.125)) & (math.exp(0.125) <= both[:, 1]))
        yield _coverage("Student t", f"n = {n}, mean, lognormal sigma .5", [float(inside)])


def newcombe_bounds(
    n11: np.ndarray, n10: np.ndarray, n01: np.ndarray, n00: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals of paired differences by Newcombe (1998), method 10 with corrected phi: beside Tango's."""
    n = n11 + n10 + n01 + n00
    one, two = (n11 + n10) / n, (n11 + n01) / n
    lower_1, upper_1 = proportion_bounds(n11 + n10, n, confidence, IntervalMethod.WILSON)
    lower_2, upper_2 = proportion_bounds(n11 + n01, n, confidence, IntervalMethod.WILSON)
    product = (n11 + n10).astype(float) * (n01 + n00) * (n11 + n01) * (n10 + n00)
    numerator = n11 * n00 - n10 * n01
    corrected = np.where(numerator > 0, np.maximum(numerator - n / 2, 0.0), numerator)
    phi = np.where(product > 0, corrected / np.sqrt(np.where(product > 0, product, 1.0)), 0.0)
    below_1, above_1, below_2, above_2 = one - lower_1, upper_1 - one, two - lower_2, upper_2 - two
    down = np.sqrt(np.maximum(below_1**2 - 2 * phi * below_1 * above_2 + above_2**2, 0.0))
    up = np.sqrt(np.maximum(above_1**2 - 2 * phi * above_1 * below_2 + below_2**2, 0.0))
    return np.maximum(one - two - down, -1.0), np.minimum(one - two + up, 1.0)


def _coverage(interval: str, setting: str, covered: list[float], exact: bool = False) -> dict[str, Any]:
    return {
        "interval": interval,
        "setting": setting,
        "least": float(min(covered)),
        "mean": float(np.mean(covered)),
        "exact": exact,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pilots", type=int, default=1_000)
    parser.add_argument("--cluster-pilots", type=int, default=1_000)
    parser.add_argument("--samples", type=int, default=2_000)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    arguments = parser.parse_args()
    from benchmarks.validity_chains import chain_cells
    from benchmarks.validity_clusters import power_cells, warning_cells, wrong_cells

    started = time.process_time()
    results = {
        "pilots": arguments.pilots,
        "samples": arguments.samples,
        "seed": SEED,
        "populations": {one.name: one.says for one in POPULATIONS},
        "certification": list(certification_cells(arguments.pilots)),
        "versions": list(versions_cell(arguments.pilots)),
        "chains": list(chain_cells(arguments.pilots)),
        "clusters": list(wrong_cells(arguments.cluster_pilots)),
        "clusters_power": list(power_cells(2 * arguments.pilots)),
        "clusters_warned": list(warning_cells(arguments.cluster_pilots)),
        "coverage": list(coverage_cells(arguments.samples)),
    }
    results["cpu_seconds"] = round(time.process_time() - started)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "validity.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    from benchmarks.validity_page import write_page

    print(write_page(results, arguments.out))


if __name__ == "__main__":
    main()
