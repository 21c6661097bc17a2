"""The audit's rules as a great-expectations suite: published to read, edit and run elsewhere, and validated here.

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

import numpy as np
import pandas as pd

from workbench.audit.rules import MIN_GROUP, MIN_MAJORITY, STRAY_SHARE, Rule, RuleKind

MAX_RULES_VALIDATED = 60
MAX_RECORDS_VALIDATED = 100_000
HOLDS, BROKEN = "holds", "broken"
NUMBERS_OF = " (as number)"
RELATIONS = frozenset({RuleKind.PRODUCT, RuleKind.SUM, RuleKind.ORDER, RuleKind.DEPENDENCY})


@dataclass(frozen=True, slots=True)
class Validated:
    """How one expectation held.

    Parameters
    ----------
    expectation : str
        Its type, and the columns it looks at.
    holds : bool, optional
        None when it could not be run, which is no finding about the data.
    n_rows : int
        Rows looked at.
    rows : tuple of int
        Data rows that break it.
    problem : str
        Why it could not be run.
    """

    expectation: str
    columns: tuple[str, ...]
    holds: bool | None
    n_rows: int
    rows: tuple[int, ...] = ()
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values, of the rows the first 200."""
        return {
            "expectation": self.expectation,
            "columns": list(self.columns),
            "holds": self.holds,
            "n_rows": self.n_rows,
            "n_broken": len(self.rows) if self.holds is not None else None,
            "rows": list(self.rows[:200]),
            "problem": self.problem or None,
        }


def suite_of(rules: Sequence[Rule], name: str) -> dict[str, Any]:
    """Return rules as a great-expectations suite: the JSON that its stores keep, made without importing it.

    Rules over numbers and over several columns look at columns that `prepared` adds.
    """
    expectations = [
        {
            "type": kind,
            "kwargs": kwargs,
            "meta": {"workbench": {"reason": rule.reason, "flags": rule.cell_kind.value, "declared": rule.is_declared}},
            "severity": "critical" if rule.is_declared else "warning",
        }
        for rule in rules
        for kind, kwargs in [_expectation(rule)]
    ]
    meta = {"workbench": {"prepared_by": "workbench.audit.expectations.prepared"}}
    return {"name": name, "expectations": expectations, "meta": meta, "notes": None}


def prepared(frame: pd.DataFrame, rules: Sequence[Rule]) -> pd.DataFrame:
    """Return a table with the columns that the suite of these rules looks at: cells as text, and what is made of them.

    A column of numbers is added as "NAME (as number)"; a rule over several columns as a column that reads "holds" or
    "broken", and is empty where a cell is missing or cannot be read.
    """
    added: dict[str, pd.Series[Any]] = {}
    for rule in rules:
        if rule.kind is RuleKind.BETWEEN:
            added[rule.names[0] + NUMBERS_OF] = _numbers(frame[rule.names[0]])
        elif rule.kind in RELATIONS:
            added[_relation_name(rule)] = _relation(frame, rule)
    return pd.concat([frame, pd.DataFrame(added, index=frame.index)], axis="columns") if added else frame


def validate(frame: pd.DataFrame, rules: Sequence[Rule], suspects: Sequence[bool]) -> tuple[Validated, ...]:
    """Validate the suite of some rules on a table with great-expectations.

    Every expectation is held against the table for yes or no; those that do not hold once more for the rows.

    Parameters
    ----------
    frame : DataFrame
        Cells as text, by data row.
    rules : sequence of Rule
    suspects : sequence of bool
        Which rules the scan found broken; they and the declared ones come first, up to 60.
    """
    order = sorted(range(len(rules)), key=lambda place: (not suspects[place], not rules[place].is_declared))
    chosen = [rules[place] for place in order[:MAX_RULES_VALIDATED]]
    ready = prepared(frame.iloc[:MAX_RECORDS_VALIDATED], chosen)
    batch, build = _batch(ready)
    results = _run(batch, build(chosen), "BOOLEAN_ONLY")
    failing = [place for place, result in enumerate(results) if _problem(result) is None and not result["success"]]
    whole = _run(batch, build([chosen[place] for place in failing]), "COMPLETE") if failing else []
    details = dict(zip(failing, whole, strict=True))
    return tuple(_validated(rule, results[place], details.get(place), len(ready)) for place, rule in enumerate(chosen))


def _batch(frame: pd.DataFrame) -> tuple[Any, Any]:
    """Return the table as a batch, and what builds expectations of rules."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        import great_expectations.expectations as expected
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        asset = context.data_sources.add_pandas("records").add_dataframe_asset("records")
        batch = asset.add_batch_definition_whole_dataframe("records").get_batch({"dataframe": frame})

    def build(rules: Sequence[Rule]) -> list[Any]:
        made = []
        for rule in rules:
            kind, kwargs = _expectation(rule)
            made.append(getattr(expected, "".join(part.capitalize() for part in kind.split("_")))(**kwargs))
        return made

    return batch, build


def _run(batch: Any, expectations: Sequence[Any], result_format: str) -> list[Mapping[str, Any]]:
    """Return each expectation's result as JSON values, in the order given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shape = {"result_format": result_format, "return_unexpected_index_query": False}
        return [batch.validate(one, result_format=shape).to_json_dict() for one in expectations]


def _validated(rule: Rule, result: Mapping[str, Any], details: Mapping[str, Any] | None, n_rows: int) -> Validated:
    kind, _ = _expectation(rule)
    if (problem := _problem(result)) is not None:
        return Validated(kind, rule.names, None, n_rows, problem=problem)
    indices = [] if details is None else details["result"].get("unexpected_index_list") or []
    rows = tuple(sorted({int(one) for one in indices if not isinstance(one, Mapping)}))
    return Validated(kind, rule.names, bool(result["success"]), n_rows, rows)


