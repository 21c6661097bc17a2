"""The pages of single records: how they are named, and links to those that are there."""

from __future__ import annotations

import hashlib
import html
import re
from pathlib import Path

CELL = re.compile(r"(<td[^>]*>)((?:[^<]|<wbr>){1,200})(</td>)")
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
PLACE = "../results/records"  # as seen from the page of a notebook


def page_name(record_id: str) -> str:
    """Return the file name of a record's page: its id where that is a plain name, else the id's digest."""
    return f"{record_id if PLAIN.fullmatch(record_id) else hashlib.sha256(record_id.encode()).hexdigest()[:24]}.html"


def with_record_links(markup: str, notebook: Path) -> str:
    """Return the markup of a notebook's page; a cell that is a record's id links to the page of that record, if any."""
    folder = notebook.parent / PLACE
    there = {path.name for path in folder.glob("*.html")} if folder.is_dir() else set[str]()

    def linked(found: re.Match[str]) -> str:
        begin, text, end = found.groups()
        name = page_name(html.unescape(text.replace("<wbr>", "")))
        return f'{begin}<a href="{PLACE}/{name}">{text}</a>{end}' if name in there else found[0]

    return CELL.sub(linked, markup) if there else markup
