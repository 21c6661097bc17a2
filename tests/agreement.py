"""How far two engines agree on the same requests."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from workbench.agents.decisions import decision_from_reply
from workbench.engines.protocol import Reply


@dataclass(frozen=True)
class Agreement:
    """`n` requests; the share decided alike, and by how much the probability of such an action differs at most."""

    n: int
    same_action: float
    largest_difference: float


def agreement(first: Sequence[Reply], second: Sequence[Reply], actions: Collection[str]) -> Agreement:
    """Compare the decisions in two engines' replies to the same requests; no decision counts as an action too."""
    one = {reply.id: decision_from_reply(reply, actions) for reply in first}
    other = {reply.id: decision_from_reply(reply, actions) for reply in second}
    if one.keys() != other.keys() or not one:
        raise ValueError("the replies do not belong to the same requests")
    alike = [name for name in one if one[name].action == other[name].action]
    gaps = [abs((one[name].confidence or 0.0) - (other[name].confidence or 0.0)) for name in alike]
    return Agreement(len(one), len(alike) / len(one), max(gaps, default=0.0))
