"""Response schemas as grammars: which tokens may come next, and which must."""

from __future__ import annotations

import json
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.words import InputError

if TYPE_CHECKING:
    from llguidance import LLMatcher
    from tokenizers import Tokenizer

MAX_REMEMBERED = 16


class UnsupportedSchema(ValueError):  # noqa: N818 - a counted outcome, not a fault of the program
    """A response schema that cannot be followed; raised and caught inside this engine."""


class Grammars:
    """Grammars of response schemas over one tokenizer; each schema is compiled once."""

    def __init__(self, tokenizer: Tokenizer, vocabulary: int, ends: tuple[int, ...]) -> None:
        from llguidance import LLTokenizer

        self._vocabulary = vocabulary
        self._ends = ends
        try:
            self._tokenizer = LLTokenizer(tokenizer.to_str(), n_vocab=vocabulary, eos_token=list(ends))
        except ValueError as error:
            raise InputError("the tokenizer cannot be used for constrained answers", got=str(error)[:200]) from None
        self._compiled: dict[str, LLMatcher] = {}
        self._lock = Lock()

    def guide(self, schema: Mapping[str, Any]) -> Guide:
        """Return a guide at the beginning of an answer. Raises UnsupportedSchema."""
        text = json.dumps(schema)
        with self._lock:
            matcher = self._compiled.get(text)
            if matcher is None:
                matcher = self._matcher(text)
                if len(self._compiled) >= MAX_REMEMBERED:
                    self._compiled.clear()
                self._compiled[text] = matcher
            return Guide(matcher.deep_copy(), self._vocabulary, self._ends)

    def _matcher(self, schema: str) -> LLMatcher:
        """Return the matcher of a schema that leaves no choice of spaces: the model was trained on {"a":1}."""
        from llguidance import LLMatcher

        try:
            grammar = LLMatcher.grammar_from_json_schema(schema, overrides={"whitespace_flexible": False})
        except ValueError as error:
            raise UnsupportedSchema(str(error)[:300]) from None
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise UnsupportedSchema(matcher.get_error()[:300])
        return matcher


class Guide:
    """Follows one answer through a grammar."""

    def __init__(self, matcher: LLMatcher, vocabulary: int, ends: tuple[int, ...]) -> None:
        self._matcher = matcher
        self._vocabulary = vocabulary
        self._ends = ends
        self._only_end_is_left = False

    @property
    def is_complete(self) -> bool:
        """Whether nothing but the end can follow; known once `forced` was asked for."""
        return self._only_end_is_left or self._matcher.is_stopped()

    def follow(self, token: int) -> None:
        """Go on by one token. Raises UnsupportedSchema where the grammar outgrows its limits."""
        if not self._matcher.consume_token(token):
            raise UnsupportedSchema(self._matcher.get_error()[:300])

    def forced(self) -> list[int]:
        """Go on as far as there is no choice; return the tokens that come next whatever the model says."""
        found: list[int] = []
        while not self.is_complete:
            tokens = self._matcher.compute_ff_tokens()
            if not tokens:
                tokens = np.flatnonzero(self.allowed()).tolist()
                self._only_end_is_left = set(tokens) <= set(self._ends)
                if len(tokens) != 1 or self._only_end_is_left:
                    break
            for token in tokens:
                self.follow(token)
            found += tokens
        return found

    def allowed(self) -> NDArray[np.bool_]:
        """Return for each token of the vocabulary whether it may come next."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        if self._matcher.is_error():
            raise UnsupportedSchema(self._matcher.get_error()[:300])
        return np.unpackbits(bits, count=self._vocabulary, bitorder="little").astype(bool)
