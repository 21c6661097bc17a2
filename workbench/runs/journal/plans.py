"""Runs: what one is going to ask, the keys of its decisions, and how it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workbench.agents import RECALIBRATED, REPEAT


class Apart(StrEnum):
    """Sets of records that are no split of the data set: a run over one is no development run and no holdout run."""

    CASES = "cases"  # records made for test cases
    REVERSED = "cases in reverse"  # some of them once more, the last one first
    ATTACKS = "attacks"  # records with an attacker's text in them, and with a harmless one in its place
    LOAD = "load"  # records that arrive in a load test, and the same asked before it without load


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run is going to ask: one agent version on one set of records."""

    agent: str
    split: str
    identity: Mapping[str, Any]
    dataset_digest: str

    @property
    def agent_digest(self) -> str:
        """Digest of everything that makes the agent this version."""
        return digest_of(self.identity)

    @property
    def asked_digest(self) -> str:
        """Digest of what is asked, which the answers are kept by."""
        return asked_digest(self.identity)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run and how its planned keys ended; `planned` is the sum of the four counts and `pending`.

    Parameters
    ----------
    causes : mapping of str to int
        Counts of invalid, failed and skipped decisions as "status: cause".
    wall_s : float
        Seconds this run spent asking, over all its sessions.
    called : int
        Decisions made in those seconds; the others came from the journal.
    """

    run: str
    agent: str
    split: str
    agent_digest: str
    dataset_digest: str
    planned: int
    ok: int
    invalid: int
    failed: int
    skipped: int
    causes: Mapping[str, int]
    started: str
    wall_s: float
    called: int

    @property
    def pending(self) -> int:
        """Planned keys without a decision."""
        return self.planned - self.ok - self.invalid - self.failed - self.skipped

    @property
    def failed_share(self) -> float:
        """Share of the planned keys that brought no answer: failed, or skipped because the run had to stop."""
        return (self.failed + self.skipped) / self.planned if self.planned else 0.0

    @property
    def finished(self) -> bool:
        """Whether every planned key has its terminal row."""
        return self.pending == 0


@dataclass(frozen=True, slots=True)
class ToAsk:
    """The record ids of a run that still need a call, and those of its decisions that failed, which are among them."""

    ids: frozenset[str]
    failed: frozenset[str]


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One run as the journal's index has it: what was planned and how much of it has a decision, however it ended.

    Parameters
    ----------
    identity : mapping
        What made the agent the version it was; with `repeat` where the run is a repeat of that version.
    """

    run: str
    agent: str
    split: str
    agent_digest: str
    dataset_digest: str
    identity: Mapping[str, Any]
    started: str
    planned: int
    decided: int

    @property
    def finished(self) -> bool:
        """Whether every planned key has a decision."""
        return self.planned == self.decided

    @property
    def is_of_holdout(self) -> bool:
        """Whether it asked the sealed side of the split."""
        from workbench.records.splits import Split  # pandas

        return self.split == Split.HOLDOUT.value

    @property
    def is_repeat(self) -> bool:
        """Whether the run asks a version again, at another temperature or with another seed."""
        return REPEAT in self.identity

    @property
    def asked_digest(self) -> str:
        """Digest of what is asked, which the answers are kept by."""
        return asked_digest(self.identity)

    @property
    def repeated_digest(self) -> str:
        """Digest of what is asked by the version that the run repeats, or by the run's own."""
        return asked_digest({name: value for name, value in self.identity.items() if name != REPEAT})


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a mapping's canonical JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def asked_digest(identity: Mapping[str, Any]) -> str:
    """Return the digest of what is asked: the identity without what is made of the answers, which are kept by it."""
    return digest_of({name: value for name, value in identity.items() if name != RECALIBRATED})


def run_name(about: tuple[str, str, str, str], keys: Iterable[str]) -> str:
    """Return the name of a run: a digest of agent, split, agent digest and dataset digest, and of its keys in order."""
    whole = hashlib.sha256(" ".join(about).encode())
    for key in keys:
        whole.update(key.encode())
    return whole.hexdigest()[:16]


def key_of(asked: str, record_digest: str) -> str:
    """Return the key of the answer of what is asked, by its digest, on one record."""
    return hashlib.sha256(f"{asked} {record_digest}".encode()).hexdigest()
