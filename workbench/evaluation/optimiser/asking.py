"""Candidates asked about records: through the pilot's engine and journal, like every other version."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbench.agents import PromptAgent, preparation_for
from workbench.agents.prompts import Prompt
from workbench.engines import Engine
from workbench.metrics import Status
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split
from workbench.runs.journal import Journal, digest_of
from workbench.runs.runner import RecordSelection, require_asked, run_agent
from workbench.words import RunError


@dataclass(frozen=True, slots=True)
class PromptDesk:
    """What it takes to ask a prompt about development records."""

    pilot: Pilot
    dataset: Dataset
    engine: Engine
    journal: Journal

    def agent(self, prompt: Prompt, name: str) -> PromptAgent:
        """Return the agent that a prompt makes."""
        return PromptAgent(name, prompt, self.engine, self.dataset.labels, preparation_for(self.pilot, prompt))

    def digest(self, prompt: Prompt) -> str:
        """Return the digest of the version that a prompt makes."""
        return digest_of(self.agent(prompt, prompt.name).identity)

    def outcomes(self, prompt: Prompt, name: str, ids: pd.Index[str], show_progress: bool = False) -> pd.DataFrame:
        """Return decisions and labels of development records, in the order of the ids.

        The run in the journal is that of the version on all development records, so that a search and a later
        evaluation share every decision. What is there already is not asked again.

        Raises
        ------
        RunError
            The run was interrupted, the server refused the credentials, or more calls failed than the pilot allows.
        """
        selection = RecordSelection(self.dataset, Split.DEV, self.dataset.ids(Split.DEV), ids)
        session = run_agent(self.journal, self.agent(prompt, name), selection, show_progress=show_progress)
        require_asked(session, name)
        decisions = self.journal.decisions(session.info.run).loc[ids]
        failed = decisions[decisions["status"] == Status.FAILED.value]
        if len(failed) > self.pilot.settings.max_failed_share * len(decisions):
            raise RunError(
                f"{len(failed) / len(decisions):.1%} of the calls brought no answer, so the search stopped",
                where=f"{name}, {len(failed):,} of {len(decisions):,} records",
                got=f"{failed['cause'].iloc[0]}: {failed['detail'].iloc[0]}",
                remedy="mend the engine and run the same command again: it goes on where it stopped",
            )
        return decisions.join(self.dataset.dev_labels())
