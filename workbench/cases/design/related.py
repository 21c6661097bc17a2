"""Cases that hold a relation: a record written otherwise, which must be decided as it was; no label is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from workbench.cases.asking import CaseAnswer
from workbench.cases.judging import Bench, is_kept
from workbench.cases.made import CaseRecords, case_records, ground_of
from workbench.cases.policy import PolicyProcess, Ruling
from workbench.cases.relations import CHANGES
from workbench.cases.suite import Case, CaseClass, CaseRelation, CaseSuite, Expected
from workbench.cases.suites import Cases, SuiteFile
from workbench.metrics import Status
from workbench.pilot import Pilot, Process, Role
from workbench.records.splits import Dataset

PER_CHANGE = 24  # five broken ones show that a change moves decisions beyond chance; a fifth must show it
TO_A_PERSON = frozenset({"two_intents", "out_of_scope"})  # nobody can decide these for sure
OF_A_QUESTION = TO_A_PERSON | {"paraphrase"}  # where the text is all there is
OF_TEXTS = OF_A_QUESTION | {"typo", "case", "whitespace", "irrelevant_sentence", "translated_note"}
PROPOSED = "proposed"


def related_cases(pilot: Pilot, process: Process | None, dataset: Dataset, cases: Sequence[Case]) -> tuple[Case, ...]:
    """Return for each kind of change some cases that hold a relation to designed ones, or to development records.

    A question with two intents, or about something else, has no right answer: a person must see it. A change that the
    policy itself decides otherwise is none without a meaning, and left out.

    Parameters
    ----------
    cases : sequence of Case
        The designed ones; where there are none, development records are changed.
    """
    is_question = process is None or process.python is None
    told = others = _plain(dataset)
    if not is_question and cases:
        told, others = _by_texts(pilot, process, dataset, cases), _by_bases(pilot, cases)
    changes = [one for one in CHANGES if is_question or one not in OF_A_QUESTION]
    proposed = [_related(start, change) for change in changes for start in (told if change in OF_TEXTS else others)]
    suite = CaseSuite.model_validate({"title": "Relations", "cases": (*cases, *proposed)})
    made = case_records(Cases((SuiteFile("", pilot.suite, suite, ""),)), dataset, ground_of(pilot, dataset))
    possible = [one for one in made if one.case.change is not None and one.asked is not None]
    kept = possible if is_question else _as_the_policy(pilot, process, possible)
    counts: Counter[str] = Counter()
    chosen = []
    for one in kept:
        change = str(one.case.change)
        if counts[change] < PER_CHANGE:
            counts[change] += 1
            chosen.append(one.case)
    return tuple(chosen)


def _related(start: Case, change: str) -> Case:
    content = {
        "id": f"{start.id[: 118 - len(change)]}-{change}",
        "class": CaseClass.EDGE,
        "base": start.base,
        "change": change,
        "author": PROPOSED,
    }
    if change in TO_A_PERSON:
        return Case.model_validate({**content, "expect": Expected(person=True)})
    of = start.id if start.expect is not None else None
    return Case.model_validate({**content, "relation": CaseRelation.SAME, "of": of})


def _by_texts(pilot: Pilot, process: Process | None, dataset: Dataset, cases: Sequence[Case]) -> list[Case]:
    """Return cases in the order in which their free text matters: first those that nobody would look at without it."""
    assert process is not None
    texts = dataset.contract.columns_with(Role.TEXT)
    suite = SuiteFile("", pilot.suite, CaseSuite.model_validate({"title": "Starts", "cases": tuple(cases)}), "")
    made = case_records(Cases((suite,)), dataset, ground_of(pilot, dataset))
    whole = [one.asked.fields for one in made if one.asked is not None]
    with PolicyProcess(pilot, process) as policy:
        own = policy.tried(whole)
        silent = policy.tried([{**fields, **dict.fromkeys(texts)} for fields in whole])
    ranked: list[list[Case]] = [[], [], []]
    for case, was, now in zip(cases, own, silent, strict=True):
        differs = was is not None and now is not None and was.action != now.action
        is_hard = differs and now is not None and now.action != pilot.settings.escalate_label
        ranked[0 if is_hard else 1 if differs else 2].append(case)
    return [*ranked[0], *ranked[1], *ranked[2]]


def _by_bases(pilot: Pilot, cases: Sequence[Case]) -> list[Case]:
    """Return one case of each base record, first those that are not given to a person anyway."""
    escalate = pilot.settings.escalate_label
    firm = [one for one in cases if one.expect is not None and one.expect.action != escalate]
    first: dict[str, Case] = {}
    for one in (*firm, *cases):
        first.setdefault(one.base, one)
    return [*first.values()]


def _plain(dataset: Dataset) -> list[Case]:
    """Return development records as if they were cases, one of each label in turn."""
    labels = dataset.dev_labels()["label"]
    turn = labels.groupby(labels, sort=True).cumcount()
    order = pd.DataFrame({"turn": turn, "label": labels}).sort_values(["turn", "label"], kind="stable").index
    same = CaseRelation.SAME
    return [
        Case.model_validate(
            {"id": f"r{n}", "class": CaseClass.COMMON, "base": str(name), "relation": same, "change": "case"}
        )
        for n, name in enumerate(order[: 3 * PER_CHANGE])
    ]


def _as_the_policy(pilot: Pilot, process: Process | None, made: Sequence[CaseRecords]) -> list[CaseRecords]:
    """Return the cases whose relation the policy itself keeps."""
    assert process is not None
    pairs = [(one, one.reference, one.asked) for one in made if one.reference is not None and one.asked is not None]
    with PolicyProcess(pilot, process) as policy:
        before = policy.tried([reference.fields for _, reference, _ in pairs])
        after = policy.tried([asked.fields for _, _, asked in pairs])
    bench = Bench(pilot.settings.escalate_label, process)
    return [
        one
        for (one, _, _), was, now in zip(pairs, before, after, strict=True)
        if one.case.relation is not None
        and was is not None
        and now is not None
        and is_kept(one.case.relation, _answer(was), _answer(now), bench)
    ]


def _answer(ruling: Ruling) -> CaseAnswer:
    return CaseAnswer(Status.OK, ruling.action, ruling.reason)
