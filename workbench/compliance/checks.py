"""What a gate can ask of compliance besides a count: every applicable requirement met, attested, or not applicable."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.compliance.judging import REQUIREMENTS
from workbench.compliance.numbers import standing_counts
from workbench.compliance.requirement import Standing
from workbench.evidence import Answer, Check, Exhibit, Facts, Terms, unproven
from workbench.metrics import State
from workbench.pilot.signing import sha256
from workbench.runs.journal import digest_of
from workbench.words import several, shown

COMPLIANCE = "compliance"
COMMAND = "workbench compliance PILOT"
MOST_DETAILS = 40


def exhibit_digests(exhibits: Mapping[str, Exhibit]) -> dict[str, str]:
    """Return by maker the digest of what its exhibit says, whenever it was made."""
    found = {}
    for name, one in exhibits.items():
        said = {key: value for key, value in one.as_json().items() if key != "made"}
        tables = {file: sha256(content) for file, content in one.files().items() if file.endswith(".csv")}
        found[name] = digest_of({"said": said, "tables": tables})
    return found


def changed_evidence(exhibit: Exhibit, exhibits: Mapping[str, Exhibit]) -> tuple[str, ...]:
    """Return the makers whose exhibit is another one than compliance was computed from."""
    now = exhibit_digests({name: one for name, one in exhibits.items() if name != COMPLIANCE})
    then: Mapping[str, str] = exhibit.facts["rests_on"]
    return tuple(name for name in sorted({*now, *then}) if now.get(name) != then.get(name))


def _compliance(facts: Facts, _asked: Terms) -> Answer:
    """Return whether every requirement that applies today is met, attested, or not applicable with a reason."""
    exhibit, remedy = facts.exhibits.get(COMPLIANCE), COMMAND.replace("PILOT", facts.pilot.name)
    if exhibit is None:
        return unproven(facts.absent[COMPLIANCE], remedy)
    if exhibit.facts["as_of"] != facts.today.isoformat():
        return unproven(f"it is as of {exhibit.facts['as_of']}, and today is {facts.today}", remedy)
    changed = changed_evidence(exhibit, facts.exhibits)
    if changed:
        return unproven(f"its evidence changed since: {shown(changed)}", remedy)
    if exhibit.facts["owner_fault"]:
        return unproven(exhibit.facts["owner_fault"], f"workbench sign {facts.pilot.name} compliance.yaml")
    return _answer(exhibit, remedy)


def _answer(exhibit: Exhibit, remedy: str) -> Answer:
    table = exhibit.tables[REQUIREMENTS]
    counts = standing_counts(table)
    n = len(table) - counts[Standing.NOT_APPLICABLE]
    if not n:
        return unproven("no requirement applies, which is not so of any pilot", "complete compliance.yaml")
    wrong, open_ones = counts[Standing.NOT_MET], counts[Standing.NOT_EVIDENCED]
    held = f"{counts[Standing.MET]:,} met, {counts[Standing.ATTESTED]:,} attested"
    if not wrong and not open_ones:
        return Answer(State.PASS, f"{n:,} of {several(n, 'applicable requirement')}: {held}")
    is_open = table["standing"].isin([Standing.NOT_MET.value, Standing.NOT_EVIDENCED.value])
    named = zip(*(table.loc[is_open, name] for name in ("requirement", "standing", "said")), strict=True)
    details = tuple(f"{one}: {standing}: {said}" for one, standing, said in named)[:MOST_DETAILS]
    reason = f"{wrong + open_ones:,} of {several(n, 'applicable requirement')} open: {wrong:,} not met"
    reason += f", {open_ones:,} not evidenced"
    if wrong:
        return Answer(State.FAIL, reason, f"mend what is not met ({remedy} says what)", details=details)
    return Answer(State.UNPROVEN, reason, f"make the evidence that is missing ({remedy} says which)", details=details)


CHECKS = (Check(COMPLIANCE, "Compliance", _compliance, needs=COMPLIANCE),)
