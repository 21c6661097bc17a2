"""What the newest audit of the records says that nobody may read past."""

from __future__ import annotations

from workbench.evidence import latest_findings
from workbench.pilot import Pilot
from workbench.words import several

CRITICAL = "critical"


def critical_note(pilot: Pilot, digest: str) -> str:
    """Return in a sentence which critical findings the newest audit of these records has, empty where it has none.

    Parameters
    ----------
    pilot : Pilot
    digest : str
        Digest of the records; an audit of other records says nothing of these.
    """
    latest = latest_findings(pilot)
    if latest is None or latest.get("dataset_digest") != digest:
        return ""
    found = [one for one in latest["findings"] if one["severity"] == CRITICAL]
    if not found:
        return ""
    said = f"The audit of these records has {several(len(found), 'critical finding')}, first: {found[0]['title']}."
    return f"{said} No number here can be believed before that is mended."
