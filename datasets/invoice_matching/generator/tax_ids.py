"""Tax ids: VAT ids with right check digits for five countries, numbers of the right form for others."""

from __future__ import annotations

import re
from collections.abc import Callable

from numpy.random import Generator

from generator.draws import digits

POLISH_WEIGHTS = (6, 5, 7, 2, 3, 4, 5, 6, 7)


def is_valid(tax_id: str) -> bool:
    """Return whether a VAT id's check digits are right; true for a country whose check digits are not known here.

    Examples
    --------
    >>> is_valid("DE136695976"), is_valid("DE136695978")
    (True, False)
    """
    check = CHECKS.get(tax_id[:2])
    return check is None or check(tax_id[2:])


def draw_tax_id(country: str, rng: Generator) -> str:
    """Return a number of the country's form with right check digits."""
    return DRAWS[country](rng)


def spoil(tax_id: str, rng: Generator) -> str:
    """Return the VAT id with one digit changed so that its check digits are wrong."""
    positions = [index for index, character in enumerate(tax_id) if character.isdigit() and index >= 3]
    while True:
        index = positions[int(rng.integers(len(positions)))]
        wrong = f"{tax_id[:index]}{(int(tax_id[index]) + int(rng.integers(1, 10))) % 10}{tax_id[index + 1 :]}"
        if not is_valid(wrong):
            return wrong


def _luhn_sum(number: str) -> int:
    """Return the Luhn sum modulo 10; 0 for a number whose last digit is right."""
    total = sum(int(digit) for digit in number[-1::-2])
    return (total + sum(sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])) % 10


def _german(number: str) -> bool:
    """ISO 7064 MOD 11,10 over nine digits."""
    if re.fullmatch(r"[1-9]\d{8}", number) is None:
        return False
    product = 10
    for digit in number[:8]:
        product = 2 * ((int(digit) + product) % 10 or 10) % 11
    return (11 - product) % 10 == int(number[8])


def _austrian(number: str) -> bool:
    """U and eight digits, the last (6 - Luhn sum of the first seven) modulo 10."""
    if re.fullmatch(r"U\d{8}", number) is None:
        return False
    return (6 - _luhn_sum(number[1:8])) % 10 == int(number[8])


def _french(number: str) -> bool:
    """Two key digits, (12 + 3 * SIREN) modulo 97, and a nine-digit SIREN with a Luhn digit."""
    if re.fullmatch(r"\d{11}", number) is None:
        return False
    return _luhn_sum(number[2:]) == 0 and (12 + 3 * int(number[2:])) % 97 == int(number[:2])


def _italian(number: str) -> bool:
    """Eleven digits with a Luhn digit."""
    return re.fullmatch(r"\d{11}", number) is not None and _luhn_sum(number) == 0


def _polish(number: str) -> bool:
    """Ten digits, the last a weighted sum of the others modulo 11."""
    if re.fullmatch(r"\d{10}", number) is None:
        return False
    weighted = sum(weight * int(digit) for weight, digit in zip(POLISH_WEIGHTS, number, strict=False))
    return weighted % 11 == int(number[9])


CHECKS: dict[str, Callable[[str], bool]] = {
    "DE": _german,
    "AT": _austrian,
    "FR": _french,
    "IT": _italian,
    "PL": _polish,
}


def _with_check_digit(prefix: str, body: str) -> str | None:
    """Return prefix, body and the one last digit that makes the id right, None when no digit does."""
    return next((full for last in "0123456789" if is_valid(full := f"{prefix}{body}{last}")), None)


def _drawn(prefix: str, n_digits: int, rng: Generator) -> str:
    while True:
        full = _with_check_digit(prefix, str(rng.integers(1, 9)) + digits(rng, n_digits - 1))
        if full is not None:
            return full


def _draw_french(rng: Generator) -> str:
    body = str(rng.integers(3, 9)) + digits(rng, 7)
    siren = next(body + last for last in "0123456789" if _luhn_sum(body + last) == 0)
    return f"FR{(12 + 3 * int(siren)) % 97:02d}{siren}"


def _draw_italian(rng: Generator) -> str:
    body = f"0{digits(rng, 6)}{int(rng.integers(1, 100)):03d}"
    return next(full for last in "0123456789" if is_valid(full := f"IT{body}{last}"))


DRAWS: dict[str, Callable[[Generator], str]] = {
    "DE": lambda rng: _drawn("DE", 8, rng),
    "AT": lambda rng: _drawn("ATU", 7, rng),
    "FR": _draw_french,
    "IT": _draw_italian,
    "PL": lambda rng: _drawn("PL", 9, rng),
    "CH": lambda rng: f"CHE{digits(rng, 9)}",
    "GB": lambda rng: f"GB{digits(rng, 9)}",
    "US": lambda rng: f"{int(rng.integers(10, 99))}-{digits(rng, 7)}",
    "CN": lambda rng: f"91{digits(rng, 16)}",
}
