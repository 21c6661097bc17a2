"""What every connection to a system promises: a call made once, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

DEADLINE_S = 5.0


class Account(StrEnum):
    """Whose credentials a connection uses."""

    OWN = "own"  # the agent's service account
    PREVIOUS = "previous"  # the same, with the secret before the last rotation
    FOREIGN = "foreign"  # another account, which has none of the rights
    NOBODY = "nobody"  # no credentials


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of an operation.

    Parameters
    ----------
    operation : str
        Its name in integrations.yaml.
    arguments : mapping of str to object
    correlation : str
        Id of the record that the call is for.
    key : str, optional
        Idempotency key, where the operation takes one.
    deadline_s : float
        Seconds after which nothing more is waited for.
    """

    operation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    correlation: str = ""
    key: str | None = None
    deadline_s: float = DEADLINE_S


@dataclass(frozen=True, slots=True)
class Answered:
    """What a system answered.

    Parameters
    ----------
    content : object
        Rows (a list of mappings) where the operation lists them, else a mapping, a plain value or None; fields as the
        system calls them, numbers and moments as it writes them.
    code : str
        Status code, or `ok` where the type has none.
    latency_s : float
        From the call to the end of the answer.
    headers : mapping of str to str
        By lower-case name; empty where the type has none.
    """

    content: Any
    code: str
    latency_s: float
    headers: Mapping[str, str] = field(default_factory=dict)


class CallError(Exception):
    """A call that did not end well.

    Parameters
    ----------
    code : str
        As integrations.yaml calls it: status code, fault code, SQLSTATE; `timeout` and `connection` where none came.
    detail : str
    retry_after_s : float, optional
        How long the system asks to wait.
    """

    def __init__(self, code: str, detail: str, latency_s: float, retry_after_s: float | None = None) -> None:
        super().__init__(code, detail, latency_s, retry_after_s)
        self.code, self.detail, self.latency_s, self.retry_after_s = code, detail, latency_s, retry_after_s

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class Connection(Protocol):
    """A way to a system under one account; close it when it is no longer used."""

    async def call(self, asked: Asked) -> Answered:
        """Call an operation once. Raises CallError where it does not end well."""

    async def close(self) -> None:
        """Leave the system."""
