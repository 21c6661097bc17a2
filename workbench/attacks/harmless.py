"""Harmless texts of any length, channel and script: what stands beside a hostile text, and what fills around it."""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from pydantic import Field, TypeAdapter

from workbench.files import Settings, parse_yaml, read_text
from workbench.pilot import Channel
from workbench.words import InputError

BANK = Path(__file__).with_name("harmless.yaml")
SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "CJK", "ARABIC")
LENGTH_MAY_DIFFER = 0.2  # by which share a control may be shorter or longer than its text
DRAWS = 20  # the nearest of so many is taken; with more of them, texts of one length would get one control
WORD = re.compile(r"[^\W\d_]+")


class HarmlessSettings(Settings):
    """Harmless pieces of one language, and the script that it is written in."""

    script: str
    sentences: tuple[str, ...] = Field(min_length=5)
    names: tuple[str, ...] = Field(min_length=5)
    files: tuple[str, ...] = Field(min_length=5)


@lru_cache(maxsize=1)
def harmless_bank() -> dict[str, HarmlessSettings]:
    """Return the harmless pieces by language."""
    return TypeAdapter(dict[str, HarmlessSettings]).validate_python(parse_yaml(read_text(BANK), str(BANK)))


def script_of(text: str) -> str | None:
    """Return the script that most letters of a text belong to, None where it has none.

    Examples
    --------
    >>> script_of("Freigabe 12"), script_of("цена"), script_of("12.5")
    ('LATIN', 'CYRILLIC', None)
    """
    counts = Counter(unicodedata.name(sign, "?").split()[0] for sign in text if sign.isalpha())
    return min(counts, key=lambda script: (-counts[script], script)) if counts else None


def is_as_long(control: str, text: str) -> bool:
    """Return whether a control is about as long as its text: within a fifth, or two characters of a very short one."""
    return abs(len(control) - len(text)) <= max(LENGTH_MAY_DIFFER * len(text), 2)


def control_for(text: str, language: str, channel: Channel, rng: random.Random) -> str:
    """Return a harmless text of the same script and about the same length, of the kind that the channel has.

    Parameters
    ----------
    text : str
        The hostile one.
    language : str
        ISO 639-1; a language without a bank, and one of another script, gives way to the bank of the text's script.
    channel : Channel
        Names and addresses for `name`, a file's name for `file_name`, sentences for all others.
    rng : random.Random
        Which pieces.

    Raises
    ------
    InputError
        There is no bank of that script.
    """
    bank = _bank_for(text, language)
    if channel is Channel.FILE_NAME:
        room = max(len(text) - len(".pdf"), 3)
        return _of_length([stem.replace(" ", "_") for stem in bank.files], "_", room, rng) + ".pdf"
    if channel is Channel.NAME:
        return _of_length(bank.names, ", ", len(text), rng)
    return _of_length(bank.sentences, "" if bank.script == "CJK" else " ", len(text), rng)


def filler(text: str, length: int, rng: random.Random) -> str:
    """Return harmless sentences of about so many characters, in the language that most words of a text are of."""
    words = set(WORD.findall(text.casefold()))
    banks = harmless_bank()
    language = max(banks, key=lambda one: (len(words & _vocabulary(one)), one == "en"))
    return _joined(banks[language].sentences, " ", length, rng)


def _bank_for(text: str, language: str) -> HarmlessSettings:
    """Return the bank of a language where it has the text's script, else the first one of that script."""
    banks = harmless_bank()
    script = script_of(text)
    fitting = [name for name, bank in banks.items() if script in (None, bank.script)]
    if not fitting:
        raise InputError(
            "there are no harmless texts of this script to set beside it",
            got=f"{script}: {text[:60]!r}",
            expected=", ".join(sorted({bank.script for bank in banks.values()})),
            remedy="write the control yourself, in a file of patterns",
        )
    return banks[language if language in fitting else fitting[0]]


@lru_cache(maxsize=32)
def _vocabulary(language: str) -> frozenset[str]:
    return frozenset(WORD.findall(" ".join(harmless_bank()[language].sentences).casefold()))


def _joined(pieces: Sequence[str], joint: str, length: int, rng: random.Random) -> str:
    """Return pieces in a drawn order, again and again, until they are at least so long."""
    taken: list[str] = []
    n_signs = -len(joint)
    while n_signs < length:
        for piece in rng.sample(pieces, len(pieces)):
            taken.append(piece)
            n_signs += len(piece) + len(joint)
            if n_signs >= length:
                break
    return joint.join(taken)


def _of_length(pieces: Sequence[str], joint: str, length: int, rng: random.Random) -> str:
    """Return whole pieces of about a length; where none fits, a longer one cut, at a word where there is one."""
    draws = [_joined(pieces, joint, round(0.95 * length), rng) for _ in range(DRAWS)]
    best = min(draws, key=lambda draw: abs(len(draw) - length))
    if len(best) <= length * (1 + LENGTH_MAY_DIFFER / 2):
        return best
    cut = best[:length].rstrip()
    at_word = re.sub(r"[\s,;_]+\S*$", "", cut) if len(best) > len(cut) and not best[len(cut)].isspace() else cut
    return at_word if len(at_word) >= length * (1 - LENGTH_MAY_DIFFER) and at_word else cut
