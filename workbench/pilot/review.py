"""review.yaml: who decides what the agent must not, in which groups, how fast, and how they are asked."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from workbench.files import Settings, read_settings
from workbench.words import InputError

REVIEW_FILE = "review.yaml"
NOT_PEOPLE = "played, not decided by people"  # what pages and bundles say where review.yaml says `played`


class QueueName(StrEnum):
    """What waits for people."""

    ESCALATIONS = "escalations"  # decisions that the agent, a guard or a rule handed over
    AUDIT = "audit"  # a sample of what the agent decides alone
    LABELS = "labels"  # records whose label is in doubt
    CASES = "cases"  # test cases to confirm
    ACCEPTANCE = "acceptance"  # real work in acceptance sessions


class ReviewPerson(Settings):
    """Somebody who decides.

    Parameters
    ----------
    id : str
        Short name in links and on the command line; rows of the store have a pseudonym made from it.
    groups : tuple of str
        Those whose items this person may take, as process.yaml and the charter write them in `to`.
    at_most : float, optional
        Largest amount, in the charter's currency, that this person may decide; None for any.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,30}$")
    name: str = Field(min_length=1, max_length=100)
    groups: tuple[str, ...] = Field(min_length=1)
    at_most: float | None = Field(default=None, ge=0)


class ReviewGroup(Settings):
    """A group by its deadline, in hours from when an item comes in, and whom an item goes up to that nobody took."""

    id: str = Field(min_length=1, max_length=100)
    deadline_h: float = Field(default=8.0, gt=0)
    goes_up_to: str | None = None


class ReviewQueue(Settings):
    """How items of a queue are shown.

    Parameters
    ----------
    blind : bool
        Whether the recommendation and what others decided are hidden.
    double_share : float
        Share of items that two people decide, each without the other; the draw is by the item's hash.
    planted_share : float
        Share of items with a wrong recommendation that was planted, to see whether people look.
    """

    blind: bool = False
    double_share: float = Field(default=0.0, ge=0, le=1)
    planted_share: float = Field(default=0.0, ge=0, lt=1)


class ReviewSettings(Settings):
    """The content of review.yaml.

    Parameters
    ----------
    adjudicators : str
        The group that decides where two people disagree.
    reasons : tuple of str
        What a person may give as the reason for another decision than the recommended one; digits choose them.
    lease_s : float
        Seconds for which an item is one person's, and in which a decision can be undone.
    link_hours : float
        How long a person's link is valid.
    webhooks : tuple of str
        The only addresses that cards are posted to.
    names_shown : bool
        Whether figures may name people; otherwise they have pseudonyms.
    amount : str, optional
        What is at stake in a record, in the charter's currency: a column that is a number, or a function `FILE.py:NAME`
        beside review.yaml that takes the record's fields as `record`. Without it, what the charter's authority says.
    arguments : mapping of str to str
        What an argument of a tool that carries an answer out is filled from: a column of the record, or `group`
        (the group above where a person hands it on), `reason` or `amount`. Without it a column of the argument's name,
        `reason`, and the tool's own amount.
    played : str, optional
        Says that nobody decided here, and what did; every page and every bundle shows it.
    """

    people: tuple[ReviewPerson, ...] = Field(min_length=1)
    groups: tuple[ReviewGroup, ...] = Field(min_length=1)
    adjudicators: str
    queues: dict[QueueName, ReviewQueue] = Field(default_factory=dict)
    reasons: tuple[str, ...] = Field(default=(), max_length=9)
    lease_s: float = Field(default=300.0, gt=0)
    link_hours: float = Field(default=72.0, gt=0)
    webhooks: tuple[str, ...] = ()
    names_shown: bool = False
    amount: str | None = None
    arguments: dict[str, str] = Field(default_factory=dict)
    played: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        groups = [group.id for group in self.groups]
        for what, named in (("people", [one.id for one in self.people]), ("groups", groups)):
            twice = [name for name, count in Counter(named).items() if count > 1]
            if twice:
                raise ValueError(f"{what} has {twice[0]!r} twice")
        up = {group.goes_up_to for group in self.groups if group.goes_up_to is not None}
        unknown = ({self.adjudicators} | up | {name for one in self.people for name in one.groups}) - set(groups)
        if unknown:
            raise ValueError(f"groups has no {sorted(unknown)[0]!r}")
        empty = set(groups) - {name for one in self.people for name in one.groups}
        if empty:
            raise ValueError(f"nobody is in the group {sorted(empty)[0]!r}")
        if any(_ends_nowhere(group, self.groups) for group in self.groups):
            raise ValueError("goes_up_to goes in a circle")
        return self

    def queue(self, name: QueueName) -> ReviewQueue:
        """Return how items of a queue are shown; label disputes are always blind and decided by two."""
        said = self.queues.get(name, ReviewQueue())
        return said.model_copy(update={"blind": True, "double_share": 1.0}) if name is QueueName.LABELS else said

    def person(self, name: str) -> ReviewPerson:
        """Return a person by id. Raises InputError where there is none."""
        for one in self.people:
            if one.id == name:
                return one
        known = ", ".join(one.id for one in self.people)
        raise InputError(f"{REVIEW_FILE} has no person {name!r}", expected=known)

    def group(self, name: str) -> ReviewGroup | None:
        """Return a group by its name, None where there is none."""
        return next((one for one in self.groups if one.id == name), None)


def _ends_nowhere(group: ReviewGroup, groups: tuple[ReviewGroup, ...]) -> bool:
    """Return whether the way up from a group comes back to a group it has passed."""
    above, passed, at = {one.id: one.goes_up_to for one in groups}, set[str](), group.id
    while at not in passed:
        passed.add(at)
        up = above[at]
        if up is None:
            return False
        at = up
    return True


def read_review(suite: Path) -> ReviewSettings | None:
    """Return what review.yaml of a pilot's folder says, None where there is none. Raises InputError if it is wrong."""
    path = suite / REVIEW_FILE
    return read_settings(path, ReviewSettings) if path.is_file() else None
