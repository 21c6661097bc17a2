"""The business process as a page: the flow drawn, then rules, escalations, workarounds, who watched, open points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from workbench.pages.charter import Chapter, Grid, gaps_grid, signatures_grid
from workbench.pages.drawing import EXIT, drawing_of, exits_of
from workbench.pages.frame import framed
from workbench.pilot import ReviewSettings
from workbench.pilot.charter import Gap
from workbench.pilot.process import Process, ProcessRule, ProcessStep, days_since_watched, handing_over
from workbench.pilot.signing import SignatureStatus
from workbench.words import number, percent, several, templates_in

STYLE = """.state { display: inline-block; border: 2px solid var(--ink); padding: .1rem .6rem; font-weight: 600 }
.open { border-style: dashed }
.flow svg { width: auto; max-width: none; margin: 0 }
.flow text { font-size: 12.5px }
.flow .title, .flow .number { font-weight: 600 }
.flow .step { fill: var(--soft); stroke: var(--ink) }
.flow .decides { fill: var(--paper); stroke-width: 2 }
.flow .end { stroke-width: 2.5 }
.flow .person { fill: var(--paper); stroke: var(--link); stroke-width: 1.6 }
.flow rect.out { fill: var(--paper); stroke: var(--strong) }
.flow .line { fill: none; stroke: var(--ink) }
.flow polyline.out { stroke: var(--strong) }
.flow .back { stroke-dasharray: 5 3 }
.flow .head { fill: var(--ink) }
@media print { .flow svg { max-width: 100%; height: auto } }"""
A_YEAR = 365


@dataclass(frozen=True, slots=True)
class ProcessDocument:
    """A process specification with everything that is said of it on its page.

    Parameters
    ----------
    title : str
        Of the pilot.
    review : ReviewSettings, optional
        Whose deadlines escalations have.
    gaps : tuple of Gap
    signatures : SignatureStatus
        Of process.yaml.
    ways : mapping
        How many test cases take each way; see `workbench.cases.path_cases`.
    names : mapping
        Who must sign, by role, as the charter names them.
    day : date
        The day of the page.
    """

    title: str
    process: Process
    review: ReviewSettings | None
    gaps: tuple[Gap, ...]
    signatures: SignatureStatus
    ways: Mapping[str, int]
    names: Mapping[str, str]
    day: date

    def sections(self) -> tuple[Chapter, ...]:
        """Return what stands below the drawing, in order."""
        process = self.process
        return (
            Chapter("Open points", (_open_note(self.gaps),), grids=gaps_grid(self.gaps)),
            Chapter("Rules, in their order", (_RULES_NOTE,), grids=(self._rules(), self._approvals())),
            Chapter("Escalations", (_escalations_note(self.review),), grids=(self._escalations(),)),
            Chapter("Exceptions that people meet", grids=(_paths(process),)),
            Chapter("What no manual says", grids=(_workarounds(process),)),
            Chapter("Who watched the work", (self.watched_note(),), grids=(_observations(process),)),
            Chapter("Signatures", (self.signatures.sentence,), grids=(signatures_grid(self.signatures, self.names),)),
        )

    def html(self) -> str:
        """Return the document as one HTML page."""
        said = {
            "title": self.title,
            "about": f"{self.day.isoformat()}. Content {self.signatures.digest[:16]}.",
            "state": _state(self.gaps, self.signatures),
            "is_complete": not self.gaps and self.signatures.is_complete,
            "scope": _extra(self.process, "scope"),
            "drawing": drawing_of(self.process),
            "exit_width": EXIT,
            "steps": [_listed(step, self.process) for step in self.process.steps],
            "sections": self.sections(),
        }
        body = templates_in(Path(__file__).parent / "templates").get_template("process.html.j2").render(**said)
        return framed(f"Process: {self.title}", body, style=STYLE)

    def watched_note(self) -> str:
        """Return how much of the work was watched, and how long ago where that is more than a year."""
        observations = self.process.observations
        n = sum(one.documents for one in observations)
        seen = {name for one in observations for name in one.steps}
        steps = sum(step.id in seen for step in self.process.steps)
        said = (
            f"{several(len(observations), 'observation')} of {several(n, 'document')}; "
            f"{steps} of {several(len(self.process.steps), 'step')} were watched."
        )
        age = days_since_watched(self.process, self.day)
        return said if age is None or age <= A_YEAR else f"{said} The newest is {age:,} days old: watch again."

    def _rules(self) -> Grid:
        rows = [
            (str(place), rule.id, rule.condition, _exceptions(rule), _limits(rule), _decided(rule), self._count(rule))
            for place, rule in enumerate(self.process.rules, 1)
        ]
        return Grid(("order", "rule", "condition", "exceptions", "limits", "decision", "test cases"), tuple(rows))

    def _count(self, rule: ProcessRule) -> str:
        return f"{self.ways.get(f'rule:{rule.id}', 0):,}"

    def _approvals(self) -> Grid:
        rows = [
            (one.reason, one.condition, f"{self.ways.get(f'approval:{one.reason}', 0):,}")
            for one in self.process.approvals
        ]
        return Grid(("where no rule holds", "condition", "test cases"), tuple(rows))

    def _escalations(self) -> Grid:
        rows = []
        for rule in handing_over(self.process):
            group = self.review.group(rule.to) if self.review is not None and rule.to else None
            people = () if self.review is None else [one for one in self.review.people if rule.to in one.groups]
            within = "" if group is None else f"{number(group.deadline_h)} h"
            up = "" if group is None else group.goes_up_to or "nobody"
            rows.append((rule.id, rule.to or "nobody", within, up, f"{len(people):,}"))
        return Grid(("rule", "goes to", "within", "then to", "people"), tuple(rows))


_RULES_NOTE = "The first rule that holds decides. A test case is counted where the rule holds for it."


def _state(gaps: tuple[Gap, ...], signatures: SignatureStatus) -> str:
    if gaps:
        return several(len(gaps), "open point")
    return "Complete and signed" if signatures.is_complete else "Complete, not signed by every role that must"


def _open_note(gaps: tuple[Gap, ...]) -> str:
    return f"{several(len(gaps), 'point')} to settle." if gaps else "None: the specification is complete."


def _extra(process: Process, name: str) -> str:
    return str((process.model_extra or {}).get(name, ""))


def _listed(step: ProcessStep, process: Process) -> dict[str, object]:
    """Return a step as the list beside the drawing says it."""
    minutes = "" if step.minutes is None else f"{step.minutes:g} minutes"
    ways = [f"then {_title(name, process)}" for name in step.next]
    ways += [
        f"{place} where {branch.when}: {_title(branch.to, process)}" for place, branch in enumerate(step.branches, 1)
    ]
    ways += [f"out to {' '.join(one.title)} ({' '.join(one.lines)})" for one in exits_of(process, step.id)]
    return {"title": step.title, "about": ", ".join(filter(None, (step.who, step.system, minutes))), "ways": ways}


def _title(name: str, process: Process) -> str:
    return next((step.title for step in process.steps if step.id == name), name)


def _exceptions(rule: ProcessRule) -> str:
    return "; ".join(f"{one.id}: {one.condition or _of(one.parameters)}" for one in rule.exceptions)


def _limits(rule: ProcessRule) -> str:
    return _of(rule.parameters)


def _of(parameters: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {number(value)}" for name, value in parameters.items())


def _decided(rule: ProcessRule) -> str:
    return f"{rule.decision}: {rule.to}" if rule.to else rule.decision


def _escalations_note(review: ReviewSettings | None) -> str:
    return "No review.yaml says who decides and by when." if review is None else "Deadlines are those of review.yaml."


def _paths(process: Process) -> Grid:
    rows = [
        (
            one.id,
            one.step,
            one.rule or one.to or "no rule",
            one.happens,
            "not counted" if one.share is None else percent(one.share),
            ", ".join(one.cases) or one.no_case or ("those of the rule" if one.rule else ""),
        )
        for one in process.exception_paths
    ]
    return Grid(("exception", "at step", "rule", "what people do", "share of records", "test cases"), tuple(rows))


def _workarounds(process: Process) -> Grid:
    rows = [
        (
            one.id,
            one.step,
            one.what,
            one.why,
            one.agent,
            ", ".join(one.cases) or one.no_case or (f"those of {one.rule}" if one.rule else ""),
        )
        for one in process.workarounds
    ]
    return Grid(("workaround", "at step", "what people do", "why", "what the agent must do", "test cases"), tuple(rows))


def _observations(process: Process) -> Grid:
    rows = [
        (one.day.isoformat(), one.observer, one.observed, one.where, f"{one.documents:,}", ", ".join(one.steps))
        for one in process.observations
    ]
    return Grid(("day", "who watched", "whom", "where", "documents", "steps"), tuple(rows))
