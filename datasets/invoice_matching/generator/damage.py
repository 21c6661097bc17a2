"""Data-quality issues planted into the written records, and wrong labels; what was there before is kept apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from numpy.random import Generator

from generator.draws import happens, pick, pick_weighted
from generator.facts import Case
from generator.formats import AMOUNTS, DATES, QUANTITIES, Format, Numbers
from generator.spellings import (
    CODES,
    MISSABLE,
    PLACEHOLDERS,
    UNITS,
    misdated,
    misencoded,
    respelt_name,
    spaced,
)

Row = dict[str, str]
COPIES = 0.006
# Share of records that get one issue of each kind.
SHARES: Mapping[str, float] = {
    "missing_value": 0.013,
    "placeholder": 0.009,
    "mixed_format": 0.011,
    "mojibake": 0.008,
    "stray_whitespace": 0.01,
    "inconsistent_unit": 0.007,
    "inconsistent_code": 0.007,
    "inconsistent_entity": 0.006,
    "implausible_date": 0.003,
    "magnitude_error": 0.004,
}
MIGRATION_MONTH, MIGRATED_SOURCE = 10, "ERP_US"  # half of the mixed formats come from one migration
# People mislabel hard cases far more often than routine; the shares are an assumption.
MISLABELLED: Mapping[str, float] = {"common": 0.004, "edge": 0.035, "error": 0.03}
MISTAKEN_FOR: Mapping[str, Mapping[str, float]] = {
    "approve": {"escalate": 0.7, "reject": 0.3},
    "escalate": {"approve": 0.7, "reject": 0.3},
    "reject": {"escalate": 0.6, "approve": 0.4},
}


@dataclass(frozen=True, slots=True)
class Planted:
    """One planted thing: the clean value of a cell, or for a copied record the copied one's id (column empty)."""

    kind: str
    column: str
    clean: str


@dataclass(slots=True)
class Entry:
    """One record while it is written: its columns, what it was made from and what was planted in it."""

    row: Row
    case: Case
    numbers: Numbers
    planted: list[Planted] = field(default_factory=list)
    copy_of: Entry | None = None


def with_copies(entries: Sequence[Entry], rng: Generator) -> list[Entry]:
    """Return the entries and near copies of a few, a little later and slightly different, by time of receipt."""
    n_copies = n_of_copies(len(entries))
    chosen = rng.choice(len(entries), n_copies, replace=False)
    copies = []
    for index in sorted(int(number) for number in chosen):
        original = entries[index]
        row = dict(original.row)
        moment = datetime.fromisoformat(row["received_at"]) + timedelta(minutes=int(rng.integers(1, 180)))
        row["received_at"] = moment.isoformat(timespec="seconds")
        row["vendor_name"] = respelt_name(row["vendor_name"], rng) or row["vendor_name"]
        row["note"] = f"{row['note']} " if row["note"] and happens(rng, 0.5) else row["note"]
        copies.append(replace(original, row=row, planted=[], copy_of=original))
    return sorted([*entries, *copies], key=lambda entry: entry.row["received_at"])


def n_of_copies(n_originals: int) -> int:
    """Return how many near copies are added to that many records."""
    return round(n_originals * COPIES)


def damage(entries: Sequence[Entry], formats: Mapping[str, Format], rng: Generator) -> None:
    """Plant every kind of issue in its share of the entries; no cell is damaged twice."""
    for kind, share in SHARES.items():
        left = round(len(entries) * share)
        for index in _shuffled(entries, kind, rng):
            left -= _plant(kind, entries[index], formats, rng)
            if left == 0:
                break


def remedy(entries: Sequence[Entry], kinds: Collection[str]) -> None:
    """Mend the issues of some kinds, as a remedy at the source does; everything else stays as it was."""
    for entry in entries:
        mended = [one for one in entry.planted if one.kind in kinds]
        entry.row.update({one.column: one.clean for one in mended})
        entry.planted = [one for one in entry.planted if one not in mended]


def _shuffled(entries: Sequence[Entry], kind: str, rng: Generator) -> list[int]:
    """Return the entries' positions in random order; mixed formats prefer the months after a migration."""
    order = [int(index) for index in rng.permutation(len(entries))]
    if kind != "mixed_format":
        return order
    half = round(len(entries) * SHARES[kind] / 2)
    is_migrated = {index for index in order if _is_migrated(entries[index])}
    first = [index for index in order if index in is_migrated][:half]
    return [*first, *(index for index in order if index not in set(first))]


def _is_migrated(entry: Entry) -> bool:
    received = entry.case.document.received_at
    return received.month == MIGRATION_MONTH and entry.case.source == MIGRATED_SOURCE


