"""The templates of a room: every value put into them is text, unless it is marked as markup."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.words.numbers import percent, visible

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

BREAK = re.compile(r"(_(?=[^\W_])|[^\s_]{24}(?=[^\s_]))")
MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]#!|<>~]|^[-+]|(?<=^\d)[.)])")


@functools.cache
def templates_in(folder: Path) -> Environment:
    """Return the templates of a folder: HTML is escaped, Markdown by its filter `md`; a name without a value raises."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=lambda name: name is None or not name.endswith(".md.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    environment.filters |= {"percent": percent, "breakable": _breakable, "md": _escaped}
    return environment


def _plain(value: object) -> object:
    """Return text with hidden signs spelled out; markup and numbers as they are."""
    return visible(value) if type(value) is str else value


def _breakable(text: str) -> Markup:
    """Return text in which a line may end after an underscore and within very long words."""
    from markupsafe import Markup

    return Markup("<wbr>").join(BREAK.sub("\\1\0", str(text)).split("\0"))


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("&", "&amp;")
