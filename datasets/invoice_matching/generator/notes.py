"""Free-text notes: phrases with their slots filled, and the little untidiness of hurried people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from numpy.random import Generator

from generator.draws import digits, happens, pick, pick_weighted
from generator.facts import Note, NoteFact

PHRASES_FILE = Path(__file__).with_name("notes.yaml")
NO_NOTE = Note("", "none")
PEOPLE = (
    "Brandt", "Yilmaz", "Kowalski", "Schröder", "Lehmann", "Özdemir", "Vogt", "Petersen", "Nowak", "Hübner",
    "Keller", "Ramírez", "Thompson", "Becker", "Jansen", "Krüger", "Miller", "Wagner", "Zielinski", "Baumann",
)  # fmt: skip
CARRIERS = ("Nordtrans", "Hellmuth", "Kurz & Söhne", "TransPol", "Palmetto Freight")
MAIL_NAMES = ("buchhaltung", "accounts", "ar", "billing", "finance")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
SECOND_SENTENCE, UNTIDY, SIGNED = 0.16, 0.18, 0.12


class NoteBook:
    """The phrases of every kind of note."""

    def __init__(self, path: Path = PHRASES_FILE) -> None:
        self.phrases: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))

    def write(self, kind: str, is_german: bool, day: date, plant: str, rng: Generator) -> Note:
        """Return a note of a kind, written about a document received on a day."""
        entry = self.phrases[kind]
        text = self._sentence(kind, is_german, day, plant, rng)
        if kind != "irrelevant" and happens(rng, SECOND_SENTENCE):
            other = self._sentence("irrelevant", is_german, day, plant, rng)
            text = f"{text}. {other}" if happens(rng, 0.6) else f"{other}; {text}"
        return Note(_untidied(text, day, rng), kind, frozenset(NoteFact(fact) for fact in entry["facts"]))

    def _sentence(self, kind: str, is_german: bool, day: date, plant: str, rng: Generator) -> str:
        language = "de" if is_german else "en"
        phrases = self.phrases[kind][language]
        usual = {phrase: 1 / (rank + 3) for rank, phrase in enumerate(phrases)}  # the first are the usual ones
        return pick_weighted(rng, usual).format_map(_slots(is_german, day, plant, rng))


def _slots(is_german: bool, day: date, plant: str, rng: Generator) -> dict[str, str]:
    """Return what the braces of a phrase stand for."""
    person = pick(rng, PEOPLE)
    titles = ("Hr.", "Fr.", "Kollege") if is_german else ("Mr.", "Ms.", "colleague")
    mentioned = day - timedelta(days=int(rng.integers(1, 60)))
    return {
        "person": f"{pick(rng, titles)} {person}" if happens(rng, 0.6) else person,
        "date": _short_date(mentioned, is_german, rng),
        "ref": f"{pick(rng, ('NT', 'V', 'A'))}-{day.year}-{int(rng.integers(1, 999)):03d}",
        "slip": f"LS {int(rng.integers(10_000, 99_999))}",
        "claim": f"Q{int(rng.integers(1000, 9999))}",
        "lot": f"{pick(rng, ('C', 'L', '25-'))}{int(rng.integers(1000, 99_999))}",
        "number": str(int(rng.integers(2, 400))),
        "week": str(mentioned.isocalendar().week),
        "gate": str(int(rng.integers(1, 13))),
        "plant": plant,
        "carrier": pick(rng, CARRIERS),
        "iban": _iban(rng),
        "mail": f"{pick(rng, MAIL_NAMES)}@example.{pick(rng, ('com', 'org', 'net'))}",
    }


def _short_date(day: date, is_german: bool, rng: Generator) -> str:
    """Return a date as people write it in passing."""
    if is_german:
        return day.strftime("%d.%m.") if happens(rng, 0.6) else day.strftime("%d.%m.%y")
    return f"{day.month}/{day.day}" if happens(rng, 0.5) else f"{MONTHS[day.month - 1]} {day.day}"


def _iban(rng: Generator) -> str:
    """Return a German IBAN with right check digits at a bank code that no bank has (they do not begin with 9)."""
    account = f"9{digits(rng, 17)}"
    check = 98 - int(f"{account}131400") % 97  # D = 13, E = 14
    return f"DE{check:02d}{account}"


def _untidied(text: str, day: date, rng: Generator) -> str:
    """Return the text as somebody in a hurry leaves it."""
    if happens(rng, UNTIDY):
        way = int(rng.integers(3))
        text = text.lower() if way == 0 else text.translate(UMLAUTS) if way == 1 else text.rstrip(".") + " !"
    if happens(rng, SIGNED):
        text = f"{text} /{pick(rng, PEOPLE)[:2].upper()} {day.day}.{day.month}."
    return text
