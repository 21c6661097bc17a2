"""What a page says of an audit that found the records themselves not to be believed."""

from __future__ import annotations

from pathlib import Path

from gate_pilots import finding, gate, gate_pilot, write_audit

from workbench.audit.published.audited import critical_note
from workbench.records.splits import read_dataset


def test_critical_findings_of_the_newest_audit_stand_beside_the_answer(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate([]))
    digest = read_dataset(pilot).digest
    assert critical_note(pilot, digest) == "", "no audit yet"
    write_audit(pilot, [finding("high"), finding("low")])
    assert critical_note(pilot, digest) == ""
    leak = finding("critical", title="'paid' alone tells the label")
    write_audit(pilot, [leak, finding("critical", title="another"), finding("low")])
    assert critical_note(pilot, digest) == (
        "The audit of these records has 2 critical findings, first: 'paid' alone tells the label. "
        "No number here can be believed before that is mended."
    )
    assert critical_note(pilot, "other records") == ""
