"""The reflecting model: any OpenAI-compatible server; every question and answer is kept, so none is paid for twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.engines import CallPolicy, CallResult, JsonCaller, reply_from_completion
from workbench.engines.server import completions_url
from workbench.files import secret
from workbench.words import InputError, RunError

DEADLINE_S = 600.0
ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class ReflectionServer:
    """Where the reflecting model is served.

    Parameters
    ----------
    base_url, model : str
        Address of an OpenAI-compatible server, and the model's name there.
    key_env : str, optional
        Environment variable with its key; without it no key is sent.
    """

    base_url: str
    model: str
    key_env: str | None = None

    def headers(self) -> dict[str, str]:
        """Return the header with the key. Raises InputError where the variable is named and not set."""
        if self.key_env is None:
            return {}
        key = secret(self.key_env) or ""
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise InputError(
                "the reflecting model's key is not set, or no key",
                where=f"environment variable {self.key_env}",
                remedy="set it to the bare key",
            )
        return {"Authorization": f"Bearer {key}"}


class Reflection:
    """Asks the reflecting model and keeps what it says in a file, one line for each answer.

    The same question asked again is a further question, with a seed of its own; a search that is run again reads its
    answers from the file.
    """

    def __init__(self, server: ReflectionServer, kept: Path) -> None:
        self._server = server
        self._url = completions_url(server.base_url)
        self._headers = server.headers()
        self.model = server.model
        self._kept = kept
        self._answers = _read(kept)
        self._times: Counter[str] = Counter()
        self.failure: RunError | None = None
        self.n_asked = 0
        self.n_kept = 0

    def __call__(self, question: str) -> str:
        """Return the model's answer to a question.

        Raises
        ------
        RunError
            No answer came; `failure` keeps it, as GEPA goes on after errors of a model.
        """
        if self.failure is not None:
            raise self.failure
        digest = hashlib.sha256(question.encode("utf-8", "backslashreplace")).hexdigest()
        key = f"{digest} {self._times[digest]}"
        seed = self._times[digest]
        self._times[digest] += 1
        if key in self._answers:
            self.n_kept += 1
            return self._answers[key]
        result = asyncio.run(self._post(question, seed))
        reply = (
            None
            if result.body is None
            else reply_from_completion(key, result.body, latency_s=result.latency_s, attempts=result.attempts)
        )
        failure = result.failure if reply is None else reply.failure
        if reply is None or failure is not None or not reply.text:
            self.failure = RunError(
                "the reflecting model did not answer",
                where=f"{self._server.model} at {self._server.base_url}",
                got="an empty answer" if failure is None else f"{failure.cause.value}: {failure.detail}",
                remedy="mend the server and run the same command again: it goes on where it stopped",
            )
            raise self.failure
        self.n_asked += 1
        self._keep(
            {
                "key": key, "question": question, "answer": reply.text, "latency_s": round(reply.latency_s, 3),
                "prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens,
            }
        )  # fmt: skip
        return reply.text

    async def _post(self, question: str, seed: int) -> CallResult:
        body = {"model": self._server.model, "messages": [{"role": "user", "content": question}], "seed": seed}
        policy = CallPolicy(deadline_s=DEADLINE_S, max_attempts=ATTEMPTS)
        async with JsonCaller(policy, concurrency=1, rng=random.Random(seed)) as caller:
            return await caller.post(self._url, json.dumps(body).encode(), self._headers)

    def _keep(self, line: dict[str, Any]) -> None:
        self._answers[line["key"]] = line["answer"]
        self._kept.parent.mkdir(parents=True, exist_ok=True)
        with self._kept.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _read(path: Path) -> dict[str, str]:
    """Return the answers that are kept; a line that was cut off is none."""
    answers = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            content = json.loads(line)
        except json.JSONDecodeError:
            continue
        answers[str(content["key"])] = str(content["answer"])
    return answers
