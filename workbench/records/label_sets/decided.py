"""What a version decided where it may decide alone: what labels are held against to find those in doubt."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class DecidedAlone:
    """Decisions of one version on one split that need no person at some threshold: with a confidence, not escalated.

    Parameters
    ----------
    agent, agent_digest, split : str
    actions : Series of str
        By record id.
    n_split : int
        Records of the split.
    """

    agent: str
    agent_digest: str
    split: str
    actions: pd.Series[str]
    n_split: int

    @property
    def digest(self) -> str:
        """Digest of the decisions."""
        return decided_alone_digest(self.actions)


def decided_alone_digest(actions: pd.Series[str]) -> str:
    """Return the digest of decisions by record id, whatever their order."""
    rows = sorted((str(name), str(action)) for name, action in actions.items())
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()
