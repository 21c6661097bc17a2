"""Chat messages as tokens by the model's own template, and tokens as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never

from workbench.engines.pocket.folder import Shape, read_json, trained_length
from workbench.engines.protocol import Message, TokenLogprob
from workbench.words import InputError, shown, whole_text

if TYPE_CHECKING:
    from jinja2 import Template
    from tokenizers import Tokenizer

SLOT = re.compile("\ue000(\\d+)\ue001")  # stands for the content of a message while the template is filled in
CUT_CHARACTER = "\ufffd"
MAX_REMEMBERED = 8

Segment = tuple[str | int, ...]  # literal text, and the numbers of the messages whose content stands there


class UnreadablePrompt(ValueError):  # noqa: N818 - a counted outcome, not a fault of the program
    """A prompt that the model cannot be given; raised and caught inside this engine."""


@dataclass(frozen=True, slots=True)
class TokenPrompt:
    """A prompt as tokens: what comes before the first message that is no system message, and the rest, never empty."""

    prefix: tuple[int, ...]
    rest: tuple[int, ...]

    @property
    def n_tokens(self) -> int:
        """How many tokens the prompt has."""
        return len(self.prefix) + len(self.rest)


class Chat:
    """A tokenizer and a chat template.

    What stands in a message is text and never becomes a special token: the template is filled in with slots, split at
    the special tokens it names, and only then given the content. A prompt longer than those of the training, where that
    is known, is refused: what a model says of it is no reading of it.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        template: Template,
        names: dict[str, str],
        context: int,
        trained: int | None = None,
    ) -> None:
        tokenizer.encode_special_tokens = True
        self.tokenizer = tokenizer
        self._template = template
        self._names = names
        self._context, self._trained = context, trained
        added = tokenizer.get_added_tokens_decoder()
        self._special = {token.content: number for number, token in added.items() if token.special}
        self._max_characters = context * max(map(len, tokenizer.get_vocab()))
        self._skeleton = lru_cache(MAX_REMEMBERED)(self._skeleton_of)
        self._prefix = lru_cache(MAX_REMEMBERED)(self._prefix_of)

    def prompt(self, messages: Sequence[Message]) -> TokenPrompt:
        """Return the tokens of some messages, up to where the answer begins. Raises UnreadablePrompt."""
        if sum(len(message.content) for message in messages) > self._max_characters:
            raise UnreadablePrompt(f"the prompt is far longer than the {self._context:,} tokens that the model reads")
        roles = tuple(message.role for message in messages)
        contents = [whole_text(message.content) for message in messages]
        shared = [text if role == "system" else None for role, text in zip(roles, contents, strict=True)]
        n_parts, prefix = self._prefix(roles, tuple(shared))
        rest = self._encoded(self._skeleton(roles)[n_parts:], contents)
        prompt = TokenPrompt(prefix, rest) if rest else TokenPrompt(prefix[:-1], prefix[-1:])
        if prompt.n_tokens >= self._context:
            raise UnreadablePrompt(
                f"the prompt has {prompt.n_tokens:,} tokens; the model reads {self._context:,}, the answer's included"
            )
        if self._trained is not None and prompt.n_tokens > self._trained:
            raise UnreadablePrompt(f"prompt of {prompt.n_tokens:,} tokens; trained up to {self._trained:,}")
        return prompt

    def tokens(self, ids: Sequence[int], logprobs: Sequence[float], *, shows_special: bool) -> tuple[TokenLogprob, ...]:
        """Return generated tokens with their texts, which join to the text of the whole.

        Tokens that spell one character together, and one without a text and its successor, become one with the product
        of their probabilities.
        """
        found, text, total = [], "", 0.0
        for count, logprob in enumerate(logprobs, start=1):
            total += logprob
            now = self.tokenizer.decode(list(ids[:count]), skip_special_tokens=not shows_special)
            is_last = count == len(ids)
            if now.startswith(text) and (is_last or (now != text and not now.endswith(CUT_CHARACTER))):
                found.append(TokenLogprob(now[len(text) :], total))
                text, total = now, 0.0
            elif is_last:  # a decoder that rewrites what came before
                return (TokenLogprob(now, sum(logprobs)),)
        return tuple(found)

    def _prefix_of(self, roles: tuple[str, ...], shared: tuple[str | None, ...]) -> tuple[int, tuple[int, ...]]:
        """Return how many parts of the skeleton need no other content than the shared one, and their tokens."""
        skeleton = self._skeleton(roles)
        own = [
            i for i, part in enumerate(skeleton) if _needs(part, {n for n, text in enumerate(shared) if text is None})
        ]
        n_parts = own[0] if own else len(skeleton)
        return n_parts, self._encoded(skeleton[:n_parts], shared)

    def _encoded(self, parts: Sequence[Segment | int], contents: Sequence[str | None]) -> tuple[int, ...]:
        """Return the tokens of parts of a skeleton with the contents in their places."""
        ids: list[int] = []
        for part in parts:
            if isinstance(part, int):
                ids.append(part)
            else:
                text = "".join(piece if isinstance(piece, str) else contents[piece] or "" for piece in part)
                ids += self.tokenizer.encode(text, add_special_tokens=False).ids
        return tuple(ids)

    def _skeleton_of(self, roles: tuple[str, ...]) -> tuple[Segment | int, ...]:
        """Return the template filled in for some roles: ids of special tokens, and segments of text between them."""
        from jinja2 import TemplateError

        slots = [{"role": role, "content": f"\ue000{number}\ue001"} for number, role in enumerate(roles)]
        try:
            text = self._template.render(messages=slots, add_generation_prompt=True, **self._names)
        except (TemplateError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise UnreadablePrompt(f"the model's chat template refuses these messages: {error}"[:300]) from None
        if [int(number) for number in SLOT.findall(text)] != list(range(len(roles))):
            raise UnreadablePrompt(f"the model's chat template does not show each of {shown(roles)} once, in order")
        longest_first = sorted(self._special, key=len, reverse=True)
        pieces = re.split(f"({'|'.join(map(re.escape, longest_first))})", text) if longest_first else [text]
        parts: list[Segment | int] = []
        for number, piece in enumerate(pieces):
            if number % 2:
                parts.append(self._special[piece])
            elif piece:
                split = SLOT.split(piece)
                parts.append(tuple(int(each) if place % 2 else each for place, each in enumerate(split) if each))
        return tuple(parts)


def _needs(part: Segment | int, numbers: set[int]) -> bool:
    """Whether a part of a skeleton holds the content of one of the messages."""
    return not isinstance(part, int) and any(piece in numbers for piece in part)


def read_chat(folder: Path, shape: Shape) -> Chat:
    """Return the tokenizer and chat template of a model folder.

    Raises
    ------
    InputError
        A file is missing or damaged, or the tokenizer has tokens that the model does not know.
    """
    from jinja2 import TemplateError
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    content = read_json(path)
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # tokenizers raises nothing narrower
        raise InputError("the model's tokenizer cannot be read", where=str(path), got=str(error)[:200]) from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if not content or not 0 <= highest < shape.vocabulary:
        raise InputError(
            "the tokenizer does not belong to the model",
            where=str(path),
            got=f"token ids up to {highest}",
            expected=f"below {shape.vocabulary}, the vocabulary of the model's config",
        )
    settings = read_json(folder / "tokenizer_config.json")
    source, where = _template_source(folder, settings)
    try:
        template = _environment().from_string(source)
        chat = Chat(tokenizer, template, _names(settings), shape.context, trained_length(folder))
        chat.prompt([Message("system", "s"), Message("user", "u")])
    except (TemplateError, UnreadablePrompt) as error:
        raise InputError("the model's chat template cannot be used", where=where, got=str(error)[:200]) from None
    return chat


def _template_source(folder: Path, settings: dict[str, Any]) -> tuple[str, str]:
    """Return the chat template and where it stands: a file of its own, or the tokenizer's settings."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8", errors="replace"), str(path)
    path, source = folder / "tokenizer_config.json", settings.get("chat_template")
    if not isinstance(source, str):
        raise InputError("the model has no chat template", where=str(path), expected="chat_template: a text")
    return source, str(path)


def _environment() -> Any:
    """Return the environment that chat templates are written for, as Hugging Face's libraries have it."""
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> Never:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = raise_exception
    return environment


def _names(settings: dict[str, Any]) -> dict[str, str]:
    """Return the special tokens that a template may use by name."""
    names = {}
    for name in ("bos_token", "eos_token", "pad_token", "unk_token"):
        token = settings.get(name)
        text = token.get("content") if isinstance(token, dict) else token
        if isinstance(text, str):
            names[name] = text
    return names
