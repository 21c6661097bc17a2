"""What development records say of a certificate before the holdout is opened, and whether it is opened at all.

Of the holdout counts enter and no more: how many records it has, how many of one entity, and what the ledger leaves of
the level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.evaluation.development import development_evaluation
from workbench.evaluation.evaluation import Evaluation
from workbench.evaluation.threshold import certification_settings
from workbench.metrics import (
    assumed_bound,
    before_opening_text,
    chance_text,
    entities,
    likely_errors,
    outlook_before_opening,
    unopened_records,
)
from workbench.pilot import Contract, Pilot, Role
from workbench.pilot.charter import Charter
from workbench.records.ledger import read_budget
from workbench.records.splits import Dataset, Split, holdout_seen, ledger_path, other_ledgers, was_opened
from workbench.runs import RunRequest, checked_limit
from workbench.runs.journal import digest_of
from workbench.runs.sealed import Question, asked_agent
from workbench.stats import CertificateOutlook, UnopenedRecords
from workbench.words import RunError, WorkbenchError, percent

NOT_OPENED = "not opened"


class NotOpenedError(RunError):
    """The holdout stays closed for a version, as development records speak against it; exit code 1, as for a NO-GO."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class BeforeOpening:
    """What development records say of a version's certificate.

    Parameters
    ----------
    entity : str
        What records may depend on together, in one word.
    share : float
        Share of the significance level that the ledger leaves.
    """

    ahead: CertificateOutlook
    unopened: UnopenedRecords
    entity: str
    share: float

    def __str__(self) -> str:
        return before_opening_text(self.ahead)

    @property
    def details(self) -> tuple[str, ...]:
        """What the numbers rest on, one sentence each."""
        ahead = self.ahead
        seen = f"{ahead.n_wrong:,} of the {ahead.n_development:,} surest development decisions are wrong"
        level = f"at {percent(1.0 - ahead.level, 2)} confidence, which the ledger leaves"
        bound = () if ahead.bound is None else (assumed_bound(entities(self.entity, 1)[2:], ahead.bound),)
        return (str(self), seen, level, *bound)

    def reason(self, limit: float) -> str:
        """Return why the holdout is not opened at a least chance."""
        ahead, chance = self.ahead, f"chance {chance_text(self.ahead.chance)}"
        if not ahead.n_development:
            return f"{NOT_OPENED}: development records have no decision that can be automated"
        if ahead.contradicted is not None:
            return f"{NOT_OPENED}: development contradicts the stated bound of how errors correlate"
        if ahead.aim is not None and ahead.reaches_aim < limit:
            can = percent(ahead.n_automated / ahead.n)
            return f"{NOT_OPENED}: development automates {can} where {percent(ahead.aim)} are aimed at, {chance}"
        errors = f"development makes {likely_errors(ahead)} errors likely"
        if ahead.allowed is None:
            return f"{NOT_OPENED}: {errors}, and {ahead.n_automated:,} records without any prove nothing"
        verb = "is" if ahead.allowed == 1 else "are"
        return f"{NOT_OPENED}: {errors} where {ahead.allowed:,} {verb} allowed, {chance}"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values, with the counts that it was computed from."""
        counted = None if self.unopened.clusters is None else [list(one) for one in self.unopened.clusters.items()]
        found = {**self.ahead.as_json(), "says": str(self)}
        return {"n": self.unopened.n, "clusters": counted, "share": self.share, "outlook": found}


def before_opening(
    agreed: tuple[Charter, Contract, str | None], development: pd.DataFrame, unopened: UnopenedRecords, share: float
) -> BeforeOpening | None:
    """Return what outcomes on development records say of a certificate; None without a KPI or a decision to go by.

    Parameters
    ----------
    agreed : (Charter, Contract, str or None)
        The last is the label that stands for a person.
    share : float
        Of the significance level.
    """
    charter, contract, escalate_label = agreed
    settings = certification_settings(charter, escalate_label, share, contract.column_with(Role.ENTITY))
    ahead = None if settings is None else outlook_before_opening(development, settings, unopened)
    return None if settings is None or ahead is None else BeforeOpening(ahead, unopened, settings.entity, share)


def certificate_before_opening(
    pilot: Pilot, dataset: Dataset, development: pd.DataFrame, limit: int | None = None
) -> BeforeOpening | None:
    """Return what outcomes on development records say of a certificate on the present holdout, or the first of it.

    Nothing is asked or opened. None without a KPI to certify, or a decision to go by.
    """
    ids = dataset.ids(Split.HOLDOUT, checked_limit(limit))
    unopened = unopened_records(len(ids), dataset.strata(ids).get(Role.ENTITY.value))
    budget = read_budget(ledger_path(pilot), None, holdout_seen(pilot, dataset), other_ledgers(pilot))
    agreed = pilot.charter, dataset.contract, pilot.settings.escalate_label
    return before_opening(agreed, development, unopened, budget.next_share)


def check_worth_opening(pilot: Pilot, agent: str, request: RunRequest, dataset: Dataset) -> None:
    """Refuse to open the holdout for a version that development records give less than the chance agreed.

    A version that was opened before for the same is not refused. Nothing is asked.

    Raises
    ------
    NotOpenedError
        The chance is lower, or no run over all development records says what it is.
    """
    limit = pilot.settings.evaluation.open_at_chance
    if limit is None:
        return
    ids = dataset.ids(Split.HOLDOUT, checked_limit(request.limit))
    digest = digest_of(asked_agent(Question(pilot, dataset, agent, request.engine, ids)).identity)
    if was_opened(pilot, dataset, digest, len(ids)):
        return
    development = development_evaluation(pilot, dataset, digest)
    where = f"pilot {pilot.name}, agent {agent}"
    if development is None:
        raise NotOpenedError(
            f"{NOT_OPENED}: no run over all development records says how likely a certificate is",
            where=where,
            remedy=f"workbench evaluate {pilot.name} --agent {agent}",
        )
    found = certificate_before_opening(pilot, dataset, development.outcomes, request.limit)
    if found is None or found.ahead.chance < limit:
        said = "no decision on development records" if found is None else str(found)
        raise NotOpenedError(
            f"{NOT_OPENED}: no decision says what to expect" if found is None else found.reason(limit),
            where=where,
            got=said,
            expected=f"a chance of at least {percent(limit)} (evaluation.open_at_chance in pilot.yaml)",
            remedy="develop a better version; the holdout and its ledger are as they were",
        )


def stopped_version(pilot: Pilot, dataset: Dataset, agent: str | None) -> tuple[Evaluation, BeforeOpening] | None:
    """Return the development evaluation that keeps the holdout closed, and what it says; None where none does.

    Parameters
    ----------
    agent : str, optional
        Whose newest run over all development records counts; without it that of the version the runs speak for.
    """
    from workbench.evaluation.versions import chosen, stored_runs

    limit = pilot.settings.evaluation.open_at_chance
    if limit is None:
        return None
    try:
        development = chosen(stored_runs(pilot, dataset, only=agent)[0])
    except WorkbenchError:  # no run speaks for any version
        return None
    if was_opened(pilot, dataset, development.info.agent_digest, len(dataset.ids(Split.HOLDOUT))):
        return None
    found = certificate_before_opening(pilot, dataset, development.outcomes)
    return None if found is None or found.ahead.chance >= limit else (development, found)


def why_closed(pilot: Pilot, dataset: Dataset, agent: str | None) -> str | None:
    """Return why the holdout stays closed for a version, None where nothing keeps it closed; as `stopped_version`."""
    stopped, limit = stopped_version(pilot, dataset, agent), pilot.settings.evaluation.open_at_chance
    return None if stopped is None or limit is None else stopped[1].reason(limit)
