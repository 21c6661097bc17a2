"""What a run plans and appends, and what is read back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.agents import Decision
from workbench.engines import Origin, TokenLogprob
from workbench.environment import Trace, trace_from
from workbench.metrics import Status
from workbench.pilot.signing import SigningKey, trail_key
from workbench.runs.journal.plans import Apart, RunEntry, RunInfo, RunPlan, ToAsk, key_of, run_name
from workbench.runs.journal.rows import (
    COLUMNS,
    MEMORY,
    STORED,
    checksum,
    restored,
    restored_columns,
    stored_values,
    tokens_as_json,
)
from workbench.runs.journal.storage import JournalFile
from workbench.runs.journal.trail import (
    SEALED_TOGETHER,
    AskedAs,
    DecidedFields,
    TrailLine,
    TrailSeal,
    lines_in,
    sealed_lines,
    sealed_together,
    seals_in,
)
from workbench.words import RunError

if TYPE_CHECKING:
    import sqlite3

    import pandas as pd

_INSERT = f"INSERT OR REPLACE INTO decisions VALUES ({', '.join('?' * (len(STORED) + 2))})"
_INSERT_TOKENS = "INSERT OR REPLACE INTO tokens VALUES (?, ?)"
_INSERT_ORIGIN = "INSERT OR REPLACE INTO origins VALUES (?, ?, ?)"
_INSERT_TRACE = "INSERT OR REPLACE INTO traces VALUES (?, ?, ?)"
_INSERT_MEMORY = "INSERT OR REPLACE INTO memories VALUES (?, ?, ?)"
_INSERT_LINE = f"INSERT INTO trail VALUES ({', '.join('?' * len(TrailLine._fields))})"
_INSERT_SEAL = f"INSERT INTO seals VALUES ({', '.join('?' * len(TrailSeal._fields))})"
_LAST_LINE = "SELECT * FROM trail WHERE typeof(number) = 'integer' ORDER BY rowid DESC LIMIT 1"
_SEALED = tuple(STORED.index(name) for name in DecidedFields._fields[:-1])
Rows = Sequence[tuple[Any, ...]]
_TYPES = {
    **dict.fromkeys(("confidence", "logprob", "stated", "latency_s"), "float64"),
    **dict.fromkeys(("prompt_tokens", "completion_tokens"), "Int64"),
    "attempts": "int64",
}
_OF_RECORD = "WHERE planned.record_id = ?"
_IN_SPLITS = f"split NOT IN ({', '.join(repr(one.value) for one in Apart)})"
_OF_SPLIT = f"(split = ?1 OR (?1 IS NULL AND {_IN_SPLITS}))"


class Journal(JournalFile):
    """A pilot's journal; open it with `with Journal(path) as journal`.

    Raises
    ------
    InputError
        The folder cannot be written.
    RunError
        The file is no journal, or is locked for longer than 30 seconds.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._unsealed: list[TrailLine] = []

    @cached_property
    def _key(self) -> SigningKey | None:
        return trail_key()

    def plan(self, plan: RunPlan, records: Iterable[tuple[str, str]]) -> str:
        """Return the run of these (record id, record digest) pairs, planning it if it is new.

        The run's name is the digest of its content: planning the same again finds the same run.
        """
        agent_digest, asked = plan.agent_digest, plan.asked_digest
        keys = [(record_id, key_of(asked, record_digest)) for record_id, record_digest in records]
        about = plan.agent, plan.split, agent_digest, plan.dataset_digest
        run = run_name(about, (key for _, key in keys))
        now = datetime.now(UTC).isoformat()
        with self._storing() as connection:
            connection.execute(
                "INSERT INTO runs (run, agent, split, agent_digest, identity, dataset_digest, started, touched)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET touched = excluded.touched",
                (
                    run, plan.agent, plan.split, agent_digest, json.dumps(plan.identity, sort_keys=True),
                    plan.dataset_digest, now, now,
                ),
            )  # fmt: skip
            (n_planned,) = connection.execute("SELECT COUNT(*) FROM planned WHERE run = ?", (run,)).fetchone()
            if n_planned < len(keys):
                connection.executemany(
                    "INSERT OR IGNORE INTO planned VALUES (?, ?, ?, ?)",
                    ((run, position, record_id, key) for position, (record_id, key) in enumerate(keys)),
                )
        return run

    def to_ask(self, run: str) -> ToAsk:
        """Return what of a run still needs a call.

        Records without a decision, with a failed or skipped one (it is asked again), or whose row is damaged.
        """
        stored = self._columns(run)
        ended = dict(zip(stored["record_id"], stored["status"], strict=True))
        planned = self._read("SELECT record_id FROM planned WHERE run = ?", run)
        known = {Status.OK, Status.INVALID}
        ids = frozenset(record_id for (record_id,) in planned if ended.get(record_id) not in known)
        return ToAsk(ids, frozenset(record_id for record_id, status in ended.items() if status == Status.FAILED))

    def keep(self, asked_digest: str, decisions: Sequence[tuple[str, Decision]]) -> None:
        """Store (record digest, decision) pairs of what was asked of a version, as `append` does."""
        keyed = [(key_of(asked_digest, digest), digest, decision) for digest, decision in decisions]
        asked = {key: AskedAs(asked_digest, digest) for key, digest, _ in keyed}
        self.append([(key, decision) for key, _, decision in keyed], asked)

    def append(self, decisions: Sequence[tuple[str, Decision]], asked: Mapping[str, AskedAs] = {}) -> None:
        """Store (key, decision) pairs in one transaction, and for each its line of the audit trail.

        `asked` says by key what each was asked for; without it the line has no input that can be proved.
        """
        rows = [(key, *(values := stored_values(decision)), checksum(key, values)) for key, decision in decisions]
        tokens = [(key, tokens_as_json(decision.tokens)) for key, decision in decisions if decision.tokens]
        said = [(key, decision.origin) for key, decision in decisions if decision.origin is not None]
        origins = [(key, origin.model, origin.fingerprint) for key, origin in said]
        traces = [(key, decision.trace.as_json()) for key, decision in decisions if decision.trace is not None]
        trace_of = dict(traces)
        kept = [(key, json.dumps(said.remembered)) for key, said in decisions if said.remembered is not None]
        decided = [
            (key, values[0], DecidedFields._make((*(values[place] for place in _SEALED), trace_of.get(key))))
            for key, *values, _ in rows
        ]
        with self._storing() as connection:
            connection.executemany(_INSERT, rows)
            lines = self._add_lines(connection, decided, asked)
            if tokens:
                connection.executemany(_INSERT_TOKENS, tokens)
            if origins:
                connection.executemany(_INSERT_ORIGIN, origins)
            if traces:
                rows_of_traces = [(key, content, checksum(key, (content,))) for key, content in traces]
                connection.executemany(_INSERT_TRACE, rows_of_traces)
            if kept:
                memories = [(key, content, checksum(key, (MEMORY, content))) for key, content in kept]
                connection.executemany(_INSERT_MEMORY, memories)
        self._unsealed += lines

    def _add_lines(
        self,
        connection: sqlite3.Connection,
        decided: Sequence[tuple[str, str, DecidedFields]],
        asked: Mapping[str, AskedAs],
    ) -> list[TrailLine]:
        last = lines_in(connection.execute(_LAST_LINE).fetchall())
        lines = sealed_lines(decided, asked, last[0] if last else None, self._key)
        if len(self._unsealed) >= SEALED_TOGETHER or (last and self._unsealed and self._unsealed[-1] != last[0]):
            self._seal(connection)  # another process has appended meanwhile, or there are enough of them
        connection.executemany(_INSERT_LINE, lines)
        return lines

    def _seal(self, connection: sqlite3.Connection) -> None:
        """Seal the lines that this process has appended and not sealed yet."""
        if self._unsealed and self._key is not None:
            connection.execute(_INSERT_SEAL, sealed_together(self._unsealed, self._key))
        self._unsealed = []

    def __exit__(self, *said: object) -> None:
        with suppress(RunError):  # a line without a seal is signed all the same
            if self._unsealed:
                with self._storing() as connection:
                    self._seal(connection)
        super().__exit__(*said)

    def lines(self) -> tuple[list[TrailLine], list[TrailSeal]]:
        """Return the audit trail of the whole journal as it is stored, by number, and the seals of its transactions."""
        lines = lines_in(self._read("SELECT * FROM trail ORDER BY number, rowid"))
        return lines, seals_in(self._read("SELECT * FROM seals ORDER BY first, rowid"))

    def as_stored(self, of: str | None) -> list[tuple[Any, ...]]:
        """Return what is stored of every planned decision, damaged ones too, one row a key.

        Columns: run, agent, split, agent digest, record id and key as planned, then record id, the fields of
        `DecidedFields` and whether the row is intact; None where there is no decision. `of` is a run, an agent's
        digest or its name; None for all.
        """
        names = ", ".join(f"decisions.{name}" for name in STORED)
        rows = self._read(
            "SELECT run, agent, split, agent_digest, planned.record_id, planned.key, decisions.checksum,"
            f" traces.content, {names} FROM planned JOIN runs USING (run) LEFT JOIN decisions"
            " ON decisions.key = planned.key LEFT JOIN traces ON traces.key = planned.key"
            " WHERE ?1 IS NULL OR ?1 IN (run, agent, agent_digest) GROUP BY planned.key ORDER BY run, position",
            of,
        )
        places = (0, *_SEALED)
        return [
            (*row[:6], *(row[8 + place] for place in places), row[7], checksum(row[5], row[8:]) == row[6])
            for row in rows
        ]

    def spend(self, run: str, called: int, wall_s: float) -> None:
        """Add to the decisions that a run made itself and the seconds they took."""
        with self._storing() as connection:
            connection.execute(
                "UPDATE runs SET wall_s = wall_s + ?, called = called + ? WHERE run = ?", (wall_s, called, run)
            )
            self._seal(connection)

    def decisions(self, run: str) -> pd.DataFrame:
        """Return a run's decisions in planned order, one row per planned key that has one.

        Columns are the fields of `Decision` but its tokens; index: record id (also a column).
        """
        import pandas as pd

        stored = restored_columns(self._columns(run))
        index = pd.Index(stored["record_id"], dtype=object)
        return pd.DataFrame(
            {name: pd.Series(stored[name], index, dtype=_TYPES.get(name, object)) for name in COLUMNS}, index
        )

    def tokens(self, run: str, record_id: str) -> tuple[TokenLogprob, ...] | None:
        """Return a reply token by token, None when the engine gave no log probabilities or the decision has no reply.

        Decisions made before tokens were kept have none either.
        """
        found = self._read(
            "SELECT content, text FROM planned JOIN tokens USING (key) JOIN decisions USING (key)"
            " WHERE run = ? AND planned.record_id = ?",
            run,
            record_id,
        )
        if not found:
            return None
        content, text = found[0]
        tokens = tuple(TokenLogprob(token, logprob) for token, logprob in self._json(content))
        return tokens if "".join(token.token for token in tokens) == text else None

    def traces(self, run: str, record_id: str | None = None) -> dict[str, Trace]:
        """Return what happened on the way to a run's decisions, or to one, by record; damaged ones are left out.

        Decisions without tools, guards or anything reported have no trace.
        """
        found = self._read(
            "SELECT planned.record_id, traces.key, content, traces.checksum FROM planned JOIN traces USING (key)"
            " WHERE run = ? AND planned.record_id = coalesce(?, planned.record_id) ORDER BY position",
            run,
            record_id,
        )
        return {
            record: trace_from(content)
            for record, key, content, written in found
            if checksum(key, (content,)) == written
        }

    def remembered(self, run: str) -> dict[str, dict[str, str]]:
        """Return what is remembered after each decision of a run, by record; damaged ones are left out."""
        found = self._read(
            "SELECT planned.record_id, key, content, checksum FROM planned JOIN memories USING (key) WHERE run = ?", run
        )
        return {
            record: self._json(content)
            for record, key, content, written in found
            if checksum(key, (MEMORY, content)) == written
        }

    def origins(self, agent_digest: str) -> dict[Origin, int]:
        """Return what servers said of themselves in an agent version's replies, and in how many of them, most first.

        Replies on every split count; those without such a word, and those from before it was kept, are not there.
        """
        if not self._read("SELECT 1 FROM origins LIMIT 1"):  # most engines say nothing of themselves
            return {}
        rows = self._read(
            "SELECT model, fingerprint, COUNT(*) FROM origins WHERE key IN"
            " (SELECT key FROM planned JOIN runs USING (run) WHERE agent_digest = ?)"
            " GROUP BY model, fingerprint ORDER BY COUNT(*) DESC, model, fingerprint",
            agent_digest,
        )
        return {Origin(model, fingerprint): n for model, fingerprint, n in rows}

    def of_record(self, record_id: str) -> dict[str, dict[str, Any]]:
        """Return every intact decision on a record, by its run; columns as in `decisions`."""
        return {row[-1]: restored(row[:-1]) for row in self._intact(_OF_RECORD, record_id)}

    def entries(self, split: str | None = None) -> tuple[RunEntry, ...]:
        """Return the runs of one split, or of both, the one used last first, in one query that reads no decision.

        Runs over records that are of no split, such as test cases, are there only where they are asked for by name.
        """
        rows = self._read(
            "SELECT run, agent, split, agent_digest, dataset_digest, identity, started, COUNT(*), COUNT(decisions.key)"
            " FROM runs JOIN planned USING (run) LEFT JOIN decisions USING (key)"
            f" WHERE {_OF_SPLIT} GROUP BY run ORDER BY touched DESC, run",
            split,
        )
        return tuple(
            RunEntry(run, agent, side, agent_digest, dataset_digest, self._json(identity), *rest)
            for run, agent, side, agent_digest, dataset_digest, identity, *rest in rows
        )

    def runs(self, split: str | None = None) -> tuple[RunInfo, ...]:
        """Return the runs of one split, or of both, the one used last first."""
        names = self._read(f"SELECT run FROM runs WHERE {_OF_SPLIT} ORDER BY touched DESC, run", split)
        return tuple(self.info(run) for (run,) in names)

    def finished_versions(self) -> set[str]:
        """Return the digests of the agent versions whose every planned record has a decision, in one query."""
        rows = self._read(
            "SELECT agent_digest FROM runs JOIN planned USING (run) LEFT JOIN decisions USING (key)"
            f" WHERE {_IN_SPLITS} GROUP BY agent_digest HAVING COUNT(decisions.key) = COUNT(*)"
        )
        return {digest for (digest,) in rows}

    def largest_finished(self, split: str, agent_digest: str, dataset_digest: str) -> str | None:
        """Return the finished run of an agent version on a split with the most planned records, None without one."""
        found = self._read(
            "SELECT run FROM runs JOIN planned USING (run) LEFT JOIN decisions USING (key)"
            " WHERE split = ? AND agent_digest = ? AND dataset_digest = ?"
            " GROUP BY run HAVING COUNT(decisions.key) = COUNT(*) ORDER BY COUNT(*) DESC, touched DESC LIMIT 1",
            split,
            agent_digest,
            dataset_digest,
        )
        return str(found[0][0]) if found else None

    def info(self, run: str) -> RunInfo:
        """Return a run and its counts."""
        agent, split, agent_digest, dataset_digest, started, wall_s, called, planned = self._one(
            "SELECT agent, split, agent_digest, dataset_digest, started, wall_s, called,"
            " (SELECT COUNT(*) FROM planned WHERE planned.run = runs.run) FROM runs WHERE run = ?",
            run,
        )
        stored = self._columns(run)
        counts = Counter(stored["status"])
        named = zip(stored["status"], stored["cause"], strict=True)
        causes = Counter(f"{status}: {cause}" for status, cause in named if cause is not None)
        ended = {status.value: counts[status.value] for status in Status}
        return RunInfo(
            run, agent, split, agent_digest, dataset_digest, planned, **ended,
            causes=dict(causes), started=started, wall_s=wall_s, called=called,
        )  # fmt: skip

    def identity(self, run: str) -> dict[str, Any]:
        """Return what made the agent of a run the version it was."""
        (identity,) = self._one("SELECT identity FROM runs WHERE run = ?", run)
        content: dict[str, Any] = self._json(identity)
        return content

    def restore(self, tables: Mapping[str, Rows]) -> None:
        """Write rows as another journal's tables have them, each with its checksum, into this empty one."""
        with self._storing() as connection:
            for table, rows in tables.items():
                if rows:
                    connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
