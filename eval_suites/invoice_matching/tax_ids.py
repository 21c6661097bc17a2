"""Check digits of German, Austrian, French, Italian and Polish VAT ids."""

from __future__ import annotations

import re


def vat_digits_are_right(tax_id: str) -> bool:
    """Return whether a VAT id's check digits are right; true for a country whose digits are not tested."""
    check = _CHECK_DIGITS.get(tax_id[:2])
    return check is None or check(tax_id[2:])


def _digit_sum(value: int) -> int:
    return value // 10 + value % 10


def _luhn(number: str) -> int:
    """Return the Luhn remainder, 0 when the last digit is right."""
    return sum(_digit_sum(int(d) * (1 + i % 2)) for i, d in enumerate(reversed(number))) % 10


def _german(number: str) -> bool:
    if not re.fullmatch(r"\d{9}", number):
        return False
    rest = 10
    for digit in number[:-1]:
        total = (int(digit) + rest) % 10
        rest = (total if total != 0 else 10) * 2 % 11
    return (11 - rest) % 10 == int(number[-1])


def _austrian(number: str) -> bool:
    if not re.fullmatch(r"U\d{8}", number):
        return False
    total = sum(_digit_sum(int(d) * (1 + i % 2)) for i, d in enumerate(number[1:8]))
    return (10 - (total + 4) % 10) % 10 == int(number[-1])


def _polish(number: str) -> bool:
    if not re.fullmatch(r"\d{10}", number):
        return False
    return sum(w * int(d) for w, d in zip((6, 5, 7, 2, 3, 4, 5, 6, 7), number[:9], strict=True)) % 11 == int(number[9])


# The countries under tax_id_countries in process.yaml.
_CHECK_DIGITS = {
    "DE": _german,
    "AT": _austrian,
    "PL": _polish,
    "IT": lambda number: bool(re.fullmatch(r"\d{11}", number)) and _luhn(number) == 0,
    "FR": lambda number: (
        bool(re.fullmatch(r"\d{11}", number))
        and _luhn(number[2:]) == 0
        and (12 + 3 * (int(number[2:]) % 97)) % 97 == int(number[:2])
    ),
}
