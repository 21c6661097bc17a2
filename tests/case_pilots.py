"""A pilot of orders that three sources write in three ways: a policy, an exact agent, one agent for each weakness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from small_pilots import ALL_DEV, ALL_HOLDOUT, written_pilot

from workbench.cases import CasesRequest
from workbench.pilot.charter.signatures import sign_charter
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.pilot.signing import Signer, sign_document
from workbench.pilot.signing.keys import generated_key
from workbench.runs import RunRequest

COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"role": "id", "required": True},
    "source": {"role": "source", "required": True, "allowed": ["DE", "US", "EDI"]},
    "supplier_id": {"role": "entity", "required": True},
    "supplier_name": {"required": True},
    "ordered": {"required": True},
    "weight": {"required": True},
    "unit": {"required": True},
    "price": {"required": True},
    "currency": {"required": True},
    "rate": {"type": "number"},
    "note": {"role": "text"},
    "kind": {"role": "class"},
    "answer": {"role": "label", "allowed": ["approve", "reject", "escalate"]},
    "why": {"role": "reason"},
}
PROCESS: dict[str, Any] = {
    "decisions": {"approve": "pay", "reject": "send back", "escalate": "ask a person"},
    "source_formats": {
        "DE": {
            "date": "%d.%m.%Y", "decimal": ",", "thousands": ".", "units": {"KG": "kilogram", "TO": "tonne"},
            "currencies": {"EUR": "EUR", "PLN": "PLN"},
        },
        "US": {
            "date": "%m/%d/%Y", "decimal": ".", "thousands": ",", "units": {"KG": "kilogram", "MT": "tonne"},
            "currencies": {"EUR": "EUR", "PLN": "PLN"},
        },
        "EDI": {
            "date": "%Y%m%d", "decimal": ".", "thousands": "", "units": {"KGM": "kilogram", "TNE": "tonne"},
            "currencies": {"978": "EUR", "985": "PLN"},
        },
    },
    "units": {"kilogram": {"base": "kilogram", "factor": 1}, "tonne": {"base": "kilogram", "factor": 1000}},
    "measures": [{"unit": "unit", "amounts": ["weight"], "per": ["price"]}],
    "currencies": {"codes": ["currency"], "rate": "rate", "amounts": ["price"]},
    "translations": [{"en": "open complaint", "de": "offene Reklamation"}, {"en": "by truck", "de": "per Lkw"}],
    "facts": {"complaint": {"column": "note", "example": "open complaint"}},
    "rules": [
        {
            "id": "complaint", "decision": "escalate", "reason": "complaint", "to": "quality",
            "exceptions": [{"id": "settled", "condition": "the note says that it was settled"}],
        },
        {"id": "heavy", "decision": "escalate", "reason": "heavy", "to": "warehouse", "parameters": {"above_kg": 5000}},
        {"id": "late", "decision": "escalate", "reason": "late", "to": "purchasing"},
        {"id": "blocked", "decision": "reject", "reason": "blocked"},
    ],
    "approvals": [{"reason": "fine"}],
}  # fmt: skip
CHARTER = {
    "process": "Orders are paid or go to a person.",
    "stakeholders": [{"role": "process owner", "name": "Ann", "signs": True}],
}
CODE = """
import hashlib, json, re
from datetime import datetime
from difflib import SequenceMatcher

FORMS = {"DE": (",", ".", "%d.%m.%Y"), "US": (".", ",", "%m/%d/%Y"), "EDI": (".", "", "%Y%m%d")}
TONNES = ("TO", "MT", "TNE")
WORDS = ("complaint", "reklamation")


def number(text, form):
    return float(text.strip().replace(form[1] or " ", "").replace(form[0], "."))


def says(note, words=WORDS):
    said = re.findall(r"\\w+", note.lower())
    return any(SequenceMatcher(None, word, one).ratio() > 0.8 for word in words for one in said)


def kilograms(record, form=None, tonnes=TONNES):
    weight = number(record["weight"], form or FORMS[record["source"]])
    return weight * (1000 if record["unit"].strip() in tonnes else 1)


def day(record, form=None):
    return datetime.strptime(record["ordered"].strip(), form or FORMS[record["source"]][2])


def euro(record, rate=None):
    return number(record["weight"], FORMS[record["source"]]) * price(record) / (rate or record["rate"])


