"""A record whose label is in doubt as people see it: its fields and the policy, and no label that anybody gave."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from workbench.desk import Card, ReviewItem, ShownField
from workbench.pilot import PROCESS_FILE, Pilot, Process, QueueName, ReviewSettings, read_process
from workbench.records import Record
from workbench.words import InputError

PEOPLE = 2
DIGITS = 16
POLICY = "policy"


def label_item_id(record_id: str) -> str:
    """Return the id of a record's item: the same however the record came to be in doubt."""
    return f"label-{hashlib.sha256(record_id.encode()).hexdigest()[:DIGITS]}"


def label_item(record: Record, labels: tuple[str, ...], policy: tuple[ShownField, ...], group: str) -> ReviewItem:
    """Return the item of a record: decided by two people, each without the other, and by a third where they differ."""
    fields = (ShownField(name, "" if value is None else str(value)) for name, value in record.fields.items())
    card = Card(f"Record {record.id}", "", labels, evidence=(*fields, *policy))
    return ReviewItem(label_item_id(record.id), QueueName.LABELS, record.id, group, card, needs=PEOPLE, is_blind=True)


def policy_fields(pilot: Pilot) -> tuple[ShownField, ...]:
    """Return the written policy as cards show it: process.yaml's rules, else what the charter says of the process."""
    process = read_process(pilot)
    if process is None or not process.rules:
        return (ShownField(POLICY, pilot.charter.process, "charter.yaml"),)
    return (ShownField(POLICY, "\n".join(_lines(process)), PROCESS_FILE),)


def label_group(settings: ReviewSettings, name: str | None) -> str:
    """Return the group that decides labels: the one named, else the first with two people who need not adjudicate.

    Raises
    ------
    InputError
        There is no such group.
    """
    if name is not None:
        if settings.group(name) is None:
            known = ", ".join(group.id for group in settings.groups)
            raise InputError(f"review.yaml has no group {name!r}", expected=known)
        return name
    for group in settings.groups:
        people = [one for one in settings.people if group.id in one.groups and settings.adjudicators not in one.groups]
        if len(people) >= PEOPLE:
            return group.id
    raise InputError(
        "review.yaml has no group of two people beside the adjudicators",
        expected="two people who decide each without the other, and a third for where they differ",
    )


def _lines(process: Process) -> Iterator[str]:
    for rule in process.rules:
        yield f"{rule.decision}: {rule.condition or rule.id}"
        for exception in rule.exceptions:
            yield f"  not so: {exception.condition or exception.id}"
    for approval in process.approvals:
        yield f"otherwise: {approval.condition or approval.reason}"
