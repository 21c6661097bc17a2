"""Every headline number of a bundle computed again from the decisions and labels inside it.

Numbers are the same when they differ by no more than one part in a billion: scipy's distribution functions differ in
the last bits from version to version. Counts, texts and undefined values must be equal.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.charter import Operator
from workbench.errors import SignatureError, WorkbenchError, shown
from workbench.evidence.decisions import DECISIONS, EVALUATIONS, read_decisions, settings_from_inputs
from workbench.journal import digest_of
from workbench.metrics import METRIC_NAMES, Estimate, evaluate_outcomes
from workbench.metrics.certified import certified_accuracy, takes_certificate
from workbench.metrics.estimate import DEFAULT_CONFIDENCE_LEVEL
from workbench.metrics.measured import audited, measured

TOLERANCE = 1e-9
# One run's duration is not in its decisions.
NOT_IN_DECISIONS = frozenset({"throughput_per_hour"})
FINDINGS_FILE, CRITERIA_FILE, ESTIMATES_FILE = "findings.json", "criteria.json", "estimates.json"
HOLDOUT = "holdout"


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """One evaluation of a bundle: what it says, and its decisions."""

    content: Mapping[str, Any]
    outcomes: pd.DataFrame


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


def check_criteria(files: Mapping[str, bytes], verdict: Mapping[str, Any], evaluations: tuple[Recorded, ...]) -> int:
    """Compute the estimate and the state of every criterion on a number again; return how many there are.

    Raises
    ------
    SignatureError
        An estimate or state does not follow from the decisions.
    """
    numeric = [one for one in verdict["criteria"] if one["kind"] in ("kpi", "metric")]
    for one in numeric:
        if one["estimate"] is None:
            if one["state"] != "unproven":
                raise SignatureError("a criterion without an estimate cannot be decided", got=one["id"])
            continue
        estimate = _estimate(one, files, verdict, evaluations)
        require_same(estimate.as_json(), one["estimate"], f"criterion {one['id']}")
        require_same(_state(one, estimate), one["state"], f"state of criterion {one['id']}")
    return sum(one["estimate"] is not None for one in numeric)


def check_copies(files: Mapping[str, bytes], verdict: Mapping[str, Any], judged: tuple[Recorded, ...]) -> None:
    """Refuse copies of criteria and estimates, for people to read, that say something else than what was verified.

    Raises
    ------
    SignatureError
        A copy differs.
    """
    if CRITERIA_FILE in files:
        said = [{name: value for name, value in one.items() if name != "waived"} for one in verdict["criteria"]]
        require_same(said, json.loads(files[CRITERIA_FILE]), CRITERIA_FILE)
    if ESTIMATES_FILE in files:
        require_same([one.content["estimates"] for one in judged], [json.loads(files[ESTIMATES_FILE])], ESTIMATES_FILE)


def check_verdict(verdict: Mapping[str, Any]) -> None:
    """Refuse a verdict that does not follow from its criteria: GO needs every one to pass or to be waived.

    Raises
    ------
    SignatureError
        It does not, or a waiver does not count.
    """
    criteria = verdict["criteria"]
    waivable = {one["criterion"] for one in verdict["waivers"] if one.get("is_valid", True)}
    wrongly = [one["id"] for one in criteria if one["waived"] and (one["no_waiver"] or one["id"] not in waivable)]
    if wrongly:
        raise SignatureError("criteria are waived that nobody could waive", got=shown(wrongly))
    is_go = bool(criteria) and all(one["state"] == "pass" or one["waived"] for one in criteria)
    if verdict["verdict"] != ("GO" if is_go else "NO-GO"):
        raise SignatureError("the verdict does not follow from its criteria", got=str(verdict["verdict"]))


def parsed(files: Mapping[str, bytes], path: str) -> dict[str, Any]:
    """Return a JSON object of a bundle. Raises SignatureError when there is none at the path."""
    try:
        content = json.loads(files[path])
    except (KeyError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise SignatureError("a file that evidence needs is missing or no JSON object", got=path)
    return content


def _estimate(
    one: Mapping[str, Any], files: Mapping[str, bytes], verdict: Mapping[str, Any], evaluations: tuple[Recorded, ...]
) -> Estimate:
    """Return a criterion's estimate from the judged version's decisions, or from the audit's findings."""
    name, level = one["name"], one["confidence_level"]
    if name not in METRIC_NAMES:
        return audited(parsed(files, FINDINGS_FILE)["sections"], name, level)
    agent = verdict["subject"].get("agent")
    judged = [each for each in evaluations if each.content["split"] == HOLDOUT and each.content["agent"] == agent]
    if len(judged) != 1:
        raise SignatureError("the judged version's decisions are not in the bundle", got=str(agent))
    (recorded,) = judged
    level = max(level, one.get("charged_level") or level)
    settings = settings_from_inputs(recorded.content["inputs"], level)
    block = recorded.content.get("certification")
    try:
        plain = measured(recorded.outcomes, name, settings, one["slice"])
        if block is not None and takes_certificate(name, one["slice"], block, level):
            return certified_accuracy(recorded.outcomes, block, plain, settings)
        return plain
    except WorkbenchError as error:
        raise SignatureError(f"a criterion cannot be computed again: {error.problem}", got=one["id"]) from None


def _state(one: Mapping[str, Any], estimate: Estimate) -> str:
    """Return pass when the whole interval is on the good side of the target, fail when all of it is on the other."""
    if one.get("is_placeholder"):
        return "unproven"
    asked = Operator(one["operator"])
    bounds = (estimate.lower, estimate.upper)
    worst, best = bounds if asked is Operator.AT_LEAST else bounds[::-1]
    if worst is not None and asked.holds(worst, one["target"]):
        return "pass"
    return "fail" if best is not None and not asked.holds(best, one["target"]) else "unproven"


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
