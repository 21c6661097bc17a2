"""What waits for a person: one decision with everything that is shown of it, and what the person makes of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from workbench.pilot import QueueName


class AnswerKind(StrEnum):
    """What a person does with an item."""

    APPROVE = "approve"  # the recommended action is right
    MODIFY = "modify"  # another action is right; it is named
    REJECT = "reject"  # nothing is to be done with it
    DECIDE = "decide"  # the action is named without a recommendation in sight


@dataclass(frozen=True, slots=True)
class ShownField:
    """One piece of evidence on a card: what it is called, what it says, and where it comes from."""

    name: str
    value: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """Everything that a person is shown of one decision; texts are untrusted.

    Parameters
    ----------
    title : str
        What it is, such as "Invoice R-104 of Stahlwerk Nord".
    assessment : str
        One or two sentences: what was found.
    actions : tuple of str
        Those that a person may choose.
    recommended : str, optional
        The agent's action; None where it recommends none, or where the item is shown blind.
    confidence, threshold : float, optional
        In [0, 1]: how sure it is, and from where on it would have decided alone.
    evidence : tuple of ShownField
    reasoning : str
        The agent's reason.
    rule : str
        Text of the rule by which the item came here.
    trace : tuple of str
        What happened on the way, one step a line.
    """

    title: str
    assessment: str
    actions: tuple[str, ...]
    recommended: str | None = None
    confidence: float | None = None
    threshold: float | None = None
    evidence: tuple[ShownField, ...] = ()
    reasoning: str = ""
    rule: str = ""
    trace: tuple[str, ...] = ()

    def blinded(self) -> Card:
        """Return the card without anything from which the recommendation could be read."""
        return replace(
            self, assessment="", recommended=None, confidence=None, threshold=None, reasoning="", rule="", trace=()
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the card, hexadecimal: what a person's answer is an answer to."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return the card as JSON values, what `dataclasses.asdict` gives in a tenth of its time."""
        named = {name: getattr(self, name) for name in self.__slots__}
        evidence = [{"name": one.name, "value": one.value, "source": one.source} for one in self.evidence]
        return {**named, "evidence": evidence}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Card:
        """Return the card that `as_json` gave."""
        evidence = tuple(ShownField(**one) for one in content["evidence"])
        named = {name: tuple(content[name]) for name in ("actions", "trace")}
        return cls(**{**content, **named, "evidence": evidence})


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One decision in front of people.

    Parameters
    ----------
    id : str
        The same for the same decision, so that putting it twice puts it once.
    group : str
        Who decides: a group of review.yaml.
    needs : int
        Different people who must answer.
    four_eyes : bool
        Whether two different people must agree before anything is carried out.
    is_blind : bool
        Whether recommendation and other people's answers are hidden.
    amount : float, optional
        What is at stake, in the charter's currency.
    planted : str, optional
        The right action, where the recommendation was made wrong on purpose; such an item is never carried out.
    about : mapping
        JSON values that nobody is shown: version of the agent, category, why it was chosen.
    """

    id: str
    queue: QueueName
    record_id: str
    group: str
    card: Card
    needs: int = 1
    four_eyes: bool = False
    is_blind: bool = False
    amount: float | None = None
    planted: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> Card:
        """The card as a person gets it."""
        return self.card.blinded() if self.is_blind else self.card


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """A person's answer to a card; `action` is named unless it is the recommended one or nothing."""

    kind: AnswerKind
    action: str | None = None
    reason: str = ""
    note: str = ""
