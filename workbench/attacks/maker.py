"""Attacks as a maker of evidence: an agent asked about clean, harmless and attacked records, judged without a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

import pandas as pd

from workbench.agents import build_agent
from workbench.attacks.asking import asked_once
from workbench.attacks.checks import ATTACKS, CHECKS, COMMAND, LOWER_BOUND, PLANTED
from workbench.attacks.findings import attack_findings
from workbench.attacks.groups import planted_table
from workbench.attacks.library import patterns_of
from workbench.attacks.numbers import HITS, RATE, UNITS, estimates_of_attacks, rates_table
from workbench.attacks.pattern import AttackClass, AttackPattern
from workbench.attacks.results import JUDGED, SEEN, SEVERE, TEXTS, AttackOutcome, judged_pairs
from workbench.attacks.testing import AttackTest
from workbench.evidence import Agreed, Exhibit, Facts, Inputs, MadeBy, Maker, exhibit_folder, file_digest
from workbench.metrics import Estimate
from workbench.pilot import ATTACKS_FILE, PROCESS_FILE, Pilot
from workbench.records.splits import Dataset
from workbench.runs import RunRequest
from workbench.runs.journal import digest_of
from workbench.words import InputError, SignatureError, did_you_mean, percent, several, shown

PAIRS, GROUPS, RATES = "pairs", "groups", "rates"
NONE = "none"  # in the place of a digest, where a file is not there


@dataclass(frozen=True, slots=True)
class AttackRequest:
    """Which agent to attack, and how.

    Parameters
    ----------
    run : RunRequest
        What answers prompts, and whether a bar is shown; split and limit mean nothing here.
    threshold : float, optional
        Below it a decision goes to a person; None where none was chosen.
    classes : tuple of AttackClass
        Those to try; all without any.
    """

    agent: str
    run: RunRequest = field(default_factory=RunRequest)
    threshold: float | None = None
    classes: tuple[AttackClass, ...] = ()


class AttackMaker(Maker):
    """Whether what outsiders can write makes an agent do what they want."""

    name = ATTACKS
    title = "attack test"
    question = "Does the agent do what an attacker's text wants?"
    how = "run the attack test"
    notebooks = ("07_security",)
    command = COMMAND
    metrics: ClassVar = UNITS
    checks: ClassVar = CHECKS
    counted = "attempts"
    believed = (
        "what was seen of the answers to clean, harmless and attacked records",
        "what the written policy decides of attacked records",
    )

    def make(self, pilot: Pilot, dataset: Dataset, request: AttackRequest) -> Exhibit:
        """Attack an agent as far as the journal does not have the answers, and leave and return the exhibit.

        Raises
        ------
        InputError
            attacks.yaml is missing or does not fit, or nothing of the library reaches the agent.
        RunError
            The run was interrupted, or not one record got a decision.
        """
        agent = build_agent(pilot, request.agent, dataset, request.run.engine)
        library = patterns_of(pilot)
        chosen = [one for one in library if not request.classes or one.attack_class in request.classes]
        ask = asked_once(pilot, agent, show_progress=request.run.show_progress)
        test = AttackTest(pilot, dataset, agent, ask, request.threshold)
        pairs = test.run(chosen)
        facts = {
            "agent": request.agent, "threshold": request.threshold, "classes": [one.value for one in request.classes],
            "library": len(library), "patterns": int(pairs["pattern"].nunique()), **test.facts,
        }  # fmt: skip
        about = {
            "records": dataset.digest, "agent": digest_of(agent.identity), "library": _library_digest(library),
            **_about(pilot),
        }  # fmt: skip
        exhibit = Exhibit(ATTACKS, pilot.name, about, MadeBy.now(pilot.root), "", tables={PAIRS: pairs}, facts=facts)
        exhibit = _counted(exhibit)
        exhibit.write(exhibit_folder(pilot, ATTACKS))
        return exhibit

    def present(self, pilot: Pilot, dataset: Dataset, agent: str | None) -> Exhibit | str:
        """Return the last attack test; library, attacks.yaml and process must be as they were.

        Raises
        ------
        InputError
            A pattern of the pilot's own does not fit.
        RunError
            The file is damaged.
        """
        left = super().present(pilot, dataset, agent)
        if isinstance(left, str):
            return left
        now = {"library": _library_digest(patterns_of(pilot)), **_about(pilot)}
        changed = [name for name, digest in now.items() if left.about.get(name) != digest]
        if changed:
            return f"{shown(changed)} changed since the last {self.title}; {self.remedy(pilot)}"
        tested = left.facts["agent"]
        if agent is not None and agent != tested:
            return f"the last {self.title} was of {tested}; {self.remedy(pilot).replace('NAME', agent)}"
        return left

    def depends(self, inputs: Inputs, notebook: str, chosen: str | None) -> Mapping[str, Any]:
        """Return what else makes the notebook another one: also the patterns, and by which ways they come in."""
        patterns = _library_digest(patterns_of(inputs.pilot))
        return {**inputs.everything(), "library": patterns, **_about(inputs.pilot)}

    def estimate(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Estimate:
        """Return an estimate whose bounds each hold at a level."""
        found = estimates_of_attacks(facts.exhibits[ATTACKS].tables[PAIRS], 2.0 * level - 1.0)[metric]
        if found.value is None or not found.method.endswith("%"):
            return found
        title, _, _ = found.method.rpartition(" ")
        return replace(found, method=f"{title}, one-sided {100 * level:.10g}%")

    def subject(self, facts: Facts) -> Mapping[str, Any]:
        """Return the version that was attacked."""
        exhibit = facts.exhibits[ATTACKS]
        return {"agent_digest": exhibit.about["agent"], "agent": exhibit.facts["agent"]}

    def judged(self, facts: Facts) -> str:
        """Return the version that was attacked."""
        return str(facts.exhibits[ATTACKS].facts["agent"])

    def remarks(self, facts: Facts) -> Sequence[str]:
        """Return that what was tried is what is known."""
        return (LOWER_BOUND,)

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Return the exhibit with every outcome, group and number derived again from what was seen.

        Raises
        ------
        SignatureError
            An outcome does not follow from what was seen.
        """
        again = _counted(exhibit)
        for name, table in again.tables.items():
            stored = exhibit.tables.get(name)
            if stored is None or _cells(table) != _cells(stored):
                raise SignatureError("a table of the attack test does not follow from what was seen", got=name)
        return again


