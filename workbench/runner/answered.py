"""Whether anything answered: a run without a single decision says nothing of an agent, and nothing follows from it."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from workbench.decisions import Status
from workbench.errors import RunError

MAX_DETAIL = 200
REMEDIES = {
    Status.FAILED: "mend what answers (server, address, model, or the agent's own code), then the same command again",
    Status.INVALID: "mend the prompt or how the agent replies (`workbench record PILOT ID` shows one), then run again",
    Status.SKIPPED: "mend what keeps the records from being asked, then the same command again",
}


def require_decisions(decisions: pd.DataFrame, where: str) -> None:
    """Refuse decisions of which not a single one is ok.

    Parameters
    ----------
    decisions : DataFrame
        As `Journal.decisions` gives them.
    where : str
        Whose decisions these are.

    Raises
    ------
    RunError
        Records were to be decided and none was; the commonest cause is named with an example.
    """
    if decisions.empty or (decisions["status"] == Status.OK.value).any():
        return
    status, cause = Counter(zip(decisions["status"], decisions["cause"], strict=True)).most_common(1)[0][0]
    alike = decisions[(decisions["status"] == status) & (decisions["cause"] == cause)]
    detail = next((f", such as: {str(text)[:MAX_DETAIL]}" for text in alike["detail"] if text), "")
    raise RunError(
        f"not one of {len(decisions):,} records got a decision, so nothing goes on and the holdout stays sealed",
        where=where,
        got=f"{len(alike):,} {status}: {cause}{detail}",
        remedy=REMEDIES[Status(status)],
    )
