"""One chain of tests at the full level against two starts at half of it each, on the same simulated pilots."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.validity import AIM, OTHERS, OURS, PILOTS_PER_DEVELOPMENT_SET, POPULATIONS, SEED, orders_of

CHAINS = ("ours, gate, order from dev", "ours, attainable, order from dev")
STARTS = "two starts, half each"
HONEST = ("A", "B", "C", "T", "G")  # in the others every certificate is wrong, so less is better
SIZES = (1_000, 3_000)  # at 300 nothing can be certified
Z = 1.959964


def chain_cells(n_pilots: int) -> Iterator[dict[str, Any]]:
    """Yield for each population and size by how much one chain certifies more than two starts, with 95% intervals.

    `gain` is the mean paired difference in certified automation, `gain_at_aim` that in the chance to certify the aim.
    """
    methods = {name: OURS[name] for name in CHAINS} | {STARTS: OTHERS[STARTS]}
    for number, population in enumerate(POPULATIONS):
        if population.name not in HONEST:
            continue
        for n in SIZES:
            generator = np.random.default_rng([SEED, 11, number, n])
            found: dict[str, list[float]] = {name: [] for name in methods}
            for pilot in range(n_pilots):
                if pilot % PILOTS_PER_DEVELOPMENT_SET == 0:
                    orders = orders_of(population.draw(generator, 1_000), n)
                sample = population.draw(generator, n)
                for name, method in methods.items():
                    found[name].append(method(sample, orders, population).automation)
            starts = np.array(found[STARTS])
            for name in CHAINS:
                yield {"population": population.name, "n": n, "method": name, **_paired(np.array(found[name]), starts)}


def chain_rows(cells: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return the cells as rows of the page's table."""
    rows = []
    for cell in cells:
        what = cell["method"].removeprefix("ours, ").removesuffix(", order from dev")
        gains = (f"{cell[name]:+.3f} ± {cell[f'{name}_within']:.3f}" for name in ("gain", "gain_at_aim"))
        rows.append((cell["population"], f"{cell['n']:,}", what, f"{cell['two_starts']:.3f}", *gains))
    return rows


def _paired(chain: np.ndarray, starts: np.ndarray) -> dict[str, float]:
    gain, at_aim = chain - starts, (chain >= AIM).astype(float) - (starts >= AIM)
    within = Z / math.sqrt(len(gain))
    return {
        "two_starts": float(starts.mean()),
        "gain": float(gain.mean()),
        "gain_within": float(gain.std() * within),
        "gain_at_aim": float(at_aim.mean()),
        "gain_at_aim_within": float(at_aim.std() * within),
    }
