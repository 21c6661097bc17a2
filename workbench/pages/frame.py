"""What every page is: one file that loads nothing, in light and dark, on a phone and on paper, its contents listed."""

from __future__ import annotations

import html
import re
from pathlib import Path

from markupsafe import Markup

from workbench.words import explained, templates_in, visible

HEADING = re.compile(r"<h2(?: id=\"([^\"]*)\")?>(.*?)</h2>", re.DOTALL)
TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
CAPTION = re.compile(r"<caption[^>]*>(.*?)</caption>", re.DOTALL)
TAG = re.compile(r"<[^>]*>")


def framed(title: str, body: str, foot: str = "", *, style: str = "", script_source: str | None = None) -> str:
    """Return a page around markup that this package made: skip link, contents, tables that scroll by themselves.

    What stands before the first heading of the second level leads the page; the contents list those headings. Signs
    that hide, or turn the reading order around, are spelled out, wherever in the page they come from.

    Parameters
    ----------
    body : str
        Markup; headings of the second level may have an id.
    foot : str
        What the page's foot says first.
    style : str
        Rules of this kind of page, beside those of all pages.
    script_source : str, optional
        The one script that a frame in it may run, by its digest.
    """
    headings: list[tuple[str, str]] = []

    def named(found: re.Match[str]) -> str:
        name = found.group(1) or f"part-{len(headings) + 1}"
        headings.append((name, _text(found.group(2))))
        return f'<h2 id="{name}">{found.group(2)}</h2>'

    marked = explained(HEADING.sub(named, TABLE.sub(_scrolling, body)))
    at = marked.find("<h2 ")
    lead, rest = (marked, "") if at < 0 else (marked[:at], marked[at:])
    page = templates_in(Path(__file__).parent / "templates").get_template("frame.html.j2").render(
        title=title,
        lead=Markup(lead),
        rest=Markup(rest),
        headings=headings,
        foot=foot,
        style=Markup(style),
        script_source=Markup(script_source or "'none'"),
        has_script=script_source is not None,
    )  # fmt: skip
    return visible(page)


def _scrolling(found: re.Match[str]) -> str:
    """Return a table in a place that scrolls by itself, and that the keyboard reaches."""
    caption = CAPTION.search(found.group(0))
    name = html.escape(_text(caption.group(1))[:120]) if caption else "Table"
    return f'<div class="scroll" tabindex="0" role="group" aria-label="{name}">{found.group(0)}</div>'


def _text(markup: str) -> str:
    return html.unescape(" ".join(TAG.sub("", markup).split()))
