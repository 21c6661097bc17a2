"""The audit trail read and proved: five fields a decision, in unbroken order, one outcome for each input.

What is stored now is held against the digests that were sealed when the decision was appended, these against the
signatures of the line, and where a line does not hold against the signatures of each field, which name what was
altered. Whoever has the sealing key can seal anything: nothing here proves that a line was true when it was written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import pandas as pd

from workbench.compliance.order import order_faults
from workbench.compliance.proof import SealFault, TrailProof
from workbench.metrics import Status
from workbench.pilot import Pilot
from workbench.pilot.signing import PublicKey, trail_keys
from workbench.runs.journal import (
    FIELDS,
    JOURNAL_FILE,
    DecidedFields,
    Journal,
    TrailLine,
    TrailSeal,
    evidence_in,
    field_digest,
    key_of,
)

PLANNED = ("run", "agent", "split", "agent_digest", "record_id", "key")
MOMENT = ("number", "at", "monotonic")
DIGESTS = tuple(f"{name}_digest" for name in FIELDS)
COLUMNS = (
    *PLANNED, *MOMENT, "status", "decided", *FIELDS, "seal", "order", "outcomes", "stored",
    "asked", "record", *DIGESTS, "signature", "sealed_by",
)  # fmt: skip
NO_ACTION = field_digest("action", (None,))


class FieldFault(StrEnum):
    """What is wrong with one field of a decision."""

    MISSING = "missing"  # nothing is there
    EMPTY = "empty"
    ALTERED = "altered"  # not what was sealed
    EXCHANGED = "exchanged"  # what was sealed of another decision
    RESEALED = "resealed"  # its digest fits, and was not signed


def read_trail(pilot: Pilot, of: str | None = None, keys: Sequence[PublicKey] | None = None) -> pd.DataFrame:
    """Return the audit trail of a pilot's journal, proved, one row a planned decision.

    Parameters
    ----------
    of : str, optional
        A run, an agent's digest or its name; all of the journal without it.
    keys : sequence of PublicKey, optional
        Keys that may have sealed; this machine's and those registered with the pilot without it.

    Returns
    -------
    DataFrame
        Columns: run, agent, split, agent_digest, record_id, key as planned; number of its last line, `at` (UTC, ISO
        8601) and monotonic (ns) of when it was appended; status and the action that was decided; input, reasoning,
        action, outcome, timestamp: "" where the field holds, else a `FieldFault`; seal: "" or a `SealFault`; order: ""
        or what breaks it; outcomes: how many different ones the input has; stored: "", "damaged" or "undecided"; then
        what a line is proved again from: asked and record digests, digests of the fields and signature as hex digits,
        and the sealing key. Empty without a journal.
    """
    path = pilot.runs / JOURNAL_FILE
    if not path.is_file():
        return pd.DataFrame(columns=list(COLUMNS))
    with Journal(path) as journal:
        rows, (lines, seals) = journal.as_stored(of), journal.lines()
    return proved_trail(rows, lines, seals, trail_keys(pilot.suite) if keys is None else keys)


def proved_trail(
    rows: Sequence[tuple[Any, ...]],
    lines: Sequence[TrailLine],
    seals: Sequence[TrailSeal],
    keys: Sequence[PublicKey],
) -> pd.DataFrame:
    """Return the trail of stored decisions, as `Journal.as_stored` and `Journal.lines` give them; see `read_trail`."""
    of_key: dict[str, list[TrailLine]] = defaultdict(list)
    for line in lines:
        of_key[line.key].append(line)
    wanted = [line for row in rows for line in of_key.get(row[5], ())]
    proof = TrailProof(lines, seals, {key.line: key for key in keys}, frozenset(row[4] for row in rows))
    proof.judge(wanted)
    order = order_faults(lines, seals, proof.misplaced, proof.faults)
    found = [_row(row, of_key.get(row[5], []), proof, order) for row in rows]
    table = pd.DataFrame(found, columns=list(COLUMNS), dtype=object)
    return table.astype({"number": "Int64", "monotonic": "Int64", "outcomes": "int64"})


def holds(trail: pd.DataFrame) -> pd.Series[bool]:
    """Return for each row whether everything holds: fields, seal, order, one outcome, the stored row."""
    return holds_fields(trail) & (trail["order"] == "") & (trail["outcomes"] == 1)


def holds_fields(trail: pd.DataFrame) -> pd.Series[bool]:
    """Return for each row whether its five fields are there, as they were sealed, and the seal and stored row hold."""
    return (trail[[*FIELDS, "seal", "stored"]] == "").all(axis=1)


def trail_again(trail: pd.DataFrame, keys: Sequence[PublicKey]) -> pd.DataFrame:
    """Return a trail with what can be proved from its own table alone proved again: seals, input, action, timestamp.

    What reasoning and outcome were is not in the table: that they are what was sealed stays as it was found when the
    journal was there, and that their digests were signed is proved.
    """
    known, found = {key.line: key for key in keys}, trail.copy()
    at = {name: list(trail.columns).index(name) for name in ("seal", *FIELDS)}
    for place, row in enumerate(trail.to_dict("records")):
        line = _line_of({str(name): value for name, value in row.items()})
        if line is None:
            continue
        key = known.get(row["sealed_by"] or "")
        seal = row["seal"] if key is None and row["seal"] in (SealFault.UNSIGNED, SealFault.UNKNOWN_KEY) else ""
        if key is None:
            seal = seal or SealFault.UNKNOWN_KEY.value
        elif not key.holds(line.signed_part(), line.signature):
            seal = SealFault.BROKEN.value
        elif row["seal"] in iter(SealFault):
            seal = row["seal"]
        found.iat[place, at["seal"]] = seal
        for name, content in (
            ("input", (row["record_id"], row["asked"], row["record"])),
            ("action", (row["decided"],)),
            ("timestamp", (row["at"], line.monotonic)),
        ):
            if not row[name] and field_digest(name, content) != line.digests[FIELDS.index(name)]:
                found.iat[place, at[name]] = FieldFault.ALTERED.value
    return found


def _row(
    row: tuple[Any, ...], own: Sequence[TrailLine], proof: TrailProof, order: Mapping[TrailLine, str]
) -> tuple[Any, ...]:
    planned, record_id, is_intact = row[:6], row[6], row[-1]
    decided = DecidedFields(*row[7:-1])
    is_there = any(one is not None for one in row[6:-1])
    stored = "undecided" if not is_there and not own else "" if is_intact else "damaged"
    if not own:
        unknown: tuple[None, ...] = (None,) * (2 + len(DIGESTS) + 2)
        no_line = "" if stored == "undecided" else SealFault.NO_LINE.value
        said = (decided.status, decided.action, *("",) * len(FIELDS), no_line, "", int(is_there), stored)
        return (*planned, None, None, None, *said, *unknown)
    line = own[-1]
    seal_fault = next((proof.faults[one] for one in reversed(own) if one in proof.faults), "")
    if any(one in proof.misplaced for one in own):
        seal_fault = ""  # its order is broken, no field
    broken = "; ".join(dict.fromkeys(order[one] for one in own if one in order))
    hexed = (None if one is None else bytes(one).hex() for one in (*line.digests, line.signature))
    return (
        *planned, line.number, line.at, line.monotonic if isinstance(line.monotonic, int) else None,
        decided.status, decided.action,
        *_field_faults(planned, record_id, decided, line, proof),
        str(seal_fault), broken, _n_outcomes(own), stored,
        line.asked, line.record, *hexed, proof.sealed_by(line),
    )  # fmt: skip


def _field_faults(
    planned: tuple[Any, ...], record_id: str | None, decided: DecidedFields, line: TrailLine, proof: TrailProof
) -> list[str]:
    """Return what is wrong with each field, "" where nothing is."""
    now = (
        field_digest("input", (line.record_id, line.asked, line.record)),
        *decided.digests(),
        field_digest("timestamp", (line.at, line.monotonic)),
    )
    resealed = proof.resealed.get(line, set())
    said = {
        "input": _least(line.record_id, record_id, line.asked, line.record),
        "reasoning": decided.reason,
        "action": decided.action,
        "outcome": decided.status,
        "timestamp": _least(line.at, line.monotonic),
    }
    other_record = record_id != line.record_id or planned[4] != line.record_id
    faults = {}
    for name, content, sealed in zip(FIELDS, now, line.digests, strict=True):
        differs = content != sealed or (name == "input" and other_record)
        if name == "input" and not differs and said[name]:
            differs = key_of(line.asked or "", line.record or "") != planned[5]
        faults[name] = ""
        if differs or name in resealed:
            another = proof.is_of_another(name, content, line)
            if name == "input" and name not in resealed:
                another |= any(one in proof.planned and one != planned[4] for one in (record_id, line.record_id))
            faults[name] = _kind(said[name], sealed, is_another=another, fits=content == sealed and name in resealed)
    if not faults["input"] and not said["input"]:
        faults["input"] = _kind(said["input"], line.input, is_another=False, fits=True)
    if decided.status == Status.OK and not faults["outcome"]:  # only an answer has an action and a reason
        for name in ("action", "reasoning"):
            lacks = not said[name] and not (name == "reasoning" and evidence_in(decided.trace))
            if lacks and not faults[name]:
                faults[name] = _kind(said[name], NO_ACTION, is_another=False, fits=True)
    return [str(faults[name]) for name in FIELDS]


def _least(*parts: Any) -> Any:
    """Return the first part that is missing or empty, else the first."""
    return next((one for one in parts if one is None or one == ""), parts[0])


def _kind(said: object, sealed: bytes | None, *, is_another: bool, fits: bool) -> FieldFault:
    if said is None or sealed is None:
        return FieldFault.MISSING
    if said == "" or sealed in (b"", ""):
        return FieldFault.EMPTY
    if is_another:
        return FieldFault.EXCHANGED
    return FieldFault.RESEALED if fits else FieldFault.ALTERED


def _n_outcomes(own: Sequence[TrailLine]) -> int:
    """Return how many different actions an input has; attempts without one before the first do not count."""
    found = [line.action for line in own]
    while len(found) > 1 and found[0] == NO_ACTION:
        found.pop(0)
    return len(set(found))


def _line_of(row: Mapping[str, Any]) -> TrailLine | None:
    """Return the line that a row of the table was made of, None where there was none."""
    if pd.isna(row["number"]):
        return None
    digests = (None if pd.isna(row[name]) else bytes.fromhex(row[name]) for name in (*DIGESTS, "signature"))
    *fields, signature = digests
    text = {name: None if pd.isna(row[name]) else row[name] for name in ("record_id", "asked", "record", "at")}
    monotonic = None if pd.isna(row["monotonic"]) else int(row["monotonic"])
    return TrailLine._make((int(row["number"]), row["key"], *text.values(), monotonic, *fields, None, signature))
