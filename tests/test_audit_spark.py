"""The published suite on Spark: the same results as on pandas, from a table, a folder of Parquet files, and a CSV."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from suite_cases import SECOND, dirty, rules_of, suite

from workbench.audit.detectors.formats import FORMAT
from workbench.audit.detectors.outliers import OUTLIER
from workbench.audit.detectors.repeats import DUPLICATE
from workbench.audit.published import spark
from workbench.audit.published.expectations import Validated, validate
from workbench.audit.published.prepared import prepared
from workbench.audit.published.suites import Suite, suite_of
from workbench.audit.table.rules import Rule, RuleKind, hold
from workbench.records.tables.database import open_table
from workbench.words import InputError

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(find_spec("pyspark") is None, reason="Spark is not installed (make spark)"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
]
QUIET = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    builder = SparkSession.builder.master("local[1]")
    for name, value in {**QUIET, **spark.SESSION}.items():
        builder = builder.config(name, value)
    made = builder.getOrCreate()
    made.sparkContext.setLogLevel("ERROR")
    yield made
    made.stop()
    gc.collect()  # Spark leaves sockets to the collector; here a warning about them is expected


def on_spark(session: Any, frame: pd.DataFrame) -> Any:
    schema = ", ".join("`" + name.replace("`", "``") + "` string" for name in frame.columns)
    return session.createDataFrame(list(frame.itertuples(index=False, name=None)), schema)


def counts(results: Sequence[Validated]) -> list[tuple[str, bool | None, int | None]]:
    return [(f"{one.expectation.type} {one.expectation.kwargs}", one.holds, one.n_broken) for one in results]


def test_every_kind_of_rule_comes_to_the_same_on_spark_and_on_pandas(session: Any) -> None:
    frame = dirty()
    rules = rules_of(frame)
    assert {one.kind for one in rules} == set(RuleKind)
    published = suite(frame, rules)
    assert counts(spark.validate_on_spark(on_spark(session, frame), published)) == counts(validate(frame, published))


@pytest.mark.parametrize("seed", [7, 8])
def test_every_added_column_has_the_same_cells_on_spark_and_on_pandas(session: Any, seed: int) -> None:
    frame = dirty(300, seed, n_odd=60).assign(row=[str(row) for row in range(300)])
    added = suite(frame, rules_of(frame)).added
    expected = prepared(frame, added)
    ready = spark.prepared_on_spark(on_spark(session, frame), added).collect()
    found = pd.DataFrame([row.asDict() for row in ready], dtype=object)[list(expected.columns)]
    found = found.sort_values("row", key=lambda rows: rows.astype(int), ignore_index=True)
    pd.testing.assert_frame_equal(found.fillna("-"), expected.astype(object).fillna("-"))


def test_a_folder_of_typed_parquet_files_is_counted_as_the_scan_counts_it(session: Any, tmp_path: Path) -> None:
    n = 90
    start = pd.Timestamp("2025-01-01 10:00:00")
    table = pa.table(
        {
            "n": pa.array([*range(n - 2), 10_000, None], pa.int64()),
            "share": pa.array([0.5] * (n - 1) + [float("nan")], pa.float64()),
            "opened": pa.array([start + pd.Timedelta(milliseconds=row) for row in range(n)], pa.timestamp("us")),
            "closed": pa.array([start + pd.Timedelta(milliseconds=20)] * n, pa.timestamp("us")),
            "is_paid": pa.array([True, False, None] * (n // 3), pa.bool_()),
            "day": pa.array([start.date()] * n, pa.date32()),
        }
    )
    pq.write_table(table, tmp_path / "whole.parquet")
    for part in range(3):
        (tmp_path / "parts").mkdir(exist_ok=True)
        pq.write_table(table.slice(part * 30, 30), tmp_path / "parts" / f"{part}.parquet")

    def rule(kind: RuleKind, *names: str, **more: object) -> Rule:
        return Rule(kind, tuple(map(table.column_names.index, names)), names, FORMAT, "why", **more)  # type: ignore[arg-type]

    rules = [
        rule(RuleKind.NOT_NULL, "n"),
        rule(RuleKind.BETWEEN, "n", low=0.0, high=99.0),
        rule(RuleKind.ORDER, "opened", "closed", layout=SECOND),
        rule(RuleKind.IN_SET, "is_paid", values=("true",)),
        rule(RuleKind.IN_SET, "day", values=("2025-01-01",)),
        rule(RuleKind.IN_SET, "share", values=("0.5",)),
    ]
    with open_table(tmp_path / "whole.parquet") as whole:
        scanned = hold(whole, rules)
        published = suite_of(rules, "typed", dict(zip(whole.names, whole.storage, strict=True)))
    frame = spark.read_records(session, str(tmp_path / "parts"))
    found = spark.validate_on_spark(frame, published)
    assert [one.n_broken for one in found] == [one.n_broken for one in scanned] == [1, 1, 69, 30, 0, 1]
    assert {one.n_rows for one in found} == {n}


def test_a_csv_and_json_lines_are_read_as_text(session: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id;text\n007;"two\nlines; ""quoted"""\n8;\n', encoding="utf-8")
    (tmp_path / "a.jsonl").write_text('{"id": 1.50, "text": "x"}\n{"text": null}\n', encoding="utf-8")
    rows = [tuple(row) for row in spark.read_records(session, str(tmp_path / "a.csv")).collect()]
    assert rows == [("007", 'two\nlines; "quoted"'), ("8", None)]
    rows = [row.asDict() for row in spark.read_records(session, str(tmp_path / "a.jsonl")).collect()]
    assert rows == [{"id": "1.50", "text": "x"}, {"id": None, "text": None}]


