"""What of a sandbox the agent's account must not see: another tenant's records, canaries; and the age of secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from workbench.environment.connections import Asked
from workbench.integrations.calling import WayIn, hook_at, ordered
from workbench.pilot.integrations import SandboxSettings
from workbench.words import RunError

LISTED = "list of what is another tenant's"
TELLING = 5  # characters of an id that is nobody else's by chance


@dataclass(frozen=True, slots=True)
class SetApart:
    """What the agent's account must not see.

    Parameters
    ----------
    records : tuple of mapping of str to str
        Ids of another tenant's records, by column of the contract.
    canaries : tuple of str
        Texts in rows that no case needs.
    issued : mapping of str to datetime
        When each secret was issued, by its variable.
    """

    records: tuple[Mapping[str, str], ...] = ()
    canaries: tuple[str, ...] = ()
    issued: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def ids(self) -> frozenset[str]:
        """Every id of another tenant that is long enough to be told."""
        return frozenset(value for one in self.records for value in one.values() if len(value) >= TELLING)

    def foreign_in(self, content: Any) -> tuple[str, ...]:
        """Return the ids of another tenant that are values of an answer, and the canaries in it, each once."""
        texts = list(texts_in(content))
        ids = self.ids
        found = [one for one in texts if one in ids]
        return tuple(dict.fromkeys((*found, *self.canaries_in(texts))))

    def canaries_in(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return the canaries that stand in some texts, each once."""
        return tuple(dict.fromkeys(canary for text in texts for canary in self.canaries if canary in text))


def texts_in(content: Any) -> Iterator[str]:
    """Yield every value of an answer as text, names of fields left out."""
    if isinstance(content, Mapping):
        for one in content.values():
            yield from texts_in(one)
    elif isinstance(content, list | tuple):
        for one in content:
            yield from texts_in(one)
    elif content is not None:
        yield str(content)


async def read_apart(settings: SandboxSettings, reach: WayIn) -> SetApart | None:
    """Return what a sandbox says is not the agent's, None where integrations.yaml names no address for that.

    Raises
    ------
    RunError
        What answers there is something else.
    """
    if settings.foreign is None:
        return None
    hook = reach.connection(hook_at(settings.foreign, "GET "))
    try:
        said = await ordered(LISTED, hook, Asked("it"))
    finally:
        await hook.close()
    try:
        records = tuple({str(name): str(value) for name, value in one.items()} for one in said["records"])
        issued = {str(name): datetime.fromisoformat(when) for name, when in said.get("issued", {}).items()}
        return SetApart(records, tuple(map(str, said["canaries"])), issued)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RunError(
            f"the sandbox's {LISTED} is none",
            where=settings.foreign,
            got=f"{type(error).__name__}: {error}",
            expected='{"records": [{COLUMN: ID}], "canaries": [TEXT], "issued": {VARIABLE: MOMENT}}',
        ) from None
