"""What a reader is told: at most two sentences, then short lines."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from workbench.words.numbers import visible

MARK = "- "


@dataclass(frozen=True, slots=True)
class Brief:
    """An answer in the one shape that terminal, page, JUnit, CI comment and MLflow show.

    Its text is Markdown, too: the lead, then for each group its title and a list.

    Parameters
    ----------
    lead : str
        One or two sentences, the deciding number first.
    groups : tuple of (str, tuple of str)
        Titles with their lines, one short line each; the title of a group may be empty.

    Examples
    --------
    >>> print(Brief("No. 3 of 20 are wrong.", (("Next", ("mend a", "mend b")),)))
    No. 3 of 20 are wrong.
    <BLANKLINE>
    Next:
    - mend a
    - mend b
    """

    lead: str
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, lead: str, groups: Iterable[tuple[str, Iterable[str]]]) -> Self:
        """Return an answer without groups that have no line; each text on one line."""
        lines = ((title, tuple(map(_line, found))) for title, found in groups)
        return cls(_line(lead), tuple((title, found) for title, found in lines if found))

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the answer that a text is; what is no list is its lead.

        Examples
        --------
        >>> brief = Brief("Yes.", (("", ("a",)), ("Next", ("b",))))
        >>> Brief.read(str(brief)) == brief
        True
        """
        lead: list[str] = []
        groups: list[tuple[str, list[str]]] = []
        for block in text.split("\n\n"):
            first, *rest = block.splitlines() or [""]
            lines = [first, *rest] if first.startswith(MARK) else rest
            if lines and all(line.startswith(MARK) for line in lines):
                title = "" if lines[0] is first else first.removesuffix(":")
                groups.append((title, [line.removeprefix(MARK) for line in lines]))
            else:
                lead.append(block)
        return cls("\n\n".join(lead), tuple((title, tuple(lines)) for title, lines in groups))

    def __str__(self) -> str:
        return "\n\n".join([self.lead, *(_block(title, lines) for title, lines in self.groups)])

    def html(self) -> str:
        """Return the answer as HTML in which all its texts are text."""
        parts = [f"<p><strong>{_text(self.lead)}</strong></p>"]
        for title, lines in self.groups:
            named = f"<p><b>{_text(title)}</b></p>" if title else ""
            parts.append(f"{named}<ul>{''.join(f'<li>{_text(line)}</li>' for line in lines)}</ul>")
        return "".join(parts)


def _block(title: str, lines: tuple[str, ...]) -> str:
    return "\n".join([*([f"{title}:"] if title else []), *(MARK + line for line in lines)])


def _text(text: str) -> str:
    return html.escape(visible(text))


def _line(text: str) -> str:
    return " ".join(text.split())
