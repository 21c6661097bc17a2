"""What a computation says: the deciding count first, and without its evidence what would give it."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.compliance.requirement import ComplianceGround, Computed, Standing
from workbench.evidence import Exhibit, maker

MOST_RECORDS = 20
Evidence = tuple[tuple[str, str], ...]


def not_evidenced(why: str, evidence: Evidence = ()) -> Computed:
    """Return that nothing shows it, and why, one sentence that says what would."""
    return Computed(Standing.NOT_EVIDENCED, why, evidence)


def standing_of(said: str, evidence: Evidence, bad: Iterable[str] = (), *, is_met: bool | None = None) -> Computed:
    """Return met where nothing is bad, or as `is_met` says, with the first records it fails on."""
    records = tuple(dict.fromkeys(bad))[:MOST_RECORDS]
    met = not records if is_met is None else is_met
    return Computed(Standing.MET if met else Standing.NOT_MET, said, evidence, records)


def exhibit_or_why(ground: ComplianceGround, name: str, would: str) -> Exhibit | Computed:
    """Return a maker's present exhibit, else that nothing is evidenced without it."""
    found = ground.exhibits.get(name)
    if found is not None:
        return found
    return not_evidenced(ground.absent.get(name, f"there is no evidence of {name}; {would}"))


def command_of(ground: ComplianceGround, name: str) -> str:
    """Return the command that makes a maker's exhibit."""
    return maker(name).command.replace("PILOT", ground.pilot.name)
