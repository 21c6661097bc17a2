"""What a reader is told about the engines that answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workbench.pilot import EngineKind

NO_PROMPT = "No version here is a prompt, so no language model was asked."
POCKET_NOTE = (
    "The pocket model is a small one, trained from scratch for the pilot that ships with the workbench: it stands in "
    "for a real LLM, and how it does says nothing about how one would."
)


def answered_by(identities: Iterable[Mapping[str, Any]]) -> str:
    """Return which engines and models answered the prompts among these agent versions, for a reader.

    Examples
    --------
    >>> answered_by([{"prompt": "3f", "engine": {"kind": "server", "model": "m"}}, {"python": "rule"}])
    'Prompts answered by: server (m).'
    """
    engines = [identity["engine"] for identity in identities if "engine" in identity]
    if not engines:
        return NO_PROMPT
    named = ", ".join(dict.fromkeys(_name(engine) for engine in engines))
    is_pocket = any(engine.get("model") == EngineKind.POCKET for engine in engines)
    return f"Prompts answered by: {named}." + (f" {POCKET_NOTE}" if is_pocket else "")


def _name(engine: Mapping[str, Any]) -> str:
    """Return kind and model, and a folder's digest, which tells two models of one name apart."""
    digest = f", digest {engine['digest'][:12]}" if "digest" in engine else ""
    return f"{engine['kind']} ({engine['model']}{digest})"
