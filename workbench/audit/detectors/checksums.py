"""Numbers that carry a check digit which does not fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module

import numpy as np

from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.findings import CellKind, Concerns, Effort, Severity, until_gone
from workbench.audit.table.inferred import Known
from workbench.records.tables import CodedColumn, ColumnProfile, Semantic, is_placeholder, looked_at, shape_of

MIN_VALID = 0.6  # of a column: check digits of one or two digits fit a tenth or less of other numbers by chance
MIN_DISTINCT = 5  # of fewer numbers all may fit by chance
TRIED = 300  # numbers tell a scheme; all of them are only checked against the one that was found
STRENGTH = 0.8
LENGTHS = {
    "iban": (15, 34), "issn": (8, 9), "isbn": (10, 17), "ean": (8, 14), "luhn": (13, 19), "eu.vat": (8, 16),
    "de.idnr": (11, 14), "it.codicefiscale": (16, 16), "es.nif": (9, 11), "pl.nip": (10, 13), "fr.siret": (14, 17),
}  # fmt: skip
NAMES = {
    "luhn": "number (Luhn)", "eu.vat": "VAT id", "de.idnr": "German tax id", "it.codicefiscale": "Italian tax code",
    "es.nif": "Spanish tax id", "pl.nip": "Polish tax id", "fr.siret": "French SIRET",
}  # fmt: skip
MARKED = frozenset({"iban", "eu.vat"})
DECLARED = {Semantic.IBAN: "iban", Semantic.ISSN: "issn", Semantic.ISBN: "isbn", Semantic.VAT_ID: "eu.vat"}

CHECKSUM = CellKind(
    "checksum",
    "identifiers with a wrong check digit",
    Severity.HIGH,
    "payments, tax checks and look-ups go to the wrong party or nowhere",
    until_gone(
        "check digits when they are entered; ask the partner for the right identifier",
        Effort.DAYS,
        "identifier with a wrong check digit",
    ),
    Concerns.FIELDS,
    "the check digits do not fit",
)


@cache
def _validator(name: str) -> Callable[[str], bool]:
    return import_module(f"stdnum.{name}").is_valid  # type: ignore[no-any-return]


def checksum_of(column: CodedColumn, profile: ColumnProfile) -> str | None:
    """Return the numbering scheme whose check digits fit most values of a column, None when none does."""
    if profile.is_declared and profile.semantic in DECLARED:
        return DECLARED[profile.semantic]
    if profile.n_distinct < MIN_DISTINCT or profile.semantic in {Semantic.TEXT, Semantic.DATE, Semantic.TIME}:
        return None
    filled = np.array([not is_placeholder(value) for value in column.values], dtype=bool)
    texts = [column.values[code].strip() for code in looked_at(column.counts, filled)[:TRIED]]
    for name, (shortest, longest) in LENGTHS.items():
        fitting = [text for text in texts if shortest <= len(text) <= longest and any(s.isdigit() for s in text)]
        if len(fitting) < MIN_VALID * len(texts) or len(fitting) < MIN_DISTINCT:
            continue
        if _are_valid(fitting, _validator(name), math.ceil(MIN_VALID * len(texts))):
            return name
    return None


def _are_valid(texts: Sequence[str], is_valid: Callable[[str], bool], n_wanted: int) -> bool:
    """Return whether at least so many texts are valid, looking no further than it takes to know."""
    n_left = len(texts) - n_wanted
    for text in texts:
        n_left -= not is_valid(text)
        if n_left < 0:
            return False
    return True


def _country_and_shape(text: str, scheme: str) -> tuple[str, str]:
    """Return what says that a number belongs to the scheme at all: its shape, and the country's letters in front."""
    country = "".join(sign for sign in text[:2] if sign.isalpha()) if scheme in MARKED else ""
    return country, shape_of(text)


def vote_on_checksums(known: Known, votes: Votes) -> None:
    """Vote on values whose check digits do not fit, where they usually do; numbers of other schemes are left alone."""
    for column, profile in known.each():
        scheme = checksum_of(column, profile)
        if scheme is None:
            continue
        is_valid = _validator(scheme)
        texts = [value.strip() for value in column.values]
        of_scheme = {_country_and_shape(text, scheme) for text in texts if is_valid(text)}
        strengths = {
            code: (STRENGTH, f"the check digits of the {NAMES.get(scheme, scheme.upper())} do not fit")
            for code, text in enumerate(texts)
            if _country_and_shape(text, scheme) in of_scheme and not is_valid(text)
        }
        votes.values(column, strengths, CHECKSUM)


OF_CHECKSUMS = Detector("check digits", 80, vote_on_checksums, (CHECKSUM,), is_by_value=True)
