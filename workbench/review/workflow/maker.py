"""The human workflow as a maker of evidence: the desk's chain, judged by process, charter and what systems hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from workbench.desk import Desk, desk_path, open_desk
from workbench.evidence import Agreed, Exhibit, Facts, Finding, Inputs, MadeBy, Maker, exhibit_folder, file_digest
from workbench.metrics import Estimate
from workbench.pilot import NOT_PEOPLE, PROCESS_FILE, REVIEW_FILE, Pilot, ReviewSettings, read_review
from workbench.pilot.process import process_in
from workbench.records.splits import Dataset
from workbench.review.carrying import BOOKS_FILE, OBSERVED_FILE, observed_writes
from workbench.review.routing import Handing, handing_of
from workbench.review.workflow.checks import CHECKS, COMMAND, REVIEW, required_paths
from workbench.review.workflow.findings import review_findings
from workbench.review.workflow.judging import DeskAuthority, WorkflowGround, judged_tables
from workbench.review.workflow.numbers import (
    CAUGHT,
    OVERRIDES,
    UNITS,
    agreement_table,
    disclosed_table,
    estimates_of_review,
    held_one_sided,
)
from workbench.review.workflow.proof import faults_table
from workbench.review.workflow.tables import (
    AGREEMENT,
    FAULTS,
    ITEMS,
    PLANTED,
    REVIEWS,
    SEEN_ITEMS,
    SEEN_REVIEWS,
    seen_items,
    seen_reviews,
    typed_table,
)
from workbench.words import InputError, SignatureError, percent, several, shown

NONE = "none"  # in the place of a digest, where a file is not there


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """Of which agent, None for the one whose decisions were put to people last; `now` in seconds since the epoch."""

    agent: str | None = None
    now: Callable[[], float] = time.time


class ReviewMaker(Maker):
    """Whether people decide what they must, and whether it comes back once."""

    name = REVIEW
    title = "review by people"
    question = "Do people decide what they must, and is it done once?"
    how = "let people decide, and report it"
    notebooks = ("05_review",)
    command = COMMAND
    metrics: ClassVar = UNITS
    checks: ClassVar = CHECKS
    counted = "items that people decide"
    believed = (
        "who stands behind a pseudonym, and that the answers are theirs",
        "what the systems were seen to hold of what people decided",
        "categories of a record that no agent sees",
    )

    def make(self, pilot: Pilot, dataset: Dataset, request: ReviewRequest) -> Exhibit:
        """Return what became of the items of one version, and leave it where gates look for it.

        Where nothing was put to people the exhibit says so, and leaves every criterion unproven.

        Raises
        ------
        InputError
            review.yaml is missing, or nothing of the agent that was named was put to people.
        SignatureError
            The desk's chain was changed; the row is named.
        """
        settings = _settings(pilot)
        found = _at_desk(pilot, settings, request)
        facts = {
            "agent": found.agent, "head": found.head, "rows": found.rows, "as_of": float(request.now()),
            "played": settings.played, "authority": {name: asdict(one) for name, one in found.authority.items()},
        }  # fmt: skip
        about = {"records": dataset.digest, **_about(pilot)}
        about |= {"agent": found.version} if found.version else {}
        tables = {ITEMS: found.items, REVIEWS: found.reviews}
        exhibit = Exhibit(REVIEW, pilot.name, about, MadeBy.now(pilot.root), "", tables=tables, facts=facts)
        exhibit = _counted(exhibit, _handing(pilot, settings), settings)
        exhibit.write(exhibit_folder(pilot, REVIEW))
        return exhibit

    def present(self, pilot: Pilot, dataset: Dataset, agent: str | None) -> Exhibit | str:
        """Return the last report; review.yaml, the process and the desk must be as they were.

        Raises
        ------
        RunError
            The file is damaged.
        """
        left = super().present(pilot, dataset, agent)
        if isinstance(left, str):
            return left
        changed = [name for name, digest in _about(pilot).items() if left.about.get(name) != digest]
        if changed:
            return f"{shown(changed)} changed since the last {self.title}; {self.remedy(pilot)}"
        if agent is not None and agent != left.facts["agent"]:
            return f"the last {self.title} was of {left.facts['agent']}; {self.remedy(pilot)} --agent {agent}"
        why = _changed_desk(pilot, left)
        return f"{why}; {self.remedy(pilot)}" if why else left

    def depends(self, inputs: Inputs, notebook: str, chosen: str | None) -> Mapping[str, Any]:
        """Return what else makes the notebook another one: review.yaml, the process, the desk, what systems hold."""
        pilot = inputs.pilot
        files = {name: _digest_at(pilot.runs / name) for name in (BOOKS_FILE, OBSERVED_FILE)}
        desk: Sequence[Any] = ()
        if desk_path(pilot.runs).is_file() and read_review(pilot.suite) is not None:
            with open_desk(pilot) as opened:
                desk = opened.head()
        return {**inputs.everything(), **_about(pilot), **files, "desk": list(desk)}

    def estimate(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Estimate:
        """Return an estimate whose bounds each hold at a level."""
        tables = facts.exhibits[REVIEW].tables
        return held_one_sided(estimates_of_review(tables[ITEMS], tables[REVIEWS], 2.0 * level - 1.0)[metric], level)

    def subject(self, facts: Facts) -> Mapping[str, Any]:
        """Return the version whose decisions people saw, nothing where they saw none."""
        exhibit = facts.exhibits[REVIEW]
        is_of_one = "agent" in exhibit.about
        return {"agent_digest": exhibit.about["agent"], "agent": exhibit.facts["agent"]} if is_of_one else {}

    def judged(self, facts: Facts) -> str:
        """Return the version whose decisions people saw."""
        return str(facts.exhibits[REVIEW].facts["agent"])

    def remarks(self, facts: Facts) -> Sequence[str]:
        """Return that nobody decided, where that was played."""
        played = facts.exhibits[REVIEW].facts["played"]
        return () if played is None else (f"The review was {NOT_PEOPLE}: {played}",)

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Return the exhibit with everything judged and counted again from items, answers and what was agreed.

        Raises
        ------
        SignatureError
            review.yaml or the process is another one, or a table does not follow.
        """
        changed = [name for name, digest in _about(facts.pilot).items() if exhibit.about.get(name) != digest]
        settings = read_review(facts.pilot.suite)
        if changed or settings is None or exhibit.facts["played"] != settings.played:
            raise SignatureError("the review was judged by other files", got=shown(changed or [REVIEW_FILE]))
        again = _counted(exhibit, _handing(facts.pilot, settings), settings)
        for name, table in again.tables.items():
            stored = exhibit.tables.get(name)
            if stored is None or _cells(table) != _cells(stored):
                raise SignatureError("a table of the review does not follow from what was seen", got=name)
        return again


