"""A version that the holdout is not opened for, as a maker of evidence: its development rows, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.engines import answers_in_short
from workbench.evaluation.judged import DEVELOPMENT_TABLE, EVALUATION
from workbench.evaluation.opened import subject_in
from workbench.evaluation.recomputed import RecordedEvaluation, check_confidence, check_threshold, estimated_again
from workbench.evidence import (
    BETTER_VERSION,
    Answer,
    Exhibit,
    Facts,
    MadeBy,
    Maker,
    Missing,
    arrival_days,
    require_same,
)
from workbench.metrics import State
from workbench.pilot import Pilot
from workbench.records.ledger import SPENT_AT_ONCE
from workbench.records.splits import Dataset
from workbench.stats import UnopenedRecords
from workbench.words import SignatureError, percent

if TYPE_CHECKING:
    from workbench.evaluation.evaluation import Evaluation
    from workbench.evaluation.unopened import BeforeOpening

NAME, COUNTED = "before_opening", "counted"
OPENED = "nothing keeps the holdout closed for this version"


class BeforeOpeningMaker(Maker):
    """One agent version on development records, where these keep the holdout closed for it."""

    name = NAME
    title = "outlook before the holdout is opened"
    question = "Is a certificate likely enough for the holdout to be opened?"
    how = "compare versions on development records"
    notebooks = ("02_prompt_iteration",)
    command = "workbench compare PILOT"
    rests_on_runs = True
    in_place_of = EVALUATION
    believed = (
        "of a holdout that was not opened: how many entities have how many records, and the level that was left",
    )

    def present(self, pilot: Pilot, dataset: Dataset, agent: str | None) -> Exhibit | str:
        """Return the version that the holdout stays closed for, from the journal; no file that it left is believed."""
        from workbench.evaluation.unopened import stopped_version

        stopped = stopped_version(pilot, dataset, agent)
        return OPENED if stopped is None else withheld_exhibit(pilot, *stopped)

    def subject(self, facts: Facts) -> Mapping[str, Any]:
        """Return the version that was not opened."""
        content = facts.exhibits[NAME].facts[DEVELOPMENT_TABLE]
        identity = content["identity"]
        digests = {"prompt_digest": identity.get("prompt"), "model_digest": identity.get("engine", {}).get("digest")}
        named = {name: str(value) for name, value in digests.items() if value}
        return {**named, "agent_digest": content["agent_digest"], "agent": content["agent"]}

    def judged(self, facts: Facts) -> str:
        """Return the version and what answers for it."""
        content = facts.exhibits[NAME].facts[DEVELOPMENT_TABLE]
        return f"{content['agent']} ({answers_in_short(content['identity'])})"

    def opening(self, exhibit: Exhibit, facts: Facts) -> str:
        """Check that the ledger has no opening for this version, as far as the same was agreed."""
        version, subject = (exhibit.about["agent"], exhibit.about["records"]), subject_in(facts.pilot.suite)
        openings = [one for one in facts.ledger[1] if one.subject == subject]
        if version in {(one.purpose.agent_digest, one.purpose.dataset_digest) for one in openings}:
            raise SignatureError("the holdout was opened for the version that it is said to be closed for")
        return f"none of them for {exhibit.facts[DEVELOPMENT_TABLE]['agent']} as it is"

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Compute the development estimates and the outlook again, and hold the decision against what was agreed.

        Raises
        ------
        SignatureError
            A number does not follow from the rows, or the chance does not keep the holdout closed.
        """
        recorded = RecordedEvaluation(exhibit.facts[DEVELOPMENT_TABLE], exhibit.tables[DEVELOPMENT_TABLE])
        for name, digest in (("records", "dataset_digest"), ("agent", "agent_digest")):
            require_same(recorded.content[digest], exhibit.about[name], f"digest of {name}")
        require_same(recorded.content["pilot"], exhibit.pilot, "pilot of an evaluation")
        check_confidence(recorded, (recorded,))
        check_threshold(recorded, facts.pilot.charter, recorded.indexed)
        found = {name: one.as_json() for name, one in estimated_again(recorded).items()}
        stored = {name: dict(one) for name, one in recorded.content["estimates"].items()}
        require_same(found, stored, "estimates on development records")
        before = _before_again(exhibit, facts, recorded)
        limit = facts.pilot.settings.evaluation.open_at_chance or 0.0
        require_same(before.reason(limit), facts.absent.get(EVALUATION), "why the holdout was not opened")
        return replace(exhibit, answer=f"{before}", facts={**exhibit.facts, COUNTED: before.as_json()})


def withheld_exhibit(pilot: Pilot, development: Evaluation, before: BeforeOpening) -> Exhibit:
    """Return a version's development evaluation with what it says of a certificate as an exhibit."""
    price = None if development.price is None else development.price.model_dump(mode="json")
    settings = development.settings
    inputs = {"threshold": settings.threshold, "escalate_label": settings.escalate_label, "price": price}
    return Exhibit(
        NAME,
        pilot.name,
        {"records": development.info.dataset_digest, "agent": development.info.agent_digest},
        MadeBy.now(pilot.root),
        str(before),
        tables={DEVELOPMENT_TABLE: development.outcomes.reset_index(drop=True)},
        facts={DEVELOPMENT_TABLE: {**development.as_json(), "inputs": inputs}, COUNTED: before.as_json()},
    )


def not_opened(facts: Facts) -> Answer | None:
    """Return why no version was judged where development records kept the holdout closed, None where they did not."""
    exhibit = facts.exhibits.get(NAME)
    if exhibit is None:
        return None
    outlook, limit = exhibit.facts[COUNTED]["outlook"], facts.pilot.settings.evaluation.open_at_chance
    more = outlook["records_needed"]
    agreed = "" if limit is None else f"the holdout is opened at a chance of at least {percent(limit)} (pilot.yaml)"
    details = tuple(filter(None, (exhibit.answer, agreed)))
    if not more:
        return Answer(State.UNPROVEN, facts.absent[EVALUATION], BETTER_VERSION, Missing(version=True), details)
    change = f"a better version, or about {more:,} more labelled holdout records for an 80% chance"
    missing = Missing(records=more, days=arrival_days(facts, more))
    return Answer(State.UNPROVEN, facts.absent[EVALUATION], change, missing, details)


def _before_again(exhibit: Exhibit, facts: Facts, recorded: RecordedEvaluation) -> BeforeOpening:
    """Return the outlook computed again from development rows and the counts of the holdout."""
    from workbench.evaluation.unopened import before_opening

    said, limit = exhibit.facts[COUNTED], facts.pilot.settings.evaluation.open_at_chance
    require_same(said["n"], facts.population.n_holdout, "number of holdout records")
    if not 0.0 < said["share"] <= SPENT_AT_ONCE:
        raise SignatureError("a level that no ledger leaves", got=str(said["share"]))
    counted = None if said["clusters"] is None else {int(size): int(number) for size, number in said["clusters"]}
    agreed = facts.pilot.charter, facts.pilot.contract, facts.pilot.settings.escalate_label
    found = before_opening(agreed, recorded.indexed, UnopenedRecords(said["n"], counted), said["share"])
    if found is None or limit is None or said["outlook"]["chance"] >= limit:
        raise SignatureError("development records do not keep the holdout closed, and nothing was judged on it")
    return found


BEFORE_OPENING = BeforeOpeningMaker()
