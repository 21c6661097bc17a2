"""A gate decided again from its bundle, by the code that decided it, and held against what was signed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from workbench.evidence import ENVIRONMENT_FILE, LEDGER_FILE, MAKERS, VERDICT_FILE, require_same
from workbench.gates.facts import GateFacts
from workbench.gates.junit import junit_xml
from workbench.gates.page import gate_page
from workbench.gates.schema import GateSettings
from workbench.gates.verdict import GateDecision, decide, judged_subject
from workbench.words import SignatureError, shown

CRITERIA_FILE, REPORT_FILE, JUNIT_FILE = "criteria.json", "report.html", "junit.xml"
# What a subject says of where and from what it was made, besides what was judged.
_MADE_BY = frozenset({"code_digest", "commit", "is_dirty", "changed", *(f"{name}_digest" for name in MAKERS)})
# What of a criterion is words, or follows from them.
_WORDED = frozenset({"title", "reason", "would_change", "details", "missing"})
# What the bundle itself writes besides what a report lists.
_OWN = frozenset({VERDICT_FILE, LEDGER_FILE, ENVIRONMENT_FILE, REPORT_FILE})


def check_decision(
    facts: GateFacts, verdict: Mapping[str, Any], created: str, *, is_worded_now: bool = True
) -> GateDecision:
    """Decide a gate again and return its decision.

    A verdict that is worded otherwise than one of today is held to what it says besides words.

    Raises
    ------
    SignatureError
        The verdict says something else, of a criterion or of the whole, or was decided on another day than signed.
    InputError
        What was agreed does not fit.
    """
    signed_on = datetime.fromisoformat(created).date()
    if facts.today not in (signed_on, signed_on - timedelta(days=1)):
        raise SignatureError("the verdict is of another day than its signature", got=facts.today.isoformat())
    subject = verdict["subject"]
    decision = decide(facts, verdict["gate"], subject)
    again = decision.as_json()
    if not is_worded_now:
        again, verdict = _unworded(again), _unworded(verdict)
    _check_criteria(again["criteria"], verdict["criteria"])
    for name in again:
        require_same(again[name], verdict.get(name), f"{name} of the verdict")
    if set(verdict) != set(again):
        raise SignatureError("the verdict says more than a gate does", got=shown(sorted(set(verdict) ^ set(again))))
    _check_subject(facts, decision, subject)
    return decision


def check_pages(facts: GateFacts, decision: GateDecision, files: Mapping[str, bytes]) -> int:
    """Write what people read of a decision again, and return how many files there are of it.

    Raises
    ------
    SignatureError
        A file says something else than the decision.
    """
    expected = dict(_pages(facts, decision, tuple(set(files) - _OWN)))
    there = [name for name in expected if name in files]
    for name in there:
        if name.endswith(".json"):
            require_same(expected[name], json.loads(files[name]), name)
        elif files[name].decode() != expected[name]:
            raise SignatureError("a page does not say what was decided", got=name)
    return len(there)


def believed(gate: GateSettings, n_holdout: int) -> tuple[str, ...]:
    """Return what nothing in a gate's bundle determines, so that it is believed as signed."""
    found = [text for one in gate.needed_makers for text in one.believed]
    if any(one.check == "sample_fitness" for one in gate.criteria):
        found.append(f"that {n_holdout:,} records are sealed")
    return (*found, "remarks on the ledger's history and on earlier evidence", "the executed notebooks")


def _unworded(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a verdict says besides words and besides what would do, whose rules changed with the words."""
    kept = {name: verdict[name] for name in ("pilot", "gate", "verdict", "counts", "waivers", "subject")}
    criteria = [{name: value for name, value in one.items() if name not in _WORDED} for one in verdict["criteria"]]
    return {**kept, "criteria": criteria}


def _check_criteria(again: Sequence[Mapping[str, Any]], said: Sequence[Mapping[str, Any]]) -> None:
    """Name the first criterion that is not what the bundle gives."""
    given = {one["id"]: one for one in said}
    differing = {one["id"] for one in again} ^ set(given)
    if differing or len(given) < len(said):
        raise SignatureError("the criteria are not those that were agreed", got=shown(sorted(differing)))
    for one in again:
        stated = given[one["id"]]
        if one["state"] != stated["state"]:
            raise SignatureError(
                f"criterion {one['id']} does not follow",
                got=f"{stated['state']}: {stated.get('reason', '')}"[:200],
                expected=f"{one['state']}: {one.get('reason', '')}"[:200],
            )
        require_same(one, stated, f"criterion {one['id']}")


def _check_subject(facts: GateFacts, decision: GateDecision, subject: Mapping[str, Any]) -> None:
    """Refuse a verdict about another version, other records or another threshold than the bundle holds."""
    judged = judged_subject(facts, decision.gate)
    for name, value in judged.items():
        require_same(value, subject.get(name), f"{name} of the verdict")
    unknown = sorted(set(subject) - set(judged) - _MADE_BY)
    if unknown:
        raise SignatureError("the verdict is about more than was judged", got=shown(unknown))


def _pages(facts: GateFacts, decision: GateDecision, files: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    yield CRITERIA_FILE, [result.as_json() for result in decision.results]
    yield JUNIT_FILE, junit_xml(decision)
    yield REPORT_FILE, gate_page(facts, decision, files)
