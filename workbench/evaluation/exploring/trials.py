"""A prompt tried on a few development records: asked like a version, and none.

Its answers are in a journal of their own, so that no list of versions has it, no correction counts it, and the same
text asks nothing twice. It counts from when it is an agent of pilot.yaml.
"""

from __future__ import annotations

import difflib
import html
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from workbench.agents import PromptAgent, preparation_for, shared_engine
from workbench.agents.prompts import Prompt, prompt_in, read_prompts
from workbench.engines import EngineChoice
from workbench.evaluation import Evaluation, evaluation_of
from workbench.evaluation.versions import paired_difference
from workbench.metrics import is_right
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split
from workbench.runs import checked_limit
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.runs.runner import RecordSelection, require_asked, require_decisions, run_agent
from workbench.words import InputError, counted, several

NAME = "trial"
FOLDER = "trials"
HEAD = f"---\nname: {NAME}\nchange_note: tried, no version\n---\n\n"


@dataclass(frozen=True, slots=True, repr=False)
class Trial:
    """What a prompt decided on a few development records. A trial: not a version.

    Parameters
    ----------
    against : str, optional
        The version whose prompt is nearest; None where no prompt was asked about all development records.
    right, right_before, n : int
        How many of the same n records the trial gets right, and that version (0 where there is none).
    mended, broken : int
        Records that only the trial gets right, and that only the version does.
    decisions : DataFrame
        As `LoadedPilot.decisions` gives them; `before` is what that version decided.
    """

    against: str | None
    n: int
    right: int
    right_before: int
    mended: int
    broken: int
    decisions: pd.DataFrame = field(compare=False)

    def __repr__(self) -> str:
        said = f"A trial, not a version: right on {counted(self.right, self.n)} development records"
        if self.against is None:
            return f"{said}."
        (gain,), (lower,), (upper,) = paired_difference([self.mended], [self.broken], [self.n])
        return (
            f"{said}, {self.against} on {counted(self.right_before, self.n)} of the same:"
            f" {self.mended} mended, {self.broken} broken, {100 * float(gain):+.1f} points"
            f" ({100 * float(lower):+.1f} to {100 * float(upper):+.1f})."
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>{self.decisions.to_html(max_rows=8, notebook=True)}"


@dataclass(frozen=True, slots=True)
class Tryout:
    """What a prompt is tried with: the pilot, its records, its engine, and versions by the name of their prompt."""

    pilot: Pilot
    dataset: Dataset
    engine: EngineChoice
    versions: Mapping[str, str]


def tried_prompt(tryout: Tryout, text: str | Path, n: int) -> tuple[Evaluation, str | None]:
    """Ask the first n development records with a prompt; return the decisions and the version that is nearest to it.

    Raises
    ------
    InputError
        The text is no prompt document, the limit is below one, or the engine's settings do not fit.
    RunError
        The run was interrupted, the server refuses, or not one decision came back.
    """
    pilot, dataset = tryout.pilot, tryout.dataset
    selection = RecordSelection(dataset, Split.DEV, dataset.ids(Split.DEV, checked_limit(n)))
    prompt, nearest = _prompt(tryout, text)
    engine = shared_engine(pilot, tryout.engine)()
    agent = PromptAgent(NAME, prompt, engine, dataset.labels, preparation_for(pilot, prompt))
    agent.prepare()
    with Journal(pilot.runs / FOLDER / JOURNAL_FILE) as journal:
        session = run_agent(journal, agent, selection)
        where = f"a trial of {several(session.info.planned, 'record')}"
        require_asked(session, where)
        require_decisions(journal.decisions(session.info.run), where)
        return evaluation_of(pilot, dataset, journal, session, agent.identity), nearest


def judged_trial(decisions: pd.DataFrame, against: Evaluation | None) -> Trial:
    """Return a trial beside the version that is nearest to it, on the same records."""
    right, n = decisions["right"], len(decisions)
    if against is None:
        return Trial(None, n, int(right.sum()), 0, 0, 0, decisions)
    outcomes = against.outcomes.loc[decisions.index]
    before = is_right(outcomes)
    mended, broken = int((right & ~before).sum()), int((before & ~right).sum())
    table = decisions.assign(before=outcomes["action"])
    return Trial(against.agent, n, int(right.sum()), int(before.sum()), mended, broken, table)


def _prompt(tryout: Tryout, text: str | Path) -> tuple[Prompt, str | None]:
    """Return the prompt that is meant, and the version whose prompt is nearest.

    Sections alone are held to what that version's document says of sampling and of the reply.
    """
    pilot, documents = tryout.pilot, read_prompts(tryout.pilot.suite / "prompts", tryout.pilot.prompt_fields)
    path, content = _document(text)
    is_whole = content.lstrip().startswith("---")
    prompt = prompt_in(content.lstrip() if is_whole else HEAD + content, path, pilot.prompt_fields)
    known = {name: documents[name] for name in tryout.versions if name in documents}
    nearest = max(known, key=lambda name: _likeness(prompt, known[name]), default=None)
    if not is_whole and nearest is not None:
        prompt = replace(prompt, sampling=known[nearest].sampling, schema=known[nearest].schema)
    return prompt, None if nearest is None else tryout.versions[nearest]


def _document(text: str | Path) -> tuple[Path, str]:
    """Return what names a text in messages, and the text; a line that ends in .md is a path."""
    if isinstance(text, str) and ("\n" in text.strip() or not text.strip().endswith(".md")):
        return Path("the text of the trial"), text
    path = Path(str(text).strip()).expanduser()
    if not path.is_file():
        raise InputError("there is no such prompt", where=str(path.resolve()), expected="a file, or the prompt's text")
    return path, path.read_text(encoding="utf-8")


def _likeness(one: Prompt, other: Prompt) -> float:
    """Return how far two documents have the same lines, from 0 to 1."""
    a, b = ((prompt.system_source + "\n" + prompt.record_source).splitlines() for prompt in (one, other))
    return difflib.SequenceMatcher(None, a, b, autojunk=False).ratio()
