"""Options that say how a table is read, for every command that reads one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from workbench.words import InputError

if TYPE_CHECKING:
    from workbench.records.tables import Hints

NAMED = {"tab": "\t", "\\t": "\t", "space": " "}
ORDERS = {"DD/MM": True, "MM/DD": False}


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What a command line says of how a table is read; a command that takes it is made by `with_options`."""

    encoding: Annotated[str | None, typer.Option(help="Of a text file, such as cp1252; without it it is found.")] = None
    separator: Annotated[
        str | None,
        typer.Option(
            help="The sign between cells, such as ';', 'tab' or 'space' (one or more); without it it is found."
        ),
    ] = None
    no_header: Annotated[
        bool, typer.Option("--no-header", help="The first row is a record: columns are column_0, ...")
    ] = False
    decimal: Annotated[
        str | None, typer.Option(metavar="SIGN", help="'.' or ',' in numbers that can be read either way.")
    ] = None
    dates: Annotated[
        str | None, typer.Option(metavar="DD/MM|MM/DD", help="What stands first in dates that can be read either way.")
    ] = None

    def reading(self) -> dict[str, Any]:
        """Return what is said of the file, as fields of a contract's `reading`; what is left out is found."""
        said = {"encoding": self.encoding, "separator": separator_of(self.separator)}
        given = {name: value for name, value in said.items() if value is not None}
        return given | {"header": False} if self.no_header else given

    def hints(self) -> Hints:
        """Return what is said of cells that can be read either way."""
        from workbench.records.tables import Hints

        return Hints(decimal_sign(self.decimal), day_first_of(self.dates))


AS_FOUND = ReadingOptions()  # what is found in the file


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
