"""Every headline number of a bundle computed again from the decisions and labels inside it.

Numbers are the same when they differ by no more than one part in a billion: scipy's distribution functions differ in
the last bits from version to version. Counts, texts and undefined values must be equal.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.agents import RECALIBRATED
from workbench.errors import SignatureError, shown
from workbench.evidence import DECISIONS, EVALUATIONS, read_decisions, settings_from_inputs
from workbench.metrics import (
    DEFAULT_CONFIDENCE_LEVEL,
    SELECTIVE_ACCURACY,
    Recalibration,
    certified_accuracy,
    evaluate_outcomes,
    recalibrated,
    threshold_for,
)
from workbench.pilot.charter import Charter
from workbench.runs.journal import digest_of

TOLERANCE = 1e-9
# One run's duration is not in its decisions.
NOT_IN_DECISIONS = frozenset({"throughput_per_hour"})
HOLDOUT = "holdout"


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """One evaluation of a bundle: what it says, and its decisions."""

    content: Mapping[str, Any]
    outcomes: pd.DataFrame

    @property
    def indexed(self) -> pd.DataFrame:
        """The outcomes with record ids as the index."""
        return self.outcomes.set_index("record_id", drop=False).rename_axis(index=None)


def recorded_evaluations(files: Mapping[str, bytes]) -> tuple[Recorded, ...]:
    """Return the evaluations in a bundle; each must have its decisions, and decisions an evaluation.

    Raises
    ------
    SignatureError
        One is without the other, or a file cannot be read.
    """
    described = {path: parsed(files, path) for path in sorted(files) if path.startswith(f"{EVALUATIONS}/")}
    expected = {f"{DECISIONS}/{path[len(EVALUATIONS) + 1 :].removesuffix('.json')}.csv": path for path in described}
    there = {path for path in files if path.startswith(f"{DECISIONS}/")}
    if set(expected) != there:
        raise SignatureError(
            "evaluations and decisions do not belong together", got=shown(sorted(set(expected) ^ there))
        )
    return tuple(Recorded(described[path], read_decisions(files[name])) for name, path in expected.items())


def check_evaluation(recorded: Recorded) -> int:
    """Compute an evaluation's counts and estimates again and return how many numbers were compared.

    Raises
    ------
    SignatureError
        A number is not what the decisions give, or the version is not what its digest says.
    """
    content, outcomes = recorded.content, recorded.outcomes
    where = f"{content['agent']} on {content['split']}"
    if outcomes["record_id"].duplicated().any():
        raise SignatureError("a record is decided twice", where=where)
    if digest_of(content["identity"]) != content["agent_digest"]:
        raise SignatureError("the version is not the one that its digest names", where=where)
    counts = {"planned": len(outcomes), **dict.fromkeys(("ok", "invalid", "failed", "skipped"), 0)}
    counts |= {str(status): int(n) for status, n in outcomes["status"].value_counts().items()}
    require_same(counts, content["counts"], f"counts of {where}")
    settings = settings_from_inputs(content["inputs"], DEFAULT_CONFIDENCE_LEVEL)
    chosen = content["threshold"]
    require_same(settings.threshold, None if chosen is None else chosen["threshold"], f"threshold of {where}")
    found, block = evaluate_outcomes(outcomes, settings), content.get("certification")
    if block is not None:
        found["selective_accuracy"] = certified_accuracy(outcomes, block, found["selective_accuracy"], settings)
    estimates = {name: one.as_json() for name, one in found.items()}
    stored = dict(content["estimates"])
    for name in NOT_IN_DECISIONS:
        estimates.pop(name, None), stored.pop(name, None)
    require_same(sorted(estimates), sorted(stored), f"metrics of {where}")
    for name, estimate in estimates.items():
        require_same(estimate, stored[name], f"{name} of {where}")
    return len(counts) + len(estimates)


def check_threshold(recorded: Recorded, charter: Charter, development: pd.DataFrame | None) -> None:
    """Hold the threshold of an evaluation against its certificate, else against development decisions.

    Parameters
    ----------
    development : DataFrame, optional
        Outcomes of the same version on all development records; without them only a certified threshold can be held
        against anything.

    Raises
    ------
    SignatureError
        The threshold is another one.
    """
    content = recorded.content
    block, chosen = content["certification"], content["threshold"]
    where = f"threshold of {content['agent']} on {content['split']}"
    if block is not None and block["threshold"] is not None:
        require_same(block["threshold"], None if chosen is None else chosen["threshold"], where)
        return
    target = charter.target(SELECTIVE_ACCURACY)
    if target is None:
        require_same(None, chosen, where)
    elif development is not None:
        choice = threshold_for(development, target, content["inputs"]["escalate_label"])
        require_same(None if choice is None else choice.as_json(), chosen, where)


def development_of(recorded: Recorded, others: Sequence[Recorded]) -> pd.DataFrame | None:
    """Return the outcomes of the same version on development records, None where they are not in the bundle."""
    digest = recorded.content["agent_digest"]
    same = [one for one in others if one.content["split"] != HOLDOUT and one.content["agent_digest"] == digest]
    return same[0].indexed if same else None


def check_confidence(recorded: Recorded, others: Sequence[Recorded]) -> None:
    """Recalibrate an evaluation's confidences again, where its version does.

    Parameters
    ----------
    others : sequence
        All evaluations of the bundle; holdout decisions are recalibrated by the development decisions among them.

    Raises
    ------
    SignatureError
        A confidence is another one, or what it was fitted on is not there.
    """
    content, outcomes = recorded.content, recorded.indexed
    way = content["identity"].get(RECALIBRATED)
    if way is None:
        return
    where = f"confidence of {content['agent']} on {content['split']}"
    is_holdout = content["split"] == HOLDOUT
    development = development_of(recorded, others) if is_holdout else None
    if development is None and (is_holdout or "fold" not in outcomes):
        raise SignatureError("what a recalibration was fitted on is not in the bundle", where=where)
    found = recalibrated(outcomes, Recalibration(way), development)
    off = ~np.isclose(found, outcomes["confidence"], rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    if off.any():
        at = int(off.argmax())
        require_same(float(found[at]), float(outcomes["confidence"].iloc[at]), f"{where}, {outcomes.index[at]}")


def parsed(files: Mapping[str, bytes], path: str) -> dict[str, Any]:
    """Return a JSON object of a bundle. Raises SignatureError when there is none at the path."""
    try:
        content = json.loads(files[path])
    except (KeyError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise SignatureError("a file that evidence needs is missing or no JSON object", got=path)
    return content


def require_same(computed: object, stored: object, what: str) -> None:
    """Refuse what is stored when it is not what was computed again. Raises SignatureError."""
    if not _is_same(computed, stored):
        raise SignatureError(
            f"{what}: the bundle does not say what its decisions give",
            got=str(stored)[:200],
            expected=str(computed)[:200],
        )


def _is_same(one: object, other: object) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(_is_same(a, b) for a, b in zip(one, other, strict=True))
    is_number = isinstance(one, int | float) and isinstance(other, int | float)
    if is_number and not isinstance(one, bool) and not isinstance(other, bool):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)  # type: ignore[arg-type]
    return type(one) is type(other) and one == other
