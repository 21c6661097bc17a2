"""What is said of an evaluation beside its numbers: which server answered, and what an invalid reply looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.agents import GUARDS, RECALIBRATED
from workbench.engines import UNKNOWN, Origin
from workbench.metrics import Status, as_given
from workbench.pilot import GuardName
from workbench.words import MAX_SHOWN, readable

MAX_REPLY = 160
MAX_ID = 60


def remarks_of(decisions: pd.DataFrame, identity: Mapping[str, Any], origins: Mapping[Origin, int]) -> tuple[str, ...]:
    """Return what is to be said, a sentence each.

    Parameters
    ----------
    decisions : DataFrame
        As `workbench.evaluation.confidence.decisions_of` gives them.
    identity : mapping
        What makes the agent this version.
    origins : mapping
        What servers said of themselves in this version's replies, as `Journal.origins` counts it.
    """
    said = (
        _unknown(identity.get("engine", {})),
        _changed(origins),
        _recalibrated(decisions, identity.get(RECALIBRATED)),
        _unrecognised(identity.get(GUARDS, ())),
        _invalid(decisions),
    )
    return tuple(sentence for sentence in said if sentence is not None)


def _unknown(engine: Mapping[str, Any]) -> str | None:
    if engine.get("served") != UNKNOWN:
        return None
    return "What the server serves could not be asked, so its answers are kept by its name and address alone"


def _changed(origins: Mapping[Origin, int]) -> str | None:
    """Return that more than one state of a server answered one version."""
    if len(origins) < 2:
        return None
    named = [f"{_named(origin)} ({n:,})" for origin, n in origins.items()]
    more = f" and {len(named) - MAX_SHOWN:,} more" if len(named) > MAX_SHOWN else ""
    return (
        f"The server changed while this version was asked: its replies name {len(named):,} states of it, "
        f"{', '.join(named[:MAX_SHOWN])}{more}; a declared version in pilot.yaml keeps them apart"
    )


def _named(origin: Origin) -> str:
    return readable(" ".join(part for part in (origin.model, origin.fingerprint) if part), MAX_ID)


def _recalibrated(decisions: pd.DataFrame, way: str | None) -> str | None:
    """Return that the confidence is recalibrated, or why it is not and nothing is decided alone."""
    if way is None:
        return None
    if as_given(decisions)["confidence"].notna().any() and decisions["confidence"].isna().all():
        wanted = "right and wrong decisions in any four of the five folds of the development records"
        return f"Its confidence cannot be recalibrated, so that it decides nothing alone: that needs {wanted}"
    return f"Its confidence is recalibrated ({way.capitalize()}): a chance of being right, from development decisions"


def _unrecognised(guards: Sequence[Mapping[str, Any]]) -> str | None:
    """Return which categories of the charter a guard cannot tell when it is decided."""
    named = [str(one) for guard in guards for one in guard.get("unrecognised", ())]
    if not named:
        return None
    return f"The guard {GuardName.MUST_REACH_A_PERSON.value} cannot tell from a record: {', '.join(named)}"


def _invalid(decisions: pd.DataFrame) -> str | None:
    """Return the commonest cause of invalid replies with one of them."""
    invalid = decisions[decisions["status"] == Status.INVALID.value]
    if invalid.empty:
        return None
    cause = invalid["cause"].mode().iloc[0]
    alike = invalid[invalid["cause"] == cause]
    first = alike.iloc[0]
    text = readable(first["text"] or "", MAX_REPLY) or readable(first["detail"] or "", MAX_REPLY)
    asked = f"{len(alike):,} of {len(decisions):,} replies are invalid ({cause})"
    return f"{asked}, such as that to record {readable(first['record_id'], MAX_ID)}: {text}"
