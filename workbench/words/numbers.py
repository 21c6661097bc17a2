"""Numbers, counts and hostile text as words: one way to write each of them."""

from __future__ import annotations

UNDEFINED = "not known"
# Signs that hide, or turn the reading order around.
HIDDEN = frozenset([*range(9), 11, 12, *range(14, 32), *range(127, 160), 0x61C, 0x200B, 0x2060, 0xFEFF]) | frozenset(
    [*range(0x200E, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xE0000, 0xE0080)]
)
SPELLED = {code: ascii(chr(code))[1:-1] for code in HIDDEN}


def percent(share: float | None, decimals: int = 1) -> str:
    """Return a share in [0, 1] as a percentage; only exactly 0 and 1 read 0% and 100%, None is not known.

    Examples
    --------
    >>> percent(0.9714), percent(1.0), percent(0.99996), percent(0.0), percent(0.0002)
    ('97.1%', '100%', '>99.9%', '0%', '<0.1%')
    """
    if share is None:
        return UNDEFINED
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    step = 10.0**-decimals
    text = f"{100 * share:.{decimals}f}"
    if float(text) >= 100.0:
        return f">{100.0 - step:.{decimals}f}%"
    if float(text) <= 0.0:
        return f"<{step:.{decimals}f}%"
    return f"{text}%"


def number(value: float) -> str:
    """Return a number with three significant digits, and all of its digits before the point.

    Examples
    --------
    >>> number(0.00042756), number(1.234), number(123456.7), number(0.0)
    ('0.000428', '1.23', '123,457', '0')
    """
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def seconds(value: float) -> str:
    """Return seconds in a unit that reads well, with three significant digits.

    Examples
    --------
    >>> seconds(12.34), seconds(0.00118), seconds(2.5e-07)
    ('12.3 s', '1.18 ms', '0.25 µs')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"


def counted(k: int, n: int) -> str:
    """Return a count as a reader without statistics takes it: how many of how many, and the share.

    Examples
    --------
    >>> counted(1146, 1200)
    '1,146 of 1,200 (95.5%)'
    """
    return f"{k:,} of {n:,} ({percent(k / n)})" if n else "0 of 0"


def visible(text: str) -> str:
    r"""Return text in which signs that hide, or turn the reading order around, are spelled out.

    Examples
    --------
    >>> print(visible("pay" + chr(0x202E) + "me" + chr(0)))
    pay\u202eme\x00
    """
    return text.translate(SPELLED)


def whole_text(text: str) -> str:
    """Return a text with a question mark for each half of a surrogate pair, which no file or database can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
