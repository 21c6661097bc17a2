"""A version asked several times at a temperature: how often it is right every time, and how often it agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.engines import EngineChoice
from workbench.evaluation import Again, ask_again
from workbench.metrics import Estimate, Status
from workbench.pilot import Pilot
from workbench.records.splits import Dataset, Split
from workbench.runs import RunRequest
from workbench.runs.journal import JOURNAL_FILE, Journal

CONFIDENCE_LEVEL = 0.95
METHOD = "Clopper-Pearson 95% on records, conservative for shares"


@dataclass(frozen=True, slots=True)
class RepeatRequest:
    """How often to ask, at which temperature, on how many development records (None for all), on which engine."""

    times: int = 5
    temperature: float = 0.7
    limit: int | None = None
    engine: EngineChoice = field(default_factory=EngineChoice)
    show_progress: bool = True


@dataclass(frozen=True, slots=True)
class Repeats:
    """One version asked several times on the same development records.

    Parameters
    ----------
    runs : tuple of str
        The runs in the journal, in order.
    right : DataFrame of bool
        One row per record, one column per repeat; a decision that is invalid or failed is not right.
    said : DataFrame of str
        The same for what was answered; None where there was no valid answer.
    """

    agent: str
    temperature: float
    runs: tuple[str, ...]
    right: pd.DataFrame
    said: pd.DataFrame

    @property
    def times(self) -> int:
        """How often each record was asked."""
        return self.right.shape[1]

    def estimates(self) -> dict[str, Estimate]:
        """Return `pass^1` to `pass^k`, `agreement` and `always_the_same`, each with its interval over records.

        pass^j is the chance that j repeats of a record are all right; pass^1 is the accuracy at this temperature. It is
        estimated without bias from k repeats: of a record that is right c times, the share C(c, j) / C(k, j) of the
        choices of j repeats. `agreement` is the chance that two repeats answer the same, `always_the_same` the share of
        records that are answered the same all k times. Repeats of a record belong together, so that the denominator of
        every interval is records, not calls.
        """
        hits = self.right.to_numpy().sum(axis=1)
        shares = {
            f"pass^{j}": np.array([comb(int(c), j) / comb(self.times, j) for c in hits])
            for j in range(1, self.times + 1)
        }
        pairs = _pairwise_agreement(self.said)
        shares |= {"agreement": pairs, "always_the_same": (pairs == 1.0).astype(float)}
        return {name: mean_of_shares(values) for name, values in shares.items()}

    def unsteady(self) -> pd.Index[str]:
        """Return the records whose repeats do not all answer the same, the least agreed on first."""
        agreement = pd.Series(_pairwise_agreement(self.said), index=self.said.index)
        return agreement[agreement < 1.0].sort_values(kind="stable").index


def ask_repeatedly(pilot: Pilot, agent: str, request: RepeatRequest, dataset: Dataset) -> Repeats:
    """Ask a version several times about the same development records, as far as the journal does not have it yet.

    Every repeat is a run of the journal with its own seed, so more repeats later ask only what is new, and none of them
    touches the version's own decisions.

    Raises
    ------
    InputError
        Fewer than two repeats, no temperature above 0, or a Python agent.
    RunError
        The run was interrupted, or the server refused the credentials.
    """
    asked = RunRequest(Split.DEV, request.limit, request.engine, request.show_progress)
    runs = ask_again(pilot, agent, asked, Again(request.times, request.temperature), dataset)
    labels = dataset.dev_labels()["label"]
    right, said = {}, {}
    with Journal(pilot.runs / JOURNAL_FILE) as journal:
        for number, run in enumerate(runs, start=1):
            decisions = journal.decisions(run)
            said[number] = decisions["action"].astype(object).where(decisions["status"] == Status.OK.value, None)
            right[number] = said[number] == labels.loc[decisions.index]
    return Repeats(agent, request.temperature, runs, pd.DataFrame(right), pd.DataFrame(said, dtype=object))


def mean_of_shares(shares: Sequence[float] | NDArray[np.float64]) -> Estimate:
    """Return the mean of one share in [0, 1] per record, with an interval that also holds where all are 0 or 1.

    The interval is that of Clopper and Pearson with the sum of the shares in the place of the number of successes: a
    share in [0, 1] never varies more than a yes or no of the same mean, so it is conservative.
    """
    values = np.asarray(shares, dtype=float)
    n = len(values)
    if not n:
        return Estimate.undefined("no record was asked")
    from scipy import special

    total, tail = float(values.sum()), (1.0 - CONFIDENCE_LEVEL) / 2
    lower = float(special.betaincinv(total, n - total + 1, tail)) if total > 0 else 0.0
    upper = float(special.betaincinv(total + 1, n - total, 1 - tail)) if total < n else 1.0
    return Estimate(total / n, lower, upper, n, METHOD)


def _pairwise_agreement(said: pd.DataFrame) -> NDArray[np.float64]:
    """Return for each record the share of pairs of repeats that answer the same; no answer agrees with nothing."""
    pairs = comb(said.shape[1], 2)
    values = said.to_numpy(dtype=object)
    alike = np.zeros(len(values))
    for one in range(values.shape[1]):
        for two in range(one + 1, values.shape[1]):
            alike += (values[:, one] == values[:, two]) & (values[:, one] != None)  # noqa: E711 - elementwise
    return alike / pairs
