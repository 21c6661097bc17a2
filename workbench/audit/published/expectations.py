"""Suites validated with great-expectations, on pandas and on Spark.

This is the only module that imports great-expectations, and it does so late.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.audit.published.prepared import prepared
from workbench.audit.published.suites import Expectation, Suite
from workbench.audit.table.rules import Rule
from workbench.imports import absent
from workbench.words import InputError

MAX_RULES_VALIDATED = 60
MAX_RECORDS_VALIDATED = 100_000
ROWS_LISTED = 200
PLACE = "workbench_place"
COLUMN_ARGUMENTS = ("column", "column_A", "column_B", "column_list", "column_set")


@dataclass(frozen=True, slots=True)
class Validated:
    """How one expectation held.

    Parameters
    ----------
    expectation : Expectation
    holds : bool, optional
        None when it could not be run, which is no finding about the data.
    n_rows : int
        Rows looked at.
    n_broken : int, optional
        Rows that break it; None when it could not be run, or is not about single rows.
    rows : tuple of int
        Which they are, where the engine numbers rows.
    observed : object
        What was observed, of an expectation that is not about single rows.
    problem : str
        Why it could not be run.
    suite : str
        The file it is from; empty for the audit's own rules.
    """

    expectation: Expectation
    holds: bool | None
    n_rows: int
    n_broken: int | None = None
    rows: tuple[int, ...] = ()
    observed: Any = None
    problem: str = ""
    suite: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it names."""
        given = [self.expectation.kwargs[name] for name in COLUMN_ARGUMENTS if name in self.expectation.kwargs]
        return tuple(name for one in given for name in ([one] if isinstance(one, str) else one or ()))

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values, of the rows the first 200."""
        return {
            "expectation": self.expectation.type,
            "columns": list(self.columns),
            "kwargs": self.expectation.kwargs,
            "suite": self.suite or None,
            "holds": self.holds,
            "n_rows": self.n_rows,
            "n_broken": self.n_broken,
            "rows": list(self.rows[:ROWS_LISTED]),
            "observed": self.observed,
            "problem": self.problem or None,
        }


def most_relevant(rules: Sequence[Rule], suspects: Sequence[bool]) -> list[Rule]:
    """Return up to 60 rules: those that the scan found broken first, then those declared."""
    order = sorted(range(len(rules)), key=lambda place: (not suspects[place], not rules[place].is_declared))
    return [rules[place] for place in order[:MAX_RULES_VALIDATED]]


def validate(frame: pd.DataFrame, suite: Suite, where: str = "") -> tuple[Validated, ...]:
    """Validate a suite on a table with great-expectations, on at most its first 100,000 rows.

    Parameters
    ----------
    frame : DataFrame
        The file's columns, by data row.
    suite : Suite
    where : str
        The suite's file, for messages and results; empty for the audit's own rules.

    Raises
    ------
    InputError
        The suite names an expectation that great-expectations does not know, or gives it other arguments.
    """
    ready = prepared(frame.iloc[:MAX_RECORDS_VALIDATED], suite.added)
    return run_suite("pandas", ready, len(ready), suite, where)


def check(suite: Suite, where: str) -> None:
    """Build a suite as great-expectations has it, which refuses what it does not know.

    Raises
    ------
    InputError
        The suite names an expectation that great-expectations does not know, or gives it other arguments.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _built(_great_expectations(), suite, where)


def run_suite(engine: str, ready: Any, n_rows: int, suite: Suite, where: str) -> tuple[Validated, ...]:
    """Validate a suite on a prepared table of an engine, "pandas" or "spark".

    All expectations run together, so that what several of them need is computed once. pandas lists every broken row.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gx = _great_expectations()
        from great_expectations.data_context.types.base import ProgressBarsConfig

        made = _built(gx, suite, where)
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        sources = {"pandas": context.data_sources.add_pandas, "spark": context.data_sources.add_spark}
        asset = sources[engine]("records").add_dataframe_asset("records")
        batch = asset.add_batch_definition_whole_dataframe("records").get_batch({"dataframe": ready})
        shape = {
            "result_format": "COMPLETE" if engine == "pandas" else "BASIC",
            "return_unexpected_index_query": False,
        }
        found = batch.validate(made, result_format=shape).to_json_dict()["results"] if suite.expectations else []
    by_place = {one["expectation_config"]["meta"][PLACE]: one for one in found}
    return tuple(_validated(one, by_place[place], n_rows, where) for place, one in enumerate(suite.expectations))


def _great_expectations() -> Any:
    """Import great-expectations, without the grammar of internationalised links that jsonschema would compile."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    with absent("rfc3987_syntax"):
        import great_expectations as gx
    return gx


def _built(gx: Any, suite: Suite, where: str) -> Any:
    """Return the suite as great-expectations has it; each expectation knows its place, as results lose their order."""
    from great_expectations.exceptions.exceptions import GreatExpectationsError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity

    made = []
    for place, one in enumerate(suite.expectations):
        meta = {**(one.meta or {}), PLACE: place}
        try:
            given = ExpectationConfiguration(one.type, dict(one.kwargs), meta, severity=FailureSeverity(one.severity))
            made.append(given.to_domain_obj())
        except (GreatExpectationsError, ValueError, TypeError) as error:
            raise InputError(
                "great-expectations cannot read an expectation of the suite",
                where=f"{where or suite.name}, expectation {place + 1}: {one.type}",
                got="; ".join(str(error).split("\n"))[:300],
                remedy="correct the expectation, or remove it from the suite",
            ) from None
    return gx.ExpectationSuite(name=suite.name, expectations=made, suite_parameters=suite.suite_parameters)


def _validated(expectation: Expectation, result: Mapping[str, Any], n_rows: int, where: str) -> Validated:
    if (problem := _problem(result)) is not None:
        return Validated(expectation, None, n_rows, problem=problem, suite=where)
    found = result["result"]
    rows = tuple(sorted({int(one) for one in found.get("unexpected_index_list") or []}))
    return Validated(
        expectation, bool(result["success"]), n_rows, found.get("unexpected_count"), rows,
        found.get("observed_value"), suite=where,
    )  # fmt: skip


def _problem(result: Mapping[str, Any]) -> str | None:
    """Return why an expectation could not be run; great-expectations reports it as if the data were wrong."""
    found = result.get("exception_info") or {}
    parts = [found] if "raised_exception" in found else [part for part in found.values() if isinstance(part, Mapping)]
    raised = next((part for part in parts if part.get("raised_exception")), None)
    return None if raised is None else str(raised.get("exception_message"))[:200]


def counts_of(results: Sequence[Validated]) -> dict[str, int]:
    """Return how many expectations were validated, hold, are broken, and could not be run."""
    return {
        "validated": len(results),
        "hold": sum(one.holds is True for one in results),
        "broken": sum(one.holds is False for one in results),
        "not_run": sum(one.holds is None for one in results),
    }


def validation_json(results: Sequence[Validated], engine: str, n_rules: int | None = None) -> str:
    """Return what a validation came to, as JSON text.

    Parameters
    ----------
    results : sequence of Validated
    engine : str
        What ran the suite, such as "pandas".
    n_rules : int, optional
        Rules of the audit, when these are some of them.
    """
    content = {
        "made_with": "great-expectations",
        "engine": engine,
        "rules": n_rules,
        "counts": counts_of(results),
        "results": [one.as_json() for one in results],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
