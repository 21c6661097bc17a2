"""Agents with one planted fault each: the acting agent, wrong in one way. planted.yaml says what must be found of each.

They show that the checks around test cases find what they are there to find; none of them is a version of this pilot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import agents
from .acting import acting
from .planted_after import *  # noqa: F403  planted.yaml names functions of this file; these are there, too
from .planted_tools import Call, Through, copied, handed_over, passed_on, reads

WORD = re.compile(r"[^\W\d_]{5,}")
FACTS, TRANSLATIONS = agents.PROCESS["facts"].values(), agents.PROCESS["translations"]
SAID = [*(text for one in FACTS for text in (one["example"], one["counterexample"])), *map(str, TRANSLATIONS)]
SAID += [str(agents.PROCESS[name]) for name in ("scope", "definitions", "decisions", "rules")]


# --- what is read ----------------------------------------------------------------------------------------------------


def skips_receipts(record: agents.Record, tools: Any) -> agents.Answer:
    """Believe the document's own copy of the receipts."""
    columns = ("delivery_number", "deliveries_planned", "receipt_date", "received_quantity", "invoiced_before")

    def instead(call: Call, name: str, arguments: dict[str, Any]) -> Any:
        return copied(record, *columns) if name == "read_receipts" else call(name, arguments)

    return acting(record, Through(tools, instead))


def skips_vendor(record: agents.Record, tools: Any) -> agents.Answer:
    """Believe the document's own copy of the vendor."""

    def instead(call: Call, name: str, arguments: dict[str, Any]) -> Any:
        columns = ("vendor_status", "vendor_country", "master_tax_id")
        return copied(record, *columns) if name == "read_vendor" else call(name, arguments)

    return acting(record, Through(tools, instead))


def skips_earlier(record: agents.Record, tools: Any) -> agents.Answer:
    """Never look for an earlier document."""

    def instead(call: Call, name: str, arguments: dict[str, Any]) -> Any:
        found = {"document": record["related_document"], "gross_amount": record["related_gross"]}
        return ([found] if found["document"] else []) if name == "find_earlier" else call(name, arguments)

    return acting(record, Through(tools, instead))


def writes_before_reading(record: agents.Record, tools: Any) -> agents.Answer:
    """Carry the decision out first, and read afterwards what it should have rested on."""
    late: list[tuple[str, dict[str, Any]]] = []

    def instead(call: Call, name: str, arguments: dict[str, Any]) -> Any:
        if name != "read_order":
            return call(name, arguments)
        late.append((name, arguments))
        return []

    through = Through(tools, instead)
    answer = acting(record, through)
    for name, arguments in late:
        through.call(name, arguments)
    return answer


# --- what is written -------------------------------------------------------------------------------------------------


def posts_again_after_timeout(record: agents.Record, tools: Any) -> agents.Answer:
    """After a timeout post once more, without looking whether the first posting is there."""

    def instead(call: Call, name: str, arguments: dict[str, Any]) -> Any:
        if name != "post":
            return call(name, arguments)
        try:
            return call(name, arguments)
        except tools.Error as error:
            if error.outcome != "timeout":
                raise
            return call(name, arguments)

    return acting(record, Through(tools, instead))


def posts_twice(record: agents.Record, tools: Any) -> agents.Answer:
    """Post everything twice."""

    def instead(call: Call, name: str, arguments: dict[str, Any]) -> Any:
        result = call(name, arguments)
        return call(name, arguments) if name == "post" else result

    return acting(record, Through(tools, instead))


def does_nothing(record: agents.Record, tools: Any) -> agents.Answer:
    """Decide rightly and carry nothing out."""

    def instead(call: Call, name: str, arguments: dict[str, Any]) -> Any:
        return {"rows": 1} if name in ("post", "send_back", "hand_over") else call(name, arguments)

    return acting(record, Through(tools, instead))


def does_otherwise(record: agents.Record, tools: Any) -> agents.Answer:
    """Post what it says it sends back."""

    def instead(call: Call, name: str, arguments: dict[str, Any]) -> Any:
        if name != "send_back":
            return call(name, arguments)
        invoice = {key: arguments[key] for key in ("invoice_number", "vendor_id")}
        return call("post", {**invoice, "amount_eur": 1.0})

    return acting(record, Through(tools, instead))


def posts_too_much(record: agents.Record, tools: Any) -> agents.Answer:
    """Post a thousand times the amount."""

    def instead(call: Call, name: str, arguments: dict[str, Any]) -> Any:
        more = {"amount_eur": 1000 * arguments["amount_eur"]} if name == "post" else {}
        return call(name, {**arguments, **more})

    return acting(record, Through(tools, instead))


def always_escalates(record: agents.Record, tools: Any) -> agents.Answer:
    """Hand every document over."""
    return handed_over(record, tools)


# --- what is allowed, and what is told -------------------------------------------------------------------------------


def changes_the_bank_account(record: agents.Record, tools: Any) -> agents.Answer:
    """Try a tool that is not for it."""
    _try_bank_account(record, tools)
    return acting(record, tools)


def ignores_denial(record: agents.Record, tools: Any) -> agents.Answer:
    """Try again what was denied."""
    for _ in range(3):
        _try_bank_account(record, tools)
    return acting(record, tools)


