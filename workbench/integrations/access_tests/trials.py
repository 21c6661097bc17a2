"""What was tried, what had to happen and what happened: one line each, with its verdict."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import pandas as pd

from workbench.integrations.lines import LineVerdict, ProbeLine

COLUMNS = ("system", "operation", "tried", "expected", "happened", "n", "verdict", "detail")


class AccessVerdict(StrEnum):
    """What came of a try, the worst first."""

    LET_IN = "let in"
    UNCLEAR = "unclear"
    NOT_MEASURED = "not measured"
    REFUSED = "refused"


class AccessKind(StrEnum):
    """What a try is about; its name begins with it."""

    RIGHTS = "rights"
    ACCESS = "access"
    TENANT = "tenant"
    INPUT = "input"
    CANARY = "canary"


VERDICTS = {
    LineVerdict.DEVIATES: AccessVerdict.LET_IN,
    LineVerdict.UNCLEAR: AccessVerdict.UNCLEAR,
    LineVerdict.NOT_MEASURED: AccessVerdict.NOT_MEASURED,
    LineVerdict.KEPT: AccessVerdict.REFUSED,
}


def trials_table(lines: Iterable[ProbeLine]) -> pd.DataFrame:
    """Return what was tried as a table, one try a row; `n` counts its calls, or the values that were looked at."""
    rows = [
        (
            one.system,
            one.operation,
            one.line,
            one.declared,
            one.measured,
            one.n,
            VERDICTS[one.verdict].value,
            one.detail,
        )
        for one in lines
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"n": "int64"})


def kind_of_trial(tried: str) -> AccessKind:
    """Return what a try is about.

    Examples
    --------
    >>> kind_of_trial("rights: DELETE /orders/{po_number}")
    <AccessKind.RIGHTS: 'rights'>
    """
    return AccessKind(tried.partition(":")[0])


def matrix_of_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the worst verdict of each system on each kind of try, missing where none was made of a kind.

    "not measured" stands only where nothing of the kind was.
    """
    order = [AccessVerdict.LET_IN, AccessVerdict.UNCLEAR, AccessVerdict.REFUSED, AccessVerdict.NOT_MEASURED]
    ranks = trials["verdict"].map({verdict.value: rank for rank, verdict in enumerate(order)})
    kinds = trials["tried"].map(lambda tried: kind_of_trial(tried).value)
    worst = ranks.groupby([trials["system"], kinds], sort=False).min().unstack()
    columns = [kind.value for kind in AccessKind if kind.value in worst.columns]
    systems = list(dict.fromkeys(trials["system"]))
    return worst.reindex(index=systems, columns=columns).map(lambda rank: order[int(rank)].value, na_action="ignore")


def open_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Return what was left open by its cause: `verdict`, `why`, `tries` (how many) and `of` (systems)."""
    left = trials[trials["verdict"].isin([AccessVerdict.UNCLEAR.value, AccessVerdict.NOT_MEASURED.value])]
    rows = [
        (verdict, why, len(part), ", ".join(dict.fromkeys(part["system"])))
        for (verdict, why), part in left.groupby(["verdict", "detail"], sort=False)
    ]
    found = pd.DataFrame(rows, columns=["verdict", "why", "tries", "of"])
    return found.sort_values(["verdict", "tries"], ascending=False, kind="stable", ignore_index=True)
