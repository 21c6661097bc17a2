"""Simulations of certificates under dependence: as valid as they say, and worth having."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.validity_clusters import (
    DELTA,
    Vendors,
    certified,
    estimated,
    power_cells,
    warning_cells,
    wrong_cells,
)

# (1,000 records, bound .05), (3,000, .2) without and with a correlation of .2; the most possible of the first is .67
BARS = [0.60, 0.93, 0.85]


@pytest.mark.slow
def tolerance(n_pilots: int) -> float:
    return DELTA + 3 * math.sqrt(DELTA * (1 - DELTA) / n_pilots)


def test_agents_that_deserve_a_certificate_get_it() -> None:
    # 150 pilots: three standard errors of .6 are .12
    assert [row["certified"] > bar - 0.12 for row, bar in zip(power_cells(150), BARS, strict=True)] == [True] * 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("vendors", "bound"),
    [(Vendors("few bad", 0.05), 0.05), (Vendors("beta", 0.2, True, True), 0.2), (Vendors("beta", 0.2), None)],
    ids=["stated, worst case", "heavy-tailed, a vendor's confidence", "estimated"],
)
def test_wrong_certificates_are_as_rare_as_they_say(vendors: Vendors, bound: float | None) -> None:
    generator, n_pilots = np.random.default_rng(6), 60
    wrong = [
        certified(vendors.draw(generator, 1_000), estimated(generator, vendors, 1_000) if bound is None else bound)
        for _ in range(n_pilots)
    ]
    assert np.mean(wrong) <= tolerance(n_pilots)


def test_undeclared_vendors_break_certificates() -> None:
    generator, vendors = np.random.default_rng(7), Vendors("beta", 0.2, is_heavy=True)
    wrong = [certified(vendors.draw(generator, 1_000), None, is_declared=False) for _ in range(60)]
    assert np.mean(wrong) > tolerance(60)


@pytest.mark.slow
def test_the_bars_of_power_and_warnings_are_reached() -> None:
    assert all(row["certified"] >= bar for row, bar in zip(power_cells(2_000), BARS, strict=True))
    warned, falsely = (row["warned"] for row in warning_cells(300))
    assert warned >= 0.90
    assert falsely <= 0.05


@pytest.mark.slow
def test_no_declared_cell_has_more_wrong_certificates_than_it_says() -> None:
    rows = [row for row in wrong_cells(200) if row["bound"] != "undeclared"]
    assert max(row["wrong"] for row in rows) <= tolerance(200)
