"""A pilot loaded to be explored: each question one line, each answer a plain table or a small frozen object."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.engines import EngineChoice
from workbench.evaluation import evaluate
from workbench.evaluation.exploring.comparison import VersionComparison, compared
from workbench.evaluation.exploring.known import KnownPilot
from workbench.evaluation.exploring.matrix import RecordsByVersion, records_by_version
from workbench.evaluation.exploring.one_record import ExploredRecord, explored
from workbench.evaluation.exploring.pictures import picture
from workbench.evaluation.exploring.rows import Where, chosen_rows, record_fields
from workbench.evaluation.exploring.trials import Trial, Tryout, judged_trial, tried_prompt
from workbench.evaluation.versions import chosen, leading, record_history, tried_versions
from workbench.files import read_text
from workbench.metrics import is_wrong, worst_slices
from workbench.pages.figures import Picture
from workbench.pilot import Pilot, nearest_root, open_pilot
from workbench.runs import RunRequest
from workbench.words import InputError

HERE = "."
MEASURES = {
    "accuracy": "accuracy",
    "decides_alone": "automation_rate",
    "right_when_alone": "selective_accuracy",
    "latency_p95_s": "latency_p95_s",
    "cost_per_decision": "cost_per_decision",
}


def load(
    name: str,
    root: Path | str = HERE,
    *,
    show_personal: bool = False,
    engine: str | None = None,
    base_url: str | None = None,
    model: str | None = None,
) -> LoadedPilot:
    """Return a pilot to explore; its records are read when they are first needed.

    Parameters
    ----------
    name : str
        Folder under datasets/ and eval_suites/.
    root : Path or str
        Folder with datasets/ and eval_suites/; for "." the nearest one from here upwards.
    show_personal : bool
        Show personal data as it is: for the eyes of somebody who may read the records.
    engine, base_url, model : str, optional
        What answers prompts that are asked here; without them what pilot.yaml says.

    Raises
    ------
    InputError
        There is no such pilot or engine, or one of the pilot's files does not fit.

    Examples
    --------
    >>> import workbench
    >>> workbench.load("invoice_matching", root)
    invoice_matching: Which vendor invoices can be approved or sent back without a person, and which must be escalated?
    """
    opened = open_pilot(name, nearest_root(Path.cwd()) if root == HERE else root)
    return LoadedPilot(opened, EngineChoice(engine, base_url=base_url, model=model), KnownPilot(opened, show_personal))


@dataclass(frozen=True, repr=False)
class LoadedPilot:
    """A pilot to explore: development records only, personal data masked unless it was loaded with `show_personal`.

    Where a version may be named, the chosen one is meant without a name: the one that `02_prompt_iteration` goes on
    with. A version has decisions once it was asked about all development records (`ask`, or `workbench run`).

    Parameters
    ----------
    pilot : Pilot
        Its settings, contract and charter.
    """

    pilot: Pilot
    engine: EngineChoice
    _known: KnownPilot

    def __repr__(self) -> str:
        return f"{self.pilot.name}: {self.pilot.settings.question}"

    def versions(self) -> pd.DataFrame:
        """Return the versions that were asked about all development records, the chosen one first.

        Returns
        -------
        DataFrame
            Index: version. `records`; `accuracy`; `decides_alone`, the share that needs no person; `right_when_alone`,
            of those; `latency_p95_s`; `cost_per_decision`; NaN where a number is not defined.

        Examples
        --------
        >>> versions = pilot.versions()
        >>> versions.index.tolist(), versions["records"].tolist()
        (['prompt_v6', 'policy_rules', 'prompt_v1'], [82, 82, 82])
        """
        evaluations = self._known.versions()
        best = chosen(evaluations)
        ordered = sorted(evaluations, key=lambda one: (one is not best, -(one.estimates["accuracy"].value or 0.0)))
        index = pd.Index([one.agent for one in ordered], name="version")
        table = pd.DataFrame({"records": [len(one.outcomes) for one in ordered]}, index=index)
        values = {name: [one.estimates[metric].value for one in ordered] for name, metric in MEASURES.items()}
        return table.assign(**{name: pd.Series(column, index, dtype=float) for name, column in values.items()})

    def decisions(self, version: str | None = None, where: Where = None, **fields: Any) -> pd.DataFrame:
        """Return a version's decisions beside their records, one row for each development record.

        Parameters
        ----------
        version : str, optional
        where : str or callable, optional
            Which rows: what `DataFrame.query` takes, or a function of the table that gives a flag for each row.
        **fields
            Column to the value it must have, to several of which any will do, or to a function of one value.

        Returns
        -------
        DataFrame
            Index: record id. `label`, `action`, `right`, `route` (what becomes of the record), `confidence`, `reason`,
            `reply`; the record's fields; `status`, `cause`, `latency_s`, `prompt_tokens`, `completion_tokens` and what
            else there is. A field with one of these names is called `record_NAME`.

        Raises
        ------
        InputError
            There is no such version, column or value, or the condition cannot be read.

        Examples
        --------
        >>> decisions = pilot.decisions("policy_rules", vendor_country=["AT", "FR"], label="approve")
        >>> sorted(decisions.index), set(decisions["action"]), int(decisions["right"].sum())
        (['IM00056', 'IM02878', 'IM02897'], {'approve'}, 3)
        """
        evaluation = self._known.version(version)
        return chosen_rows(self._known.frame(evaluation), where, fields)

    def errors(self, version: str | None = None, where: Where = None, **fields: Any) -> pd.DataFrame:
        """Return the rows of `decisions` that are wrong, the surest first; an invalid or failed decision is wrong.

        Examples
        --------
        >>> errors = pilot.errors("prompt_v6", "confidence > 0.9", label="escalate")
        >>> set(errors["right"]), set(errors["label"])
        ({False}, {'escalate'})
        """
        found = self.decisions(version, where, **fields)
        return found[is_wrong(found)].sort_values("confidence", ascending=False, kind="stable")

    def record(self, record_id: str) -> ExploredRecord:
        """Return one record: what it says, its label, every version's decision, prompts and replies token by token.

        The label of a holdout record stays sealed. Raises InputError where there is no such record.

        Examples
        --------
        >>> record = pilot.record("IM00001")
        >>> record.history.label, record.decisions["version"].tolist()
        ('approve', ['policy_rules', 'prompt_v1', 'prompt_v6'])
        """
        history = record_history(self.pilot, self._known.dataset, record_id, show_personal=self._known.show_personal)
        return explored(history)

    def compare(self, old: str, new: str | None = None) -> VersionComparison:
        """Return how a version does against an older one on the same records, corrected for all versions ever tried.

        Examples
        --------
        >>> comparison = pilot.compare("prompt_v1", "prompt_v6")
        >>> comparison.better, sorted(comparison.flips["change"].unique())
        ('prompt_v6', ['broken', 'mended', 'wrong otherwise'])
        """
        pair = self._known.version(new), self._known.version(old)
        if pair[0].info.agent_digest == pair[1].info.agent_digest:
            raise InputError("a version cannot be compared with itself", got=f"{pair[0].agent} and {pair[1].agent}")
        known = {one.info.agent_digest for one in pair}
        tried = tried_versions(self.pilot, self._known.dataset, known)
        return compared(*pair, tried, record_fields(self._known.readable))

    def prompt(self, version: str | None = None) -> str:
        """Return the text of a version's prompt document, to change and to give to `try_prompt`.

        Without a version that of the best of those that are prompts.

        Examples
        --------
        >>> pilot.prompt("prompt_v6").splitlines()[1]
        'name: v6'
        """
        if version is None:
            asked = [one for one in self._known.versions() if one.agent in self._prompts()]
            version = leading(asked).agent if asked else next(iter(self._prompts()), None)
        prompt = None if version is None else self.pilot.agent(version).prompt
        if prompt is None:
            raise InputError(f"{version or 'no agent'} is no prompt", where=f"pilot {self.pilot.name}, pilot.yaml")
        return read_text(self.pilot.suite / "prompts" / f"{prompt}.md")

    def try_prompt(self, prompt: str | Path, n: int = 50) -> Trial:
        """Ask the first n development records with a prompt that is no version, and return what came.

        It is sent as a version would be: by the pilot's engine, with its prepared fields. Its answers are kept apart,
        so that the same text asks nothing twice, no version is chosen by it, and no correction counts it; it counts
        once it is an agent of pilot.yaml.

        Parameters
        ----------
        prompt : str or Path
            A prompt document as text, its sections alone (the rest is then that of the nearest version), or its file.
        n : int
            How many records, in the order in which a limit takes them.

        Examples
        --------
        >>> trial = pilot.try_prompt(pilot.prompt("prompt_v6").replace("25 euro", "30 euro"), n=5)
        >>> trial.against, trial.n, len(trial.decisions)
        ('prompt_v6', 5, 5)
        """
        prompts = self._prompts()
        known = {prompts[one.agent]: one.agent for one in self._known.versions() if one.agent in prompts}
        tryout = Tryout(self.pilot, self._known.dataset, self.engine, known)
        evaluation, nearest = tried_prompt(tryout, prompt, n)
        against = None if nearest is None else self._known.version(nearest)
        if against is not None:
            evaluation = replace(evaluation, threshold=against.threshold)
        return judged_trial(self._known.frame(evaluation), against)

    def ask(self, version: str, n: int | None = None) -> pd.DataFrame:
        """Ask a version about development records, as far as it was not asked yet, and return its decisions.

        Parameters
        ----------
        version : str
            An agent of pilot.yaml. It counts as tried from now on.
        n : int, optional
            At most so many records; without it all, so that the version can be compared and chosen.
        """
        evaluation = evaluate(self.pilot, version, RunRequest(limit=n, engine=self.engine), self._known.dataset)
        return self._known.frame(evaluation)

    def figure(self, decisions: pd.DataFrame | str | None = None, by: str | None = None) -> Picture:
        """Return a figure of decisions: of a version, or of any rows of what `decisions` gave.

        Parameters
        ----------
        decisions : DataFrame or str, optional
            Rows of decisions, or a version.
        by : str, optional
            Column by whose values the share of right decisions is shown with its interval; without it, how many are
            right of those that are decided alone, at every threshold.

        Examples
        --------
        >>> pilot.figure(pilot.decisions("policy_rules"), by="source_system")
        Right by source_system: ERP_US 86.7% to SAP_DE 97.2%
        """
        if isinstance(decisions, pd.DataFrame):
            return picture(decisions, by, (None, self.pilot.settings.escalate_label))
        evaluation = self._known.version(decisions)
        threshold = None if evaluation.threshold is None else evaluation.threshold.threshold
        return picture(self._known.frame(evaluation), by, (threshold, evaluation.escalate_label))

    def slices(self, version: str | None = None) -> pd.DataFrame:
        """Return parts of the records by one or two fields, those first where a version fails more than elsewhere.

        Returns
        -------
        DataFrame
            `slice`, `n`, `wrong`, `error_rate` with `lower` and `upper` that hold together, `elsewhere` (error rate of
            all other records), `p`, and `p_adjusted` for all parts looked at: at most 0.05 says that it is no chance.

        Examples
        --------
        >>> list(pilot.slices("prompt_v6").columns[:4])
        ['slice', 'n', 'wrong', 'error_rate']
        """
        evaluation = self._known.version(version)
        fields = record_fields(self._known.readable).loc[evaluation.outcomes.index]
        return worst_slices(evaluation.outcomes, fields).drop(columns="record_ids")

    def table(self) -> RecordsByVersion:
        """Return all development records by all versions, to filter and to unfold; it is written as a page too.

        Examples
        --------
        >>> pilot.table().frame.columns.tolist()
        ['label', 'prompt_v6', 'policy_rules', 'prompt_v1']
        """
        evaluations = [self._known.shown(one) for one in self._known.versions()]
        best = chosen(evaluations)
        ordered = sorted(evaluations, key=lambda one: (one is not best, one.agent))
        return records_by_version(ordered, self._known.readable, self.pilot.runs / "results")

    def _prompts(self) -> dict[str, str]:
        """Return the agents that are prompts, each with the name of its document."""
        return {name: one.prompt for name, one in self.pilot.settings.agents.items() if one.prompt is not None}
