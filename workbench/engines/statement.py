"""What a reader is told about the engines that answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workbench.engines.pocket.settings import PocketSettings

NO_PROMPT = "No version here is a prompt, so no language model was asked."
POCKET_NOTE = (
    "The pocket model is a small one, trained from scratch for the pilot that ships with the workbench: it stands in "
    "for a real LLM, and how it does says nothing about how one would."
)


def answered_by(identities: Iterable[Mapping[str, Any]]) -> str:
    """Return which engines and models answered the prompts among these agent versions, for a reader.

    Examples
    --------
    >>> server = {"kind": "server", "model": "m", "address": "http://127.0.0.1:8000/v1"}
    >>> answered_by([{"prompt": "3f", "engine": server}, {"python": "rule"}])
    'Prompts answered by: server (m at http://127.0.0.1:8000/v1).'
    """
    engines = [identity["engine"] for identity in identities if "engine" in identity]
    if not engines:
        return NO_PROMPT
    named = ", ".join(dict.fromkeys(_name(engine) for engine in engines))
    is_pocket = any(engine.get("model") == PocketSettings.kind for engine in engines)
    return f"Prompts answered by: {named}." + (f" {POCKET_NOTE}" if is_pocket else "")


def answers_in_short(identity: Mapping[str, Any]) -> str:
    """Return in a few words what answers for an agent version.

    Examples
    --------
    >>> answers_in_short({"prompt": "3f", "engine": {"kind": "server", "model": "m"}})
    'model m'
    >>> answers_in_short({"python": "rule"})
    'no language model'
    """
    if "engine" in identity:
        return f"model {identity['engine']['model']}"
    return "an endpoint" if "http" in identity else "no language model"


def _name(engine: Mapping[str, Any]) -> str:
    """Return kind and model, and what tells two models of one name apart: digest, address or declared version."""
    digest = f", digest {engine['digest'][:12]}" if "digest" in engine else ""
    address = f" at {engine['address']}" if "address" in engine else ""
    declared = f", version {engine['version']}" if "version" in engine else ""
    return f"{engine['kind']} ({engine['model']}{address}{declared}{digest})"
