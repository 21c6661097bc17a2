"""Document numbers, given out when all cases are known so that they rise with time as real ones do."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.random import Generator

from generator.facts import Case
from generator.formats import Numbers

FIRST_ORDER, FIRST_POSTING = 4_500_713_200, 5_105_604_100
BIG = 90_000_000


def number_cases(cases: Sequence[Case], rng: Generator) -> list[Numbers]:
    """Return the numbers of each case; cases are in the order in which they were received."""
    orders = _order_numbers(cases, rng)
    references = _reference_numbers(cases, rng)
    postings = {case.key: str(FIRST_POSTING + 3 * index) for index, case in enumerate(cases)}
    return [
        Numbers(
            orders[case.order.key],
            references[case.document.reference],
            "" if case.related is None else postings[case.related],
        )
        for case in cases
    ]


def _order_numbers(cases: Sequence[Case], rng: Generator) -> dict[int, str]:
    numbers: dict[int, str] = {}
    last = FIRST_ORDER
    for case in cases:
        if case.order.key not in numbers:
            last += int(rng.integers(1, 12))
            numbers[case.order.key] = str(last)
    return numbers


def _reference_numbers(cases: Sequence[Case], rng: Generator) -> dict[int, str]:
    """Return the vendor's own number for each reference; vendors count up, with gaps for their other customers."""
    last: dict[str, int] = {}
    numbers: dict[int, str] = {}
    for case in sorted(cases, key=lambda case: (case.document.dated, case.key)):
        reference, vendor = case.document.reference, case.order.vendor
        if reference in numbers:
            continue
        last[vendor.number] = last.get(vendor.number, int(rng.integers(20, 900))) + int(rng.integers(1, 9))
        count = last[vendor.number]
        numbers[reference] = vendor.reference_style.format(
            year=case.document.dated.year, n=count, big=BIG + int(vendor.number) * 10 + 7 * count
        )
    return numbers
