"""What a gate can ask of a load test besides an estimate: that all of it was run, by a generator that kept time."""

from __future__ import annotations

from workbench.evidence import Answer, Check, Facts, Terms, unproven
from workbench.metrics import State
from workbench.pilot import LoadProfile

LOAD, PROFILES = "load", "profiles"
COMMAND = "workbench load PILOT --agent NAME"


def _load(facts: Facts, _asked: Terms) -> Answer:
    """Return whether every profile was run, each by a generator that kept time."""
    exhibit = facts.exhibits.get(LOAD)
    remedy = COMMAND.replace("PILOT", facts.pilot.name)
    if exhibit is None:
        return unproven(facts.absent[LOAD], remedy)
    table = exhibit.tables[PROFILES]
    run = set(table["profile"])
    invalid = [str(name) for name, is_valid in zip(table["profile"], table["valid"], strict=True) if not is_valid]
    missing = [one.value for one in LoadProfile if one is not LoadProfile.REVIEWERS and one.value not in run]
    if missing:
        return unproven(f"not run: {', '.join(missing)}", remedy)
    if invalid:
        return unproven(f"the generator did not keep time: {', '.join(invalid)}", f"{remedy}, on a quieter machine")
    shares = zip(table["profile"], table["arrivals"], table["asked_share"], strict=True)
    asked = [f"{name} {n:,}" if share == 1 else f"{name} {n:,} ({100 * share:.3g}% of it)" for name, n, share in shares]
    return Answer(State.PASS, f"arrivals: {', '.join(asked)}; the generator kept time")


CHECKS = (Check("load", "Load", _load, needs=LOAD),)
