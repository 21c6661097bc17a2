"""A published suite validated with Spark, for tables that are too large for one machine.

    spark-submit .../audit/published/spark.py --suite expectations.json --records s3a://bucket/table --out results.json

This is the only module that imports pyspark, and it does so late. The executors need neither the workbench nor
great-expectations: all that they run is Spark's own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any

from workbench.audit.published.expectations import Validated, counts_of, run_suite, validation_json
from workbench.audit.published.prepared import DAYS, NUMBER, RARE, moment_pattern
from workbench.audit.published.suites import BROKEN, HOLDS, Added, Made, Suite, read_suite
from workbench.audit.table.relations import SHARE, TOLERANCE
from workbench.audit.table.rules import MIN_GROUP, MIN_MAJORITY, STRAY_SHARE
from workbench.files import write_atomically
from workbench.words import InputError, RunError, WorkbenchError, shown

SEPARATORS = (",", ";", "\t", "|")
BROKEN_CODE, NOT_RUN_CODE = 1, 4
SESSION = {"spark.sql.caseSensitive": "true", "spark.sql.session.timeZone": "UTC"}


def validate_on_spark(frame: Any, suite: Suite, where: str = "") -> tuple[Validated, ...]:
    """Validate a suite on a Spark DataFrame with great-expectations; broken rows are counted, not listed.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
        The columns of the file that the suite was published for, of any type.
    suite : Suite
    where : str
        The suite's file, for messages and results.

    Raises
    ------
    InputError
        The table has no row, or the suite names an expectation that great-expectations does not know.
    """
    ready = prepared_on_spark(frame, suite.added).cache()
    try:
        n_rows = ready.count()
        if not n_rows:
            raise InputError("the table holds no row", got=f"columns {shown(frame.columns)}")
        return run_suite("spark", ready, n_rows, suite, where)
    finally:
        ready.unpersist()


def prepared_on_spark(frame: Any, added: Sequence[Added]) -> Any:
    """Return a Spark DataFrame as a suite looks at it, as `prepared.prepared` does for pandas."""
    from pyspark.sql import functions as f

    ready = frame.select(*(f.nullif(_named(name).cast("string"), f.lit("")).alias(name) for name in frame.columns))
    makers: dict[Made, Callable[[Added], Any]] = {
        Made.TEXT: lambda column: _named(column.of[0]),
        Made.NUMBER: lambda column: _number_column(column.of[0]),
        Made.PRODUCT: _calculated,
        Made.SUM: _calculated,
        Made.ORDER: _ordered,
    }
    able = [column for column in added if set(column.of) <= set(frame.columns)]
    single = [makers[one.made](one).alias(one.name) for one in able if one.made is not Made.DEPENDENCY]
    whole = ready.select("*", *single)
    return reduce(_with_settled, (one for one in able if one.made is Made.DEPENDENCY), whole)


def read_records(session: Any, path: str) -> Any:
    """Return a file or folder as a Spark DataFrame: CSV with a header, JSON lines, otherwise Parquet.

    CSV cells are text, in UTF-8; a row with too many or too few cells stops the run.
    """
    kind = Path(path).suffix.lower()
    if kind == ".jsonl":
        return session.read.option("primitivesAsString", "true").option("mode", "FAILFAST").json(path)
    if kind not in {".csv", ".tsv"}:
        return session.read.parquet(path)
    first = session.read.text(path).first()
    separator = max(SEPARATORS, key=("" if first is None else first[0]).count)
    options = {"header": True, "sep": separator, "quote": '"', "escape": '"', "multiLine": True, "mode": "FAILFAST"}
    return session.read.options(**options).csv(path)


def _named(name: str) -> Any:
    """Return a column, whatever it is called."""
    from pyspark.sql import functions as f

    return f.col("`" + name.replace("`", "``") + "`")


def _number(name: str) -> Any:
    """Return a column's cells as numbers the way the scan reads them; "nan" is the largest, in Spark as in DuckDB."""
    from pyspark.sql import functions as f

    cell = _named(name)
    plain = f.regexp_replace(f.regexp_replace(cell, r"[_\s]", ""), r"^\+", "")
    return f.when(cell.rlike(f"^{NUMBER}(?![\\s\\S])"), plain.cast("double"))


def _number_column(name: str) -> Any:
    """Return numbers; a cell that says "nan" is beyond every limit, as it is for pandas."""
    from pyspark.sql import functions as f

    return f.when(f.isnan(_number(name)), float("inf")).otherwise(_number(name))


def _calculated(column: Added) -> Any:
    from pyspark.sql import functions as f

    a, b, c = (_number(name) for name in column.of)
    made = a * b if column.made is Made.PRODUCT else a + b
    allowed = f.greatest(f.lit(TOLERANCE), f.lit(SHARE) * f.abs(made))
    return _told(f.abs(made - c) <= allowed, [a, b, c])


def _ordered(column: Added) -> Any:
    if column.layout is None:
        a, b = (_number(name) for name in column.of)
    else:
        a, b = (_moment(name, column.layout) for name in column.of)
    return _told(a <= b, [a, b])


