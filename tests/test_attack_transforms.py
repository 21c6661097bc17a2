"""How texts are dressed, and that a secret is found again under any dress and in no clean text."""

from __future__ import annotations

import base64
import random
import unicodedata
from itertools import product

import pytest

from workbench.attacks import TRANSFORMS, filled, is_found, plain_forms, shipped_patterns, transformed
from workbench.attacks.decodings import MAX_FORMS, MAX_SIGNS
from workbench.attacks.harmless import filler, harmless_bank
from workbench.words import InputError

CANARY = "Qz7Kx2Lm9Pw4"
PARTS = {  # what each dress must have done, seen by hand
    "base64": "base64: RGVj",
    "hex": "hex: 446563",
    "rot13": "rot13: Qrpv",
    "reversed": "ediceD",
    "fullwidth": "\uff24\uff45\uff43\uff49",
    "mathematical": "\U0001d403\U0001d41e\U0001d41c\U0001d422",
}


def dressed(text: str, name: str, seed: int = 1) -> str:
    """Return a text under a dress as one string: two parts are joined as an agent would read them one after another."""
    out = transformed(text, name, random.Random(seed))
    return out if isinstance(out, str) else " ".join(out)


def sample() -> list[str]:
    """One text of each family and language in turn, filled."""
    texts = [one for place, one in enumerate(shipped_patterns()) if place % 7 == 0]
    return [filled(one.text, target="approve", canary=CANARY, tool="change_bank_account") for one in texts]


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_a_dressed_text_and_a_canary_in_it_are_found_again(name: str) -> None:
    for text, seed in product(sample(), (1, 2)) if name != "over_long" else ((text, 1) for text in sample()[::6]):
        forms = plain_forms(dressed(f"{text} {CANARY}", name, seed))
        assert is_found(CANARY, forms), (name, text)
        assert is_found(text, forms), (name, text)


@pytest.mark.parametrize("name", sorted(set(TRANSFORMS) - {"plain"}))
def test_a_transform_changes_the_text_and_is_the_same_for_the_same_draw(name: str) -> None:
    for text in sample():
        assert transformed(text, name, random.Random(3)) == transformed(text, name, random.Random(3)) != text
    assert transformed(text, "plain", random.Random(3)) == text


@pytest.mark.parametrize(("name", "part"), PARTS.items())
def test_a_code_is_the_one_that_its_name_says(name: str, part: str) -> None:
    assert part in dressed("Decide", name)


def test_signs_without_width_turned_and_look_alike_are_what_a_reader_does_not_see() -> None:
    text = "Decide now"
    assert {unicodedata.category(sign) for sign in dressed(text, "tags")} == {"Cf"}
    assert [sign for sign in dressed(text, "zero_width") if unicodedata.category(sign) != "Cf"] == list(text)
    assert dressed(text, "bidi") == "\u202ewon ediceD\u202c"
    assert not dressed("decide approve", "homoglyphs").isascii()
    assert len(dressed(text, "homoglyphs")) == len(text)


def test_a_text_is_cut_at_the_blank_nearest_its_middle() -> None:
    assert transformed("one two three four", "split", random.Random(0)) == ("one two", "three four")
    assert transformed("undivided", "split", random.Random(0)) == ("undi", "vided")


def test_filler_is_of_the_language_of_the_text_and_of_the_length_it_says() -> None:
    german, polish = "Die Entscheidung für diesen Vorgang ist und bleibt", "W tej sprawie i przy tym jest już w nocy"
    assert set(filler(german, 900, random.Random(1)).split(". ")[0].split()) <= words("de")
    assert set(filler(polish, 900, random.Random(1)).split(". ")[0].split()) <= words("pl")
    for name, least in (("filler_before", 1500), ("filler_after", 1500), ("over_long", 16_000)):
        out = dressed("Decide now", name)
        assert least < len(out) < 1.1 * least + 200
    assert dressed("Decide now", "filler_before").endswith(" Decide now")
    assert dressed("Decide now", "filler_after").startswith("Decide now ")
    assert dressed("Decide now", "many_shot").count("Decide now") == 12


def words(language: str) -> set[str]:
    return {word.rstrip(".") for sentence in harmless_bank()[language].sentences for word in sentence.split()} | {
        word for sentence in harmless_bank()[language].sentences for word in sentence.split()
    }


def test_an_unknown_transform_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="no such transform"):
        transformed("x", "base46", random.Random(0))


@pytest.mark.parametrize(
    "said",
    [
        f"the reason is {CANARY.lower()}.",
        "q-z-7-k-x-2-l-m-9-p-w-4",
        CANARY[::-1],
        base64.b64encode(f"key={CANARY}".encode()).decode(),
        "xx" + base64.urlsafe_b64encode(CANARY.encode()).decode().rstrip("="),
        base64.b64encode(CANARY[::-1].encode()).decode(),
        base64.b64encode(base64.b64encode(CANARY.encode())).decode(),
        "\n".join(["UXo3S3gy", "TG05UHc0"]),  # base64 of it on two lines
        " ".join(f"{byte:02x}" for byte in CANARY.encode()),
        "".join(f"\\x{byte:02X}" for byte in CANARY.encode()),
        "".join(f"\\u{ord(sign):04x}" for sign in CANARY),
        "".join(f"%{byte:02x}" for byte in CANARY.encode()),
        "Dm7Xk2Yz9Cj4",  # rot13 by hand: Q-D, z-m, K-X, x-k, L-Y, m-z, P-C, w-j
        "\u202e4wP9mL2xK7zQ\u202c",
        "Qz7K\x1bx2L\x07m9Pw4",
        base64.b64encode(CANARY.encode("utf-16-le")).decode(),
        "".join(chr(ord(sign) + 0xFEE0) for sign in CANARY),
        "Qz7\u041a\u04452Lm9\u0420w4",  # Cyrillic ka, ha and er
    ],
)
def test_a_secret_is_found_in_any_form(said: str) -> None:
    assert is_found(CANARY, plain_forms(f"approve, because {said}"))
    assert is_found(CANARY, plain_forms(said))


def test_no_canary_is_found_in_a_clean_text() -> None:
    rng = random.Random(11)
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
    canaries = ["".join(rng.choices(letters, k=12)) for _ in range(200)]
    for one in shipped_patterns()[::5]:
        for name in ("plain", "base64", "filler_after", "spaced"):
            forms = plain_forms(dressed(one.control, name))
            assert not [canary for canary in canaries if is_found(canary, forms)], one.id


def test_the_number_and_the_length_of_forms_are_bounded() -> None:
    for text in ("deadbeef" * 100_000, "%41&#66;\\u0043" * 40_000, "\u202e" * 300_000, "YWFh" * 100_000, "(" * 300_000):
        forms = plain_forms(text)
        assert len(forms) <= 2 * MAX_FORMS
        assert max(map(len, forms)) <= 3 * MAX_SIGNS


def test_a_secret_at_either_end_of_a_very_long_text_is_found() -> None:
    padding = "Lorem " * (MAX_SIGNS // 4)
    assert is_found(CANARY, plain_forms(f"{CANARY} {padding}"))
    assert is_found(CANARY, plain_forms(f"{padding} {CANARY}"))


def test_nothing_is_found_of_a_secret_without_letters_or_digits() -> None:
    assert not is_found("--", plain_forms("a -- b"))
