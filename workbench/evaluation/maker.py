"""The evaluation on the holdout as a maker of evidence: from journal and ledger, computed again from its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.engines import answers_in_short
from workbench.evaluation.certified import certified, unproven_labels
from workbench.evaluation.checks import CHECKS, LEAST_CHANCE
from workbench.evaluation.judged import (
    DEVELOPMENT_TABLE,
    EVALUATE,
    EVALUATION,
    HOLDOUT_TABLE,
    LABELS,
    Judged,
    judged_of,
    opening_of,
    right_of,
    share_of,
    split_contents,
)
from workbench.evaluation.label_sets import compared_labels
from workbench.evaluation.opened import check_opening
from workbench.evaluation.recertified import check_certification
from workbench.evaluation.recomputed import RecordedEvaluation, check_confidence, check_threshold, estimated_again
from workbench.evaluation.relabelled import check_labels
from workbench.evaluation.withheld import not_opened
from workbench.evidence import (
    Answer,
    Exhibit,
    Facts,
    Inputs,
    MadeBy,
    Maker,
    exhibit_folder,
    read_exhibit,
    require_same,
)
from workbench.metrics import (
    ACCURACY,
    AUTOMATION_RATE,
    CATALOGUE,
    KPI_METRICS,
    SELECTIVE_ACCURACY,
    Estimate,
    bounded_estimate,
    charged_level,
    takes_certificate,
)
from workbench.pilot import Pilot
from workbench.records.ledger import Opening, check_entry
from workbench.records.splits import Dataset
from workbench.stats import other_hits
from workbench.words import percent

if TYPE_CHECKING:
    from workbench.evaluation.evaluation import Evaluation


def evaluation_exhibit(pilot: Pilot, evaluation: Evaluation, development: Evaluation | None) -> Exhibit:
    """Return an evaluation on the holdout as an exhibit.

    Its tables are the outcomes on the holdout and, where the version has a run over all of them, on development records
    (see `workbench.metrics.outcomes`); its facts what `Evaluation.as_json` gives of each.
    """
    assert evaluation.opening is not None
    parts = {HOLDOUT_TABLE: evaluation} | ({} if development is None else {DEVELOPMENT_TABLE: development})
    said = {name: {**one.as_json(), "inputs": _inputs(one)} for name, one in parts.items()}
    del said[HOLDOUT_TABLE]["estimates"]  # the exhibit's own
    labels = compared_labels(pilot, evaluation)
    return Exhibit(
        EVALUATION,
        pilot.name,
        {"records": evaluation.info.dataset_digest, "agent": evaluation.info.agent_digest},
        MadeBy.now(pilot.root),
        evaluation_answer(evaluation.agent, evaluation.estimates),
        evaluation.estimates,
        tables={name: one.outcomes.reset_index(drop=True) for name, one in parts.items()},
        notes=evaluation.remarks,
        facts={"opening": evaluation.opening.number, **said, **({} if labels is None else {LABELS: labels.as_json()})},
    )


def _inputs(evaluation: Evaluation) -> dict[str, Any]:
    settings = evaluation.settings
    price = None if evaluation.price is None else evaluation.price.model_dump(mode="json")
    return {"threshold": settings.threshold, "escalate_label": settings.escalate_label, "price": price}


def recorded(exhibit: Exhibit) -> tuple[RecordedEvaluation, ...]:
    """Return what an exhibit says of each split beside its decisions, the holdout first."""
    said = split_contents(exhibit)
    return tuple(
        RecordedEvaluation(said[name], exhibit.tables[name])
        for name in (HOLDOUT_TABLE, DEVELOPMENT_TABLE)
        if name in said
    )


def openings_of(exhibit: Exhibit, openings: Sequence[Opening]) -> list[Opening]:
    """Return the openings of the holdout for an exhibit's version on its records."""
    version = exhibit.about["agent"], exhibit.about["records"]
    return [one for one in openings if (one.purpose.agent_digest, one.purpose.dataset_digest) == version]


_MADE = frozenset({"made", "facts"})  # of an exhibit: other in each run, whatever it found