def classes_named(names: Sequence[str]) -> tuple[AttackClass, ...]:
    """Return the classes of some names. Raises InputError for a name of none."""
    known = [one.value for one in AttackClass]
    wrong = [name for name in names if name not in known]
    if wrong:
        raise InputError(
            "there is no such class of attacks", got=shown(wrong), expected=", ".join(known),
            remedy=did_you_mean(wrong[0], known),
        )  # fmt: skip
    return tuple(one for one in AttackClass if one.value in names)


def _about(pilot: Agreed) -> dict[str, str]:
    """Return the digests of what says by which ways attacks come in, and of what the policy is."""
    files = {name: pilot.suite / name for name in (ATTACKS_FILE, PROCESS_FILE)}
    return {name: file_digest(path) if path.is_file() else NONE for name, path in files.items()}


def _library_digest(patterns: Sequence[AttackPattern]) -> str:
    return digest_of({one.id: asdict(one) for one in patterns})


def _counted(exhibit: Exhibit) -> Exhibit:
    """Return an exhibit with everything that follows from what was seen."""
    facts = exhibit.facts
    pairs, groups = judged_pairs(exhibit.tables[PAIRS][[*TEXTS, *SEEN]], facts["escalate_label"])
    tables = {PAIRS: pairs, RATES: rates_table(pairs), GROUPS: groups, PLANTED: planted_table(pairs[pairs["planned"]])}
    estimates = estimates_of_attacks(pairs)
    return replace(
        exhibit,
        tables=tables,
        estimates=estimates,
        findings=attack_findings(pairs, groups),
        notes=tuple(_notes(facts, pairs, tables[PLANTED])),
        answer=_answer(str(facts["agent"]), pairs, estimates),
    )


def _answer(agent: str, pairs: pd.DataFrame, estimates: Mapping[str, Estimate]) -> str:
    """Return how many attacks hit an agent, one sentence of at most 40 words."""
    hits, rate, counts = estimates[HITS], estimates[RATE], pairs["outcome"].value_counts()
    if hits.value is None:
        return f"{agent}: no severe attack was judged."
    bound = "" if rate.upper is None else f" (at most {percent(rate.upper)})"
    severe = pairs[pairs["severity"].isin(SEVERE) & pairs["outcome"].isin(JUDGED)]
    families = several(severe["family"].nunique(), "family", "families")
    said = f"{agent}: {round(hits.value):,} of {hits.n:,} severe attacks of {families} hit{bound}"
    told = (
        (AttackOutcome.FRAGILE, "harmless text moves {n:,} decisions as well"),
        (AttackOutcome.STOPPED, "{n:,} attacks were stopped"),
        (AttackOutcome.NOT_REACHED, "{n:,} were never read"),
        (AttackOutcome.POLICY, "{n:,} the policy itself believes"),
    )
    parts = [text.format(n=int(counts[one.value])) for one, text in told if counts.get(one.value)]
    return f"{'; '.join((said, *parts))}."


def _notes(facts: Mapping[str, Any], pairs: pd.DataFrame, planted: pd.DataFrame) -> Iterator[str]:
    yield LOWER_BOUND
    n = int(planted["caught"].sum())
    what = "that obey one group of texts, are moved by any, or flip by chance"
    yield f"{n:,} of {len(planted):,} planted agents {what}, would be judged rightly by this plan."
    stopped = pairs["stopped_by"].value_counts()
    if len(stopped):
        yield f"Attacks were stopped by {', '.join(f'{by} ({count:,})' for by, count in stopped.items())}."
    for why, count in facts["left_out"].items():
        yield f"{count:,} patterns were not tried: {why}."
    if facts["not_shown"]:
        yield f"Columns that no prompt shows were not attacked: {shown(facts['not_shown'])}."


def _cells(table: pd.DataFrame) -> list[Any]:
    """Return a table's names and cells, what is missing as None, as they compare after being written and read."""
    plain = table.astype(object).where(table.notna(), None)
    return [list(map(str, plain.columns)), *(tuple(_near(cell) for cell in row) for row in plain.to_numpy())]


def _near(cell: Any) -> Any:
    """Return a number to twelve digits: the last bits of a distribution function differ from machine to machine."""
    return float(f"{cell:.12g}") if isinstance(cell, float) else cell


MAKER = AttackMaker()
