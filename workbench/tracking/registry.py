"""The prompt registry: every prompt document of a pilot is a version of the pilot's prompt in MLflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import shown
from workbench.pilot import Pilot
from workbench.prompts import Prompt, read_prompts
from workbench.provenance import Provenance, provenance
from workbench.tracking.store import client_of, read_logged, write_logged

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


@dataclass(frozen=True, slots=True)
class Registered:
    """A prompt document and the number of its version in the registry; `is_new` when this call registered it."""

    prompt: Prompt
    version: int
    is_new: bool


def register_prompts(pilot: Pilot) -> tuple[Registered, ...]:
    """Register every prompt document of a pilot whose content is not in the registry yet, and return all of them.

    The registry's version carries name, content hash, parent, change note and commit. Two documents of the same content
    are one version.

    Raises
    ------
    InputError
        A prompt document does not fit.
    RunError
        The store cannot be written.
    """
    prompts = read_prompts(pilot.suite / "prompts", pilot.prompt_fields).values()
    known = read_logged(pilot)
    new = unregistered(pilot, known)
    if new:
        with client_of(pilot.root) as client:
            known |= register_new(client, pilot, new, provenance(pilot.root))
        write_logged(pilot, known)
    is_new = {prompt.hash for prompt in new}
    return tuple(Registered(prompt, int(known[prompt.hash]), prompt.hash in is_new) for prompt in prompts)


def unregistered(pilot: Pilot, known: Mapping[str, Any]) -> tuple[Prompt, ...]:
    """Return the pilot's prompt documents whose content is not among what is known, each content once."""
    prompts = read_prompts(pilot.suite / "prompts", pilot.prompt_fields)
    by_hash = {prompt.hash: prompt for prompt in reversed(prompts.values()) if prompt.hash not in known}
    return tuple(reversed(by_hash.values()))


def register_new(client: MlflowClient, pilot: Pilot, prompts: Sequence[Prompt], made_by: Provenance) -> dict[str, str]:
    """Register prompt documents as further versions of the pilot's prompt; return content hash to version."""
    return {prompt.hash: _register(client, pilot, prompt, made_by) for prompt in prompts}


def _register(client: MlflowClient, pilot: Pilot, prompt: Prompt, made_by: Provenance) -> str:
    """Register one prompt document and return its version."""
    tags = {
        "name": prompt.name,
        "hash": prompt.hash,
        "parent": prompt.parent or "",
        "proposed_by": prompt.proposed_by or "",
        "commit": made_by.commit or "",
        "dirty": str(made_by.is_dirty),
        "changed": shown(made_by.changed),
        "by": made_by.who,
    }
    user = {"role": "user", "content": prompt.record_source}
    system = [{"role": "system", "content": prompt.system_source}] if prompt.system_source else []
    sampling = prompt.sampling
    registered = client.register_prompt(
        pilot.name,
        [*system, user],
        commit_message=f"{prompt.name}: {prompt.change_note}",
        tags={name: value for name, value in tags.items() if value},
        response_format=None if prompt.schema is None else dict(prompt.schema),
        model_config={
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "extra_params": {"seed": sampling.seed},
        },
    )
    return str(registered.version)