def _counted(exhibit: Exhibit, handing: Handing, settings: ReviewSettings) -> Exhibit:
    """Return an exhibit with everything that follows from items, answers and what was agreed."""
    facts = exhibit.facts
    authority = {name: DeskAuthority(tuple(one["groups"]), one["at_most"]) for name, one in facts["authority"].items()}
    ground = WorkflowGround.of(handing, settings, authority, facts["as_of"])
    seen, said = exhibit.tables[ITEMS][list(SEEN_ITEMS)], exhibit.tables[REVIEWS][list(SEEN_REVIEWS)]
    items, reviews = judged_tables(seen, said, ground)
    estimates = estimates_of_review(items, reviews)
    faults = faults_table(ground)
    required = [list(asdict(one).values()) for one in required_paths(handing)]
    findings = review_findings(items, reviews, exhibit.pilot)
    return replace(
        exhibit,
        tables={
            ITEMS: items,
            REVIEWS: reviews,
            AGREEMENT: agreement_table(items, reviews),
            PLANTED: disclosed_table(items, reviews),
            FAULTS: faults,
        },
        estimates=estimates,
        findings=findings,
        notes=tuple(_notes(settings, estimates, faults)),
        facts={**facts, "required": required},
        answer=_answer(str(facts["agent"]), items, estimates, findings),
    )


def _answer(agent: str, items: pd.DataFrame, estimates: Mapping[str, Estimate], findings: Sequence[Finding]) -> str:
    """Return how many items went right, one sentence of at most 40 words."""
    if not len(items):
        return "Nothing was put to people."
    settled, over, catch = int(items["settled"].sum()), estimates[OVERRIDES], estimates[CAUGHT]
    said = f"People decided {settled:,} of {several(len(items), 'item')} of {agent}"
    said += "" if over.value is None else f", overrode {percent(over.value)}"
    said += "" if catch.value is None else f" and caught {round(catch.value * catch.n):,} of {catch.n:,} planted errors"
    return f"{said}; {several(len(findings), 'finding') if findings else 'nothing went wrong'}."


