"""What process.yaml leaves open as the specification of a business process; nothing here changes it.

Deadlines, amounts and people stand in review.yaml and in the charter: here they are only held against the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from workbench.pilot.charter import Authority, Charter, Gap, HighRisk
from workbench.pilot.process.flow import end_steps, followers, reached
from workbench.pilot.process.reading import PROCESS_FILE
from workbench.pilot.process.schema import Process, ProcessRule, ProcessStep
from workbench.pilot.review import REVIEW_FILE, ReviewSettings
from workbench.words import did_you_mean, shown

MIN_WORDS = 4  # fewer say nothing that anybody could be held to


def process_gaps(process: Process, charter: Charter, review: ReviewSettings | None) -> tuple[Gap, ...]:
    """Return what a process specification leaves open, in the order of its parts; empty when it is complete.

    Whether test cases cover it is not among them: see `workbench.cases.path_gaps`.

    Parameters
    ----------
    process : Process
    charter : Charter
        Whose high-risk and authority categories need a rule.
    review : ReviewSettings, optional
        Whose groups escalations go to; None where there is no review.yaml, which is a gap.
    """
    return (
        *_repeated(process),
        *_steps(process),
        *_ways(process),
        *_decisions(process),
        *_rules(process),
        *_escalations(process, review),
        *_categories(process, charter),
        *_exception_paths(process, review),
        *_workarounds(process),
        *_observations(process),
    )


def _repeated(process: Process) -> Iterator[Gap]:
    parts = {
        "steps": [one.id for one in process.steps],
        "rules": [one.id for one in process.rules],
        "exception_paths": [one.id for one in process.exception_paths],
        "workarounds": [one.id for one in process.workarounds],
    }
    for part, ids in parts.items():
        for name in (name for name, count in Counter(ids).items() if count > 1):
            yield Gap(f"{part}.{name}", "the id is given twice", "give each an id of its own")
    for name in sorted({step.id for step in process.steps} & set(process.decisions)):
        yield Gap(f"steps.{name}", "a decision has the same name", "rename the step")


def _steps(process: Process) -> Iterator[Gap]:
    if not process.steps:
        yield Gap("steps", "none", "write each step of the work: id, title, who, system, next")
    for step in process.steps:
        part = f"steps.{step.id}"
        if not step.who.strip():
            yield Gap(part, "nobody is said to do it", "write `who` does it today")
        if not step.system.strip():
            yield Gap(part, "no system is named", "write the `system` it is done in, or `on paper`")
        yield from _branching(step, part)
        known = [*(one.id for one in process.steps), *process.decisions]
        for name in (*step.next, *(branch.to for branch in step.branches)):
            yield from _unknown(f"{part}, goes on to", name, known, "a step or a decision")
        for name in step.rules:
            yield from _unknown(f"{part}, rules", name, [rule.id for rule in process.rules], "a rule")


def _branching(step: ProcessStep, part: str) -> Iterator[Gap]:
    if not step.next and not step.branches:
        yield Gap(part, "a dead end: nothing follows it", "write `next`, or `branches` with their conditions")
    if step.next and step.branches:
        yield Gap(part, "it has both `next` and `branches`", "keep `branches` where it decides, else `next`")
    if len(step.branches) == 1:
        yield Gap(part, "it decides between one way and no other", "write the other way, or `next`")
    said = Counter(" ".join(branch.when.casefold().split()) for branch in step.branches)
    for when in (when for when, count in said.items() if count > 1):
        yield Gap(part, f"two ways have one condition: {when}", "say when each is taken")


def _ways(process: Process) -> Iterator[Gap]:
    """Yield the steps that no record comes to, and those that no record leaves; a dead end is said once, by itself."""
    come_to, ending, following = reached(process), end_steps(process), followers(process)
    for step in process.steps:
        if step.id not in come_to:
            yield Gap(f"steps.{step.id}", "no way leads to it", "name it where it follows, or take it out")
        if step.id not in ending and following[step.id] and _is_in_circle(step.id, process):
            yield Gap(f"steps.{step.id}", "a circle without a way out: no decision follows", "write how it ends")


def _is_in_circle(step: str, process: Process) -> bool:
    """Return whether a step comes to itself again."""
    following = followers(process)
    found, waiting = set[str](), list(following[step])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += following.get(name, ())
    return step in found


def _decisions(process: Process) -> Iterator[Gap]:
    come_to = reached(process)
    made = {rule.decision for rule in process.rules}
    for name in process.decisions:
        if process.steps and name not in come_to:
            yield Gap(f"decisions.{name}", "no step ends in it", "name it under `next` or `branches`")
        if name not in made and not process.approvals:
            yield Gap(f"decisions.{name}", "no rule makes it", "write the rule, or `approvals` where none holds")
    for rule in process.rules:
        yield from _unknown(f"rules.{rule.id}, decision", rule.decision, list(process.decisions), "a decision")
    if not process.handed_over:
        yield Gap("handed_over", "none", "name the decisions by which a person gets the record")
    for name in process.handed_over:
        yield from _unknown("handed_over", name, list(process.decisions), "a decision")


def _rules(process: Process) -> Iterator[Gap]:
    if not process.rules:
        yield Gap("rules", "none", "write each rule with its condition and its decision")
    tried = {name for step in process.steps for name in step.rules}
    for rule in process.rules:
        if not rule.condition.strip():
            yield Gap(f"rules.{rule.id}", "no condition", "write when it holds")
        if process.steps and rule.id not in tried:
            yield Gap(f"rules.{rule.id}", "no step tries it", "name it under `rules` of the step at which it is seen")


def _escalations(process: Process, review: ReviewSettings | None) -> Iterator[Gap]:
    if review is None:
        yield Gap(REVIEW_FILE, "missing", "name the people and groups that decide what the agent must not")
    for rule in handing_over(process):
        if not (rule.to or "").strip():
            yield Gap(f"rules.{rule.id}", "it escalates to nobody", "write `to` whom")
        elif review is not None:
            yield from _group(f"rules.{rule.id}, to", str(rule.to), review)


def handing_over(process: Process) -> tuple[ProcessRule, ...]:
    """Return the rules by which a person gets the record: the triggers of escalations."""
    return tuple(rule for rule in process.rules if rule.decision in process.handed_over)


def _categories(process: Process, charter: Charter) -> Iterator[Gap]:
    """Yield the charter's categories that no rule hands over, or that a rule hands to somebody else."""
    if not process.handed_over:
        return  # said once, by itself
    categories: list[tuple[str, HighRisk | Authority]] = [(f"high_risk.{one.id}", one) for one in charter.high_risk]
    categories += [(f"authority.{one.id}", one) for one in charter.authority if one.to]
    for part, one in categories:
        rules = _about(one, process)
        if not rules:
            yield Gap(f"charter, {part}", f"no rule of {PROCESS_FILE} hands it over", "write the rule, and to whom")
        elif one.to and all(rule.to != one.to for rule in rules):
            got = f"the charter says {one.to}, the rule {rules[0].id} {rules[0].to or 'nobody'}"
            yield Gap(f"charter, {part}", got, "agree on one, and write it in both")