def price(record):
    return number(record["price"], FORMS[record["source"]])


def decided(complains, heavy, late, dear=False):
    for holds, reason in ((complains, "complaint"), (heavy, "heavy"), (late, "late"), (dear, "dear")):
        if holds:
            return {"action": "escalate", "reason": reason, "confidence": 0.9}
    return {"action": "approve", "reason": "fine", "confidence": 0.9}


def exact(record, complains=None, kilo=None, late=None, dear=False):
    note = record["note"] or ""
    return decided(
        says(note) if complains is None else complains,
        (kilograms(record) if kilo is None else kilo) > 5000,
        day(record) < datetime(2025, 2, 1) if late is None else late,
        dear or euro(record) > 4000,
    )


def typo_blind(record):
    note = (record["note"] or "").lower()
    return exact(record, complains=any(word in note for word in WORDS))


def case_blind(record):
    return exact(record, complains=bool(re.search("[Cc]omp?laint|[Rr]eklamation", record["note"] or "")))


def space_blind(record):
    note = (record["note"] or "").lower()
    return exact(record, complains="open complaint" in note or "offene reklamation" in note)


def length_blind(record):
    return exact(record, complains=says(record["note"] or "") and len(record["note"]) < 30)


def one_language(record):
    return exact(record, complains=says(record["note"] or "", WORDS[:1]))


def unit_blind(record):
    return exact(record, kilo=kilograms(record, tonnes=()))


def rate_blind(record):
    return exact(record, dear=euro(record, rate=1) > 4000)


def locale_blind(record):
    return exact(record, kilo=kilograms(record, form=(",", ".")))


def date_blind(record):
    try:
        return exact(record, late=day(record, "%m/%d/%Y") < datetime(2025, 2, 1))
    except ValueError:
        return exact(record, late=False)


def name_blind(record):
    return exact(record) if record["supplier_name"].startswith(("Möller", "Wells")) else decided(False, False, True)


def order_blind(record):
    return exact(record) if next(iter(record)) == "id" else decided(True, False, False)


def first_words(record):
    return exact(record, complains=says(" ".join((record["note"] or "").split()[:3])))


def last_words(record):
    return exact(record, complains=says(" ".join((record["note"] or "").split()[-3:])))


def flips(record):
    drawn = hashlib.sha256(json.dumps(record).encode()).digest()[0] % 4
    answer = exact(record)
    if drawn == 0:
        answer["action"] = "approve" if answer["action"] == "escalate" else "escalate"
    return answer


def silent(record):
    raise TimeoutError("no answer")
