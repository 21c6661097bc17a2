"""Check digits of VAT ids, for the policy as a function.

Source: the national rules as the European Commission's VIES describes them (Austria, France, Germany, Italy, Poland).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

PATTERNS = {"DE": r"\d{9}", "AT": r"U\d{8}", "FR": r"\d{11}", "IT": r"\d{11}", "PL": r"\d{10}"}
POLISH_WEIGHTS = (6, 5, 7, 2, 3, 4, 5, 6, 7)


def is_right(tax_id: str, countries: Collection[str]) -> bool:
    """Return whether an id's check digits are right; only those of `countries` are tested."""
    return tax_id[:2] not in countries or _are_digits_right(tax_id)


@lru_cache(maxsize=4096)
def _are_digits_right(tax_id: str) -> bool:
    country, rest = tax_id[:2], tax_id[2:]
    return re.fullmatch(PATTERNS[country], rest) is not None and bool(CHECKS[country](rest.removeprefix("U")))


def _german(digits: str) -> bool:
    """ISO 7064, modulus 11, 10."""
    product = 10
    for digit in digits[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def _doubled(digits: str) -> list[int]:
    """Return the digits, every second one doubled and its own digits added."""
    return [int(one) if place % 2 == 0 else sum(divmod(2 * int(one), 10)) for place, one in enumerate(digits)]


def _austrian(digits: str) -> bool:
    return (96 - sum(_doubled(digits[:-1]))) % 10 == int(digits[-1])


def _french(digits: str) -> bool:
    return (12 + 3 * (int(digits[2:]) % 97)) % 97 == int(digits[:2])


def _italian(digits: str) -> bool:
    return sum(_doubled(digits)) % 10 == 0


def _polish(digits: str) -> bool:
    total = sum(weight * int(one) for weight, one in zip(POLISH_WEIGHTS, digits, strict=False))
    return total % 11 == int(digits[-1])


CHECKS: Mapping[str, Any] = {"DE": _german, "AT": _austrian, "FR": _french, "IT": _italian, "PL": _polish}
