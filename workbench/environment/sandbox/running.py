"""A pilot's sandbox while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A pilot's sandbox while it runs.

    Parameters
    ----------
    places : mapping of str to str
        What `{sandbox}`, `{folder}` and `{database}` in integrations.yaml stand for.
    secrets : mapping of str to str
        Value of every variable that integrations.yaml names for credentials, by name.
    pid : int
        Of its process.
    """

    places: Mapping[str, str]
    secrets: Mapping[str, str]
    pid: int
