"""Options that say how a table is read, for every command that reads one."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from workbench.errors import InputError

Encoding = Annotated[str | None, typer.Option(help="Of a text file, such as cp1252; without it it is found.")]
Separator = Annotated[
    str | None,
    typer.Option(help="The sign between cells, such as ';', 'tab' or 'space' (one or more); without it it is found."),
]
NoHeader = Annotated[bool, typer.Option("--no-header", help="The first row is a record: columns are column_0, ...")]
Decimal = Annotated[str | None, typer.Option(metavar="SIGN", help="'.' or ',' in numbers that can be read either way.")]
Dates = Annotated[
    str | None, typer.Option(metavar="DD/MM|MM/DD", help="What stands first in dates that can be read either way.")
]
NAMED = {"tab": "\t", "\\t": "\t", "space": " "}
ORDERS = {"DD/MM": True, "MM/DD": False}


def separator_of(text: str | None) -> str | None:
    """Return a separator as one character. Raises InputError where it is longer."""
    if text in NAMED:
        return NAMED[text]
    if text is not None and len(text) != 1:
        raise InputError(
            "the separator is one character", got=repr(text), expected="such as ';', '|', 'tab' or 'space'"
        )
    return text


def decimal_sign(text: str | None) -> Literal[".", ","] | None:
    """Return a decimal sign. Raises InputError where it is none."""
    if text is None:
        return None
    if text in (".", ","):
        return "." if text == "." else ","
    raise InputError("the decimal sign is a point or a comma", got=repr(text), expected="--decimal . or --decimal ,")


def day_first_of(text: str | None) -> bool | None:
    """Return whether the day stands first. Raises InputError where an order is not known."""
    if text is not None and text.upper() not in ORDERS:
        raise InputError("the order of dates is not known", got=repr(text), expected="--dates DD/MM or --dates MM/DD")
    return None if text is None else ORDERS[text.upper()]