def _about(category: HighRisk | Authority, process: Process) -> list[ProcessRule]:
    """Return the rules that hand a category over: those of its reasons, else those for the people it goes to."""
    values = category.when.values if category.when is not None else ()
    of_reason = {rule.id for rule in process.rules if (rule.reason or rule.id) in values}
    return [
        rule
        for rule in handing_over(process)
        if (rule.id in of_reason if of_reason else category.to and rule.to == category.to)
    ]


def _exception_paths(process: Process, review: ReviewSettings | None) -> Iterator[Gap]:
    tried = {step.id: step.rules for step in process.steps}
    for path in process.exception_paths:
        part = f"exception_paths.{path.id}"
        yield from _place(part, path.step, process)
        if path.rule is not None:
            yield from _unknown(f"{part}, rule", path.rule, [rule.id for rule in process.rules], "a rule")
            if path.step in tried and path.rule not in tried[path.step]:
                yield Gap(part, f"the step {path.step} does not try {path.rule}", "name the step that does")
        elif path.to is not None and review is not None:
            yield from _group(f"{part}, to", path.to, review)
        if path.rule is None and not path.cases and path.no_case is None:
            yield Gap(part, "neither a rule nor a test case", "name its `rule` or `cases`, or say why: `no_case`")
        if _is_vague(path.happens):
            yield Gap(part, f"too vague: {path.happens!r}", "say what people do then")