class EvaluationMaker(Maker):
    """One agent version on the sealed holdout."""

    name = EVALUATION
    title = "evaluation"
    question = "How good is the agent on records that nobody developed on?"
    how = EVALUATE
    notebooks = ("03_evaluation",)
    command = "workbench run PILOT"
    metrics: ClassVar = {name: CATALOGUE[name].unit for name in KPI_METRICS}
    checks = CHECKS
    takes_slices = True
    rests_on_runs = True
    is_sealed = True
    counted = "labelled holdout records"
    believed = ("the decisions on development records", "durations", "what other ledgers charged")

    def present(self, pilot: Pilot, dataset: Dataset, agent: str | None) -> Exhibit | str:
        """Return the newest opened evaluation, from journal and ledger; no file that it left is believed."""
        from workbench.evaluation.development import development_evaluation
        from workbench.evaluation.holdout import judged_evaluation
        from workbench.evaluation.unopened import why_closed

        closed = None if agent is None else why_closed(pilot, dataset, agent)
        if closed is not None:
            return closed
        evaluation = judged_evaluation(pilot, dataset, agent)
        if evaluation is None and agent is None:
            closed = why_closed(pilot, dataset, None)
        if closed is not None:
            return closed
        if evaluation is None:
            which = "no version" if agent is None else f"{agent}: not"
            return f"{which} evaluated on the present holdout records; {self.remedy(pilot)}"
        development = development_evaluation(pilot, dataset, evaluation.info.agent_digest)
        return evaluation_exhibit(pilot, evaluation, development)

    def when_absent(self, facts: Facts) -> Answer:
        """Return why no version was judged; where development records kept the holdout closed, what would open it."""
        return not_opened(facts) or super().when_absent(facts)

    def depends(self, inputs: Inputs, notebook: str, chosen: str | None) -> Mapping[str, Any]:
        """Return the one agent that was chosen and what the audit found; of a comparison all that it may look at."""
        if notebook != self.notebooks[0] or chosen is None:
            return inputs.everything()
        audit = read_exhibit(exhibit_folder(inputs.pilot, "audit"))
        found = {} if audit is None else {name: one for name, one in audit.as_json().items() if name not in _MADE}
        return {**inputs.settings(), **inputs.of_agents([chosen]), "found": found}

    def estimate(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Estimate:
        """Return an estimate of the judged version on all holdout records or on a part of them."""
        judged = _judged(facts)
        members, settings = judged.members(facts, where), judged.settings_at(facts, level)
        return bounded_estimate(metric, members, settings, _certificate(judged, where))

    def charged_level(self, facts: Facts, metric: str, level: float) -> float | None:
        """Return a level raised by what this opening of the holdout is charged; None where labels do not matter."""
        judged = judged_of(facts)
        return None if judged is None else charged_level(metric, level, judged.share)

    def would_prove(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Answer | None:
        """Return what the certificate asks for, where the estimate rests on it."""
        block = _certificate(_judged(facts), where)
        return certified(facts) if block is not None and takes_certificate(metric, block, level) else None

    def subject(self, facts: Facts) -> Mapping[str, Any]:
        """Return the judged version."""
        judged = _judged(facts)
        content, identity = judged.content, judged.content["identity"]
        digests = {"prompt_digest": identity.get("prompt"), "model_digest": identity.get("engine", {}).get("digest")}
        return {
            **{name: str(value) for name, value in digests.items() if value},
            "agent_digest": content["agent_digest"],
            "rows": judged.rows,
            "agent": content["agent"],
            "threshold": judged.threshold,
            "counts": content["counts"],
        }

    def judged(self, facts: Facts) -> str:
        """Return the judged version and what answers for it."""
        content = _judged(facts).content
        return f"{content['agent']} ({answers_in_short(content['identity'])})"

    def remarks(self, facts: Facts) -> Sequence[str]:
        """Return what the ledger says of this opening, of added records, of errors that cluster, and of labels."""
        judged = _judged(facts)
        warned = (judged.content.get("outlook") or {}).get("warns")
        one_sided = unproven_labels(facts.pilot.contract, judged.labels)
        return (*judged.changes, *_other_mix(judged), *filter(None, (warned, one_sided)))

    def asides(self, facts: Facts) -> Sequence[str]:
        """Return whether the version is right on all records."""
        return tuple(_all_right(_judged(facts)))

    def opening(self, exhibit: Exhibit, facts: Facts) -> str:
        """Hold decisions and labels against the entry of the ledger."""
        path, openings = facts.ledger
        opening, outcomes = opening_of(openings, exhibit.facts["opening"]), exhibit.tables[HOLDOUT_TABLE]
        check_opening(facts.pilot.suite, recorded(exhibit)[0], opening)
        check_entry(Path(path), openings, opening)
        return f"{len(outcomes):,} decisions and labels are those of opening {opening.number}"

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Compute every estimate, recalibration, threshold, certificate and correction of labels again."""
        charter, parts = facts.pilot.charter, recorded(exhibit)
        development = parts[1].outcomes if len(parts) > 1 else None
        for one in parts:
            for name, digest in (("records", "dataset_digest"), ("agent", "agent_digest")):
                require_same(one.content[digest], exhibit.about[name], f"digest of {name}")
            require_same(one.content["pilot"], exhibit.pilot, "pilot of an evaluation")
            check_confidence(one, parts)
            check_certification(one, charter, openings_of(exhibit, facts.ledger[1]), parts)
            check_threshold(one, charter, development)
        estimates = [estimated_again(one) for one in parts]
        for one, found in zip(parts[1:], estimates[1:], strict=True):
            stored = {name: dict(estimate) for name, estimate in one.content["estimates"].items()}
            require_same(
                {name: each.as_json() for name, each in found.items()}, stored, "estimates on development records"
            )
        agent, agreed = parts[0].content["agent"], facts.pilot
        labels = check_labels(agreed.suite, agreed.contract.label_set, exhibit.facts.get(LABELS), parts)
        said = exhibit.facts if labels is None else {**exhibit.facts, LABELS: labels.as_json()}
        return replace(exhibit, estimates=estimates[0], answer=evaluation_answer(agent, estimates[0]), facts=said)


def evaluation_answer(agent: str, estimates: Mapping[str, Estimate]) -> str:
    """Return how often a version is right on the holdout, and how much it would decide alone."""
    right, alone, selective = (estimates[name] for name in (ACCURACY, AUTOMATION_RATE, SELECTIVE_ACCURACY))
    said = f"{agent} is right on {percent(right.value)} of {right.n:,} holdout records"
    if alone.value is None:
        return f"{said}; it takes no decision alone."
    sure = f", {percent(selective.value)} of these right" if selective.value is not None else ""
    return f"{said}; it would decide {percent(alone.value)} alone{sure}."


def _judged(facts: Facts) -> Judged:
    judged = judged_of(facts)
    assert judged is not None
    return judged


def _certificate(judged: Judged, where: Mapping[str, str]) -> Mapping[str, Any] | None:
    """Return the certification of the judged version, None for a part of its records."""
    return None if where else judged.content.get("certification")


def _other_mix(judged: Judged) -> Iterator[str]:
    """Say that records which were opened before and new ones differ in how often they are right."""
    if judged.seen is None or judged.seen.all() or not judged.seen.any():
        return
    seen = judged.seen.to_numpy()
    before, new = right_of(judged.outcomes[seen]), right_of(judged.outcomes[~seen])
    if before[1] and new[1] and other_hits(before, new) < LEAST_CHANCE:
        word = "easier" if new[0] * before[1] > before[0] * new[1] else "harder"
        yield (
            f"right on {share_of(before)} records that were opened before and on {share_of(new)} new ones: the added "
            f"records are {word}"
        )


def _all_right(judged: Judged) -> Iterator[str]:
    hits, n = right_of(judged.outcomes)
    if n and hits == n:
        yield f"right on all {n:,} holdout records, as an exact rule is, or an agent that knows the answers"


MAKER = EvaluationMaker()
