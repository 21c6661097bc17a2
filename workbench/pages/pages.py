"""Executed notebooks as pages: one file each, no script of theirs, no request, whatever the records in them say.

nbconvert's own HTML loads scripts from other hosts, and its sanitizer leaves no paragraph, heading or table head in
place; so cells are cleaned and laid out here, with nh3.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from workbench.pages import filters
from workbench.pages.frame import framed
from workbench.pages.record_links import with_record_links
from workbench.pages.views import template
from workbench.words import Brief, InputError

# fmt: off
TAGS = frozenset({
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "dd", "del", "details", "div", "dl", "dt", "em", "h1",
    "h2", "h3", "h4", "hr", "i", "li", "ol", "p", "pre", "s", "small", "span", "strong", "sub", "summary", "sup",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul", "wbr",
})
# fmt: on
ATTRIBUTES = {"a": {"href", "title"}, "td": {"colspan", "rowspan", "style"}, "th": {"colspan", "rowspan", "style"}}
STYLES = frozenset({"border-bottom", "text-align", "vertical-align", "white-space"})
LINKS = frozenset({"http", "https", "mailto"})
IMAGES = ("image/png", "image/jpeg")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
PLACES = frozenset({"root", "results"})  # parameters that mean something on one machine only
STYLE = "pre.error { border-left: 4px solid var(--red) } .code { font-size: .85rem; color: var(--faint) }"
TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class PageCell:
    """One cell on a page: what it shows, and what is folded away with its code."""

    shown: tuple[Markup, ...]
    code: str = ""
    messages: str = ""


def notebook_page(path: Path, answer: str | None = None) -> str:
    """Return an executed notebook as one self-contained HTML page: prose, figures and tables, the code folded away.

    The page loads nothing and holds no script; markup that a notebook shows is reduced to text, tables, links and parts
    that unfold. A table to filter brings the one script that filters it, in a frame without origin, and the page's
    policy names that script by its digest.

    Raises
    ------
    InputError
        The file is no notebook in format 4, or what it has as a table to filter is none.
    """
    notebook = _read(path)
    cells = notebook["cells"]
    first, *others = [cell for cell in cells if _text(cell["source"]).strip()] or [{"cell_type": "raw", "source": ""}]
    title, question, about = _opening(first, path.stem)
    parts = _joined(_part(cell, answer) for cell in (others if title else [first, *others]))
    has_filters = any(filters.MIME in data for data in _displayed(cells))
    body = template("page").render(
        title=title or path.stem,
        question=question,
        about=about,
        answer=None if answer is None else Markup(Brief.read(answer).html()),
        parts=parts,
    )
    return framed(
        title or path.stem,
        with_record_links(body, path),
        _made(path.stem, notebook.get("metadata", {}).get("papermill", {})),
        style=STYLE,
        script_source=filters.script_source() if has_filters else None,
    )


def _opening(cell: Mapping[str, Any], name: str) -> tuple[str, tuple[Markup, ...], Markup]:
    """Return title, first paragraph and the rest of a notebook's first cell; empty without a title."""
    lines = _text(cell["source"]).splitlines() if cell["cell_type"] == "markdown" else []
    if not lines or not lines[0].startswith("# "):
        return "", (), Markup("")
    paragraphs = "\n".join(lines[1:]).strip().split("\n\n")
    said = [_clean(_markdown()(text)) for text in paragraphs if text]
    return lines[0].removeprefix("# "), tuple(said[:1]), Markup("").join(said[1:])


def _made(name: str, run: Mapping[str, Any]) -> str:
    """Return which notebook a page is of, when it ran, and with what parameters."""
    ended = str(run.get("end_time") or "")[:19].replace("T", " ")
    given = ", ".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in _told(run).items())
    return f"{name}{f', run until {ended} UTC' if ended else ''}{f', with {given}' if given else ''}."


