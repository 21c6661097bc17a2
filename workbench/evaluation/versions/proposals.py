"""Proposals: which line of the prompt to change, from what goes wrong; a reader decides, the paired test judges."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from workbench.agents.prompts import RECORD_SECTION, SECTIONS, Limit, Prompt, PromptSection, read_prompts
from workbench.evaluation import Evaluation
from workbench.evaluation.versions.measures import limit_measure, near, shown_texts, stated_limits
from workbench.evaluation.versions.mistakes import confusion_clusters
from workbench.metrics import Status, is_asked, is_wrong
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split
from workbench.stats import holm, more_hits
from workbench.words import InputError

FEWEST = 5
NEAR = 0.2
ALPHA = 0.05
COLUMNS = ("where", "section", "kind", "finding", "do", "records", "of_errors", "record_ids")


class ProposalKind(StrEnum):
    """What is wrong with a part of a prompt."""

    RULE_MISSING = "rule missing"
    RULE_NEVER_APPLIED = "rule never applied"
    RULE_MISSED = "rule missed"
    RULE_OVERUSED = "rule applied too often"
    NEAR_A_LIMIT = "errors near a limit"
    LABELS_CONFUSED = "labels confused"
    NO_VALID_ANSWER = "no valid answer"


@dataclass(frozen=True, slots=True)
class Proposal:
    """One part of a prompt to change.

    Parameters
    ----------
    section : str
        Title of the section, which may have to be added.
    line : int
        In the prompt's file, from 1.
    record_ids : tuple of str
        The wrong decisions behind it; no change of this part can mend more.
    """

    kind: ProposalKind
    section: str
    line: int
    finding: str
    do: str
    record_ids: tuple[str, ...]


def proposals(pilot: Pilot, dataset: Dataset, evaluation: Evaluation) -> tuple[Proposal, ...]:
    """Return which parts of a prompt to change, the part behind the most errors first.

    From development records only. Rules are looked at where the contract has a reason for each label and the agent
    gives one; limits where the prompt states numbers and the record states the same measures; otherwise labels that
    are taken for one another. One error may stand behind several proposals.

    Raises
    ------
    InputError
        The evaluation is of the holdout, or its agent is no prompt or one that was changed since.
    """
    if evaluation.split is not Split.DEV:
        raise InputError("proposals come from development records", got=f"an evaluation on {evaluation.split.value}")
    prompt = _prompt_of(pilot, evaluation)
    outcomes = evaluation.outcomes[is_asked(evaluation.outcomes)]
    found = [*_no_answer(prompt, outcomes), *_near_limits(pilot, dataset, prompt, outcomes)]
    outcomes = outcomes[outcomes["status"] == Status.OK.value]
    has_reasons = "label_reason" in outcomes and outcomes["reason"].isin(outcomes["label_reason"].dropna()).any()
    found += _rules(prompt, outcomes) if has_reasons else _labels(prompt, outcomes)
    return tuple(sorted(found, key=lambda one: (-len(one.record_ids), one.line)))


def proposals_table(found: tuple[Proposal, ...], outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return proposals as a table: how many wrong decisions are behind each, and of how many."""
    n_errors = int(is_wrong(outcomes).sum())
    rows = [
        (
            f"line {one.line}",
            one.section,
            one.kind.value,
            one.finding,
            one.do,
            len(one.record_ids),
            n_errors,
            one.record_ids,
        )
        for one in found
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _prompt_of(pilot: Pilot, evaluation: Evaluation) -> Prompt:
    documents = read_prompts(pilot.suite / "prompts", pilot.prompt_fields).values()
    asked = evaluation.identity.get("prompt")
    found = next((prompt for prompt in documents if prompt.hash == asked), None)
    if found is None:
        raise InputError(
            f"agent {evaluation.agent!r} is no prompt document as it is now",
            where=str(pilot.suite / "prompts"),
            remedy="evaluate the prompt as it is now, or name an agent that is a prompt",
        )
    return found


def _no_answer(prompt: Prompt, outcomes: pd.DataFrame) -> Iterator[Proposal]:
    """Propose to mend the output format where answers are no decisions."""
    invalid = outcomes[outcomes["status"] == Status.INVALID.value]
    if len(invalid) >= FEWEST:
        causes = ", ".join(f"{cause} {n:,}" for cause, n in invalid["cause"].value_counts().items())
        title, line = _place(prompt, "Output format")
        do = "show one complete answer, and allow enough tokens for it (sampling: max_tokens)"
        finding = f"{len(invalid):,} of {len(outcomes):,} answers are no decision: {causes}"
        yield Proposal(ProposalKind.NO_VALID_ANSWER, title, line, finding, do, tuple(invalid.index))


def _near_limits(pilot: Pilot, dataset: Dataset, prompt: Prompt, outcomes: pd.DataFrame) -> Iterator[Proposal]:
    """Propose to look at limits near which errors are more frequent than elsewhere (Fisher's exact test, Holm)."""
    limits = stated_limits(prompt)
    if not limits:
        return
    wrong = is_wrong(outcomes)
    texts = shown_texts(pilot, dataset, prompt, outcomes.index)
    tests: list[tuple[Limit, pd.DataFrame, float]] = []
    for limit in limits:
        values = limit_measure(texts, limit)
        at = pd.DataFrame({"near": near(values, limit, NEAR), "wrong": wrong.loc[values.index]}, index=values.index)
        here, rest = ((int(part.sum()), len(part)) for part in (at["wrong"][at["near"]], at["wrong"][~at["near"]]))
        if here[0] >= FEWEST:
            tests.append((limit, at, more_hits(here, rest)))
    for (limit, at, _), p in zip(tests, holm([test[2] for test in tests]), strict=True):
        if p <= ALPHA:
            yield _near_limit(limit, at)


def _near_limit(limit: Limit, at: pd.DataFrame) -> Proposal:
    inside, outside = at[at["near"]], at[~at["near"]]
    finding = (
        f"{limit}: {int(inside['wrong'].sum()):,} of {len(inside):,} records within a fifth of it are wrong, "
        f"{int(outside['wrong'].sum()):,} of {len(outside):,} further away"
    )
    do = "say on which side the limit itself lies, and give an example on each side of it"
    ids = tuple(inside.index[inside["wrong"].to_numpy(dtype=bool)])
    return Proposal(ProposalKind.NEAR_A_LIMIT, limit.rule.section, limit.rule.line, finding, do, ids)


def _rules(prompt: Prompt, outcomes: pd.DataFrame) -> Iterator[Proposal]:
    """Propose by reason: rules that are missing, never applied, missed more often than not, or applied wrongly."""
    wrong = outcomes[is_wrong(outcomes)]
    given = outcomes["reason"].value_counts()
    for reason, errors in wrong.groupby("label_reason"):
        calls = int((outcomes["label_reason"] == reason).sum())
        if len(errors) >= FEWEST:
            yield from _missed(prompt, str(reason), tuple(errors.index), (calls, int(given.get(str(reason), 0))))
    for reason, errors in wrong[wrong["reason"] != wrong["label_reason"]].groupby("reason"):
        line = _line_of(prompt, str(reason))
        if len(errors) >= FEWEST and line is not None:
            meant = errors["label_reason"].value_counts()
            finding = (
                f"{reason}: given {int(given[str(reason)]):,} times, {len(errors):,} of them wrongly, "
                f"most often instead of {meant.index[0] if len(meant) else 'nothing'}"
            )
            do = "narrow the rule: say when it does not hold, or put the other rule before it"
            yield Proposal(ProposalKind.RULE_OVERUSED, *line, finding, do, tuple(errors.index))


def _missed(prompt: Prompt, reason: str, ids: tuple[str, ...], counts: tuple[int, int]) -> Iterator[Proposal]:
    """Propose what to do about a reason that records call for and decisions do not give."""
    calls, given = counts
    place = _line_of(prompt, reason)
    if place is None and not given:
        finding = f"no rule leads to {reason}, which {calls:,} records call for; {len(ids):,} of them are wrong"
        title, line = _place(prompt, "Decision criteria")
        yield Proposal(ProposalKind.RULE_MISSING, title, line, finding, f"add a rule that ends in {reason}", ids)
    elif place is not None and not given:
        finding = f"{reason} is never given, and {calls:,} records call for it; {len(ids):,} of them are wrong"
        do = "say it in the words in which the record says it, put it earlier, or show an example"
        yield Proposal(ProposalKind.RULE_NEVER_APPLIED, *place, finding, do, ids)
    elif place is not None and 2 * len(ids) > calls:
        finding = f"{reason} is missed on {len(ids):,} of the {calls:,} records that call for it"
        do = "say it in the words in which the record says it, or show an example"
        yield Proposal(ProposalKind.RULE_MISSED, *place, finding, do, ids)


def _labels(prompt: Prompt, outcomes: pd.DataFrame) -> Iterator[Proposal]:
    """Propose to separate labels that are taken for one another."""
    clusters = confusion_clusters(outcomes)
    for cluster in clusters.to_dict("records"):
        if cluster["errors"] < FEWEST:
            continue
        labels = list(cluster["labels"])
        places = {label: _line_of(prompt, label) for label in labels}
        described = [place for place in places.values() if place is not None]
        silent = [label for label, place in places.items() if place is None]
        title, line = described[0] if described else _place(prompt, "Decision criteria")
        finding = (
            f"{', '.join(labels)}: {cluster['errors']:,} of {cluster['records']:,} records are taken for one another, "
            f"mostly {cluster['main']}" + (f"; no line says what {', '.join(silent)} means" if silent else "")
        )
        do = "say in one line what separates them, and show an example of each"
        yield Proposal(ProposalKind.LABELS_CONFUSED, title, line, finding, do, tuple(cluster["record_ids"]))


def _line_of(prompt: Prompt, word: str) -> tuple[str, int] | None:
    """Return section and line where a prompt first names a code or label in a rule, None where it does not."""
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    for section in prompt.sections:
        if section.title in ("Examples", RECORD_SECTION):
            continue
        for number, line in enumerate(section.text.split("\n"), start=section.line):
            if pattern.search(line):
                return section.title, number
    return None


def _place(prompt: Prompt, title: str) -> tuple[str, int]:
    """Return a section's title and first line; where it is missing, the line of the section it belongs after."""
    by_title: Mapping[str, PromptSection] = {section.title: section for section in prompt.sections}
    if title in by_title:
        return title, by_title[title].line
    later = (by_title[other].line for other in SECTIONS[SECTIONS.index(title) :] if other in by_title)
    return title, next(later) - 1
