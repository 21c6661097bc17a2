"""Answers: a batch of requests against a model, token by token, what a schema forces taken in one step."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.engines.pocket.chat import TokenPrompt, UnreadablePrompt
from workbench.engines.pocket.folder import FloatArray
from workbench.engines.pocket.grammar import UnsupportedSchema
from workbench.engines.pocket.model import Model
from workbench.engines.pocket.network import BatchReader
from workbench.engines.protocol import Failure, FailureCause, Reply, Request, SamplingParams

MAX_BATCH_TOKENS = 2048  # of the parts that requests do not share; a longer one is a batch of its own


@dataclass(frozen=True, slots=True)
class QueuedRequest:
    """A request and when it came, by the monotonic clock."""

    request: Request
    since: float


class Interrupted(Exception):  # noqa: N818 - nobody waits for the answers any more
    """The engine was closed while a batch was under way."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch ends early: a request that is older than the deadline fails; once `is_stopped()`, all end."""

    deadline_s: float
    is_stopped: Callable[[], bool]


def replies_to(model: Model, batch: Sequence[QueuedRequest], limits: BatchLimits) -> list[Reply]:
    """Return one reply for each request, in their order. Raises Interrupted once the engine is closed."""
    drafts, replies = [], {}
    for number, asked in enumerate(batch):
        try:
            drafts.append(Draft(model, asked, number))
        except UnreadablePrompt as problem:
            replies[number] = _failed(asked, FailureCause.REJECTED, str(problem))
        except UnsupportedSchema as problem:
            replies[number] = _failed(asked, FailureCause.REJECTED, f"the response schema is not supported: {problem}")
    for group in _groups(drafts):
        _complete(model, group, limits)
    replies |= {draft.number: draft.reply(model) for draft in drafts}
    return [replies[number] for number in range(len(batch))]


def _failed(asked: QueuedRequest, cause: FailureCause, detail: str) -> Reply:
    latency_s = time.monotonic() - asked.since
    return Reply(asked.request.id, None, latency_s, 1, failure=Failure(cause, detail[:300]))


class Draft:
    """The answer to one request as far as it is known.

    Parameters
    ----------
    number : int
        The request's place in its batch.
    """

    def __init__(self, model: Model, asked: QueuedRequest, number: int) -> None:
        request = asked.request
        self.number = number
        self.asked = asked
        self.prompt: TokenPrompt = model.chat.prompt(request.messages)
        self.failure: tuple[FailureCause, str] | None = None
        self._sampling = request.sampling
        self._room = min(request.sampling.max_tokens, model.shape.context - self.prompt.n_tokens)
        self._guide = None if request.response_schema is None else model.grammars.guide(request.response_schema)
        self._rng = _generator(request)
        self._ends = model.shape.ends
        self._is_token = model.is_token
        self._unread = list(self.prompt.rest)
        self._ids: list[int] = []
        self._logprobs: list[float] = []
        self._finish: str | None = None

    def next_step(self) -> tuple[list[int], int]:
        """Return the tokens the model is to read next, and after how many of them it is to say what follows.

        Tokens that the schema forces are read together with what precedes them. Nothing is wanted where the answer is
        finished.
        """
        if self._finish is None:
            try:
                self._add_forced()
            except UnsupportedSchema as problem:
                self.fail(FailureCause.REJECTED, f"the response schema cannot be followed: {problem}")
        n_unscored = len(self._ids) - len(self._logprobs)
        n_wanted = n_unscored + (self._finish is None)
        tokens, self._unread = self._unread, []
        if not n_wanted:
            return [], 0
        return (tokens if self._finish is None else tokens[:-1]), n_wanted

    def take(self, logprobs: FloatArray) -> None:
        """Take what the model says, (n_wanted, vocabulary): score the forced tokens and choose the next one."""
        forced = self._ids[len(self._logprobs) :]
        self._logprobs += [min(0.0, float(row[token])) for token, row in zip(forced, logprobs, strict=False)]
        if self._finish is None:
            try:
                self._choose(logprobs[-1])
            except UnsupportedSchema as problem:
                self.fail(FailureCause.REJECTED, f"the response schema cannot be followed: {problem}")

    def fail(self, cause: FailureCause, detail: str) -> None:
        """End the answer without a text."""
        self.failure, self._finish = (cause, detail), "stop"
        del self._ids[len(self._logprobs) :]

    def reply(self, model: Model) -> Reply:
        """Return the finished answer."""
        if self.failure is not None:
            return _failed(self.asked, *self.failure)
        tokens = model.chat.tokens(self._ids, self._logprobs, shows_special=self._guide is not None)
        return Reply(
            self.asked.request.id,
            "".join(token.token for token in tokens),
            time.monotonic() - self.asked.since,
            1,
            tokens,
            self.prompt.n_tokens,
            len(self._ids),
            self._finish,
        )

    def _add_forced(self) -> None:
        """Add the tokens that must come next, and find out whether the answer ends with them."""
        room = self._room - len(self._ids)
        forced = [] if self._guide is None or room < 1 else self._guide.forced()
        self._ids += forced[:room]
        self._unread += forced[:room]
        if self._guide is not None and self._guide.is_complete and len(forced) <= room:
            self._finish = "stop"
        elif len(forced) >= room:
            self._finish = "length"

    def _choose(self, logprobs: FloatArray) -> None:
        """Choose the next token."""
        allowed = self._is_token if self._guide is None else self._guide.allowed()
        token = next_token(logprobs, allowed, self._sampling, self._rng)
        if token in self._ends:
            self._finish = "stop"
            return
        self._ids.append(token)
        self._unread.append(token)
        self._logprobs.append(min(0.0, float(logprobs[token])))
        if self._guide is not None:
            self._guide.follow(token)