def _told(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a run that are no place on the machine it ran on."""
    return {name: value for name, value in run.get("parameters", {}).items() if name not in PLACES}


def _read(path: Path) -> dict[str, Any]:
    """Return a notebook's JSON."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        is_notebook = content["nbformat"] == 4 and isinstance(content["cells"], list)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError("the file is no notebook", where=str(path), got=str(error)[:200]) from None
    if not is_notebook:
        raise InputError("the file is no notebook in format 4", where=str(path), got=str(content["nbformat"])[:20])
    return dict(content)


def _displayed(cells: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield what the outputs of code cells show, by its kinds."""
    for cell in cells:
        if cell["cell_type"] == "code":
            yield from (output.get("data", {}) for output in cell.get("outputs", []))


def _joined(parts: Iterable[PageCell]) -> list[PageCell]:
    """Return the parts, the code of those that show nothing put before the next code."""
    joined: list[PageCell] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last is not None and last.code and part.code and not last.shown:
            messages = "\n".join(filter(None, (last.messages, part.messages)))
            joined[-1] = PageCell(part.shown, f"{last.code}\n\n{part.code}", messages)
        else:
            joined.append(part)
    return joined


def _part(cell: Mapping[str, Any], answer: str | None) -> PageCell:
    """Return a cell as it stands on the page, without the answer that the page leads with."""
    source = _text(cell["source"])
    if cell["cell_type"] == "markdown":
        return PageCell((_clean(_markdown()(source)),))
    if cell["cell_type"] != "code":
        return PageCell(())
    outputs = cell.get("outputs", [])
    others = (output for output in outputs if answer is None or _plain(output) != answer)
    shown = tuple(part for output in others for part in _shown(output))
    streams = (_text(output["text"]) for output in outputs if output["output_type"] == "stream")
    return PageCell(shown, source, "\n".join(_last_lines(text) for text in streams))


def _plain(output: Mapping[str, Any]) -> str:
    return _text(output.get("data", {}).get("text/plain", ""))


def _shown(output: Mapping[str, Any]) -> Iterator[Markup]:
    """Yield what an output shows: the first form it has of table or text, image, plain text."""
    if output["output_type"] == "error":
        text = "\n".join(output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"])
        yield Markup('<pre class="error">{}</pre>').format(TERMINAL_CODES.sub("", text))
        return
    data, plain = output.get("data", {}), _plain(output)
    if filters.MIME in data:
        yield Markup(filters.frame_html(filters.read_filter_table(data[filters.MIME])))
    elif "text/html" in data:
        yield _clean(_text(data["text/html"]))
    elif "text/markdown" in data:
        yield _clean(_markdown()(_text(data["text/markdown"])))
    elif image := next((kind for kind in IMAGES if kind in data), None):
        content = _text(data[image])
        if BASE64.fullmatch(content):
            yield Markup('<img src="data:{};base64,{}" alt="{}">').format(image, "".join(content.split()), plain)
    elif plain:
        yield Markup("<pre>{}</pre>").format(TERMINAL_CODES.sub("", plain))


def _last_lines(text: str) -> str:
    """Return what a terminal would show at the end: a progress bar's last state, not all of them."""
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in TERMINAL_CODES.sub("", text).split("\n"))
    return "\n".join(line for line in lines if line.strip())


def _text(source: str | list[str]) -> str:
    """Return text that a notebook may hold as a list of lines."""
    return source if isinstance(source, str) else "".join(source)


def _clean(html: str) -> Markup:
    """Return markup of which only text, tables and links are left."""
    return Markup(_cleaner().clean(html))


@functools.cache
def _cleaner() -> Any:
    import nh3

    return nh3.Cleaner(
        tags=set(TAGS),
        attributes={"*": set(), **{tag: set(names) for tag, names in ATTRIBUTES.items()}},
        attribute_filter=_kept,
        filter_style_properties=set(STYLES),
        url_schemes=set(LINKS),
        strip_comments=True,
    )


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """Return an attribute's value; None for a style in which a function or an escape could load something."""
    return None if attribute == "style" and ("(" in value or "\\" in value) else value


@functools.cache
def _markdown() -> Any:
    import mistune

    return mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])
