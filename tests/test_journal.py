import hashlib
import json
import math
import sqlite3
from pathlib import Path

import pytest

from workbench.agents.decisions import ConfidenceSource, Decision
from workbench.engines.protocol import TokenLogprob
from workbench.metrics import Status
from workbench.runs.journal import Journal, RunPlan, key_of, sole_run
from workbench.runs.journal.rows import tokens_as_json
from workbench.words import InputError, RunError

PLAN = RunPlan("agent", "dev", {"code": "1"}, "data")
RECORDS = [("a", "da"), ("b", "db"), ("c", "dc"), ("d", "dd")]


def ok(record_id: str, **facts: object) -> Decision:
    return Decision(record_id, Status.OK, action="yes", confidence=0.5, latency_s=0.1, attempts=1, **facts)  # type: ignore[arg-type]


def keyed(*decisions: Decision, plan: RunPlan = PLAN) -> list[tuple[str, Decision]]:
    digests = dict(RECORDS)
    return [(key_of(plan.agent_digest, digests[decision.record_id]), decision) for decision in decisions]


def test_every_planned_record_is_counted_once(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        run = journal.plan(PLAN, RECORDS)
        failed = Decision("b", Status.FAILED, cause="timeout", attempts=3)
        invalid = Decision("c", Status.INVALID, cause="not_json", attempts=1)
        journal.append(keyed(ok("a"), failed, invalid))
        info = journal.info(run)
        assert (info.planned, info.ok, info.invalid, info.failed, info.skipped, info.pending) == (4, 1, 1, 1, 0, 1)
        assert not info.finished
        assert info.causes == {"failed: timeout": 1, "invalid: not_json": 1}
        assert journal.to_ask(run).ids == {"b", "d"}  # the failed one is asked again, the invalid answer stands
        journal.append(keyed(ok("b"), ok("d")))
        journal.spend(run, 3, 1.5)
        journal.spend(run, 2, 0.5)
        info = journal.info(run)
        assert (info.ok, info.invalid, info.failed, info.finished) == (3, 1, 0, True)
        assert (info.wall_s, info.called) == (2.0, 5)


def test_decisions_come_back_as_they_went_in(tmp_path: Path) -> None:
    decision = ok(
        "a", reason="weil", text='{"x": "ü"}', prompt_tokens=7, completion_tokens=2, confidence_source="stated"
    )
    with Journal(tmp_path / "journal.sqlite") as journal:
        run = journal.plan(PLAN, RECORDS)
        journal.append(keyed(Decision("b", Status.SKIPPED, cause="auth"), decision))
    with Journal(tmp_path / "journal.sqlite") as journal:
        table = journal.decisions(run)
    assert table.index.tolist() == ["a", "b"]
    row = table.loc["a"]
    assert (row["text"], row["reason"], row["prompt_tokens"], row["confidence"]) == ('{"x": "ü"}', "weil", 7, 0.5)
    assert table.loc["b", "status"] == "skipped"


def test_half_a_surrogate_pair_is_stored_as_an_escape(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        run = journal.plan(PLAN, RECORDS)
        journal.append(keyed(ok("a", reason="so \ud83d what", text="ü")))
        row = journal.decisions(run).loc["a"]
    assert (row["reason"], row["text"]) == ("so \\ud83d what", "ü")


def test_the_same_plan_is_the_same_run_and_a_changed_one_asks_again(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        run = journal.plan(PLAN, RECORDS)
        journal.append(keyed(*(ok(record_id) for record_id, _ in RECORDS)))
        assert journal.plan(PLAN, RECORDS) == run
        assert journal.to_ask(run).ids == set()
        part = journal.plan(PLAN, RECORDS[:2])
        assert part != run
        assert journal.to_ask(part).ids == set()
        other_model = journal.plan(RunPlan("agent", "dev", {"code": "2"}, "data"), RECORDS)
        assert journal.to_ask(other_model).ids == {"a", "b", "c", "d"}
        other_record = journal.plan(PLAN, [("a", "changed"), *RECORDS[1:]])
        assert journal.to_ask(other_record).ids == {"a"}


def test_a_damaged_row_counts_as_not_there_and_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        run = journal.plan(PLAN, RECORDS)
        journal.append(keyed(*(ok(record_id) for record_id, _ in RECORDS)))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE decisions SET action = 'no' WHERE record_id = 'c'")
    connection.close()
    with Journal(path) as journal:
        assert journal.to_ask(run).ids == {"c"}
        assert journal.info(run).ok == 3
        assert "c" not in journal.decisions(run).index


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"this is not a database, but long enough to be looked at" * 20)
    with pytest.raises(RunError, match="the journal is damaged"):
        Journal(path)


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written, so nothing was asked"):
        Journal(tmp_path / "file" / "journal.sqlite")


def test_an_append_that_fails_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        run = journal.plan(PLAN, RECORDS)
        journal.append(keyed(ok("a")))
        journal._connection.execute("PRAGMA max_page_count = 1")  # SQLite's own way to be out of space
        big = ok("b", text="x" * 200_000)
        with pytest.raises(RunError, match=r"could not be stored(.|\n)*full"):
            journal.append(keyed(big))
    with Journal(path) as journal:
        assert journal.to_ask(run).ids == {"b", "c", "d"}


def test_a_plan_that_cannot_be_stored_is_one_message(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal._connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(RunError, match=r"could not be stored(.|\n)*full"):
            journal.plan(PLAN, [(f"r{i}", f"d{i}") for i in range(5_000)])


def test_a_damaged_page_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        run = journal.plan(PLAN, RECORDS)
        journal.append(keyed(*(ok(record_id, text="x" * 50_000) for record_id, _ in RECORDS)))
    content = bytearray(path.read_bytes())
    content[4096 * 8 :] = b"\xff" * (len(content) - 4096 * 8)
    path.write_bytes(content)
    with Journal(path) as journal, pytest.raises(RunError, match=r"the journal is damaged(.|\n)*malformed"):
        journal.decisions(run)


def test_a_second_run_of_the_same_version_is_refused_while_the_first_is_at_work(tmp_path: Path) -> None:
    with sole_run(tmp_path, "digest"):
        with (
            pytest.raises(RunError, match=r"another run of this agent version(.|\n)*process \d+"),
            sole_run(tmp_path, "digest"),
        ):
            pass
        with sole_run(tmp_path, "other"):
            pass
    with sole_run(tmp_path, "digest"):
        pass


def test_tokens_of_a_reply_are_kept_beside_the_decision(tmp_path):
    from workbench.engines.protocol import TokenLogprob

    tokens = (TokenLogprob("yes", -0.5), TokenLogprob("\ud83d", -1.23456789))
    spoken = Decision("a", Status.OK, action="yes", text="yes\ud83d", attempts=1, tokens=tokens)
    rewritten = Decision("b", Status.OK, action="yes", text="something else", attempts=1, tokens=tokens)
    with Journal(tmp_path / "j.sqlite") as journal:
        plan = RunPlan("agent", "dev", {"v": 1}, "data")
        run = journal.plan(plan, [("a", "a"), ("b", "b"), ("c", "c")])
        journal.append([(key_of(plan.agent_digest, one.record_id), one) for one in (spoken, rewritten, ok("c"))])
        assert journal.tokens(run, "a") == (TokenLogprob("yes", -0.5), TokenLogprob("\\ud83d", -1.23457))
        assert journal.tokens(run, "b") is None, "tokens that do not spell the reply are another reply's"
        assert journal.tokens(run, "c") is None
        assert "tokens" not in journal.decisions(run).columns


def test_tokens_are_spelled_as_json_spells_them_with_five_digits() -> None:
    chances = [0.0, -0.0, -1.23456789, -1e-9, -123456.7891, -math.inf]
    texts = ["a", "\n", '"', "\\", "ü", "\ud83d"]
    for given in (chances[:-1], chances):
        tokens = [TokenLogprob(text, chance) for text, chance in zip(texts, given, strict=False)]
        expected = [
            [text.encode("utf-8", "backslashreplace").decode(), round(chance, 5)]
            for text, chance in zip(texts, given, strict=False)
        ]
        assert [[text, round(chance, 5)] for text, chance in json.loads(tokens_as_json(tokens))] == expected


def test_every_confidence_that_was_given_comes_back(tmp_path: Path) -> None:
    said = '{"action": "yes", "reason": "x \\ud83d", "confidence": 0.9}'
    both = Decision("a", Status.OK, "yes", 0.7, ConfidenceSource.LOGPROB, text=said, logprob=0.7, stated=0.9)
    token_only = Decision("b", Status.OK, "yes", 0.6, ConfidenceSource.LOGPROB, text='{"action": "yes"}', logprob=0.6)
    own_only = Decision("c", Status.OK, "yes", 0.8, ConfidenceSource.STATED, stated=0.8)
    nothing = Decision("d", Status.INVALID, cause="bad_confidence", text='{"action": "yes", "confidence": 2}')
    with Journal(tmp_path / "journal.sqlite") as journal:
        run = journal.plan(PLAN, RECORDS)
        journal.append(keyed(both, token_only, own_only, nothing))
        table = journal.decisions(run)
        assert journal.of_record("a")[run]["stated"] == 0.9
    assert table["logprob"].tolist() == pytest.approx([0.7, 0.6, math.nan, math.nan], nan_ok=True)
    assert table["stated"].tolist() == pytest.approx([0.9, math.nan, 0.8, math.nan], nan_ok=True)


# A journal as it was written before decisions had more than one confidence, down to its statements.
BEFORE = """
CREATE TABLE runs (
    run TEXT PRIMARY KEY, agent TEXT NOT NULL, split TEXT NOT NULL, agent_digest TEXT NOT NULL,
    identity TEXT NOT NULL, dataset_digest TEXT NOT NULL, started TEXT NOT NULL,
    wall_s REAL NOT NULL DEFAULT 0, called INTEGER NOT NULL DEFAULT 0, touched TEXT NOT NULL
);
CREATE TABLE planned (
    run TEXT NOT NULL, position INTEGER NOT NULL, record_id TEXT NOT NULL, key TEXT NOT NULL,
    PRIMARY KEY (run, position)
) WITHOUT ROWID;
CREATE TABLE decisions (
    key TEXT PRIMARY KEY, record_id, status, action, confidence, confidence_source, reason, cause, detail, text,
    latency_s, attempts, prompt_tokens, completion_tokens, checksum TEXT NOT NULL
);
"""


def written_before(path: Path) -> str:
    """Write a journal of the old shape with one decision, and return its run."""
    said = '{"action": "yes", "reason": "r", "confidence": 0.95}'
    values = ("a", "ok", "yes", 0.5, "logprob", "r", None, None, said, 0.1, 1, 7, 9)
    key = key_of(PLAN.agent_digest, "da")
    checksum = hashlib.blake2b(repr((key, values)).encode(), digest_size=8).hexdigest()
    with sqlite3.connect(path) as connection:
        connection.executescript(BEFORE)
        identity = json.dumps(PLAN.identity, sort_keys=True)
        run = ("run of before", "agent", "dev", PLAN.agent_digest, identity, "data", "2026-01-01", 0.0, 0, "2026-01-01")
        connection.execute(f"INSERT INTO runs VALUES ({', '.join('?' * 10)})", run)
        connection.execute("INSERT INTO planned VALUES (?, 0, 'a', ?)", (run[0], key))
        connection.execute(f"INSERT INTO decisions VALUES ({', '.join('?' * 15)})", (key, *values, checksum))
    connection.close()
    return run[0]


def test_a_journal_of_before_gives_every_confidence_and_is_written_on_in_its_own_shape(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    run = written_before(path)
    with Journal(path) as journal:
        row = journal.decisions(run).loc["a"]
        assert (row["confidence"], row["logprob"], row["stated"]) == (0.5, 0.5, 0.95)
        new = journal.plan(PLAN, RECORDS)
        assert journal.to_ask(new).ids == {"b", "c", "d"}, "the decision of before is not asked again"
        journal.append(keyed(ok("b")))
    with sqlite3.connect(path) as connection:
        columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(decisions)")]
    connection.close()
    assert columns == [
        name.strip()
        for name in BEFORE.split("decisions (")[1]
        .replace("TEXT PRIMARY KEY", "")
        .replace("TEXT NOT NULL", "")
        .split(")")[0]
        .split(",")
    ], "the version before reads what is written now"


def test_entries_tell_runs_and_repeats_without_reading_decisions(tmp_path):
    with Journal(tmp_path / "j.sqlite") as journal:
        version = RunPlan("agent", "dev", {"v": 1}, "data")
        again = RunPlan("agent repeat 1", "dev", {"v": 1, "repeat": {"number": 1, "temperature": 1.0}}, "data")
        run = journal.plan(version, [("a", "a"), ("b", "b")])
        journal.plan(again, [("a", "a")])
        journal.append([(key_of(version.agent_digest, "a"), ok("a"))])
        entries = {entry.agent: entry for entry in journal.entries("dev")}
        assert (entries["agent"].run, entries["agent"].planned, entries["agent"].decided) == (run, 2, 1)
        assert [entries[name].is_repeat for name in ("agent", "agent repeat 1")] == [False, True]
        assert len({entry.repeated_digest for entry in entries.values()}) == 1
        assert not entries["agent"].finished
        assert journal.entries("holdout") == ()
        assert set(journal.of_record("a")) == {run}