def _moment(name: str, layout: str) -> Any:
    """Return year, month, day, hour, minute, second and microsecond of a cell, NULL for what no calendar has."""
    from pyspark.sql import functions as f

    pattern, order = moment_pattern(layout)
    whole, cell = f"^{pattern}(?![\\s\\S])", _named(name)
    groups = {sign: f.regexp_extract(cell, whole, place + 1) for place, sign in enumerate(order)}
    found = {sign: f.when(text != "", text.cast("int")) for sign, text in groups.items() if sign != "f"}
    year, month, day, hour, minute, second = (found.get(sign, f.lit(0)) for sign in "YmdHMS")
    micro = f.rpad(f.substring(groups["f"], 1, 6), 6, "0").cast("int") if "f" in groups else f.lit(0)
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = f.element_at(f.array(*map(f.lit, DAYS)), f.greatest(f.lit(1), f.least(f.lit(12), month)))
    is_day = month.between(1, 12) & (day >= 1) & ((day <= last) | ((month == 2) & (day == 29) & is_leap))
    is_real = cell.rlike(whole) & is_day & (hour < 24) & (minute < 60) & (second < 60)
    return f.when(is_real, f.struct(year, month, day, hour, minute, second, micro))


def _with_settled(frame: Any, column: Added) -> Any:
    """Return the table with a column that says whether the others settle its last one, or it is no stray."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    cells = [_named(name) for name in column.of]
    filled = reduce(and_, (cell.isNotNull() for cell in cells))
    one = f.when(filled, 1)
    pair, size, top = (_named(f"{what} of {column.name}") for what in ("pairs", "rows", "most"))
    by_left = Window.partitionBy(*cells[:-1])
    counted = frame.select(
        "*",
        f.count(one).over(Window.partitionBy(*cells)).alias(f"pairs of {column.name}"),
        f.count(one).over(by_left).alias(f"rows of {column.name}"),
    ).select("*", f.max(pair).over(by_left).alias(f"most of {column.name}"))
    is_rare = (pair <= RARE) | (pair <= STRAY_SHARE * size)
    is_stray = (size >= MIN_GROUP) & (top >= MIN_MAJORITY * size) & (pair < top) & is_rare
    kept = [_named(name) for name in frame.columns]
    return counted.select(*kept, _told(~is_stray, cells).alias(column.name))


def _told(holds: Any, needed: Sequence[Any]) -> Any:
    from pyspark.sql import functions as f

    known = reduce(and_, (one.isNotNull() for one in needed))
    return f.when(known, f.when(holds, HOLDS).otherwise(BROKEN))


def main(arguments: Sequence[str] | None = None) -> int:
    """Validate a suite as `spark-submit` asks; 0 when all hold, 1 when some do not, 2 bad input, 4 could not run."""
    parser = argparse.ArgumentParser(
        prog="workbench.audit.published.spark", description="Validate a published suite with Spark."
    )
    parser.add_argument("--suite", type=Path, required=True, help="expectations.json, as the audit leaves it or edited")
    parser.add_argument("--records", required=True, help="path or URL of CSV, JSON lines or Parquet that Spark reads")
    parser.add_argument("--out", type=Path, required=True, help="file on the driver for the results, as JSON")
    given = parser.parse_args(arguments)
    try:
        counts = validate_records(given.suite, given.records, given.out)
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(counts_text(given.out, counts))
    return exit_code_of(counts)


def validate_records(suite: Path, records: str, out: Path) -> dict[str, int]:
    """Validate a suite on what Spark reads at a path or URL, write the results, and return how many rules came to what.

    Raises
    ------
    InputError
        Spark cannot read the records, they hold no row, or the suite does not fit.
    RunError
        Spark is not installed.
    """
    results, engine = _validated(suite, records)
    write_atomically(out, validation_json(results, engine))
    return counts_of(results)


def counts_text(out: Path, counts: Mapping[str, int]) -> str:
    """Return where the results are and how many rules came to what."""
    return f"{out}: " + ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())


def exit_code_of(counts: Mapping[str, int]) -> int:
    """Return 0 when all rules hold, 1 when some are broken, 4 when some could not be run."""
    return NOT_RUN_CODE if counts["not_run"] else BROKEN_CODE if counts["broken"] else 0


def _validated(path: Path, records: str) -> tuple[tuple[Validated, ...], str]:
    suite = read_suite(path)
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise RunError("Spark is not installed", remedy="pip install 'great-expectations[spark]'") from None
    session = SparkSession.builder.appName("workbench audit").getOrCreate()
    for name, value in SESSION.items():
        session.conf.set(name, value)
    try:
        frame = read_records(session, records)
        return validate_on_spark(frame, suite, path.name), f"spark {session.version}"
    except (PySparkException, Py4JError) as error:
        said = next((line for line in str(error).split("\n") if "Exception" in line or "[" in line), str(error))
        raise InputError("Spark cannot read the records", where=records, got=said.strip()[:300]) from None
    finally:
        session.stop()


if __name__ == "__main__":
    sys.exit(main())
