"""Decisions as rows of the journal: which fields are stored, and how a damaged row is told from an intact one.

What follows from other fields is not stored twice: the reply's own text has the number it states, and `confidence` with
its source has the probability of its tokens. So a journal of any age gives every confidence its engine gave.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from json.encoder import encode_basestring_ascii as _quoted
from operator import attrgetter
from typing import Any

from workbench.agents import Decision, given_confidences
from workbench.engines import TokenLogprob

_APART = ("tokens", "origin", "trace", "remembered")  # in tables of their own
_DERIVED = ("logprob", "stated")
COLUMNS = tuple(column.name for column in fields(Decision) if column.name not in _APART)
STORED = tuple(name for name in COLUMNS if name not in _DERIVED)
_TOKEN = "[%s,%.5f]"
MEMORY = "memory"  # in the checksum of a row of `memories`, which otherwise has the form of a trace
_stored = attrgetter(*STORED)


def stored_values(decision: Decision) -> tuple[Any, ...]:
    """Return the stored fields of a decision in their order."""
    return tuple([_storable(str(value)) if isinstance(value, str) else value for value in _stored(decision)])


def restored(stored: tuple[Any, ...]) -> dict[str, Any]:
    """Return every field of a decision but its tokens from what is stored of it."""
    columns = restored_columns({name: (value,) for name, value in zip(STORED, stored, strict=True)})
    return {name: value for name, (value,) in columns.items()}


def restored_columns(stored: Mapping[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    """Return every field of decisions but their tokens, a column each, from the columns that are stored."""
    said = zip(stored["confidence"], stored["confidence_source"], stored["text"], strict=True)
    given = list(zip(*(given_confidences(*one) for one in said), strict=True)) or [()] * len(_DERIVED)
    return {**stored, **dict(zip(_DERIVED, given, strict=True))}


def tokens_as_json(tokens: Sequence[TokenLogprob]) -> str:
    r"""Return tokens as JSON, their log probabilities rounded.

    Examples
    --------
    >>> tokens_as_json([TokenLogprob('{"', -0.1234567), TokenLogprob("ü", 0.0)])
    '[["{\\"",-0.12346],["\\u00fc",0.00000]]'
    """
    texts, logprobs = [token.token for token in tokens], [token.logprob for token in tokens]
    if not "".join(texts).isascii():
        texts = [_storable(text) for text in texts]
    if not math.isfinite(sum(logprobs)):  # JSON's own way to write these is another
        return json.dumps(list(zip(texts, logprobs, strict=True)))
    pairs = zip(map(_quoted, texts), logprobs, strict=True)
    return f"[{','.join([_TOKEN % pair for pair in pairs])}]"


def checksum(key: str, values: tuple[Any, ...]) -> str:
    """Return what tells a damaged row."""
    return hashlib.blake2b(repr((key, values)).encode(), digest_size=8).hexdigest()


def _storable(text: str) -> str:
    """Return text that UTF-8 can hold: half a surrogate pair, as a model may write, becomes an escape."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
