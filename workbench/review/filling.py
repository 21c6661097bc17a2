"""The queues of the desk, filled: what an agent hands over, a sample of what it decides alone, cases to confirm."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import pandas as pd

from workbench.desk import Card, ReviewItem, ShownField
from workbench.environment import ToolCall
from workbench.evidence import Exhibit, maker
from workbench.pilot import (
    Pilot,
    Process,
    QueueName,
    ReviewSettings,
    read_process,
    read_review,
    suite_cases,
)
from workbench.pilot.integrations import INTEGRATIONS_FILE, read_integrations
from workbench.records import Record
from workbench.records.splits import Dataset, Split, read_dataset
from workbench.review.amounts import amounts_of
from workbench.review.carding import CardWriter, DecidedRecord, card_text
from workbench.review.decided import (
    AgentDecisions,
    development_decisions,
    holdout_decisions,
    opened_exhibit,
    opened_threshold,
)
from workbench.review.planting import RECOMMENDS_NOTHING, planted_count, planted_wrong
from workbench.review.routing import CameBy, HandedTo, Handing, categories_in, handing_of
from workbench.runs import RunRequest
from workbench.words import InputError

EACH, SAMPLE = 3, 60
CASES, CONFIRM = "cases", "confirm"


@dataclass(frozen=True, slots=True)
class FillRequest:
    """Which queue to fill from what an agent decides.

    Parameters
    ----------
    each : int
        Development records of every escalation rule and every category of the charter.
    sample : int
        Decisions that the agent makes alone, for the audit.
    threshold : float, optional
        Below it a decision goes to a person; without it that of the opened evaluation, if there is one.
    run : RunRequest
        What answers prompts, and on how many development records decisions are looked for.
    """

    agent: str
    queue: QueueName = QueueName.ESCALATIONS
    each: int = EACH
    sample: int = SAMPLE
    threshold: float | None = None
    run: RunRequest = field(default_factory=RunRequest)


@dataclass(frozen=True, slots=True)
class Filling:
    """Items for the desk, and what a reader is told of how they were chosen, one sentence each."""

    items: tuple[ReviewItem, ...]
    told: tuple[str, ...] = ()


def items_for(pilot: Pilot, request: FillRequest, dataset: Dataset | None = None) -> Filling:
    """Return the items of a queue; what the journal has not yet is asked, and the same request gives the same items.

    Raises
    ------
    InputError
        review.yaml is missing, an agent does not fit, or this queue is filled elsewhere.
    RunError
        The run was interrupted, or not one record got a decision.
    """
    settings = read_review(pilot.suite)
    if settings is None:
        raise InputError(
            "the pilot has no review.yaml, so nobody is known who could decide",
            where=str(pilot.suite),
            remedy="write one; docs/how_to/review.md has an example",
        )
    dataset = read_dataset(pilot) if dataset is None else dataset
    match request.queue:
        case QueueName.ESCALATIONS:
            return _Filler.of(pilot, dataset, settings, request).escalations()
        case QueueName.AUDIT:
            return _Filler.of(pilot, dataset, settings, request).audit()
        case QueueName.CASES:
            return _cases(pilot, dataset, settings)
        case QueueName.LABELS | QueueName.ACCEPTANCE:
            own = {
                QueueName.LABELS: "workbench labels PILOT disputed",
                QueueName.ACCEPTANCE: "workbench acceptance PILOT",
            }
            raise InputError(
                f"the queue {request.queue.value} is filled by a command of its own",
                remedy=own[request.queue].replace("PILOT", pilot.name),
            )


@dataclass(frozen=True, slots=True)
class _Handed:
    """A decision that goes to a person.

    `action` and `reason` are the agent's own; where a wrong recommendation was planted they are not those shown, and
    `planted` is the right action.
    """

    decided: DecidedRecord
    to: HandedTo
    categories: tuple[str, ...]
    action: str | None
    reason: str | None
    planted: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Filler:
    pilot: Pilot
    dataset: Dataset
    settings: ReviewSettings
    request: FillRequest
    process: Process | None
    handing: Handing
    writer: CardWriter
    decisions: AgentDecisions
    holdout: AgentDecisions | None

    @classmethod
    def of(cls, pilot: Pilot, dataset: Dataset, settings: ReviewSettings, request: FillRequest) -> _Filler:
        opened = opened_exhibit(pilot, dataset, request.agent)
        threshold = opened_threshold(opened) if request.threshold is None else request.threshold
        decisions = development_decisions(pilot, dataset, request.agent, request.run, threshold)
        holdout = None if opened is None else holdout_decisions(pilot, decisions, opened, threshold)
        process = read_process(pilot)
        handing = handing_of(process, pilot.charter, settings, pilot.settings.escalate_label)
        writer = CardWriter(pilot.contract, process, dataset.labels, _systems(pilot), pilot.settings.escalate_label)
        return cls(pilot, dataset, settings, request, process, handing, writer, decisions, holdout)

    def escalations(self) -> Filling:
        """Return some development records of every rule and category, all handed over of the holdout, planted ones."""
        handed = self._handed(self.decisions)
        each = self._each(handed)
        taken = {one.decided.record.id for one in each}
        chosen = [(self.decisions, one, "each") for one in each]
        if self.holdout is not None:
            chosen += [(self.holdout, one, "holdout") for one in self._handed(self.holdout)]
        left = [one for one in handed if one.decided.record.id not in taken and self._recommends(one)]
        n = sum(self._recommends(one) for _, one, _ in chosen)
        planted = [(self.decisions, one, "planted") for one in self._planted(left, n)]
        told = [f"{len(each):,} development records, up to {self.request.each} of each rule and category"]
        if self.holdout is not None:
            told.append(f"{len(chosen) - len(each):,} records of the holdout that were not decided alone")
        if planted:
            told.append(f"{len(planted):,} planted wrong recommendations, which are never carried out")
        elif self._plants:
            told.append(f"nothing was planted: {_why_nothing(n, len(left))}")
        return Filling(self._items([*chosen, *planted]), tuple(told))

    @property
    def _plants(self) -> bool:
        """Whether review.yaml asks for wrong recommendations; where recommendations are hidden there can be none."""
        queue = self.settings.queue(QueueName.ESCALATIONS)
        return queue.planted_share > 0 and not queue.blind

    def _recommends(self, one: _Handed) -> bool:
        return self.writer.recommended(one.decided) is not None

    def audit(self) -> Filling:
        """Return a sample of what the agent decides alone, in the records' hash order."""
        alone = self.decisions.is_alone
        ids = alone.index[alone.to_numpy()][: self.request.sample]
        handed = HandedTo(self.handing.default, CameBy.SAMPLE)
        chosen = [
            (self.decisions, _Handed(one, handed, self._categories(one), one.recommended, one.reason), "sample")
            for one in self.decisions.decided(self.dataset, ids)
        ]
        return Filling(
            self._items(chosen),
            (f"{len(chosen):,} of {int(alone.sum()):,} development records that are decided alone",),
        )

    def _handed(self, decisions: AgentDecisions) -> list[_Handed]:
        """Return every decision that goes to a person, with whom it goes to and its categories."""
        ids = decisions.is_alone.index[~decisions.is_alone.to_numpy()]
        found = []
        for one in decisions.decided(self.dataset, ids):
            categories = self._categories(one)
            to = self.handing.to(one.recommended, one.reason, categories)
            found.append(_Handed(one, to, categories, one.recommended, one.reason))
        return found

    def _categories(self, one: DecidedRecord) -> tuple[str, ...]:
        return categories_in(self.handing, self.pilot.contract, one.record.fields, one.reason)

    def _each(self, handed: Sequence[_Handed]) -> list[_Handed]:
        """Return the first few of every rule and every category, in the records' hash order."""
        seen: Counter[str] = Counter()
        found = []
        for one in handed:
            named = [f"rule {one.to.rule}"] if one.to.rule else []
            named += [f"category {name}" for name in one.categories]
            named = named or [one.to.by.value]
            if any(seen[name] < self.request.each for name in named):
                found.append(one)
                seen.update(named)
        return found

    def _planted(self, left: Sequence[_Handed], n: int) -> Iterator[_Handed]:
        """Yield wrong recommendations on records that were not chosen, by review.yaml's share of n right ones.

        Only where the agent recommends something, and never to escalate: else it could be told that it was planted.
        """
        if not self._plants:
            return
        labels = self.dataset.dev_labels()["label"]
        wanted = tuple(action for action in self.writer.actions if action != self.writer.hands_over)
        rights = ((one, str(labels.loc[one.decided.record.id])) for one in left)
        can_be = ((one, right) for one, right in rights if {*wanted} - {right})
        for one, right in islice(can_be, planted_count(n, self.settings.queue(QueueName.ESCALATIONS).planted_share)):
            wrong = planted_wrong(one.decided, right, wanted, self.process)
            yield replace(one, decided=wrong, planted=right)

    def _items(self, chosen: Sequence[tuple[AgentDecisions, _Handed, str]]) -> tuple[ReviewItem, ...]:
        amounts = amounts_of(self.pilot, self.settings, [one.decided.record for _, one, _ in chosen])
        return tuple(self._item(decisions, one, why, amounts) for decisions, one, why in chosen)

    def _item(
        self, decisions: AgentDecisions, handed: _Handed, chosen: str, amounts: Mapping[str, float | None]
    ) -> ReviewItem:
        one, to = handed.decided, handed.to
        queue = QueueName.AUDIT if to.by is CameBy.SAMPLE else QueueName.ESCALATIONS
        rules = {rule.id: rule for rule in self.handing.escalation_rules()}
        is_blind = self.settings.queue(queue).blind
        about = {
            "agent": decisions.agent, "agent_digest": decisions.agent_digest, "records": self.dataset.digest,
            "split": decisions.split.value, "chosen": chosen, "by": to.by.value, "rule": to.rule,
            "categories": list(handed.categories), "action": handed.action, "reason": handed.reason,
            "arguments": _called(one),
        }  # fmt: skip
        return ReviewItem(
            id=item_id(queue, decisions.agent_digest, one.record.id),
            queue=queue,
            record_id=one.record.id,
            group=to.group,
            card=self.writer.card(one, to.by, rules.get(to.rule), blind=is_blind),
            four_eyes=queue is QueueName.ESCALATIONS and self.handing.needs_two(handed.categories),
            amount=self._amount(one, amounts.get(one.record.id)),
            planted=handed.planted,
            about=about,
        )

    def _amount(self, one: DecidedRecord, found: float | None) -> float | None:
        """Return what is at stake: by review.yaml, by a limit of authority, or as the agent would write it."""
        if found is not None:
            return found
        columns = [limit.column for limit in self.pilot.charter.authority if limit.column is not None]
        cells = [one.record.fields.get(name) for name in columns]
        written = [call.amount for call in one.trace.of(ToolCall)]
        return next((float(cell) for cell in (*cells, *written) if isinstance(cell, int | float)), None)