"""
BLIND_TO = {
    "typo": "typo_blind",
    "case": "case_blind",
    "whitespace": "space_blind",
    "irrelevant_sentence": "length_blind",
    "translated_note": "one_language",
    "paraphrase": "first_words",
    "two_intents": "last_words",
    "unit": "unit_blind",
    "currency": "rate_blind",
    "locale": "locale_blind",
    "date_format": "date_blind",
    "vendor_rename": "name_blind",
    "field_order": "order_blind",
}
FORMS = {"DE": ("%d.%m.%Y", ",", "."), "US": ("%m/%d/%Y", ".", ","), "EDI": ("%Y%m%d", ".", "")}
N = 96


def orders() -> list[list[object]]:
    """Return orders: every third complains, every fourth is heavy, every sixth is late, the last are blocked.

    Every sixteenth is in zloty, four to the euro's one; all others are in euro.
    """
    rows: list[list[object]] = []
    for i in range(N):
        source = ("DE", "US", "EDI")[i // 4 % 3]
        complains, heavy, late, blocked = i % 3 == 0, i % 4 == 1, i % 6 == 2, i >= N - 4
        reasons = ((blocked, "blocked"), (complains, "complaint"), (heavy, "heavy"), (late, "late"))
        why = next((reason for holds, reason in reasons if holds), "fine")
        answer = {"blocked": "reject", "fine": "approve"}.get(why, "escalate")
        date, decimal, thousands = FORMS[source]
        currency, rate = ("PLN", 4.0 + 4 * (i % 3)) if i % 16 == 15 else ("EUR", 1.0 + i % 3)
        code = {"PLN": "985", "EUR": "978"}[currency] if source == "EDI" else currency
        weight = (
            f"{7500.5 if heavy else 1200.5 + i:,.1f}".replace(",", "#").replace(".", decimal).replace("#", thousands)
        )
        ordered = f"2025-{'01' if late else '03'}-{1 + i % 9:02}"
        year, month, dom = ordered.split("-")
        written = date.replace("%Y", year).replace("%m", month).replace("%d", dom)
        rows.append(
            [
                f"O{i:03}", source, f"S{i % 5}", ("Möller Stahl GmbH", "Wells Tools Ltd")[i % 2], written, weight,
                "KGM" if source == "EDI" else "KG", f"1{decimal}50", code, rate,
                f"open complaint {i}" if complains else f"by truck {i}", ("common", "edge", "error")[i % 3],
                answer, why,
            ]
        )  # fmt: skip
    return rows


def order_pilot(root: Path, agents: Iterable[str] = ("exact",)) -> Pilot:
    """Write and open the pilot with some of its agents; its blocked orders are the holdout."""
    sides = {"approve": ALL_DEV, "escalate": ALL_DEV, "reject": ALL_HOLDOUT}
    pilot = written_pilot(root, COLUMNS, orders(), sides)
    (pilot.suite / "deciders.py").write_text(CODE, encoding="utf-8")
    (pilot.suite / "process.yaml").write_text(yaml.safe_dump(PROCESS), encoding="utf-8")
    (pilot.suite / "charter.yaml").write_text(yaml.safe_dump(CHARTER), encoding="utf-8")
    named = {name: {"python": f"eval_suites/small/deciders.py:{name}"} for name in agents}
    settings = {"title": "Orders", "question": "Which?", "escalate_label": "escalate", "agents": named}
    (pilot.suite / "pilot.yaml").write_text(yaml.safe_dump({**settings, "compare": list(named)}), encoding="utf-8")
    opened = open_pilot("small", root)
    sign_charter(opened.suite, opened.charter, Signer("Ann", "process owner"), generated_key())
    return opened


def with_surroundings(pilot: Pilot) -> Pilot:
    """Give the pilot an environment with two tools and one table, and a guard."""
    posting = {
        "description": "Post an order.", "sql": "INSERT INTO posting VALUES (:order)", "arguments": {"order": "string"},
        "effect": "write",
    }  # fmt: skip
    reading = {"description": "Read it.", "sql": "SELECT 1 WHERE :order IS NOT NULL", "arguments": {"order": "string"}}
    content = {"tables": {"posting": {"columns": ["order_id"]}}, "tools": {"read_order": reading, "post": posting}}
    (pilot.suite / "environment.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    settings = yaml.safe_load((pilot.suite / "pilot.yaml").read_text(encoding="utf-8"))
    (pilot.suite / "pilot.yaml").write_text(yaml.safe_dump({**settings, "guards": ["lengths"]}), encoding="utf-8")
    return open_pilot(pilot.name, pilot.root)


def case(name: str, base: str = "O004", **facts: Any) -> dict[str, Any]:
    """Return a case as its file has it; without anything else it expects an approval."""
    given = {} if {"expect", "relation"} & facts.keys() else {"expect": {"action": "approve"}}
    return {"id": name, "class": "common", "base": base, **given, **facts}


def write_suite(pilot: Pilot, cases: Sequence[Mapping[str, Any]], name: str = "hand", **facts: Any) -> Path:
    """Write a file of suites."""
    path = pilot.suite / "suites" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    content = {"title": "By hand", "cases": list(map(dict, cases)), **facts}
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def sign_suite(pilot: Pilot, name: str = "hand") -> None:
    """Sign a file of suites with a new key, as nobody else does here."""
    for old in (pilot.suite / "signatures" / "keys").glob("*.pem"):
        old.unlink()
    sign_document(pilot.suite, f"suites/{name}.yaml", Signer("Ann", "process owner"), generated_key())


def quietly(agent: str = "exact", **facts: Any) -> CasesRequest:
    """Return the request of an agent without a bar."""
    return CasesRequest(agent, RunRequest(show_progress=False), **facts)


def relation_cases(change: str, n: int = 90) -> list[dict[str, Any]]:
    """Return a relation under one change for each of the first orders that are no holdout."""
    relation = "may_only_escalate" if change == "two_intents" else "same"
    return [
        case(f"{change}-{i:03}", f"O{i:03}", relation=relation, change=change)
        for i in range(min(n, N - 4))
    ]  # fmt: skip
