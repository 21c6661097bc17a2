"""Patterns of the scan, spelt out so that every engine reads them alike."""

from __future__ import annotations

_SPACES = r"[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]*"
_END = r"(?![\s\S])"
_LAST = chr(0x10FFFF)
_CLASSES = {
    "d": "0-9", "w": "0-9A-Za-z_", "s": r" \t\n\f\r", "D": rf"\x00-/:-{_LAST}",
    "W": rf"\x00-/:-@\[-\^`{{-{_LAST}", "S": rf"\x00-\x08\x0b\x0e-\x1f!-{_LAST}",
}  # fmt: skip
_EDGE = "(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))"


def portable(pattern: str) -> str:
    r"""Return a pattern of the scan (RE2, the whole trimmed cell) as one that Python's and Java's `search` read alike.

    Examples
    --------
    >>> import re
    >>> re.search(portable(r"\d+"), " 12 ") is not None, re.search(portable(r"\d+"), "12\n") is not None
    (True, False)
    """
    flags, rest = ("iu", pattern.removeprefix("(?i)")) if pattern.startswith("(?i)") else ("", pattern)
    out: list[str] = []
    is_class, place, start = False, 0, 0
    while place < len(rest):
        sign = rest[place : place + 2] if rest[place] == "\\" else rest[place]
        place += len(sign)
        if is_class:
            is_class = sign != "]" or rest[start : place - 1] in ("", "^")
            out.append(_in_class(sign) if is_class else sign)
        elif len(sign) == 2:
            out.append(_shorthand(sign))
        else:
            is_class, start = sign == "[", place
            out.append({".": r"[^\n]", "$": _END}.get(sign, sign))
    return f"^{_SPACES}(?{flags}:{''.join(out)}){_SPACES}{_END}"


def _in_class(sign: str) -> str:
    """Return a sign inside a class; an open bracket or && would begin another class there, to Java."""
    if len(sign) == 2:
        return _CLASSES.get(sign[1], sign)
    return rf"\{sign}" if sign in "[]&" else sign


def _shorthand(sign: str) -> str:
    """Return an escaped sign outside a class; letters, digits and white space are those of ASCII, as in the scan."""
    if sign == r"\b":
        return _EDGE
    return f"[{_CLASSES[sign[1]]}]" if sign[1] in _CLASSES else sign
