"""Whether enough was answered: a run that lost more says too little of an agent, and nothing follows from it."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from workbench.engines import FailureCause
from workbench.metrics import Status
from workbench.runs.runner.queue import ABOUT_THE_SERVER, Refusal
from workbench.runs.runner.running import Session
from workbench.words import RunError

MAX_DETAIL = 200
SEALED = "so nothing goes on and the holdout stays sealed"
AGAIN = "then the same command again: failed calls are asked again"
KINDS = {
    FailureCause.EXCEPTION.value: "it fails on every record",
    FailureCause.NO_REPLY.value: "it ends without an answer",
}
REMEDIES = {
    Status.FAILED: f"mend what answers (server, address, model, or the agent's own code), {AGAIN}",
    Status.INVALID: "mend the prompt or how the agent replies (`workbench record PILOT ID` shows one), then run again",
    Status.SKIPPED: "mend what keeps the records from being asked, then the same command again",
}


def require_answers(session: Session, decisions: pd.DataFrame, where: str, max_failed_share: float) -> None:
    """Refuse a run that was not asked to its end, got no decision, or lost more calls than are allowed.

    Parameters
    ----------
    session : Session
    decisions : DataFrame
        Of its run, as `Journal.decisions` gives them.
    where : str
        Whose decisions these are.
    max_failed_share : float
        Of the planned records, how many may be failed or skipped; in [0, 1].

    Raises
    ------
    RunError
        So it is; the commonest cause is named with an example.
    """
    require_asked(session, where)
    require_decisions(decisions, where)
    info = session.info
    if info.failed_share > max_failed_share:
        raise RunError(
            f"{info.failed_share:.1%} of the calls failed, {SEALED}",
            where=where,
            got=f"{info.failed + info.skipped:,} of {info.planned:,}, {_commonest(decisions)}",
            expected=f"at most {max_failed_share:.1%} (max_failed_share in pilot.yaml, signed with the charter)",
            remedy=REMEDIES[Status.FAILED],
        )


def require_asked(session: Session, where: str) -> None:
    """Refuse a session that had to stop asking before its records were all asked."""
    info, refusal = session.info, session.refusal
    if refusal is None or (refusal.cause != FailureCause.AUTH.value and not info.skipped):
        return
    problem, remedy = _stopped(refusal)
    raise RunError(
        f"{problem}, {SEALED}",
        where=f"{where}: {info.failed:,} calls failed, {info.skipped:,} records were skipped",
        got=f"{refusal.cause}: {refusal.detail[:MAX_DETAIL]}",
        remedy=remedy,
    )


def require_decisions(decisions: pd.DataFrame, where: str) -> None:
    """Refuse decisions of which not a single one is ok."""
    if decisions.empty or (decisions["status"] == Status.OK.value).any():
        return
    raise RunError(
        f"not one of {len(decisions):,} records got a decision, {SEALED}",
        where=where,
        got=_commonest(decisions),
        remedy=REMEDIES[Status(Counter(decisions["status"]).most_common(1)[0][0])],
    )


def _stopped(refusal: Refusal) -> tuple[str, str]:
    """Return what a run that stopped met, and what to do."""
    if refusal.cause == FailureCause.AUTH.value:
        key = "set the key's environment variable (server: api_key_env in pilot.yaml) and run the same command again"
        return "the server refused the credentials", key
    kind = KINDS.get(refusal.cause, "unreachable" if refusal.cause in ABOUT_THE_SERVER else "it refuses every call")
    return f"{kind}: {refusal.n_failed:,} calls in a row failed, and no further one was made", REMEDIES[Status.FAILED]


def _commonest(decisions: pd.DataFrame) -> str:
    """Return the commonest cause of records without a decision, with an example."""
    lost = decisions[decisions["status"] != Status.OK.value]
    status, cause = Counter(zip(lost["status"], lost["cause"], strict=True)).most_common(1)[0][0]
    alike = lost[(lost["status"] == status) & (lost["cause"] == cause)]
    detail = next((f", such as: {str(text)[:MAX_DETAIL]}" for text in alike["detail"] if text), "")
    return f"{len(alike):,} {status}: {cause}{detail}"
