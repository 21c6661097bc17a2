"""The section about clusters of the page about the validity simulations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

DELTA = 0.05
Table = Callable[[Sequence[str], Sequence[Sequence[str]]], list[str]]


def cluster_lines(results: Mapping[str, Any], table: Table) -> list[str]:
    """Return the lines of the section."""
    rows = results["clusters"]
    pilots = rows[0]["pilots"]
    tolerance = DELTA + 3 * math.sqrt(DELTA * (1 - DELTA) / pilots)
    worst = max(row["wrong"] for row in rows if row["bound"] != "undeclared")
    undeclared = [row["wrong"] for row in rows if row["bound"] == "undeclared"]
    return [
        "## Clusters",
        "",
        "Errors that come together in vendors of ten, or of heavy-tailed sizes up to 200; .81% errors at every",
        f"confidence, so every certificate is wrong ({pilots:,} pilots per cell, tolerance {tolerance:.3f}). *Beta*:",
        "rates vary from vendor to vendor as a beta distribution does. *Few bad*: most vendors without any error, the",
        "worst case of small ones. *Some wholly wrong*: all alike, but a few wholly wrong. *Estimated*: the bound is",
        "the upper limit in development records, 7 for every 3 of the holdout, that are drawn anew for each pilot:",
        "both steps are simulated.",
        f"Undeclared, {min(undeclared):.0%} to {max(undeclared):.0%} are wrong; declared at most {worst:.3f}.",
        "",
        *table(
            ("rates", "correlation", "sizes", "confidence", "bound", "n", "median bound", "wrong"),
            [_wrong_row(row) for row in rows],
        ),
        "",
        "What an agent gets that deserves it: .2% errors among automated records in vendors of ten, tested at once.",
        "",
        *table(
            ("n", "bound", "true correlation", "certified"),
            [
                (f"{row['n']:,}", f"{row['bound']:g}", f"{row['correlation']:g}", f"{row['certified']:.3f}")
                for row in results["clusters_power"]
            ],
        ),
        "",
        "Warnings of an undeclared column: 700 development records, 5% errors, five candidate columns.",
        "",
        *table(
            ("true correlation on one of them", "warned"),
            [(f"{row['correlation']:g}", f"{row['warned']:.3f}") for row in results["clusters_warned"]],
        ),
        "",
    ]


def _wrong_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    bound = "" if row["median_bound"] is None else f"{row['median_bound']:.2f}"
    facts = (row["rates"], f"{row['correlation']:g}", row["sizes"], row["confidence"], row["bound"], f"{row['n']:,}")
    return (*facts, bound, f"{row['wrong']:.3f}")