def _why_nothing(n: int, left: int) -> str:
    """Return why nothing was planted beside n recommendations, among some that are left."""
    if n:
        return "no other record is left on which a recommendation could be wrong"
    return RECOMMENDS_NOTHING if not left else "the agent recommends nothing of what was chosen"


def item_id(queue: QueueName, version: str, record_id: str) -> str:
    """Return the id of an item: the same for the same record, version and queue, and nothing can be read from it."""
    return hashlib.sha256(f"{queue.value}\n{version}\n{record_id}".encode()).hexdigest()[:32]


def _called(one: DecidedRecord) -> dict[str, Any]:
    """Return by tool the arguments with which the agent wanted to carry something out."""
    return {call.name: dict(call.arguments) for call in one.trace.of(ToolCall) if call.carries_out is not None}


def _systems(pilot: Pilot) -> dict[str, str]:
    if not (pilot.suite / INTEGRATIONS_FILE).is_file():
        return {}
    behind = read_integrations(pilot.suite).behind_tools()
    return {tool: system.id for tool, (system, _, _) in behind.items()}


def _cases(pilot: Pilot, dataset: Dataset, settings: ReviewSettings) -> Filling:
    """Return the test cases that nobody has signed, as the last run of the cases has them."""
    found = maker(CASES).present(pilot, dataset, None)
    if not isinstance(found, Exhibit):
        raise InputError(found, where=f"pilot {pilot.name}")  # it ends with the command that runs them
    table = found.tables[CASES]
    table = table[~table["confirmed"].astype(bool)]
    bases = {one.id: one for one in dataset.records(_known(dataset, table["base"]))}
    written = {str(one["id"]): one for name in table["suite"].unique() for one in suite_cases(pilot.suite / str(name))}
    group = settings.groups[0].id
    items = tuple(
        _case_item(row, written[str(row["case"])], bases.get(str(row["base"])), group)
        for row in table.to_dict("records")
    )
    return Filling(
        items, (f"{len(items):,} of {len(found.tables[CASES]):,} test cases are of files that nobody signed",)
    )


