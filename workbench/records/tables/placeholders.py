"""Texts that stand for "nothing here"."""

from __future__ import annotations

import functools

REMEMBERED = 1 << 16
STRONG = frozenset(
    {
        "n/a", "na", "n.a.", "n.a", "#n/a", "nan", "null", "<null>", "[null]", "(null)", "none/null", "nil", "-", "--",
        "---", "?", "??", "???", "not available", "not avail", "unavailable", "tbd", "t.b.d.", "tba", "#ref!",
        "#value!", "#name?", "#div/0!", "undefined", "(blank)", "<blank>", "0000-00-00", "00/00/0000", "00.00.0000",
        "0000-00-00 00:00:00", "k.a.", "k. a.", "keine angabe", "no data", "nodata", "{}", "[]", "\\n", "n\\a", "_",
        ".", "…", "...", "--:--", "n.v.", "s/o", "xxx", "xxxx", "none given", "to be announced",
    }
)  # fmt: skip
WEAK = frozenset(
    {
        "none", "unknown", "unk", "empty", "missing", "not applicable", "not specified", "not provided", "not set",
        "unspecified", "unbekannt", "blank", "dummy", "inconnu", "desconocido",
    }
)  # fmt: skip
SENTINELS = frozenset(
    {"-1", "-9", "-99", "-999", "-9999", "999", "9999", "99999", "999999", "9999999", "99999999", "999999999", "1e9"}
)
SENTINEL_DATES = ("0001-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01", "9999-12-31", "1753-01-01")


@functools.lru_cache(maxsize=REMEMBERED)
def is_placeholder(text: str) -> bool:
    """Whether a text always stands for a missing value.

    Examples
    --------
    >>> is_placeholder(" N/A"), is_placeholder("0000-00-00"), is_placeholder("unknown")
    (True, True, False)
    """
    plain = text.strip().lower()
    return not plain or plain in STRONG


def may_be_placeholder(text: str) -> bool:
    """Whether a text stands for a missing value where it is rare among other values.

    Examples
    --------
    >>> may_be_placeholder("Unknown"), may_be_placeholder("blue")
    (True, False)
    """
    return text.strip().lower() in WEAK