def test_a_table_without_a_row_is_refused(session: Any) -> None:
    frame = dirty(20)
    empty = on_spark(session, frame).limit(0)
    with pytest.raises(InputError, match="holds no row"):
        spark.validate_on_spark(empty, suite(frame, rules_of(frame)))


def submitted(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the script as a user would, with Spark's own command."""
    command = Path(sys.executable).with_name("spark-submit")
    settings = [part for name, value in QUIET.items() for part in ("--conf", f"{name}={value}")]
    return subprocess.run(
        [str(command), "--master", "local[1]", *settings, spark.__file__, *map(str, arguments)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable},
    )  # fmt: skip


def written(folder: Path, given: Suite) -> Path:
    path = folder / "expectations.json"
    path.write_text(given.as_json(), encoding="utf-8")
    return path


def test_spark_submit_writes_results_and_tells_by_its_exit_code(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["1", "2", "2"], "n": ["5", "x", "70"]}, dtype=object)
    frame.to_csv(tmp_path / "records.csv", index=False)
    rules = [
        Rule(RuleKind.UNIQUE, (0,), ("id",), DUPLICATE, "why"),
        Rule(RuleKind.BETWEEN, (1,), ("n",), OUTLIER, "why", low=0.0, high=9.0),
    ]
    path = written(tmp_path, suite(frame, rules))
    given = ("--suite", path, "--records", tmp_path / "records.csv", "--out", tmp_path / "results.json")
    done = submitted(*given)
    assert done.returncode == 1, done.stderr
    content = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert content["counts"] == {"validated": 2, "hold": 0, "broken": 2, "not_run": 0}
    assert [(one["n_rows"], one["n_broken"]) for one in content["results"]] == [(3, 2), (3, 1)]
    assert content["engine"].startswith("spark ")
    assert "2 validated, 0 hold, 2 broken, 0 not run" in done.stdout


def test_records_that_are_not_there_are_one_message(tmp_path: Path) -> None:
    frame = dirty(20)
    path = written(tmp_path, suite(frame, rules_of(frame)))
    done = submitted("--suite", path, "--records", tmp_path / "gone.csv", "--out", tmp_path / "results.json")
    assert done.returncode == 2
    said = done.stdout + done.stderr  # spark-submit puts what a program says into one stream
    assert "Spark cannot read the records" in said
    assert "Traceback" not in said


def test_the_command_holds_a_suite_against_all_records_on_spark(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["1", "2", "3"]}, dtype=object)
    frame.to_csv(tmp_path / "records.csv", index=False)
    path = written(tmp_path, suite(frame, [Rule(RuleKind.UNIQUE, (0,), ("id",), DUPLICATE, "why")]))
    given = ("--records", tmp_path / "records.csv", "--spark", path, "--out", tmp_path / "whole", "--json")
    quiet = " ".join(f"--conf {name}={value}" for name, value in QUIET.items())
    environment = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_SUBMIT_ARGS": f"--master local[1] {quiet} pyspark-shell"}
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "audit", *map(str, given)],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["hold"] == 1
    content = json.loads((tmp_path / "whole" / "validation.json").read_text(encoding="utf-8"))
    assert [(one["n_rows"], one["n_broken"]) for one in content["results"]] == [(3, 0)]