def _problem(result: Mapping[str, Any]) -> str | None:
    """Return why an expectation could not be run; great-expectations reports it as if the data were wrong."""
    found = result.get("exception_info") or {}
    parts = [found] if "raised_exception" in found else [part for part in found.values() if isinstance(part, Mapping)]
    raised = next((part for part in parts if part.get("raised_exception")), None)
    return None if raised is None else str(raised.get("exception_message"))[:200]


def _expectation(rule: Rule) -> tuple[str, dict[str, Any]]:
    """Return the type and the arguments of the expectation that says what a rule says."""
    column = rule.names[0]
    match rule.kind:
        case RuleKind.NOT_NULL:
            return "expect_column_values_to_not_be_null", {"column": column}
        case RuleKind.IN_SET:
            return "expect_column_values_to_be_in_set", {"column": column, "value_set": list(rule.values)}
        case RuleKind.NOT_IN_SET:
            return "expect_column_values_to_not_be_in_set", {"column": column, "value_set": list(rule.values)}
        case RuleKind.MATCHES:
            return "expect_column_values_to_match_regex", {"column": column, "regex": rf"^ *(?:{rule.pattern}) *\Z"}
        case RuleKind.BETWEEN:
            limits = {"min_value": rule.low, "max_value": rule.high}
            return "expect_column_values_to_be_between", {"column": column + NUMBERS_OF, **limits}
        case RuleKind.UNIQUE if len(rule.names) == 1:
            return "expect_column_values_to_be_unique", {"column": column}
        case RuleKind.UNIQUE:
            return "expect_compound_columns_to_be_unique", {"column_list": list(rule.names)}
        case RuleKind.PRODUCT | RuleKind.SUM | RuleKind.ORDER | RuleKind.DEPENDENCY:
            return "expect_column_values_to_be_in_set", {"column": _relation_name(rule), "value_set": [HOLDS]}


def _relation_name(rule: Rule) -> str:
    *left, right = rule.names
    match rule.kind:
        case RuleKind.PRODUCT:
            return f"{left[0]} * {left[1]} = {right}"
        case RuleKind.SUM:
            return f"{left[0]} + {left[1]} = {right}"
        case RuleKind.ORDER:
            return f"{left[0]} <= {right}"
        case _:
            return f"{', '.join(left)} -> {right}"


def _relation(frame: pd.DataFrame, rule: Rule) -> pd.Series[Any]:
    """Return for each row whether a rule over several columns holds; empty where it cannot be told."""
    if rule.kind is RuleKind.DEPENDENCY:
        return _dependency(frame, rule)
    if rule.kind is RuleKind.ORDER and rule.layout is not None:
        moments = [pd.to_datetime(frame[name], format=rule.layout, errors="coerce") for name in rule.names]
        return _told(moments[0] <= moments[1], moments[0].notna() & moments[1].notna())
    numbers = [_numbers(frame[name]) for name in rule.names]
    known = pd.concat(numbers, axis="columns").notna().all(axis="columns")
    if rule.kind is RuleKind.ORDER:
        return _told(numbers[0] <= numbers[1], known)
    made = numbers[0] * numbers[1] if rule.kind is RuleKind.PRODUCT else numbers[0] + numbers[1]
    return _told((made - numbers[2]).abs() <= np.maximum(0.011, 2e-6 * made.abs()), known)


def _dependency(frame: pd.DataFrame, rule: Rule) -> pd.Series[Any]:
    """Return for each row whether its last column has the value that the others settle, or one that is no stray."""
    *left, right = rule.names
    cells = frame[[*left, right]].dropna()
    cells = cells[(cells != "").all(axis="columns")]
    key = pd.Series(list(map(tuple, cells[left].to_numpy())), index=cells.index)
    counts = pd.DataFrame({"key": key, "value": cells[right]}).value_counts().rename("n").reset_index()
    tops = counts.groupby("key")["n"].agg(size="sum", top="max")
    counts = counts.join(tops, on="key")
    is_top = ~counts.sort_values("n", ascending=False, kind="stable").duplicated("key").sort_index()
    is_rare = (counts["n"] <= 2) | (counts["n"] <= STRAY_SHARE * counts["size"])
    settled = (counts["size"] >= MIN_GROUP) & (counts["top"] >= MIN_MAJORITY * counts["size"])
    strays = set(counts.loc[~is_top & is_rare & settled, ["key", "value"]].itertuples(index=False, name=None))
    is_stray = [pair in strays for pair in zip(key, cells[right], strict=True)]
    holds = pd.Series(~np.array(is_stray, dtype=bool), index=cells.index).reindex(frame.index, fill_value=False)
    return _told(holds, pd.Series(frame.index.isin(cells.index), index=frame.index))


def _told(holds: pd.Series[bool], known: pd.Series[bool]) -> pd.Series[Any]:
    return pd.Series(np.where(holds, HOLDS, BROKEN), index=holds.index, dtype=object).where(known, None)


def _numbers(cells: pd.Series[Any]) -> pd.Series[float]:
    return pd.to_numeric(cells, errors="coerce").astype(float)


def validation_json(results: Sequence[Validated], n_rules: int) -> str:
    """Return what a validation came to, as JSON text."""
    counts = {
        "rules": n_rules,
        "validated": len(results),
        "hold": sum(one.holds is True for one in results),
        "broken": sum(one.holds is False for one in results),
        "not_run": sum(one.holds is None for one in results),
    }
    content = {"made_with": "great-expectations", "counts": counts, "results": [one.as_json() for one in results]}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
