"""A small pilot with a compliance checklist that everybody signed, and its report as a gate and a bundle hold it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from evidence_cases import COMMIT, LATER, Case, case_at, evaluation, opened, outcomes, signed_pilot

from workbench.compliance.checks import exhibit_digests
from workbench.compliance.ground import PERSONAL, SHOWN, TRAIL, ground_again
from workbench.compliance.kept_out import COLUMNS as PERSONAL_COLUMNS
from workbench.compliance.maker import _counted
from workbench.compliance.shown_columns import columns_shown
from workbench.compliance.trail import COLUMNS as TRAIL_COLUMNS
from workbench.evidence import Exhibit, Facts, MadeBy
from workbench.pilot import COMPLIANCE_FILE, Pilot
from workbench.pilot.charter import sign_charter
from workbench.pilot.signing import Signer, SigningKey, document_digest, sign_document
from workbench.pilot.signing.keys import generated_key

NO_TRAIL = pd.DataFrame(columns=list(TRAIL_COLUMNS), dtype=object)
TODAY = datetime.now(UTC).date()
ATTESTED = {"by": "Bo", "role": "IT owner", "since": "2026-01-01", "until": "2999-01-01", "statement": "it is so"}
NOT_ASKED = {"applies": False, "reason": "an exercise"}
# Only the EU AI Act applies, to a minimal system of a deployer: Art. 4 and 5, the prohibitions of 2026 in their time.
CHECKLIST: dict[str, Any] = {
    "title": "Compliance of tickets",
    "owner": {"name": "Bo", "role": "IT owner"},
    "ai_act": {
        "risk_class": "minimal", "role": "deployer", "reason": "tickets are no use case of Annex III",
        "general_purpose_model": False,
    },
    "personal_data": {"processed": False},
    "sector": "other",
    "dpia": {"need": "not_needed", "reason": "no personal data are processed here"},
    "industry_rules": [],
    "audit_trail": {"need": "not_needed", "reason": "an exercise"},
    "regimes": {
        "ai-act": {"applies": True, "reason": "an AI system in the EU"},
        **dict.fromkeys(("gdpr", "gobd", "marisk", "dora", "iatf-16949", "iso-42001"), NOT_ASKED),
    },
    "requirements": {
        "ai-act/4": {"where": ["charter.yaml#process"], "attested": ATTESTED},
        "ai-act/5": {"where": ["charter.yaml#process"], "attested": ATTESTED},
        "ai-act/5-imagery": {"not_applicable": "no images are made"},
        "ai-act/5-abuse": {"not_applicable": "no images are made"},
    },
}  # fmt: skip
GATES = {
    "gates": {
        1: LATER,
        2: {
            "title": "Lawful?",
            "criteria": [
                *({"id": f"kpi-{name}", "kpi": name, "no_waiver": True} for name in ("right", "sure")),
                {"id": "compliance", "check": "compliance"},
                {"id": "open", "metric": "compliance_open", "operator": "<=", "target": 0},
            ],
        },
        3: LATER,
    }
}


def checklist(change: Callable[[dict[str, Any]], object] = lambda _: None) -> dict[str, Any]:
    """Return a checklist with something in it changed."""
    content: dict[str, Any] = json.loads(json.dumps(CHECKLIST))
    change(content)
    return content


@dataclass(frozen=True, slots=True)
class Checked:
    """A pilot with its checklist; `key` is that of Bo, the IT owner."""

    pilot: Pilot
    key: SigningKey

    def sign(self, name: str = "Bo", role: str = "IT owner", key: SigningKey | None = None) -> None:
        sign_document(self.pilot.suite, COMPLIANCE_FILE, Signer(name, role), key or self.key)

    def report(self, facts: Facts, day: date = TODAY) -> Exhibit:
        """Return the report as the maker would, from facts of a gate."""
        about = {"records": "records", "agent": str(evaluation(outcomes())["agent_digest"])}
        path = self.pilot.suite / COMPLIANCE_FILE
        about["compliance"] = document_digest(path) if path.is_file() else "none"
        others = {name: one for name, one in facts.exhibits.items() if name != "compliance"}
        said = {
            "agent": "A", "as_of": day.isoformat(), "rests_on": exhibit_digests(others), "absent": dict(facts.absent),
            "sealed_by": [], "openings": len(facts.ledger[1]), "gaps": None,
        }  # fmt: skip
        tables = {
            TRAIL: NO_TRAIL,
            SHOWN: columns_shown(self.pilot),
            PERSONAL: pd.DataFrame(columns=list(PERSONAL_COLUMNS), dtype=object),
        }
        made = MadeBy(who="somebody", commit=COMMIT, time="2026-12-01T00:00:00+00:00")
        exhibit = Exhibit("compliance", self.pilot.name, about, made, "", tables=tables, facts=said)
        return _counted(exhibit, ground_again(exhibit, facts))


def checked_pilot(root: Path, content: Mapping[str, Any] | None = CHECKLIST, *, is_signed: bool = True) -> Checked:
    """Write a pilot with a checklist, or without one, signed by its owner."""
    key = generated_key()
    if content is not None:
        path = root / "eval_suites" / "tickets" / COMPLIANCE_FILE
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(dict(content)), encoding="utf-8")
    pilot = signed_pilot(root, gates=GATES)
    registered = pilot.suite / "signatures" / "keys" / "it-owner.pem"
    made = Checked(pilot, key)
    if content is not None and is_signed:
        charter = pilot.suite / "signatures" / "charter.yaml" / "it-owner.json"
        registered.unlink()
        charter.unlink()
        sign_charter(pilot.suite, pilot.charter, Signer("Bo", "IT owner"), key)
        made.sign()
    return made


def gated(made: Checked, day: date = TODAY) -> Case:
    """Return the case of gate 2 with the pilot's report as of a day."""
    key, table = generated_key(), outcomes()
    opening = opened(made.pilot, table, key, str(evaluation(table)["agent_digest"]))
    before = case_at(made.pilot, opening, table, key)
    return case_at(made.pilot, opening, table, key, None, {"compliance": made.report(before.facts, day)})