def _known(dataset: Dataset, names: pd.Series[Any]) -> pd.Index[str]:
    known = dataset.ids(Split.DEV)
    return known[known.isin(names.astype(str))]


def _case_item(row: dict[Any, Any], case: Mapping[str, Any], base: Record | None, group: str) -> ReviewItem:
    """Return the item of a case: the record that it makes, the cells that it sets first; another id once it changes."""
    changed: Mapping[str, Any] = case.get("set") or {}
    cells = {} if base is None else {name: value for name, value in base.fields.items() if name not in changed}
    told = {name: row[name] for name in ("covers", "change", "relation") if isinstance(row[name], str) and row[name]}
    told |= {name: str(case[name]) for name in ("of", "faults", "memory", "why") if case.get(name)}
    expected = row["expected"] if isinstance(row["expected"], str) else row["relation"]
    shown = [
        *((name, value, "set by the test case") for name, value in changed.items()),
        *((name, value, "test case") for name, value in told.items()),
        *((name, value, "base record") for name, value in cells.items()),
    ]
    name = str(row["case"])
    card = Card(
        title=f"Test case {name}",
        assessment=f"Expected: {expected}. Is that what the process asks for?",
        actions=(CONFIRM, "reword"),
        recommended=CONFIRM,
        evidence=tuple(
            ShownField(name, "(empty)" if value is None else card_text(value), source)
            for name, value, source in shown
            if value is not None or source != "base record"
        ),
    )
    version = hashlib.sha256(json.dumps(case, sort_keys=True, default=str).encode()).hexdigest()
    about = {"case": name, "suite": str(row["suite"])}
    return ReviewItem(
        item_id(QueueName.CASES, version, name), QueueName.CASES, str(row["base"]), group, card, about=about
    )
