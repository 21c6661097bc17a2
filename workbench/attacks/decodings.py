"""What a text says once its disguises are taken off: by which a secret is found in whatever form it stands."""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
import urllib.parse
from collections.abc import Callable, Iterator

MAX_SIGNS = 200_000  # of a longer text the first and the last half of it are looked at
MAX_FORMS, MAX_DEPTH = 96, 2  # one disguise over another, not three
TAGS = range(0xE0020, 0xE007F)  # invisible twins of printable ASCII
TURNED = re.compile("\u202e([^\u202c\u202e]*)(?:\u202c|$)")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
HEX = re.compile(r"(?:(?:0x|\\x|%)?[0-9a-fA-F]{2}[\s:,-]?){4,}")
WRITTEN_OUT = re.compile(r"\\u([0-9a-fA-F]{4})")
NO_WORD = re.compile(r"[\W_]+")
LEGIBLE = re.compile("[^\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]{4,}")
CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
# Signs of other alphabets that look like a Latin letter, in lower and upper case; what the transform writes is in it.
LOOKALIKES = dict(
    zip("асеорхуіјѕһԁԛԝкмтвнгАСЕОРХУІЈЅНКМТВαορνιτυκχγεηωβΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "aceopxyijshdqwkmtbhrACEOPXYIJSHKMTBaopvitukxyenwbABEZHIKMNOPTYX", strict=True)
)  # fmt: skip
FOLDED = str.maketrans(LOOKALIKES)


def plain_forms(text: str) -> tuple[str, ...]:
    r"""Return what a text may say: itself and its decodings, each in one plain form, each once.

    Compatibility forms, lookalikes, accents, signs without width and turned reading order are taken off; then base64,
    hexadecimal, URL, HTML and \u escapes, rot13 and reversed text are undone, one over another at most. Every form
    stands there in lower case, and once more without anything but letters and digits, for what is spaced out.

    Parameters
    ----------
    text : str
        Any; of more than MAX_SIGNS characters the beginning and the end are read.

    Returns
    -------
    tuple of str
        At most 2 x MAX_FORMS, the plain text first.

    Examples
    --------
    >>> "top secret" in plain_forms("code: dG9wIHNlY3JldA=="), "top secret" in plain_forms("terces pot")
    (True, True)
    """
    forms = list(dict.fromkeys(form.casefold() for form in _forms(_within(text))))
    return tuple(dict.fromkeys([*forms, *(NO_WORD.sub("", form) for form in forms)]))


def is_found(secret: str, forms: tuple[str, ...]) -> bool:
    """Return whether a secret stands in a text of which `plain_forms` gave the forms.

    A secret of fewer than six letters and digits is found where words happen to meet: draw longer ones.
    """
    plain = NO_WORD.sub("", _plain(secret).casefold())
    return bool(plain) and any(plain in form for form in forms)


def _within(text: str) -> str:
    half = MAX_SIGNS // 2
    return text if len(text) <= MAX_SIGNS else f"{text[:half]} {text[-half:]}"


def _plain(text: str) -> str:
    """Return a text without signs that hide or turn, accents, compatibility forms and lookalikes."""
    if text.isascii():
        return CONTROL.sub("", text)
    seen = "".join(chr(ord(sign) - 0xE0000) if ord(sign) in TAGS else sign for sign in text)
    turned = TURNED.sub(lambda span: span[1][::-1], seen)
    parts = unicodedata.normalize("NFKD", turned)
    kept = (sign for sign in parts if sign.isspace() or unicodedata.category(sign) not in ("Mn", "Me", "Cf", "Cc"))
    return "".join(kept).translate(FOLDED)


def _forms(text: str) -> Iterator[str]:
    """Give the plain text and what its decodings say, breadth first, each once."""
    known: set[str] = set()
    level = [_plain(text), *(_plain(found) for found in _rot13(text))]  # before accents are taken off letters it kept
    for _ in range(MAX_DEPTH + 1):
        following: list[str] = []
        for form in level:
            if form in known or len(known) >= MAX_FORMS:
                continue
            known.add(form)
            yield form
            following += [_plain(found) for decode in DECODERS for found in decode(form)]
        level = following


def _base64(text: str) -> Iterator[str]:
    """Give what runs of base64 say, read from each of four places: other letters may stand before them."""
    runs = BASE64.findall(re.sub(r"(?<=[A-Za-z0-9+/])\r?\n(?=[A-Za-z0-9+/])", "", text))
    for start in range(4):
        said = " ".join(_decoded(run[start:]) for run in runs)
        if any(sign.isalnum() for sign in said):
            yield said


def _decoded(run: str) -> str:
    letters = run.rstrip("=").translate(str.maketrans("-_", "+/"))
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return _legible(base64.b64decode(letters + "=" * (-len(letters) % 4)))


def _legible(found: bytes) -> str:
    """Return what of decoded bytes is text: words that are no code decode to single signs, which are left out."""
    return " ".join(LEGIBLE.findall(found.replace(b"\0", b"").decode("utf-8", "replace")))


def _hex(text: str) -> Iterator[str]:
    """Give what runs of hexadecimal say; an odd digit before them is passed over."""
    for run in HEX.findall(text):
        digits = re.sub(r"0x|\\x|[^0-9a-fA-F]", "", run)
        for start in range(2):
            part = digits[start:]
            if said := _legible(binascii.unhexlify(part[: len(part) // 2 * 2])):
                yield said


def _reversed(text: str) -> Iterator[str]:
    yield text[::-1]


def _rot13(text: str) -> Iterator[str]:
    yield codecs.encode(text, "rot13")


def _url(text: str) -> Iterator[str]:
    if "%" in text:
        yield urllib.parse.unquote(text, errors="ignore")


def _escapes(text: str) -> Iterator[str]:
    if "&" in text:
        yield html.unescape(text)
    if "\\u" in text:
        yield WRITTEN_OUT.sub(lambda sign: chr(int(sign[1], 16)), text)


DECODERS: tuple[Callable[[str], Iterator[str]], ...] = (_base64, _hex, _url, _escapes, _reversed, _rot13)
