"""A compliance report as OSCAL assessment results, which tools of governance read.

Source: NIST OSCAL, assessment results model (JSON), version 1.1.3. Only what the model requires and what the report
says is written; every id follows from pilot, day and requirement, so that the same report gives the same file.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pandas as pd

from workbench.compliance.judging import EVIDENCE, REQUIREMENTS
from workbench.compliance.requirement import Standing
from workbench.evidence import Exhibit

OSCAL_VERSION = "1.1.3"
NAMESPACE = uuid5(NAMESPACE_URL, "urn:agent-workbench:compliance")
STATES: Mapping[Standing, tuple[str, str]] = {
    Standing.MET: ("satisfied", "pass"),
    Standing.ATTESTED: ("satisfied", "other"),
    Standing.NOT_MET: ("not-satisfied", "fail"),
    Standing.NOT_EVIDENCED: ("not-satisfied", "other"),
}


def assessment_results(exhibit: Exhibit, title: str) -> str:
    """Return the report as the text of an OSCAL assessment-results file.

    A requirement that is not applicable is an excluded control with its reason; what nothing shows is not satisfied.
    """
    day, made = exhibit.facts["as_of"], exhibit.made.time
    base = uuid5(NAMESPACE, f"{exhibit.pilot} {day} {made}")
    table = exhibit.tables[REQUIREMENTS]
    is_asked = table["standing"] != Standing.NOT_APPLICABLE.value
    asked = table[is_asked].to_dict("records")
    result: dict[str, Any] = {
        "uuid": _id(base, "result"),
        "title": f"Compliance of {title} as of {day}",
        "description": exhibit.answer,
        "start": made,
        "reviewed-controls": {"control-selections": [_selection(table, is_asked)]},
    }
    if asked:
        result["observations"] = [_observation(base, row, exhibit) for row in asked]
        result["findings"] = [_finding(base, row) for row in asked]
    content = {
        "uuid": _id(base, "assessment-results"),
        "metadata": {
            "title": f"Compliance of {title}",
            "last-modified": made,
            "version": day,
            "oscal-version": OSCAL_VERSION,
            "remarks": " ".join(exhibit.notes),
        },
        "import-ap": {"href": f"#{_id(base, 'plan')}"},
        "results": [result],
        "back-matter": {
            "resources": [{"uuid": _id(base, "plan"), "title": "compliance.yaml: what applies, and why"}]
        },
    }  # fmt: skip
    return json.dumps({"assessment-results": content}, indent=1, ensure_ascii=False) + "\n"


def _selection(table: pd.DataFrame, is_asked: pd.Series[bool]) -> dict[str, Any]:
    """Return which requirements were looked at, and which were ruled out; an empty list is no OSCAL."""
    chosen = {"include-controls": table[is_asked], "exclude-controls": table[~is_asked]}
    found = {
        name: [{"control-id": _token(one)} for one in part["requirement"]] for name, part in chosen.items() if len(part)
    }
    return found if "include-controls" in found else {"include-all": {}, **found}


def _observation(base: UUID, row: Mapping[Hashable, Any], exhibit: Exhibit) -> dict[str, Any]:
    evidence = exhibit.tables[EVIDENCE]
    own = evidence[evidence["requirement"] == row["requirement"]]
    relevant = [
        {"description": f"{source}: {part}"} for source, part in zip(own["source"], own["part"], strict=True)
    ]  # fmt: skip
    found = {
        "uuid": _id(base, f"observation {row['requirement']}"),
        "title": f"{row['regime']} {row['clause']}",
        "description": row["said"],
        "methods": ["TEST" if row["kind"] == "computed" else "INTERVIEW"],
        "types": ["control-objective"],
        "collected": exhibit.made.time,
    }
    return found | ({"relevant-evidence": relevant} if relevant else {})


def _finding(base: UUID, row: Mapping[Hashable, Any]) -> dict[str, Any]:
    name = str(row["requirement"])
    state, reason = STATES[Standing(row["standing"])]
    return {
        "uuid": _id(base, f"finding {name}"),
        "title": f"{row['regime']} {row['clause']}: {row['title']}",
        "description": f"{row['standing']}: {row['said']}",
        "target": {
            "type": "objective-id",
            "target-id": _token(name),
            "status": {"state": state, "reason": reason, "remarks": row["standing"]},
        },
        "related-observations": [{"observation-uuid": _id(base, f"observation {name}")}],
    }


def _id(base: UUID, name: str) -> str:
    return str(uuid5(base, name))


def _token(requirement: str) -> str:
    """Return a requirement's id as OSCAL's tokens are: letters, digits, dot, dash and underscore."""
    return requirement.replace("/", "_")
