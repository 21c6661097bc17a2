"""An agent that acts: it reads order, receipts and vendor through tools, decides, and carries its decision out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from . import agents, reading

FACTS: Mapping[str, Any] = agents.PROCESS["facts"]
SAYS, UNLESS = ({name: re.compile("|".join(one[key])) for name, one in FACTS.items()} for key in ("says", "unless"))
WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def acting(record: agents.Record, tools: Any) -> agents.Answer:
    """Decide on a document by what the systems say of it, and post it, send it back or hand it over."""
    seen = _looked_up(record, tools)
    answer = agents.by_policy(seen, _stated(str(record["note"] or "")))
    payable = round(reading.measure(reading.read_facts(seen)).payable_eur, 2)
    if answer["action"] == "approve" and math.isnan(payable):
        answer = {"action": "escalate", "confidence": 0.5, "reason": "unreadable"}
    try:
        _carried_out(record, answer, payable, tools)
    except tools.Error as error:
        if error.outcome != "denied" or answer["action"] == "escalate":
            raise
        answer = {"action": "escalate", "confidence": 0.5, "reason": "not_allowed"}  # a person may do it
        _carried_out(record, answer, payable, tools)
    return answer


def _looked_up(record: agents.Record, tools: Any) -> agents.Record:
    """Return the document with what the systems hold of its order, receipts and vendor in place of its own copy."""
    number, vendor = str(record["po_number"]), str(record["vendor_id"])
    found: dict[str, Any] = dict(record)
    for row in (*tools.read_order(po_number=number), *tools.read_receipts(po_number=number)):
        found |= row
    for row in tools.read_vendor(vendor_id=vendor):
        found |= {name: row[name] for name in ("vendor_status", "vendor_country", "master_tax_id")}
    earlier = tools.find_earlier(vendor_id=vendor)
    found["related_document"] = earlier[0]["document"] if earlier else None
    found["related_gross"] = earlier[0]["gross_amount"] if earlier else None
    return found


def _stated(note: str) -> set[str]:
    """Return the facts that a note states, by the words of process.yaml."""
    sentences = [one.lower().translate(WRITTEN_OUT) for one in re.split(r"(?<=[.;!?])\s+(?=[A-ZÄÖÜ][a-zäöü])", note)]
    return {
        name
        for name, says in SAYS.items()
        if any(says.search(one) and not UNLESS[name].search(one) for one in sentences)
    }


def _carried_out(record: agents.Record, answer: agents.Answer, payable: float, tools: Any) -> None:
    """Do what the answer says; a posting of which nothing was heard is looked for before it is tried again."""
    invoice = {"invoice_number": str(record["invoice_number"]), "vendor_id": str(record["vendor_id"])}
    if answer["action"] == "reject":
        tools.send_back(**invoice, reason=answer["reason"])
    elif answer["action"] == "escalate":
        to = agents.RULES.get(answer["reason"], {}).get("to", "accounts payable lead")
        tools.hand_over(invoice_number=invoice["invoice_number"], assigned_to=to, reason=answer["reason"])
    else:
        try:
            tools.post(**invoice, amount_eur=payable)
        except tools.Error as error:
            if error.outcome != "timeout":
                raise
            if not tools.find_posting(**invoice):
                tools.post(**invoice, amount_eur=payable)
