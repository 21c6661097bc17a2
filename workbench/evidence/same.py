"""What was computed again held against what was stored.

Numbers are the same when they differ by no more than one part in a billion: scipy's distribution functions differ in
the last bits from version to version. Counts, texts and undefined values must be equal.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from workbench.words import SignatureError

TOLERANCE = 1e-9


def parsed(files: Mapping[str, bytes], path: str) -> dict[str, Any]:
    """Return a JSON object of a bundle. Raises SignatureError when there is none at the path."""
    try:
        content = json.loads(files[path])
    except (KeyError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise SignatureError("a file that evidence needs is missing or no JSON object", got=path)
    return content


def require_same(computed: object, stored: object, what: str) -> None:
    """Refuse what is stored when it is not what was computed again. Raises SignatureError."""
    if not _is_same(computed, stored):
        raise SignatureError(
            f"{what}: the bundle does not say what its decisions give",
            got=str(stored)[:200],
            expected=str(computed)[:200],
        )


def without_texts(content: Any) -> Any:
    """Return JSON values with every text empty, to be held against others that say the same in other words."""
    if isinstance(content, Mapping):
        return {key: without_texts(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [without_texts(value) for value in content]
    return "" if isinstance(content, str) else content


def _is_same(one: object, other: object) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(_is_same(a, b) for a, b in zip(one, other, strict=True))
    is_number = isinstance(one, int | float) and isinstance(other, int | float)
    if is_number and not isinstance(one, bool) and not isinstance(other, bool):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)  # type: ignore[arg-type]
    return type(one) is type(other) and one == other
