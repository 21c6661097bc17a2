"""What is computed of every decision: its five fields, the order of the trail, one outcome for each input."""

from __future__ import annotations

import pandas as pd

from workbench.compliance.computed.telling import Evidence, not_evidenced, standing_of
from workbench.compliance.proof import SealFault
from workbench.compliance.requirement import ComplianceGround, Computed
from workbench.compliance.trail import holds_fields
from workbench.runs.journal import FIELDS
from workbench.words import shown

TRAIL: Evidence = (("compliance", "trail"),)
NO_TRAIL = "no decision has a line of the audit trail; run the agent again, and its decisions are kept with one"
UNPROVED = (SealFault.NO_LINE.value, SealFault.UNSIGNED.value, SealFault.UNKNOWN_KEY.value)


def audit_trail(ground: ComplianceGround) -> Computed:
    """Return whether the five fields of every decision are there and what was sealed when it was appended."""
    trail = _decided(ground)
    if not len(trail):
        return not_evidenced(NO_TRAIL)
    good = holds_fields(trail)
    bad, n = trail[~good], len(trail)
    if not len(bad):
        return standing_of(f"All five fields of {n:,} of {n:,} decisions are there and as they were sealed.", TRAIL)
    altered = bad[~bad["seal"].isin(UNPROVED) | (bad[list(FIELDS)] != "").any(axis=1)]
    if not len(altered):
        causes = bad["seal"].value_counts()
        why = ", ".join(f"{count:,} {_CAUSES[str(cause)]}" for cause, count in causes.items())
        return not_evidenced(f"{len(bad):,} of {n:,} decisions are not proved: {why}.", TRAIL)
    named = ", ".join(
        f"{field} {fault} in {count:,}" for field in FIELDS for fault, count in _faults(altered, field).items()
    )
    what = "lack one of the five fields, or are not as they were sealed"
    said = f"{len(altered):,} of {n:,} decisions {what}: {named or 'their signature does not hold'}."
    return standing_of(said, TRAIL, altered["record_id"].astype(str))


def unbroken_order(ground: ComplianceGround) -> Computed:
    """Return whether no line of the trail is missing, none is there twice, and time does not go back."""
    trail = _decided(ground)
    kept = trail[trail["seal"] != SealFault.NO_LINE.value]
    if not len(kept):
        return not_evidenced(NO_TRAIL)
    bad = kept[kept["order"] != ""]
    if len(bad):
        said = f"The order is broken at {len(bad):,} of {len(kept):,} lines: {shown(bad['order'].unique().tolist())}."
        return standing_of(said, TRAIL, bad["record_id"].astype(str))
    unproved = int((kept["seal"] != "").sum())
    if unproved or len(kept) < len(trail):
        n = unproved + len(trail) - len(kept)
        return not_evidenced(f"{n:,} of {len(trail):,} decisions have no line whose signature holds.", TRAIL)
    return standing_of(f"{len(kept):,} of {len(kept):,} lines follow one another, and time never goes back.", TRAIL)


def one_outcome_for_each_input(ground: ComplianceGround) -> Computed:
    """Return whether each input that was planned came to exactly one outcome."""
    trail = ground.trail
    kept = trail[trail["seal"] != SealFault.NO_LINE.value] if len(trail) else trail
    if not len(kept):
        return not_evidenced(NO_TRAIL)
    bad = kept[kept["outcomes"] != 1]
    if len(bad):
        none, several = int((bad["outcomes"] == 0).sum()), int((bad["outcomes"] > 1).sum())
        said = f"{len(bad):,} of {len(kept):,} inputs have not exactly one outcome: {none:,} none, {several:,} several."
        return standing_of(said, TRAIL, bad["record_id"].astype(str))
    if len(kept) < len(trail):
        before = len(trail) - len(kept)
        return not_evidenced(f"{before:,} of {len(trail):,} decisions have no line that says how often it was made.")
    return standing_of(f"{len(kept):,} of {len(kept):,} inputs have exactly one outcome.", TRAIL)


_CAUSES = {
    SealFault.NO_LINE.value: "have no line (no moment was kept)",
    SealFault.UNSIGNED.value: "are unsigned",
    SealFault.UNKNOWN_KEY.value: "are signed with a key that is not known here",
}


def _decided(ground: ComplianceGround) -> pd.DataFrame:
    trail = ground.trail
    return trail[trail["stored"] != "undecided"] if len(trail) else trail


def _faults(trail: pd.DataFrame, field: str) -> dict[str, int]:
    counts = trail.loc[trail[field] != "", field].value_counts()
    return {str(fault): int(n) for fault, n in counts.items()}
