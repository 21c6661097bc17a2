"""The vLLM engine: a language model in this process, on its GPUs or CPU."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from workbench.engines.completion import tokens_from_logprobs
from workbench.engines.pool import results_of
from workbench.engines.protocol import Failure, FailureCause, Reply, Request, SamplingParams, TokenLogprob
from workbench.engines.vllm.host import Host, refusal_detail
from workbench.engines.vllm.kept import acquire, release
from workbench.engines.vllm.settings import VllmSettings
from workbench.engines.vllm.start import installed_version, located

if TYPE_CHECKING:
    import vllm

IDENTITY_FILES = ("config.json",)


class VllmEngine:
    """Replies of a model that vLLM runs in this process; use it in `async with`.

    Requests go in while others are computed, and replies come out as they end. A prompt that the model cannot take (too
    long for it, a role its chat template does not know) is a `rejected` reply. The model stays in memory when the
    engine is closed, for the next run with the same settings; a run with others takes its place.

    The log probabilities are those of vLLM: natural logarithms of a softmax over the whole vocabulary at temperature 1.
    Where a request has a response schema, vLLM takes away the tokens that the schema does not allow before it computes
    them, so they are those of the choice among allowed tokens: a token that the schema forces has probability 1.

    Parameters
    ----------
    settings : VllmSettings
        The model and how it is run.

    Raises
    ------
    InputError
        vLLM is not installed, or the settings name no model or a folder that is not there.
    """

    def __init__(self, settings: VllmSettings) -> None:
        self._version = installed_version()
        if Path(settings.source).is_dir() or "/" not in settings.source:
            located(settings.source)
        self._settings = settings
        self.concurrency, self.deadline_s = settings.concurrency, settings.deadline_s
        self._host: Host | None = None
        self._known: tuple[SamplingParams, Mapping[str, Any] | None, vllm.SamplingParams] | None = None

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What makes two engines the same for the cache: the model's name and content, its numbers, vLLM's version.

        A folder is known by its name and the digest of its files; a model of the hub by its id and revision.
        """
        settings = self._settings
        model = located(settings.source, IDENTITY_FILES)
        identity: dict[str, Any] = {"kind": "vllm", "model": model.name, "vllm": self._version, "dtype": settings.dtype}
        if model.revision is not None:
            identity["revision"] = model.revision
        elif settings.load_format != "dummy":
            from workbench.engines.digests import model_digest

            identity["digest"] = model_digest(model.folder)
        if settings.load_format != "auto":
            identity |= {"load_format": settings.load_format, "seed": settings.seed}
        if settings.tensor_parallel_size != 1:
            identity["tensor_parallel_size"] = settings.tensor_parallel_size
        return identity

    async def __aenter__(self) -> Self:
        host = acquire(self._settings, json.dumps(dict(self.identity), sort_keys=True))
        try:
            await asyncio.wrap_future(host.started)
        except BaseException:
            release(host)
            raise
        self._host = host
        return self

    async def __aexit__(self, *_: object) -> None:
        host, self._host = self._host, None
        if host is not None:
            release(host)

    def stream(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Reply, None]:
        """Yield one reply for each request, in order of completion."""
        return results_of(requests, self._reply, self.concurrency)

    async def _reply(self, request: Request) -> Reply:
        """Return the model's reply to one request."""
        if self._host is None:
            raise RuntimeError("the engine is not open; use it in `async with`")
        begin = time.perf_counter()
        try:
            prompt, sampling = self._host.rendered(request.messages), self._sampling(request)
        except self._host.refusals as error:
            outcome: vllm.RequestOutput | Failure = Failure(FailureCause.REJECTED, refusal_detail(error))
        else:
            begin = time.perf_counter()
            outcome = await self._host.answer(prompt, sampling, self.deadline_s)
        latency_s = time.perf_counter() - begin
        if isinstance(outcome, Failure):
            return Reply(request.id, None, latency_s, 1, failure=outcome)
        return _reply_from(request.id, outcome, latency_s)

    def _sampling(self, request: Request) -> vllm.SamplingParams:
        """Return vLLM's own sampling parameters; those of the request before are used again where they are the same."""
        known = self._known
        if known is None or known[1] is not request.response_schema or known[0] != request.sampling:
            made = vllm_sampling(request.sampling, request.response_schema)
            known = self._known = (request.sampling, request.response_schema, made)
        return known[2]


def vllm_sampling(sampling: SamplingParams, schema: Mapping[str, Any] | None) -> vllm.SamplingParams:
    """Return vLLM's sampling parameters: one answer, the log probability of each of its tokens, JSON by a schema."""
    from vllm import SamplingParams as VllmSamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    return VllmSamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        seed=sampling.seed,
        logprobs=0,
        output_kind=RequestOutputKind.FINAL_ONLY,
        structured_outputs=None if schema is None else StructuredOutputsParams(json=json.dumps(schema)),
    )


def _reply_from(request_id: str, output: vllm.RequestOutput, latency_s: float) -> Reply:
    """Return the reply in vLLM's output for a request."""
    (completion,) = output.outputs
    if completion.finish_reason not in ("stop", "length"):
        failure = Failure(FailureCause.SERVER_ERROR, f"vLLM ended the request: {completion.finish_reason}")
        return Reply(request_id, None, latency_s, 1, failure=failure)
    return Reply(
        request_id,
        completion.text,
        latency_s,
        1,
        _tokens(completion),
        len(output.prompt_token_ids),
        len(completion.token_ids),
        completion.finish_reason,
    )


def _tokens(completion: vllm.CompletionOutput) -> tuple[TokenLogprob, ...] | None:
    """Return the generated tokens that spell the text, with their log probabilities.

    vLLM gives a character of several tokens to the last of them; that one then has the probability of them all.
    """
    entries, total = [], 0.0
    for token_id, chances in zip(completion.token_ids, completion.logprobs or (), strict=False):
        chance = chances[token_id]
        total += chance.logprob
        if chance.decoded_token:
            entries.append({"token": chance.decoded_token, "logprob": total})
            total = 0.0
    return tokens_from_logprobs({"content": entries}, completion.text)
