"""What a page may hold: text, tables, links within the bundle; nothing that runs, loads or calls out."""

from __future__ import annotations

import re
from html.parser import HTMLParser

ACTIVE_TAGS = {
    "script",
    "iframe",
    "object",
    "embed",
    "base",
    "form",
    "link",
    "input",
    "button",
    "animate",
    "audio",
    "video",
}
STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]")
LEAVES = re.compile(r"\s*(javascript|vbscript|data:text|https?:|//)", re.IGNORECASE)


class PageElements(HTMLParser):
    """Collects every element of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def active_parts(page: str) -> list[str]:
    """Return what of a page would run a script, load something, or call out; nothing where it is harmless."""
    found = []
    for tag, attributes in PageElements(page).found:
        if tag in ACTIVE_TAGS:
            found.append(f"<{tag}>")
        for name, value in attributes.items():
            if name.startswith("on") or (name in ("href", "src", "action", "srcset") and LEAVES.match(value or "")):
                found.append(f"<{tag} {name}={value!r}>")
            if name == "style" and "url(" in (value or ""):
                found.append(f"<{tag} style={value!r}>")
            if name == "http-equiv" and value != "Content-Security-Policy":
                found.append(f"<{tag} {name}={value!r}>")
    return found


def steering_signs(text: str) -> set[str]:
    """Return the signs of a text that steer a terminal, or turn the order of what is read."""
    return set(STEERING.findall(text))
