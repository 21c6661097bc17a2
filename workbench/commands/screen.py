"""Words on standard output: on a terminal folded at its width, where there is none as they are; names stay whole."""

from __future__ import annotations

import shutil

from rich.cells import cell_len, chop_cells

from workbench.commands.streams import escaped, raw_stdout

BOLD, PLAIN = "\x1b[1m", "\x1b[0m"
NARROWEST = 40


def columns() -> int | None:
    """Return how many columns the terminal has, None where standard output is no terminal."""
    if not raw_stdout().isatty():
        return None
    return max(NARROWEST, shutil.get_terminal_size().columns)


def say(text: str, hanging: str = "") -> None:
    """Print a sentence; further lines of one that is folded begin with `hanging`."""
    print("\n".join(folded(escaped(text), columns(), hanging)))


def heading(text: str) -> None:
    """Print a heading, bold on a terminal."""
    for line in folded(escaped(text), columns()):
        bold = line if columns() is None else f"{BOLD}{line}{PLAIN}"
        print(bold, file=raw_stdout())


def folded(text: str, width: int | None, hanging: str = "") -> list[str]:
    """Return text as lines of at most so many columns, folded between words; a longer word, as a path, stays whole.

    Examples
    --------
    >>> folded("right on 4,227 of 4,480 records", 16, "  ")
    ['right on 4,227', '  of 4,480', '  records']
    """
    if width is None:
        return text.split("\n")
    lines = []
    for line in text.split("\n"):
        words = line.lstrip(" ").split(" ")
        indent = line[: len(line) - len(line.lstrip(" "))]
        begun = indent + words[0]
        for word in words[1:]:
            if cell_len(begun) + 1 + cell_len(word) <= width:
                begun += f" {word}"
            else:
                lines.append(begun.rstrip())
                begun = indent + hanging + word
        lines.append(begun)
    return lines


def chopped(text: str, width: int) -> list[str]:
    """Return text as lines of at most so many columns that put together give the text again; for names.

    Examples
    --------
    >>> chopped("prompt_v1_with_limits", 10)
    ['prompt_v1_', 'with_limit', 's']
    """
    return chop_cells(text, width) or [""]
