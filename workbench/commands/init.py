"""The command `workbench init`: a new pilot from a table of labelled records, and what was read in it."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from workbench.commands.options import HERE, AsJson, Root, print_json, with_options
from workbench.commands.reading import AS_FOUND, ReadingOptions
from workbench.commands.screen import say
from workbench.commands.tables import TextColumn, TextTable, of_names, of_numbers, show_table
from workbench.words import InputError, several

if TYPE_CHECKING:
    from workbench.commands.scaffold import NewPilot

MOST_COLUMNS, MOST_LABELS = 20, 12
COLUMNS = of_names("column"), TextColumn("type"), of_names("role"), of_numbers("missing"), TextColumn("why", rank=1)
FIELD = "field"
Kind = TypeVar("Kind", bound=StrEnum)
Given = list[str] | None


@with_options
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new pilot.")],
    records: Annotated[Path, typer.Option(help="Labelled records: CSV, TSV, JSON lines or array, Parquet.")],
    label: Annotated[str, typer.Option(help="Column with the right decision.")],
    id_column: Annotated[
        str | None, typer.Option("--id", help="Column with a unique id; without it one named so, else the content.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Column with free text; without it long text is found.")] = None,
    entity: Annotated[
        str | None, typer.Option(help="Column that names what records depend on together, such as the vendor.")
    ] = None,
    escalate: Annotated[
        str | None, typer.Option(metavar="LABEL", help="The label that gives a record to a person, such as other.")
    ] = None,
    abstain: Annotated[
        str | None, typer.Option(metavar="ANSWER", help="An answer that gives a record to a person and is no label.")
    ] = None,
    role: Annotated[Given, typer.Option(metavar="COLUMN=ROLE", help="Role of a column, such as paid=ignore.")] = None,
    kind: Annotated[
        Given, typer.Option("--type", metavar="COLUMN=TYPE", help="Type of a column, such as plant=string.")
    ] = None,
    read: ReadingOptions = AS_FOUND,
    missing: Annotated[Given, typer.Option(metavar="TEXT", help="A text that stands for nothing.")] = None,
    alias: Annotated[Given, typer.Option(metavar="ONE=OTHER", help="Read one label as another.")] = None,
    unlabelled: Annotated[
        str, typer.Option(metavar="refused|apart", help="Rows without a label: refused, or kept apart.")
    ] = "refused",
    rare_labels: Annotated[
        str, typer.Option(metavar="refused|development", help="Labels with one record: refused, or for development.")
    ] = "refused",
    bins: Annotated[
        str | None, typer.Option(metavar="LIMITS", help="Cut a number to predict into labels, such as 100,200.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="record|entity|time", help="What draws the holdout; time: the newest records are."),
    ] = None,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a new pilot from a table of labelled records, ready to run."""
    from workbench.commands.scaffold import Choices, Columns, init_pilot, pairs
    from workbench.pilot import ColumnType, RareLabels, Reading, Role, Unlabelled
    from workbench.records.splits import SplitBy

    columns = Columns(
        label,
        id_column,
        text,
        entity,
        escalate,
        {one: choice_named(Role, "--role", value) for one, value in pairs("--role", role or ()).items()},
        {one: choice_named(ColumnType, "--type", value) for one, value in pairs("--type", kind or ()).items()},
        abstain,
    )
    choices = Choices(
        Reading(**read.reading()),
        read.hints(),
        tuple(missing or ()),
        pairs("--alias", alias or ()),
        choice_named(Unlabelled, "--unlabelled", unlabelled),
        choice_named(RareLabels, "--rare-labels", rare_labels),
        _limits(bins),
        None if split is None else choice_named(SplitBy, "--split", split),
    )
    new = init_pilot(name, records, columns, root.resolve(), choices)
    if as_json:
        print_json(as_values(new))
    else:
        _print(new, "" if root == HERE else f" --root {root}")


def choice_named(kinds: type[Kind], option: str, text: str) -> Kind:
    """Return one of the choices of an option. Raises InputError where it is none."""
    known = [one.value for one in kinds]
    if text not in known:
        raise InputError(f"{option} does not know {text!r}", expected=", ".join(known))
    return kinds(text)


def as_values(new: NewPilot) -> dict[str, object]:
    """Return what was made as JSON values."""
    read = new.inferred
    return {
        "pilot": new.name,
        "records": new.n_records,
        "unlabelled": new.table.n_apart,
        "labels": new.n_labels,
        "label_counts": new.label_counts,
        "encoding": read.encoding,
        "separator": read.separator,
        "columns": {
            one: column.model_dump(mode="json") | {"n_missing": read.n_missing(one), "why": read.why_of(one)}
            for one, column in new.contract.columns.items()
        },
        "times": new.times,
        "split": new.split.words,
        "candidate_entities": list(new.candidates),
        "suspected_leaks": list(new.leaks),
        "said": list(new.said),
    }


def _limits(text: str | None) -> tuple[float, ...]:
    if text is None:
        return ()
    try:
        return tuple(sorted({float(part) for part in text.split(",")}))
    except ValueError:
        raise InputError("--bins are numbers", got=repr(text), expected="such as --bins 100,200.5") from None


def _print(new: NewPilot, root: str) -> None:
    """Print what was read, what is open, and what to run next: one screen."""
    counts = list(new.label_counts.items())
    apart = f", {new.table.n_apart:,} rows without a label kept apart" if new.table.n_apart else ""
    say(f"Pilot {new.name}: {new.n_records:,} records with {new.n_labels:,} labels{apart}.")
    print(f"  {new.data}\n  {new.suite}")
    _print_columns(new)
    listed = ", ".join(f"{one} {n:,}" for one, n in counts[:MOST_LABELS])
    say(f"Labels: {listed}" + (f" and {len(counts) - MOST_LABELS:,} more" if len(counts) > MOST_LABELS else ""))
    if new.times is not None:
        say(f"Times: {new.times['column']} from {new.times['first']} to {new.times['last']}")
    say(f"Holdout: {new.split.words}; sealed until a version is judged on it")
    if new.said:
        print("To look at:")
    for sentence in new.said:
        say(f"- {sentence}", "  ")
    say(f"Next: workbench audit {new.name}{root}, then workbench run {new.name}{root}")


def _print_columns(new: NewPilot) -> None:
    """Print the columns: those with a role of their own first, at most twenty."""
    read, n = new.inferred, len(new.inferred.frame)
    named = sorted(new.contract.columns.items(), key=lambda one: one[1].role.value == FIELD)
    rows = []
    for one, column in named[:MOST_COLUMNS]:
        written = column.format or ("decimal comma" if column.decimal == "," else "")
        kind = f"{column.type.value}{f', {written}' if written else ''}"
        gaps = read.n_missing(one)
        share = f"{gaps:,} ({gaps / n:.0%})" if gaps else ""
        rows.append((one, kind, column.role.value, share, read.why_of(one)))
    how = ", ".join(filter(None, (read.encoding, None if read.separator is None else f"cells by {read.separator!r}")))
    title = f"Read {several(len(read.contract.columns), 'column')}{f' ({how})' if how else ''}"
    show_table(title, TextTable(COLUMNS, tuple(rows)))
    if len(named) > MOST_COLUMNS:
        kinds = Counter(column.type.value for _, column in named[MOST_COLUMNS:])
        listed = ", ".join(f"{n:,} {kind}" for kind, n in kinds.most_common())
        say(f"  and {len(named) - MOST_COLUMNS:,} more fields: {listed} (contract.yaml has them all)")
