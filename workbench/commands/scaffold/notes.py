"""What `init` says after it read a table: what a person should look at or answer, one sentence each."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence

from workbench.commands.scaffold.choices import Columns
from workbench.commands.scaffold.contract import Inferred
from workbench.pilot import Contract, looking_like_escalation
from workbench.records.tables import MOMENTS, NUMERIC, typed
from workbench.words import shown


def notes(name: str, inferred: Inferred, columns: Columns, records: str) -> Iterator[str]:
    """Yield what a person should look at or answer, what changes decisions first."""
    contract = inferred.contract
    yield from _escalation(name, columns, contract, records)
    yield from _questions(inferred)
    yield from _misfits(inferred)
    yield from _labels(contract)
    yield from _gaps(inferred)
    yield from _renamed(inferred)


def entity_note(candidates: Sequence[str]) -> Iterator[str]:
    """Ask whether records depend on each other."""
    if candidates:
        yield f"Do records that share {' or '.join(candidates)} go right or wrong together? Then name it: --entity."


def leak_note(leaks: Sequence[str], label: str) -> Iterator[str]:
    """Name columns that alone tell the label."""
    if leaks:
        verb = "alone gives" if len(leaks) == 1 else "each alone give"
        yield (
            f"Suspected leak: {shown(leaks)} {verb} the label {label!r} on nearly every development record. Where it "
            "is filled in after the decision, take it from the agent: --role COLUMN=ignore."
        )


def _escalation(name: str, columns: Columns, contract: Contract, records: str) -> Iterator[str]:
    for label in (
        looking_like_escalation(contract.labels or ()) if columns.escalate is None and columns.abstain is None else ()
    ):
        command = f"workbench init {name} --records {records} --label {shlex.quote(columns.label)}"
        command += "".join(f" --{flag} {shlex.quote(value)}" for flag, value in columns.named[1:])
        yield (
            f"Does the label {label!r} mean that a person decides? Then say so, or answering it counts as automation: "
            f"write `escalate_label: {json.dumps(label, ensure_ascii=False)}` in eval_suites/{name}/pilot.yaml, or "
            f"remove the new folders and run {command} --escalate {shlex.quote(label)}"
        )


def _questions(inferred: Inferred) -> Iterator[str]:
    """Ask what the cells do not tell."""
    for one in inferred.profiles:
        if one.written.question:
            yield f"{one.name!r} is read as text, as its dates can be read in two ways: {one.written.question}."


def _misfits(inferred: Inferred) -> Iterator[str]:
    """Say which columns would be numbers or dates but for some cells, and name these."""
    for one in inferred.profiles:
        column = inferred.contract.columns[one.name]
        if column.semantic is None or one.semantic not in NUMERIC | MOMENTS or one.written.question:
            continue
        values = inferred.frame[one.name].dropna()
        kind = "number" if one.semantic in NUMERIC else "date"
        numbers, is_wrong = typed(values, column.model_copy(update={"type": "number"}))
        if kind == "date" or numbers.isna().all():
            yield f"{one.name!r} looks like a {kind} and is read as text, as its cells are not all written in one way."
            continue
        rows = [f"{values.iloc[place]!r} in row {values.index[place]}" for place in is_wrong.nonzero()[0].tolist()]
        listed = ", ".join(rows[:5]) + (f" and {len(rows) - 5:,} more" if len(rows) > 5 else "")
        yield (
            f"{one.name!r} would be a number but for {len(rows):,} of {len(values):,} cells, so it is read as text: "
            f"{listed} (row 0 is the first). Correct them, or list what stands for nothing with --missing."
        )


def _labels(contract: Contract) -> Iterator[str]:
    """Say which spellings of labels were taken for one label."""
    aliases = contract.columns[contract.label].aliases
    if aliases:
        meant = {
            label: [one for one, other in aliases.items() if other == label] for label in sorted(set(aliases.values()))
        }
        named = "; ".join(f"{label!r} for {', '.join(map(repr, others))}" for label, others in meant.items())
        yield (
            f"{len(aliases)} spelling{'s' * (len(aliases) > 1)} of labels read as another one: {named}. Where two are "
            "two decisions, take the alias out of contract.yaml and add the label to `allowed`."
        )


def _gaps(inferred: Inferred) -> Iterator[str]:
    """Say which columns with empty cells are required and which are not."""
    contract, n = inferred.contract, len(inferred.frame)
    gaps = {one.name: one.n_missing for one in inferred.profiles if one.n_missing and one.name != contract.label}
    for is_required, verb in ((True, "are required"), (False, "are not required")):
        named = [f"{name} ({k:,})" for name, k in gaps.items() if contract.columns[name].required is is_required]
        if named:
            yield (
                f"Columns with empty cells that {verb}, with how many of {n:,}: {shown(named)}. Confirm it in "
                "contract.yaml: what an agent cannot decide without is required."
            )


def _renamed(inferred: Inferred) -> Iterator[str]:
    if inferred.renamed and inferred.contract.reading.header:
        yield f"Columns were given a name: {'; '.join(inferred.renamed[:5])}."
