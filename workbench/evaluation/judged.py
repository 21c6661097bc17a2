"""The judged version as a gate sees it: its exhibit, beside the opening of the holdout that it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.evidence import Answer, Exhibit, Facts, maker
from workbench.metrics import EvaluationSettings, is_asked, is_right
from workbench.pilot import cell_text, price_of
from workbench.records import cells_in
from workbench.records.ledger import Opening, id_digest, read_opened
from workbench.words import SignatureError, percent

EVALUATE = "evaluate a version on the holdout"
EVALUATION, HOLDOUT_TABLE, DEVELOPMENT_TABLE = "evaluation", "holdout", "development"
LABELS = "labels"  # among the facts of the exhibit


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The agent version a gate judges, on the holdout.

    Parameters
    ----------
    content : mapping
        `Evaluation.as_json()`.
    outcomes : DataFrame
        Decisions beside labels and strata, record ids as the index.
    opening : int
        Number of the opening on the ledger.
    share : float
        Share of the significance level that this opening is charged.
    rows : str
        Merkle root of the decisions, as the opening has it.
    changes : tuple of str
        What the ledger says has changed in opened records since earlier openings.
    seen : Series, optional
        Whether an earlier opening saw each record, on the index of the outcomes; None where the ledger does not say.
    development : (mapping, DataFrame), optional
        Content and outcomes of the same version on all development records; None where there is no such run.
    labels : mapping, optional
        `LabelsCompared.as_json()`; None where labels are those in the records.
    """

    content: Mapping[str, Any]
    outcomes: pd.DataFrame
    opening: int
    share: float
    rows: str
    changes: tuple[str, ...]
    seen: pd.Series[bool] | None
    development: tuple[Mapping[str, Any], pd.DataFrame] | None
    labels: Mapping[str, Any] | None = None

    @property
    def threshold(self) -> float | None:
        """The threshold that the version is judged at."""
        return threshold_in(self.content)

    def settings_at(self, facts: Facts, confidence_level: float) -> EvaluationSettings:
        """Return what estimates of the version depend on besides its outcomes."""
        agreed = facts.pilot.settings
        return EvaluationSettings(
            threshold=self.threshold,
            escalate_label=agreed.escalate_label,
            confidence_level=confidence_level,
            price=price_of(self.content["identity"], agreed.prices),
        )

    def members(self, facts: Facts, where: Mapping[str, str]) -> pd.DataFrame:
        """Return the outcomes of the records whose columns have the named values.

        Raises
        ------
        InputError
            The records have no such column.
        """
        chosen = self.outcomes
        for column, value in where.items():
            chosen = chosen[cells_in(column, facts.cells, chosen).map(cell_text) == value]
        return chosen


@lru_cache(maxsize=2)
def judged_of(facts: Facts) -> Judged | None:
    """Return the judged version, None where there is no evaluation on the present holdout.

    Raises
    ------
    SignatureError
        The ledger has no such opening.
    """
    exhibit = facts.exhibits.get(EVALUATION)
    if exhibit is None:
        return None
    path, openings = facts.ledger
    opening = opening_of(openings, exhibit.facts["opening"])
    outcomes, development = indexed(exhibit.tables[HOLDOUT_TABLE]), None
    if DEVELOPMENT_TABLE in exhibit.tables:
        development = split_contents(exhibit)[DEVELOPMENT_TABLE], indexed(exhibit.tables[DEVELOPMENT_TABLE])
    return Judged(
        split_contents(exhibit)[HOLDOUT_TABLE],
        outcomes,
        opening.number,
        opening.charge,
        opening.rows or "",
        opening.changes,
        seen_before(opening, (path, openings), outcomes.index),
        development,
        exhibit.facts.get(LABELS),
    )


def judged_among(exhibits: Iterable[Exhibit], facts: Facts) -> Judged | None:
    """Return the judged version where its exhibit is among those that a gate asks for."""
    return judged_of(facts) if any(one.maker == EVALUATION for one in exhibits) else None


def judged_ids(exhibits: Mapping[str, Exhibit]) -> pd.Index[str]:
    """Return the ids of the judged records."""
    exhibit = exhibits.get(EVALUATION)
    ids = [] if exhibit is None else exhibit.tables[HOLDOUT_TABLE]["record_id"].tolist()
    index: pd.Index[str] = pd.Index(ids, dtype=object)
    return index


def not_judged(facts: Facts) -> Answer:
    """Return the answer of a check where no version was judged."""
    return maker(EVALUATION).when_absent(facts)


def split_contents(exhibit: Exhibit) -> dict[str, dict[str, Any]]:
    """Return what an exhibit says of each split, by the name of its table."""
    holdout = {**exhibit.facts[HOLDOUT_TABLE], "estimates": {n: one.as_json() for n, one in exhibit.estimates.items()}}
    return {**{name: exhibit.facts[name] for name in exhibit.tables}, HOLDOUT_TABLE: holdout}


def indexed(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return a table of outcomes with record ids as the index, too."""
    return outcomes.set_index("record_id", drop=False).rename_axis(index=None)


def opening_of(openings: Sequence[Opening], number: int) -> Opening:
    """Return an opening by its number. Raises SignatureError when the ledger has none."""
    if not 1 <= number <= len(openings):
        raise SignatureError("holdout results without an opening on the ledger", got=f"opening {number}")
    return openings[number - 1]


def threshold_in(content: Mapping[str, Any]) -> float | None:
    """Return the threshold of an evaluation from its JSON values, None where it has none."""
    chosen = content.get("threshold")
    return None if chosen is None else float(chosen["threshold"])


def right_of(outcomes: pd.DataFrame) -> tuple[int, int]:
    """Return how many of the decisions that were asked for are right, and how many were asked for."""
    asked = is_asked(outcomes).to_numpy()
    return int((is_right(outcomes).to_numpy() & asked).sum()), int(asked.sum())


def share_of(counts: tuple[int, int]) -> str:
    """Return hits and of how many as text, such as "87.5% of 4,480"."""
    hits, n = counts
    return f"{percent(hits / n) if n else 'none'} of {n:,}"


def seen_before(opening: Opening, ledger: tuple[Path, Sequence[Opening]], ids: pd.Index[str]) -> pd.Series[bool] | None:
    """Return which records were seen by openings before the first one of this look; None where no list says so.

    A record is known by its id, and by its content where no other record of today has the same.
    """
    path, openings = ledger
    first = opening.repeat_of or opening.number
    names = {one.records for one in openings if one.number < first}
    lists = [None if name is None else read_opened(path, name) for name in (*names, opening.records)]
    if any(one is None for one in lists):
        return None
    *earlier, own = [one for one in lists if one is not None]
    shared = {one for one, count in Counter(own.content).items() if count > 1}
    content = {one for known in earlier for one in known.content} - {""} - shared
    known_ids = {one for known in earlier for one in known.ids}
    content_of = dict(zip(own.ids, own.content, strict=True))
    digests = [id_digest(name) for name in ids]
    seen = [name in known_ids or content_of.get(name) in content for name in digests]
    return pd.Series(seen, index=ids, dtype=bool)