def _notes(settings: ReviewSettings, estimates: Mapping[str, Estimate], faults: pd.DataFrame) -> Iterator[str]:
    if settings.played is not None:
        yield f"This was {NOT_PEOPLE}: {settings.played}"
    planted = faults.iloc[1:]
    n_caught = int(planted["caught"].sum())
    yield f"This check names {n_caught:,} of {len(planted):,} faults planted in a desk of these rules."
    if not bool(faults["caught"].iloc[0]):
        yield "It also finds a fault where none was planted."
    if estimates[CAUGHT].value is None:
        yield f"It is not known whether people look: {estimates[CAUGHT].method.removeprefix('none: ')}."
    yield "What a person decides may be wrong as well: agreement says how often two of them differ."


@dataclass(frozen=True, slots=True)
class _DeskSeen:
    """What a desk holds of one version; the names are empty where nothing was put to people."""

    agent: str
    version: str
    items: pd.DataFrame
    reviews: pd.DataFrame
    authority: Mapping[str, DeskAuthority]
    head: str
    rows: int


def _at_desk(pilot: Pilot, settings: ReviewSettings, request: ReviewRequest) -> _DeskSeen:
    """Return what the desk holds, its chain held first; a desk that is not there is not made."""
    nothing = typed_table([], SEEN_ITEMS), typed_table([], SEEN_REVIEWS)
    if not desk_path(pilot.runs).is_file():
        _require(pilot, request.agent, is_there=request.agent is None)
        return _DeskSeen("", "", *nothing, {}, "", 0)
    with Desk(desk_path(pilot.runs), settings) as desk:
        desk.check()
        items, answers, (head, rows) = desk.items(), desk.answers(), desk.head()
        authority = _authority(desk)
    about = [one for one in items["about"] if "agent_digest" in one and request.agent in (None, one["agent"])]
    _require(pilot, request.agent, is_there=bool(about) or request.agent is None)
    if not about:
        return _DeskSeen("", "", *nothing, authority, head, rows)
    agent, version = str(about[-1]["agent"]), str(about[-1]["agent_digest"])
    seen = seen_items(items, version, observed_writes(pilot, list(items["item"])))
    return _DeskSeen(agent, version, seen, seen_reviews(answers, seen), authority, head, rows)


def _authority(desk: Desk) -> dict[str, DeskAuthority]:
    """Return what each person may decide, by what the desk's tables call them."""
    people = desk.settings.people
    names = {one.id: one.id if desk.settings.names_shown else desk.pseudonym(one.id) for one in people}
    return {names[one.id]: DeskAuthority(one.groups, one.at_most) for one in people}


def _require(pilot: Pilot, agent: str | None, *, is_there: bool) -> None:
    if not is_there:
        raise InputError(
            f"nothing was put to people of {agent}",
            where=str(desk_path(pilot.runs)),
            remedy=f"workbench review fill {pilot.name} --agent {agent}",
        )


def _changed_desk(pilot: Pilot, exhibit: Exhibit) -> str:
    """Return what happened at the desk since an exhibit was made, empty where nothing did."""
    if not desk_path(pilot.runs).is_file():
        return "the desk whose answers it counts is gone" if exhibit.facts["rows"] else ""
    with open_desk(pilot) as desk:
        try:
            desk.check()
        except SignatureError as fault:
            return f"the desk was changed: {fault}"
        head, rows = desk.head()
    if (head, rows) == (exhibit.facts["head"], exhibit.facts["rows"]):
        return ""
    return f"the desk has {rows:,} rows, and {exhibit.facts['rows']:,} when it was last reported"


def _settings(pilot: Agreed) -> ReviewSettings:
    settings = read_review(pilot.suite)
    if settings is None:
        raise InputError(
            f"the pilot has no {REVIEW_FILE}",
            where=str(pilot.suite),
            remedy="say in it who decides what the agent must not",
        )
    return settings


def _handing(pilot: Agreed, settings: ReviewSettings) -> Handing:
    return handing_of(process_in(pilot.suite), pilot.charter, settings, pilot.settings.escalate_label)


def _about(pilot: Agreed) -> dict[str, str]:
    """Return the digests of what says who decides what."""
    return {name: _digest_at(pilot.suite / name) for name in (REVIEW_FILE, PROCESS_FILE)}


def _digest_at(path: Path) -> str:
    return file_digest(path) if path.is_file() else NONE


def _cells(table: pd.DataFrame) -> list[Any]:
    """Return a table's names and cells, what is missing as None, as they compare after being written and read."""
    plain = table.astype(object).where(table.notna(), None)
    return [list(map(str, plain.columns)), *(tuple(map(_near, row)) for row in plain.to_numpy())]


def _near(cell: Any) -> Any:
    """Return a number to twelve digits: the last bits of a distribution function differ from machine to machine."""
    return float(f"{cell:.12g}") if isinstance(cell, float) else cell


MAKER = ReviewMaker()
