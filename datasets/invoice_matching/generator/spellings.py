"""Wrong and other spellings of names, codes, units and dates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from numpy.random import Generator

from generator.draws import happens, pick

# Columns that lose their value, the likelier ones more than once.
MISSABLE = (
    "invoice_date", "invoice_date", "invoice_tax_id", "invoice_tax_id", "vendor_name", "material", "po_terms",
    "invoice_terms", "invoice_unit", "order_unit", "po_price", "received_quantity", "tax_rate", "over_delivery_pct",
    "deliveries_planned", "fx_rate", "master_tax_id", "net_amount", "po_freight", "material_group",
)  # fmt: skip
PLACEHOLDERS: Mapping[str, tuple[str, ...]] = {
    "note": ("-", ".", "n/a", "N/A", "k.A.", "xxx", "siehe oben"),
    "invoice_date": ("00.00.0000", "01/01/1900", "99991231", "N/A"),
    "receipt_date": ("00.00.0000", "00000000", "12/31/9999", "n.a."),
    "invoice_tax_id": ("N/A", "unbekannt", "0", "XX999999999", "tbd"),
    "vendor_name": ("DIVERSE", "CPD", "N/A", "unknown"),
    "material": ("DUMMY", "Text fehlt", "#NV", "tbd"),
    "po_terms": ("-", "s. Rahmenvertrag", "N/A"),
    "invoice_terms": ("-", "as agreed", "lt. Vereinbarung"),
    "po_freight": ("#WERT!", "n/a"),
}
UNITS: Mapping[str, tuple[str, ...]] = {
    "piece": ("Stk", "Stck.", "pcs", "PC", "Stück"),
    "thousand_pieces": ("Tsd", "1000 ST", "k pcs"),
    "kilogram": ("kg", "Kg.", "KGS", "kilo"),
    "tonne": ("t", "Tonnen", "to."),
    "pound": ("lbs", "lb."),
    "metre": ("m", "Mtr", "lfm"),
    "litre": ("l", "Ltr.", "Liter"),
    "set": ("Satz", "SETS"),
}
CODES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "currency": {"EUR": ("€", "Euro", "eur"), "USD": ("US$", "$", "usd"), "CHF": ("SFr.",), "PLN": ("zł",)},
    "po_currency": {"EUR": ("€", "Euro", "eur"), "USD": ("US$", "$", "usd"), "CHF": ("SFr.",), "PLN": ("zł",)},
    "material_group": {
        "fasteners": ("Fasteners", "Schrauben"),
        "sheet_steel": ("Sheet steel", "sheetsteel", "Blech"),
        "castings": ("Castings", "Guss"),
        "bearings": ("Bearing", "Wälzlager"),
        "electronics": ("ELECTRONICS", "Elektronik"),
        "cables": ("cable", "Kabel"),
        "plastics": ("Plastics", "Kunststoff"),
        "seals": ("Seals", "Dichtung"),
        "packaging": ("Packaging", "Verpackung"),
        "lubricants": ("Lubricants", "Schmierstoff"),
    },
    "vendor_country": {
        "DE": ("D", "Germany", "DEU"),
        "US": ("USA",),
        "PL": ("Polen", "POL"),
        "AT": ("A",),
        "GB": ("UK",),
    },
    "plant": {"1010": ("Kassel", "1010 Kassel"), "1030": ("Ulm", "Werk 1030"), "1020": ("01020",), "3010": ("GVL",)},
}
TRANSLITERATED = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "é": "e", "É": "E"}
)
FORMS = (
    " GmbH & Co. KG",
    " GmbH",
    " AG",
    " KG",
    " e.K.",
    " Inc.",
    " LLC",
    " Corp.",
    " S.r.l.",
    " Sp. z o.o.",
    " SAS",
    " Ltd",
)


def respelt_name(name: str, rng: Generator) -> str | None:
    """Return a company's name as another clerk typed it, None when this way of typing changes nothing."""
    form = next((form for form in FORMS if name.endswith(form)), "")
    ways = (
        name.translate(TRANSLITERATED),
        name.upper(),
        name.removesuffix(form),
        name.replace(" & ", "+").replace("GmbH", "Gmbh"),
        name.replace(" ", "  ", 1),
    )
    other = pick(rng, ways)
    return None if other == name else other


def misencoded(text: str, rng: Generator) -> str | None:
    """Return UTF-8 text read as Windows-1252, or with its accented letters lost; None when it has none."""
    if text.isascii():
        return None
    if happens(rng, 0.25):
        return "".join(character if character.isascii() else "\ufffd" for character in text)
    try:
        return text.encode("utf-8").decode("cp1252")
    except UnicodeDecodeError:
        return None


def spaced(text: str, rng: Generator) -> str:
    """Return the text with white space where none belongs."""
    return pick(rng, (f" {text}", f"{text} ", f"{text}  ", f"{text}\u00a0", f"\t{text}", f"{text[:2]} {text[2:]}"))


def misdated(day: date, rng: Generator) -> date:
    """Return a date with a mistyped year."""
    return day.replace(year=pick(rng, (2015, 2052, 1925, 2026, 2205)), day=min(day.day, 28))