def _workarounds(process: Process) -> Iterator[Gap]:
    if not process.workarounds:
        yield Gap("workarounds", "none", "ask those who do the work what no manual says; every process has some")
    for one in process.workarounds:
        part = f"workarounds.{one.id}"
        yield from _place(part, one.step, process)
        for name, remedy in (("what", "say what people do"), ("why", "say why they do it")):
            if _is_vague(getattr(one, name)):
                yield Gap(f"{part}, {name}", _said(getattr(one, name)), remedy)
        if _is_vague(one.agent):
            yield Gap(f"{part}, agent", _said(one.agent), "say what the agent must do about it")
        if one.rule is not None:
            yield from _unknown(f"{part}, rule", one.rule, [rule.id for rule in process.rules], "a rule")
        elif not one.cases and one.no_case is None:
            yield Gap(part, "neither a rule nor a test case", "name its `rule` or `cases`, or say why: `no_case`")


def _observations(process: Process) -> Iterator[Gap]:
    if not process.observations:
        yield Gap("observations", "nobody watched the work", "sit with those who do it; write who, when, where")
        return
    since = valid_from(process)
    if since is None:
        yield Gap("valid_from", "no day", "write the day from which these rules hold, such as 2026-01-31")
    seen = {name for one in process.observations for name in one.steps}
    for one in process.observations:
        for name in one.steps:
            yield from _unknown(f"observations.{one.day}", name, [step.id for step in process.steps], "a step")
        if since is not None and one.day < since:
            problem = f"too old: the rules hold since {since}, other ones were watched"
            yield Gap(f"observations.{one.day}", problem, "watch the work as it is now")
    for step in process.steps:
        if step.id not in seen:
            yield Gap(f"steps.{step.id}", "nobody watched it", "watch it, and name it under an observation's `steps`")


def valid_from(process: Process) -> date | None:
    """Return the day from which a specification holds; None where it gives none, or no day."""
    said = (process.model_extra or {}).get("valid_from")
    return said if isinstance(said, date) and not isinstance(said, datetime) else None


def _place(part: str, step: str, process: Process) -> Iterator[Gap]:
    yield from _unknown(f"{part}, step", step, [one.id for one in process.steps], "a step")


def _group(where: str, name: str, review: ReviewSettings) -> Iterator[Gap]:
    yield from _unknown(where, name, [one.id for one in review.groups], f"a group of {REVIEW_FILE}")


def _unknown(where: str, name: str, known: Sequence[str], what: str) -> Iterator[Gap]:
    if name not in known:
        yield Gap(where, f"{name!r} is not {what}", did_you_mean(name, known) or f"one of: {shown(known)}")


def _is_vague(text: str) -> bool:
    return len(text.split()) < MIN_WORDS


def _said(text: str) -> str:
    return f"too vague: {text!r}" if text.strip() else "nothing"


def days_since_watched(process: Process, today: date) -> int | None:
    """Return how many days ago the work was last watched; None where it never was."""
    days: Iterable[date] = [one.day for one in process.observations]
    return (today - max(days)).days if process.observations else None
