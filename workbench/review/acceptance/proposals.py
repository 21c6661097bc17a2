"""What people chose otherwise: proposed as test cases for a person to confirm, or as labels in doubt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from workbench.evidence import Exhibit
from workbench.pilot import SUITES_FOLDER, Pilot, Role, unsigned_cases
from workbench.records.splits import Dataset, Split
from workbench.review.acceptance.counting import counted_answers, is_override

PROPOSED_FILE = "proposed.yaml"
DISPUTES_FILE = "disputed.txt"
CASE, DISPUTE = "case", "dispute"
_ID = re.compile(r"[^\w.@+-]")
HEAD = """\
# Proposed from acceptance sessions, until somebody signs this file: what people chose otherwise than the agent.
# Each case is a development record with the values of the record that they saw. Those records are of the holdout: a
# version that is developed on these cases has seen them, so judge the next one on new records too.
"""


@dataclass(frozen=True, slots=True)
class AcceptanceProposals:
    """What people's other decisions come to.

    Parameters
    ----------
    cases : tuple of mapping
        Test cases as a suite file has them.
    disputed : tuple of str
        Ids of records whose label is in doubt.
    undecided : tuple of str
        Records on which people disagreed with each other, so that nothing is proposed.
    """

    cases: tuple[Mapping[str, Any], ...]
    disputed: tuple[str, ...]
    undecided: tuple[str, ...]


def proposals_of(exhibit: Exhibit, judged: Exhibit, dataset: Dataset) -> AcceptanceProposals:
    """Return the cases and label disputes that people's decisions, and their taps on a card, propose.

    A decision that is not the agent's is a case that expects it. Where it is not the record's label either, or somebody
    says so, the label is in doubt.
    """
    answers = counted_answers(exhibit.tables["answers"], exhibit.tables["participants"], exhibit.about.get("agent"))
    answers = answers[answers["planted"].isna()]
    labels = dict(judged.tables["holdout"][["record_id", "label"]].itertuples(index=False, name=None))
    wishes = exhibit.tables["feedback"]
    wishes = wishes[wishes["agent"] == exhibit.about.get("agent")]
    wanted = {kind: set(wishes.loc[wishes["wants"] == kind, "record_id"]) for kind in (CASE, DISPUTE)}
    shown_before = dataset.shown()
    cases, disputed, undecided = list[Mapping[str, Any]](), set[str](wanted[DISPUTE]), list[str]()
    for record, part in answers.groupby("record_id", sort=True):
        name, overrides = str(record), part[is_override(part)]
        if overrides.empty and name not in wanted[CASE]:
            continue
        decisions = set(part["decision"].dropna())
        if len(decisions) != 1:
            undecided.append(name)
            continue
        (decision,) = decisions
        if decision != labels.get(name):
            disputed.add(name)
        cases.append(_case(name, decision, part.iloc[0], (dataset, shown_before)))
    return AcceptanceProposals(tuple(cases), tuple(sorted(disputed)), tuple(undecided))


def proposal_files(pilot: Pilot, found: AcceptanceProposals) -> dict[Path, str]:
    """Return by path what is to be written: the suite of proposed cases, and the list of disputed records.

    Cases that the file has already are kept as they are.

    Raises
    ------
    InputError
        Somebody has signed the suite: it is not written over.
    """
    known, files = unsigned_cases(pilot.suite, PROPOSED_FILE), dict[Path, str]()
    if found.cases:
        ids = {one["id"] for one in known}
        cases = [*known, *(one for one in found.cases if one["id"] not in ids)]
        content = {"title": f"{pilot.settings.title}: proposed in acceptance sessions", "cases": cases}
        text = yaml.dump(content, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=110)
        files[pilot.suite / SUITES_FOLDER / PROPOSED_FILE] = HEAD + text
    if found.disputed:
        files[pilot.runs / "acceptance" / DISPUTES_FILE] = "".join(f"{one}\n" for one in found.disputed)
    return files


def _case(record: str, decision: str, answer: pd.Series[Any], ground: tuple[Dataset, pd.DataFrame]) -> dict[str, Any]:
    """Return a case that expects a decision: the development record that is most like the record, with its values."""
    dataset, cells = ground
    contract = dataset.contract
    names = [name for name in contract.shown if contract.columns[name].role is not Role.ID]
    seen = cells.loc[record, names]
    developed = cells.loc[dataset.ids(Split.DEV), names]
    is_same = (developed == seen) | (developed.isna() & seen.isna())
    base = str(is_same.sum(axis=1).idxmax())
    (fields,) = (one.fields for one in dataset.records(pd.Index([record], dtype=object)))
    values = {name: fields[name] for name in names if not is_same.loc[base, name]}
    told = f"the agent recommended {answer['recommended']}" if answer["recommended"] else "the agent had no decision"
    return {
        "id": f"acceptance-{_ID.sub('-', record)}",
        "class": "edge",
        "base": base,
        "set": values,
        "expect": {"action": decision},
        "why": f"in session {answer['session']} a person chose {decision} for record {record}; {told}",
        "author": f"acceptance session {answer['session']}",
    }