def next_token(
    logprobs: FloatArray, allowed: NDArray[np.bool_], sampling: SamplingParams, rng: np.random.Generator
) -> int:
    """Return the next token: the likeliest one allowed, or one drawn where the temperature is above 0.

    A draw is from the fewest likeliest tokens whose probabilities, among those allowed and at the temperature, reach
    `top_p` together.
    """
    if sampling.temperature <= 0:
        return int(np.where(allowed, logprobs, -np.inf).argmax())
    tokens = np.flatnonzero(allowed)
    scores = logprobs[tokens].astype(np.float64) / sampling.temperature
    order = np.argsort(-scores, kind="stable")
    sums = np.exp(scores[order] - scores.max()).cumsum()
    n_kept = min(int(np.searchsorted(sums, sampling.top_p * sums[-1])) + 1, len(sums))
    drawn = int(np.searchsorted(sums[:n_kept], rng.random() * sums[n_kept - 1], side="right"))
    return int(tokens[order[min(drawn, n_kept - 1)]])


def _generator(request: Request) -> np.random.Generator:
    """Return the generator of one request: its seed and its id decide, not the batch it is in."""
    name = f"{request.sampling.seed}\0{request.id}".encode("utf-8", "surrogatepass")
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name).digest()[:16]))


def _groups(drafts: Sequence[Draft]) -> Iterator[list[Draft]]:
    """Yield the drafts that share a prefix together, not too many tokens at once."""
    by_prefix: dict[tuple[int, ...], list[Draft]] = {}
    for draft in drafts:
        by_prefix.setdefault(draft.prompt.prefix, []).append(draft)
    for same in by_prefix.values():
        group, n_tokens = list[Draft](), 0
        for draft in same:
            if group and n_tokens + len(draft.prompt.rest) > MAX_BATCH_TOKENS:
                yield group
                group, n_tokens = [], 0
            group.append(draft)
            n_tokens += len(draft.prompt.rest)
        yield group


def _complete(model: Model, drafts: Sequence[Draft], limits: BatchLimits) -> None:
    """Bring the answers of requests that share a prefix to their ends."""
    reading = BatchReader(model.network, model.prefix(drafts[0].prompt.prefix), len(drafts))
    live = list(drafts)
    while live:
        if limits.is_stopped():
            raise Interrupted("the pocket engine was closed")
        for draft in live:
            if time.monotonic() - draft.asked.since > limits.deadline_s:
                draft.fail(FailureCause.TIMEOUT, f"no answer within {limits.deadline_s:.3g} s")
        steps = [draft.next_step() for draft in live]
        going = [place for place, (_, n_wanted) in enumerate(steps) if n_wanted]
        if len(going) < len(live):
            live, steps = [live[place] for place in going], [steps[place] for place in going]
            reading.keep(going)
        if live:
            found = reading.read([tokens for tokens, _ in steps], [n_wanted for _, n_wanted in steps])
            for draft, logprobs in zip(live, found, strict=True):
                draft.take(logprobs)
