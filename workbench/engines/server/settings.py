"""How the server engine is set up: which server, which model, what it is sent, how it is called."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from workbench.engines.protocol import Engine
from workbench.engines.settings import ChoiceMade, EngineSettings
from workbench.files import SIGNING_KEY, Settings, secret
from workbench.words import InputError

IMPLIED_PORTS = {"http": 80, "https": 443}


def _no_signing_key(name: str) -> str:
    """Refuse to send the key that signs evidence to a server."""
    if name == SIGNING_KEY:
        raise ValueError(f"{SIGNING_KEY} is the key that signs evidence; name the server's own")
    return name


class ReplyFormat(StrEnum):
    """What a server is told about the form of its replies; `none` tells it nothing."""

    JSON_SCHEMA = "json_schema"  # the prompt's response schema, which vLLM and others follow token by token
    JSON_OBJECT = "json_object"
    NONE = "none"


class SendSettings(Settings):
    """What is sent to a server beside model and messages: false leaves a field out, for a server that refuses it.

    Without `logprobs` a decision has no other confidence than the number that its reply states. `max_tokens` is always
    sent, under the name given here. A prompt's `sampling` counts as far as it is sent. `tools: true` is for a server
    that takes OpenAI tool calls: a prompt with tools then offers them there instead of in its text.
    """

    logprobs: bool = True
    max_tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    top_p: bool = True
    seed: bool = True
    response_format: ReplyFormat = ReplyFormat.JSON_SCHEMA
    tools: bool = False


class ServerSettings(EngineSettings):
    """An OpenAI-compatible chat-completions server; the key is read from the environment variable named here.

    `base_url` is its address, with or without a final `/v1`, `model` the model's name there. `version` names what is
    served there in the words of whoever runs it: answers are then kept by it instead of by the address, so that a
    server may move. `concurrency` calls are in flight at most; `deadline_s` and `max_attempts` are of one call.
    """

    kind: ClassVar[str] = "server"
    options: ClassVar[frozenset[str]] = frozenset({"base_url", "model"})

    base_url: str | None = None
    model: str | None = None
    version: str | None = Field(default=None, min_length=1, max_length=200)
    send: SendSettings = SendSettings()
    api_key_env: Annotated[str, AfterValidator(_no_signing_key)] = "OPENAI_API_KEY"
    concurrency: int = Field(default=16, ge=1, le=1024)
    deadline_s: float = Field(default=60.0, gt=0)
    max_attempts: int = Field(default=5, ge=1, le=20)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The variable that the server's key comes from."""
        return (self.api_key_env,)

    def completed(self, asked: ChoiceMade) -> Self:
        """Return these settings with the address and the model that a run names.

        What is declared of the server in pilot.yaml says nothing of another one that is named instead.

        Raises
        ------
        InputError
            There is no address or no model.
        """
        base_url, model = asked.choice.base_url or self.base_url, asked.choice.model or self.model
        missing = [option for option, value in (("--base-url", base_url), ("--model", model)) if value is None]
        if base_url is None or model is None:
            raise InputError(
                "a prompt needs an engine, and the server's settings are not complete",
                where=f"pilot {asked.pilot}",
                got=f"no {' and no '.join(missing)}",
                remedy="give --engine server --base-url URL --model NAME, or set server: in pilot.yaml",
            )
        is_declared = self.base_url is None or base_address(base_url) == base_address(self.base_url)
        version = self.version if is_declared else None
        return self.model_copy(update={"base_url": base_url, "model": model, "version": version})

    def build(self, runs: Path | None = None) -> Engine:
        """Return the engine, its key that of `api_key_env` in this process. Raises InputError as ServerEngine."""
        from workbench.engines.served import MEMORY_FILE
        from workbench.engines.server.engine import ServerEngine

        memory = None if runs is None else runs / MEMORY_FILE
        return ServerEngine(self, secret(self.api_key_env) or None, memory=memory)


def base_address(base_url: str) -> str:
    """Return a server's base address as it is compared: with `/v1`, the host in small letters, no port that is implied.

    Raises InputError as `completions_url`.

    Examples
    --------
    >>> base_address("https://Models.Example:443/api/")
    'https://models.example/api/v1'
    """
    parts = urlsplit(completions_url(base_url).removesuffix("/chat/completions"))
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    port = "" if parts.port in (None, IMPLIED_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path}"


def completions_url(base_url: str) -> str:
    """Return the address of chat completions under a server's base address.

    Raises
    ------
    InputError
        The address has another scheme than http and https, no host, or credentials, a query or a fragment.

    Examples
    --------
    >>> completions_url("http://localhost:8000")
    'http://localhost:8000/v1/chat/completions'
    >>> completions_url("https://models.example/api/v1/")
    'https://models.example/api/v1/chat/completions'
    """
    expected = "http://HOST:PORT or https://HOST/v1"
    try:
        parts = urlsplit(base_url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise InputError("the server's address cannot be read", where="base_url", expected=expected) from None
    if "@" in base_url or parts.query or parts.fragment:
        raise InputError(
            "the server's address holds credentials, a query or a fragment",
            where="base_url",
            expected=expected,
            remedy="give the key by its environment variable",
        )
    if parts.scheme not in ("http", "https") or not has_host:
        raise InputError("the server's address is incomplete", where="base_url", got=base_url, expected=expected)
    path = parts.path.rstrip("/")
    path = path if path.endswith("/v1") else f"{path}/v1"
    return f"{parts.scheme}://{parts.netloc}{path}/chat/completions"
