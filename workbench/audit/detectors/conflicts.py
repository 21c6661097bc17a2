"""Values that sources report differently for the same thing: who is believed, and who is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.audit.detectors.detector import Detector, Votes
from workbench.audit.detectors.gaps import MISSING_VALUE
from workbench.audit.findings import CellKind, Effort, Remedy, Severity
from workbench.audit.table.dependencies import combined
from workbench.audit.table.encoded import Encoded, first_with
from workbench.audit.table.entities import Described
from workbench.audit.table.inferred import Known
from workbench.audit.table.relations import Numbers
from workbench.records.tables import MISSING, CodedColumn, Codes

N_ROUNDS = 12  # likelihood and trust change little after that
N_WRONG_VALUES = 10  # as in the source named below
FIRST_TRUST = 0.7  # of a source nobody knows yet: it is right more often than not
PRIOR_RIGHT, PRIOR_MADE = 1.4, 2.0  # FIRST_TRUST of two values: a source of few values is trusted as any other
LEAST_TRUST, MOST_TRUST = 0.05, 0.98  # no source is always wrong or right: at the ends one row would outvote all others
WEAKEST, STRONGEST, OF_GAP = 0.5, 0.9, 0.85  # how likely a conflict is may be estimated from two rows
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?\s*([ap])?\.?m?\.?", re.IGNORECASE)

ENTITY_CONFLICT = CellKind(
    "entity_conflict",
    "sources that disagree about the same thing",
    Severity.HIGH,
    "the answer depends on which source happens to be asked",
    Remedy(
        "name the leading source for each field and take its value", Effort.DAYS, "one value for each entity and field"
    ),
)


@dataclass(frozen=True, slots=True)
class _Claims:
    """What each row with a value claims: its thing, its source, and the claim shared by all who say the same."""

    rows: npt.NDArray[np.intp]
    things: npt.NDArray[np.int64]
    sources: npt.NDArray[np.int64]
    claims: npt.NDArray[np.int64]
    thing_of_claim: npt.NDArray[np.int64]


def vote_on_conflicts(known: Known, votes: Votes) -> None:
    """Vote on described cells that are probably not what is true of their thing, and on empty ones it is known for.

    Truth and trust are estimated together: a value is as likely as the sources that report it are trusted, a source
    is trusted as far as its values are likely (Yin, Han and Yu, 2007; weights as in Dong, Berti-Equille and Srivastava,
    2009, with ten wrong values for each true one). Sources are trusted separately for each column.

    Where the contract says when each row was reported, a value that two rows or more report, all of them before or all
    of them after those of the likely one, was true at another time and is not wrong.
    """
    encoded, roles = known.encoded, known.roles
    if roles is None:
        return
    times = known.numbers.get(known.time) if known.time is not None else None
    things = combined([encoded.filled[position] for position in roles.entity])
    unnamed = np.zeros(encoded.n, dtype=np.int32)
    sources = unnamed if roles.source is None else encoded.filled[roles.source]
    for position in roles.described:
        column = encoded.columns[position]
        claims = _claims(column, encoded.filled[position], things, sources)
        if not len(claims.rows):
            continue
        likely = _likelihood(claims)
        changed = np.zeros(len(likely), dtype=bool) if times is None else _changes(claims, likely, times)
        _vote(encoded, roles, column, claims, np.where(changed, 1.0, likely), votes)
        _vote_on_gaps(encoded, roles, column, things, claims, likely, votes)


def _claims(column: CodedColumn, filled: Codes, things: Codes, sources: Codes) -> _Claims:
    codes = first_with(map(_meaning, column.values))[filled]
    rows = np.flatnonzero((codes >= 0) & (things >= 0))
    keys = things[rows].astype(np.int64) * (int(codes.max(initial=0)) + 1) + codes[rows]
    distinct, claims = np.unique(keys, return_inverse=True)
    return _Claims(
        rows,
        things[rows].astype(np.int64),
        sources[rows].astype(np.int64) + 1,
        claims,
        distinct // (int(codes.max(initial=0)) + 1),
    )


def _meaning(value: str) -> str:
    """Return what a value says without regard to its writing; times are compared as times."""
    clock = CLOCK.search(value)
    if clock is None:
        return "".join(value.casefold().split())
    hour = int(clock[1]) % 12 + 12 * (clock[3].lower() == "p") if clock[3] else int(clock[1])
    return f"{hour}:{clock[2]}"


def _likelihood(claims: _Claims) -> npt.NDArray[np.float64]:
    """Return for each claim how likely it is true, given who makes it and who contradicts it."""
    n_sources = int(claims.sources.max()) + 1
    n_things = int(claims.thing_of_claim.max()) + 1
    made = np.bincount(claims.sources, minlength=n_sources)
    trust = np.full(n_sources, FIRST_TRUST)
    likely = np.zeros(len(claims.thing_of_claim))
    for _ in range(N_ROUNDS):
        weight = np.log(N_WRONG_VALUES * trust / (1 - trust))
        score = np.bincount(claims.claims, weights=weight[claims.sources], minlength=len(likely))
        highest = np.full(n_things, -np.inf)
        np.maximum.at(highest, claims.thing_of_claim, score)
        raised = np.exp(np.clip(score - highest[claims.thing_of_claim], -50, 0))
        total = np.bincount(claims.thing_of_claim, weights=raised, minlength=n_things)
        likely = raised / total[claims.thing_of_claim]
        right = np.bincount(claims.sources, weights=likely[claims.claims], minlength=n_sources)
        trust = np.clip((right + PRIOR_RIGHT) / (made + PRIOR_MADE), LEAST_TRUST, MOST_TRUST)
    return likely


def _changes(claims: _Claims, likely: npt.NDArray[np.float64], times: Numbers) -> npt.NDArray[np.bool_]:
    """Return which claims were true at another time than the likely one of their thing."""
    first, last = np.full(len(likely), np.inf), np.full(len(likely), -np.inf)
    np.fmin.at(first, claims.claims, times[claims.rows])
    np.fmax.at(last, claims.claims, times[claims.rows])
    made = np.bincount(claims.claims, minlength=len(likely))
    best = _best_claims(claims, likely)
    top = np.array([best[int(thing)] for thing in claims.thing_of_claim], dtype=np.int64)
    return np.asarray(((last < first[top]) | (first > last[top])) & (made >= 2))


def _vote(
    encoded: Encoded,
    roles: Described,
    column: CodedColumn,
    claims: _Claims,
    likely: npt.NDArray[np.float64],
    votes: Votes,
) -> None:
    sizes = np.bincount(claims.things)
    doubted = np.flatnonzero((likely[claims.claims] < 0.5) & (sizes[claims.things] >= 2))
    best = _best_claims(claims, likely)
    first_row = np.full(len(likely), -1, dtype=np.int64)
    first_row[claims.claims[::-1]] = claims.rows[::-1]
    for index in doubted:
        top = best[int(claims.things[index])]
        told = column.values[int(column.codes[first_row[top]])]
        strength = float(np.clip(1 - likely[claims.claims[index]], WEAKEST, STRONGEST))
        votes.cells(
            column.position,
            claims.rows[index : index + 1],
            strength,
            ENTITY_CONFLICT,
            f"more trusted rows with {_given(encoded, roles, int(claims.rows[index]))} say {told[:40]!r}",
        )


def _given(encoded: Encoded, roles: Described, row: int) -> str:
    """Return which thing a row describes, in words."""
    columns = [encoded.columns[position] for position in roles.entity]
    return " and ".join(f"{column.name} = {column.values[int(column.codes[row])][:40]!r}" for column in columns)


def _best_claims(claims: _Claims, likely: npt.NDArray[np.float64]) -> dict[int, int]:
    best: dict[int, int] = {}
    for claim, thing in enumerate(claims.thing_of_claim):
        known = best.get(int(thing))
        if known is None or likely[claim] > likely[known]:
            best[int(thing)] = claim
    return best


def _vote_on_gaps(
    encoded: Encoded,
    roles: Described,
    column: CodedColumn,
    things: Codes,
    claims: _Claims,
    likely: npt.NDArray[np.float64],
    votes: Votes,
) -> None:
    known = np.zeros(int(things.max(initial=0)) + 2, dtype=bool)
    known[claims.thing_of_claim[likely >= 0.5]] = True
    empty = np.flatnonzero((encoded.filled[column.position] == MISSING) & (things >= 0) & known[things])
    name = ", ".join(encoded.columns[position].name for position in roles.entity)
    reason = f"empty, but other rows with the same {name} have a value"
    votes.cells(column.position, empty, OF_GAP, MISSING_VALUE, reason)


OF_CONFLICTS = Detector("entity conflicts", 130, vote_on_conflicts, (ENTITY_CONFLICT,))
