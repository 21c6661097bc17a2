"""Holes written after the access tests were finished, by somebody who had not read them: which are found, and by what.

In the first run, before anything was changed for them, 3 of 8 were found: `FOUND_FIRST`. The others are found by tries
that were added then, so that all are found now says less than the first figure does.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from access_holes_after import HOLES_AFTER, pilot_with_holes_after

from workbench.integrations import ACCESS, AccessRequest
from workbench.integrations.access_tests import AccessBudget
from workbench.records.splits import read_dataset

UNHURRIED = AccessBudget(part_s=120, whole_s=900)
FOUND_FIRST = {"erp_foreign_return", "worklist_close_wildcard", "vendors_old_password"}
FOUND_BY = {  # the tries by each of which a hole is told; of a secret that is too old, its finding
    "erp_foreign_return": {"ERP.cancel_return: tenant: another tenant's ids"},
    "worklist_close_wildcard": {"WORKLIST.close_ticket: input: tricks in invoice_number"},
    "erp_slash_payment_run": {"ERP: rights: paths written otherwise"},
    "erp_default_scope": {"ERP: access: no scope named"},
    "erp_rotated_basic": {"ERP: access: with the secret before, as basic authentication"},
    "erp_header_canary": {"ERP: canary: in any answer"},
    "worklist_conflict_tells": {"WORKLIST: canary: personal data in errors"},
    "vendors_old_password": {"the secret VENDORS_PASSWORD of VENDORS is 91 days old"},
}
NOT_FOUND: dict[str, str] = {}  # what the access tests do not try; whoever makes them try it moves it up


def told(holes: list[str], root: Path) -> set[str]:
    """Return the tries that are let in, and what is said of secrets, of a sandbox with some of the holes."""
    pilot = pilot_with_holes_after(root, holes)
    exhibit = ACCESS.make(pilot, read_dataset(pilot), AccessRequest(records=1, budget=UNHURRIED))
    trials = exhibit.tables["trials"].query("verdict == 'let in'").to_dict("records")
    tried = {f"{one['system']}{'.' * bool(one['operation'])}{one['operation']}: {one['tried']}" for one in trials}
    return tried | {one.title for one in exhibit.findings if one.kind == "access_key"}


def test_of_each_hole_is_known_whether_it_is_found() -> None:
    assert len(HOLES_AFTER) == 8
    assert set(FOUND_BY) | set(NOT_FOUND) == {one.id for one in HOLES_AFTER}
    assert not set(FOUND_BY) & set(NOT_FOUND)
    assert set(FOUND_BY) >= FOUND_FIRST


@pytest.mark.slow
@pytest.mark.parametrize("hole", [one.id for one in HOLES_AFTER])
def test_a_hole_is_told_by_its_tries_and_by_no_other(hole: str, tmp_path: Path) -> None:
    assert told([hole], tmp_path) == FOUND_BY.get(hole, set())