def _plant(kind: str, entry: Entry, formats: Mapping[str, Format], rng: Generator) -> bool:
    """Damage one cell of an entry; return whether a fitting cell was found."""
    column, value = DAMAGES[kind](entry, formats, rng)
    touched = {planted.column for planted in entry.planted}
    if value is None or value == entry.row[column] or column in touched:
        return False
    entry.planted.append(Planted(kind, column, entry.row[column]))
    entry.row[column] = value
    return True


Damage = tuple[str, str | None]


def _missing(entry: Entry, _: Mapping[str, Format], rng: Generator) -> Damage:
    return pick(rng, MISSABLE), ""


def _placeholder(entry: Entry, _: Mapping[str, Format], rng: Generator) -> Damage:
    column = pick(rng, tuple(PLACEHOLDERS))
    return column, pick(rng, PLACEHOLDERS[column])


def _mixed_format(entry: Entry, formats: Mapping[str, Format], rng: Generator) -> Damage:
    column = pick(rng, (*DATES, *DATES, *AMOUNTS, *QUANTITIES))
    other = pick(rng, [source for source in formats if source != entry.case.source])
    return column, formats[other].row(entry.case, entry.numbers)[column]


def _mojibake(entry: Entry, _: Mapping[str, Format], rng: Generator) -> Damage:
    column = pick(rng, ("vendor_name", "note", "material"))
    return column, misencoded(entry.row[column], rng)


def _whitespace(entry: Entry, _: Mapping[str, Format], rng: Generator) -> Damage:
    column = pick(
        rng, ("vendor_name", "invoice_number", "po_number", "invoice_unit", "currency", "material_group",
              "invoice_tax_id", "gross_amount", "note"),
    )  # fmt: skip
    return column, spaced(entry.row[column], rng) if entry.row[column] else None


def _unit(entry: Entry, _: Mapping[str, Format], rng: Generator) -> Damage:
    column = pick(rng, ("order_unit", "invoice_unit"))
    unit = entry.case.order.unit if column == "order_unit" else entry.case.document.unit
    return column, pick(rng, UNITS[unit])


def _code(entry: Entry, _: Mapping[str, Format], rng: Generator) -> Damage:
    order, column = entry.case.order, pick(rng, tuple(CODES))
    meaning = {
        "currency": entry.case.document.currency,
        "po_currency": order.currency,
        "material_group": order.material.group,
        "vendor_country": order.vendor.country,
        "plant": order.plant,
    }[column]
    return column, pick(rng, CODES[column][meaning]) if meaning in CODES[column] else None


def _entity(entry: Entry, _: Mapping[str, Format], rng: Generator) -> Damage:
    return "vendor_name", respelt_name(entry.row["vendor_name"], rng)


def _date(entry: Entry, formats: Mapping[str, Format], rng: Generator) -> Damage:
    column = pick(rng, DATES)
    day = entry.case.document.dated if column == "invoice_date" else entry.case.receipt_date
    return column, None if day is None else formats[entry.case.source].day(misdated(day, rng))


def _magnitude(entry: Entry, formats: Mapping[str, Format], rng: Generator) -> Damage:
    """Return a number whose decimal mark was lost or gained on the way."""
    case, column = entry.case, pick(rng, ("po_price", "invoice_price", "gross_amount", "received_quantity", "fx_rate"))
    factor = pick(rng, (100.0, 100.0, 10.0, 0.01))
    written = formats[case.source]
    if column == "fx_rate":
        return column, f"{case.fx_rate * 10:g}" if case.fx_rate != 1 else None
    if column == "received_quantity":
        decimals = (
            len(entry.row[column].rpartition(written.declared["decimal"])[2]) if case.received_quantity % 1 else 0
        )
        return column, written.number(case.received_quantity * 1000, decimals)
    value = {"po_price": case.order.price, "invoice_price": case.document.price, "gross_amount": case.document.gross}
    return column, written.number(value[column] * factor, 2)


DAMAGES: Mapping[str, Callable[[Entry, Mapping[str, Format], Generator], Damage]] = {
    "missing_value": _missing,
    "placeholder": _placeholder,
    "mixed_format": _mixed_format,
    "mojibake": _mojibake,
    "stray_whitespace": _whitespace,
    "inconsistent_unit": _unit,
    "inconsistent_code": _code,
    "inconsistent_entity": _entity,
    "implausible_date": _date,
    "magnitude_error": _magnitude,
}


def mislabel(entries: Sequence[Entry], rng: Generator) -> None:
    """Give some entries a wrong decision, with a reason that belongs to it."""
    reasons: dict[str, list[str]] = {}
    for entry in entries:
        reasons.setdefault(entry.row["decision"], []).append(entry.row["reason_code"])
    for entry in entries:
        if happens(rng, MISLABELLED[entry.row["class"]]):
            wrong = pick_weighted(rng, MISTAKEN_FOR[entry.row["decision"]])
            changed = {"decision": wrong, "reason_code": pick(rng, reasons[wrong])}
            for column, value in changed.items():
                entry.planted.append(Planted("label_noise", column, entry.row[column]))
                entry.row[column] = value
