"""Personal data: candidates by pattern, kept when their check digits or the words around them agree."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

WINDOW = 40  # letters around a candidate: the words that tell what it is stand within a short sentence
LONGEST = 20_000  # letters of a cell: bounds the time of the patterns
# What every kind has: an at sign, or a number of four digits, or a house number.
MAY_HOLD = re.compile(r"@|\(at\)|\[at\]|\d\D{0,2}\d\D{0,2}\d\D{0,2}\d|[a-zß.] \d|\b\d{1,5} [A-Z]|\d\.\d", re.I)
# Without a letter or an at sign: a phone number with its prefix, thirteen digits of a card, an address of the internet.
_BARE = re.compile(r"\+|00|\d(?:[ -]?\d){12}|(?:\d\.\d*){3}")
_LETTER = re.compile(r"[^\W\d_]|@")


class PersonalData(StrEnum):
    """Kinds of personal data that are looked for; names in free text are not."""

    EMAIL = "email"
    PHONE = "phone"
    IBAN = "iban"
    CARD = "card_number"
    VAT = "vat_id"
    TAX_ID = "tax_id"
    BIRTH_DATE = "birth_date"
    IP_ADDRESS = "ip_address"
    ADDRESS = "street_address"


@dataclass(frozen=True, slots=True)
class Found:
    """A piece of personal data in a text: its kind and its place."""

    kind: PersonalData
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """How one kind is found: a candidate, a check of its digits, and words of which one must stand near it."""

    kind: PersonalData
    candidate: re.Pattern[str]
    is_valid: Callable[[str], bool] | None = None
    context: re.Pattern[str] | None = None
    may_end_early: bool = False


def may_hold(text: str) -> bool:
    """Return whether it is worth looking for personal data in a text: quick, and never wrong where there is some.

    Examples
    --------
    >>> may_hold("2025-01-31"), may_hold("1,234.50"), may_hold("+49 30 1234567"), may_hold("a@b.de")
    (False, False, True, True)
    """
    return MAY_HOLD.search(text) is not None and (_LETTER.search(text) or _BARE.search(text)) is not None


def find_personal_data(text: str) -> tuple[Found, ...]:
    """Return the personal data in a text, in order, none overlapping another; only the first 20,000 letters are read.

    Examples
    --------
    >>> [(found.kind.value, found.start, found.end) for found in find_personal_data("Mail an max@firma.de, danke")]
    [('email', 8, 20)]
    """
    text = text[:LONGEST]
    taken: list[Found] = []
    for pattern in _patterns():
        for match in pattern.candidate.finditer(text):
            start, end = match.start(), _valid_end(pattern, match)
            if end is None or any(start < found.end and found.start < end for found in taken):
                continue
            if pattern.context is not None and not pattern.context.search(text[max(0, start - WINDOW) : end + WINDOW]):
                continue
            taken.append(Found(pattern.kind, start, end))
    return tuple(sorted(taken, key=lambda found: found.start))


def masked(text: str) -> str:
    """Return a text with personal data replaced by its kind.

    Examples
    --------
    >>> masked("Mail an max@firma.de, danke")
    'Mail an [email], danke'
    """
    return replaced(text, [(one.start, one.end, f"[{one.kind.value}]") for one in find_personal_data(text)])


def replaced(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """Return a text with something else where pieces of it were: each begins, ends, and is replaced by."""
    parts, last = [], 0
    for start, end, instead in sorted(spans):
        parts += [text[last:start], instead]
        last = end
    return "".join([*parts, text[last:]])


@functools.cache
def _patterns() -> Sequence[Pattern]:
    """Return the patterns, the surest first: what one has taken no later one takes."""
    return tuple(_listed())


def _listed() -> Iterator[Pattern]:
    from stdnum import iban, luhn
    from stdnum.de import idnr
    from stdnum.eu import vat

    yield Pattern(PersonalData.EMAIL, re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,4}[A-Za-z]{2,24}\b"))
    yield Pattern(
        PersonalData.EMAIL,
        re.compile(
            r"(?<![\w.])[\w.+-]{2,64}\s?(?:\(at\)|\[at\]|\s@\s)\s?[\w-]{2,63}"
            r"(?:\.|\s?\(dot\)|\s?\[dot\]|\s?\(punkt\))(?:(?<!\.)\s)?[a-z]{2,10}\b",
            re.I,
        ),
    )  # fmt: skip
    yield Pattern(
        PersonalData.IBAN,
        re.compile(r"\b[A-Z]{2} ?\d{2}(?:[ .-]?[A-Z0-9]{1,4}){3,9}\b", re.I),
        lambda text: _trimmed(text, iban.is_valid),
        may_end_early=True,
    )  # fmt: skip
    yield Pattern(
        PersonalData.CARD,
        re.compile(
            r"(?<![\w.-])(?:[2-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,4}(?:[ -]?\d{1,3})?|3[47]\d{2}[ -]?\d{6}[ -]?\d{5})"
            r"(?![\w-])"
        ),
        lambda text: 13 <= len(digits := re.sub(r"\D", "", text)) <= 19 and luhn.is_valid(digits),
    )
    countries = "AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK"
    yield Pattern(
        PersonalData.VAT,
        re.compile(rf"\b(?:{countries})[ -]?[A-Z0-9](?:[ .-]?[A-Z0-9]){{7,11}}\b"),
        lambda text: any(sign.isdigit() for sign in text) and vat.is_valid(text),
    )
    yield Pattern(
        PersonalData.TAX_ID,
        re.compile(r"(?<![\w.])\d{2}[ ]?\d{3}[ ]?\d{3}[ ]?\d{3}(?![\w])"),
        idnr.is_valid,
        re.compile(r"steuer|tax|idnr|tin\b|identifikationsn", re.I),
    )
    octet = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
    yield Pattern(
        PersonalData.IP_ADDRESS,
        re.compile(rf"(?<![\w.])(?:{octet}\.){{3}}{octet}(?![\w.]*\d)"),
        _is_no_version,
    )
    yield Pattern(
        PersonalData.BIRTH_DATE,
        re.compile(
            r"\b(?:\d{1,2}[./-]\s?\d{1,2}[./-]\s?(?:19|20)?\d{2}|(?:19|20)\d{2}-\d{2}-\d{2}"
            r"|\d{1,2}\.? (?:Jan|Feb|M[aä]r|Apr|Ma[iy]|Jun|Jul|Aug|Sep|O[ck]t|Nov|De[cz])\w* (?:19|20)\d{2})\b"
        ),
        None,
        re.compile(r"geb(?:oren|\.|urtsdatum|urtstag)|born|birth|\bdob\b|\*\s?(?=\d)|jahrgang", re.I),
    )  # fmt: skip
    phone = re.compile(
        r"(?<![\w.,/-])(?<!\d )(?:\+|00)[1-9]\d{0,2}[ /.-]?(?:\(0\)[ ]?)?(?:\(?\d{1,5}\)?[ /.-]?){2,6}\d(?!\w)"
    )
    yield Pattern(PersonalData.PHONE, phone, _is_phone)
    yield Pattern(
        PersonalData.PHONE,
        re.compile(r"(?<![\w.,/-])(?<!\d )\(?0\d{1,4}\)?(?: / |[ /.-])?\d(?:[ /.-]?\d){3,10}(?!\w)"),
        _is_phone,
        re.compile(
            r"\btel\b|\btel\.|telef|phone|mobil|handy|\bfax|\bcall\b|anruf|anrufen|durchwahl|rufnummer|rückruf|"
            r"erreich|reach me|my number|dial|whatsapp|\bsms\b|text me|meldet sich",
            re.I,
        ),
    )  # fmt: skip
    before = r"(?:[A-ZÄÖÜ][\wäöüß.-]+[ -]){0,3}"
    yield Pattern(
        PersonalData.ADDRESS,
        re.compile(
            rf"\b{before}[A-ZÄÖÜ]?[\wäöüß-]*(?:[Ss]traße|[Ss]trasse|[Ss]tr\.|[Aa]llee|[a-zß]gasse)\s\d{{1,4}}\s?[a-z]?\b"
            r"|\b\d{1,5}\s(?:[A-Z][a-z]+\s){1,3}(?:Street|St\.?|Road|Rd\.?|Avenue|Ave\.?|Lane|Drive|Close|Court|Square)\b"
        ),
    )
    yield Pattern(
        PersonalData.ADDRESS,
        re.compile(rf"\b{before}[A-ZÄÖÜ][\wäöüß-]*(?:weg|platz|ring|damm|ufer|Weg|Platz|Ring)\s\d{{1,4}}\s?[a-z]?\b"),
        None,
        re.compile(r"adresse|anschrift|wohn|privat|zustell|abhol|\b\d{5} [A-ZÄÖÜ]", re.I),
    )


def _valid_end(pattern: Pattern, match: re.Match[str]) -> int | None:
    """Return where a candidate ends, after dropping words at its end until its check digits agree; None if never."""
    if pattern.is_valid is None:
        return match.end()
    text = match.group()
    while text:
        if pattern.is_valid(text):
            return match.start() + len(text)
        shorter = re.match(r"(.*\w)[ .-]+\w+$", text, re.S)
        text = shorter[1] if shorter and pattern.may_end_early else ""
    return None


def _trimmed(text: str, is_valid: Callable[[str], bool]) -> bool:
    return is_valid(re.sub(r"[\s.-]", "", text))


def _is_no_version(text: str) -> bool:
    """Return whether four numbers look like an address of the internet and not like the version of a program."""
    return sum(len(part) > 1 for part in text.split(".")) >= 2


def _is_phone(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return 7 <= len(digits) <= 15 and len(set(digits)) > 2