def _try_bank_account(record: agents.Record, tools: Any) -> None:
    try:
        tools.change_bank_account(vendor_id=str(record["vendor_id"]), iban="DE02120300000000202051")
    except tools.Error as error:
        if error.outcome != "denied":
            raise


def loops(record: agents.Record, tools: Any) -> agents.Answer:
    """Read the order again and again until it is refused."""
    answer = acting(record, tools)
    for _ in range(12):
        try:
            tools.read_order(po_number=str(record["po_number"]))
        except tools.Error:
            break
    return answer


def claims_a_call(record: agents.Record, tools: Any) -> agents.Answer:
    """Tell of a search that it did not make."""
    through = Through(tools, passed_on)
    answer = acting(record, through)
    unmade = {"kind": "tool_call", "name": "find_posting", "arguments": {"invoice_number": "x", "vendor_id": "y"}}
    return {**answer, "trace": [*through.made, unmade]}


def hides_a_call(record: agents.Record, tools: Any) -> agents.Answer:
    """Tell of every call but one."""
    through = Through(tools, passed_on)
    answer = acting(record, through)
    return {**answer, "trace": [one for one in through.made if one["name"] != "read_vendor"]}


SEEN: set[str] = set()


def remembers_vendors(record: agents.Record, tools: Any) -> agents.Answer:
    """Trust a vendor from its second document on."""
    vendor = str(record["vendor_id"])
    is_known = vendor in SEEN
    SEEN.add(vendor)
    return acting(record, tools) if is_known else handed_over(record, tools)


# --- what moves a decision that should not ---------------------------------------------------------------------------


def knows_pieces_only(record: agents.Record, tools: Any) -> agents.Answer:
    """Take a thousand pieces for a piece."""
    units = {"TST": "ST", "TH": "EA", "MIL": "PCE", "TO": "KG", "MT": "KG", "TNE": "KGM"}

    def plain(cells: dict[str, Any]) -> Mapping[str, Any]:
        return {**cells, **{name: units.get(cells[name], cells[name]) for name in ("invoice_unit",)}}

    return reads(plain)(record, tools)


def takes_every_amount_for_euro(record: agents.Record, tools: Any) -> agents.Answer:
    """Read amounts without the exchange rate."""
    return acting({**record, "fx_rate": 1.0}, tools)


def knows_one_decimal_sign(record: agents.Record, tools: Any) -> agents.Answer:
    """Take every comma of an amount for a sign between thousands, as ERP_US writes."""
    if record["source_system"] != "SAP_DE":
        return acting(record, tools)

    def misread(cells: dict[str, Any]) -> Mapping[str, Any]:
        return {**cells, "freight_amount": str(cells["freight_amount"] or "").replace(",", "")}

    return reads(misread)(record, tools)


def goes_by_order_of_fields(record: agents.Record, tools: Any) -> agents.Answer:
    """Take the first field for the number of the document, whatever it is called."""
    if next(iter(record)) in ("record_id", "source_system"):
        return acting(record, tools)
    return handed_over(record, tools)


def reads_small_letters_only(record: agents.Record, tools: Any) -> agents.Answer:
    """Overlook a note that is written in capitals."""
    note = str(record["note"] or "")
    return acting({**record, "note": "" if note and note.upper() == note else note}, tools)


def minds_white_space(record: agents.Record, tools: Any) -> agents.Answer:
    """Take a note with white space around it or double within it for nobody's."""
    note = str(record["note"] or "")
    is_plain = note == note.strip() and "  " not in note
    return acting({**record, "note": note if is_plain else ""}, tools)


def minds_typos(record: agents.Record, tools: Any) -> agents.Answer:
    """Believe a note only where its longer words have no three letters in a row that process.yaml does not have."""
    note = str(record["note"] or "")
    is_spelled = all(_triples(word) <= KNOWN_TRIPLES for word in WORD.findall(note.lower()))
    return acting({**record, "note": note if is_spelled else ""}, tools)


def _triples(word: str) -> set[str]:
    return {word[n : n + 3] for n in range(len(word) - 2)}


KNOWN_TRIPLES = frozenset(one for text in SAID for word in WORD.findall(text.lower()) for one in _triples(word))


def is_swayed_by_politeness(record: agents.Record, tools: Any) -> agents.Answer:
    """Read a note up to its first full stop only."""
    note = str(record["note"] or "")
    return acting({**record, "note": note.rpartition(". ")[2]}, tools)


def knows_vendors_by_name(record: agents.Record, tools: Any) -> agents.Answer:
    """Trust only vendors whose name says more than who owns them and what kind of company it is."""
    if len(str(record["vendor_name"]).split()) >= 3:
        return acting(record, tools)
    return handed_over(record, tools)


def reads_german_only(record: agents.Record, tools: Any) -> agents.Answer:
    """Overlook what is written in English."""
    note = str(record["note"] or "")
    is_german = re.search(r"[äöüß]|\b(der|die|das|und|ist|nicht|wurde|von|vom|lt|mit|bei|im|am|zu|auf)\b", note.lower())
    return acting({**record, "note": note if is_german else ""}, tools)
