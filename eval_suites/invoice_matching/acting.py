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
    seen = looked_up(record, tools)
    if seen is None:
        return carried_out(
            record, {"action": "escalate", "confidence": 0.5, "reason": "not_available"}, math.nan, tools
        )
    answer = agents.by_policy(seen, _stated(str(record["note"] or "")))
    payable = round(reading.measure(reading.read_facts(seen)).payable_eur, 2)
    if answer["action"] == "approve" and math.isnan(payable):
        answer = {"action": "escalate", "confidence": 0.5, "reason": "unreadable"}
    return carried_out(record, answer, payable, tools)


def looked_up(record: agents.Record, tools: Any) -> agents.Record | None:
    """Return the document with what the systems hold of its order, receipts and vendor in place of its own copy.

    None where one of them does not answer.
    """
    number, vendor = {"po_number": str(record["po_number"])}, {"vendor_id": str(record["vendor_id"])}
    orders, receipts = _rows(tools, "read_order", number), _rows(tools, "read_receipts", number)
    vendors, earlier = _rows(tools, "read_vendor", vendor), _rows(tools, "find_earlier", vendor)
    if orders is None or receipts is None or vendors is None or earlier is None:
        return None
    found: dict[str, Any] = dict(record)
    for row in (*orders, *receipts):
        found |= row
    for row in vendors:
        found |= {name: row[name] for name in ("vendor_status", "vendor_country", "master_tax_id")}
    found["related_document"] = earlier[0]["document"] if earlier else None
    found["related_gross"] = earlier[0]["gross_amount"] if earlier else None
    return found


def _rows(tools: Any, name: str, arguments: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """Return what a look-up finds, asked once more where it fails; None where that fails, too."""
    for _ in range(2):
        try:
            return list(getattr(tools, name)(**arguments))
        except tools.Error as error:
            if error.outcome == "denied":
                raise
    return None


def _stated(note: str) -> set[str]:
    """Return the facts that a note states, by the words of process.yaml."""
    sentences = [one.lower().translate(WRITTEN_OUT) for one in re.split(r"(?<=[.;!?])\s+(?=[A-ZÄÖÜ][a-zäöü])", note)]
    return {
        name
        for name, says in SAYS.items()
        if any(says.search(one) and not UNLESS[name].search(one) for one in sentences)
    }


def carried_out(record: agents.Record, answer: agents.Answer, payable: float, tools: Any) -> agents.Answer:
    """Do what the answer says and return it; where that is not allowed, hand the document over, and say so."""
    try:
        _do(record, answer, payable, tools)
    except tools.Error as error:
        if error.outcome != "denied" or answer["action"] == "escalate":
            raise
        answer = {"action": "escalate", "confidence": 0.5, "reason": "not_allowed"}  # a person may do it
        _do(record, answer, payable, tools)
    return answer


def _do(record: agents.Record, answer: agents.Answer, payable: float, tools: Any) -> None:
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
