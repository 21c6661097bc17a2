"""The published suite: great-expectations counts what the scan counts; one that the user keeps is what is validated."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from small_pilots import ALL_DEV, written_pilot
from suite_cases import dirty, rules_of, suite

from workbench.audit.detectors.broken_relations import DATE_ORDER
from workbench.audit.detectors.gaps import MISSING_VALUE
from workbench.audit.detectors.outliers import OUTLIER
from workbench.audit.published.audits import publish
from workbench.audit.published.expectations import (
    MAX_RULES_VALIDATED,
    counts_of,
    most_relevant,
    validate,
    validation_json,
)
from workbench.audit.published.patterns import portable
from workbench.audit.published.suites import KEPT_FOLDER, Added, Made, kept_suites, read_suite, suite_of
from workbench.audit.questions.assessment import audit_pilot
from workbench.audit.table.rules import Rule, RuleKind, hold
from workbench.pilot.pilot import Pilot
from workbench.records.tables.database import table_from
from workbench.words import InputError

COLUMNS = {"id": {"role": "id"}, "text": {"role": "text", "required": True}, "y": {"role": "label"}}
ROWS = [("1", "where is my card", "a"), ("2", None, "a"), ("3", "N/A", "b"), ("4", "how do i pay with it", "b")]
NUMBER = {"name": "n", "made": "number"}


@pytest.mark.parametrize("seed", [5, 6])
def test_the_scan_and_great_expectations_agree_on_every_kind_of_rule_row_by_row(seed: int) -> None:
    frame = dirty(seed=seed)
    rules = rules_of(frame)
    assert {one.kind for one in rules} == set(RuleKind)
    with table_from(frame) as table:
        scanned = hold(table, rules)
    filled = frame.where(frame != "", None)
    validated = validate(frame, suite(frame, rules))
    for one, other in zip(scanned, validated, strict=True):
        rows, names = set(one.rows.tolist()), list(one.rule.names)
        if one.rule.kind is RuleKind.UNIQUE:  # great-expectations counts the first of the copies too
            keys = filled[names].dropna()
            assert rows == set(keys.index[keys.duplicated()])
            rows = set(keys.index[keys.duplicated(keep=False)])
        assert set(other.rows) == rows, one.rule
        assert other.n_broken == len(rows), one.rule
        assert other.holds is (one.n_broken == 0), one.rule
    assert {one.rule.kind for one in scanned if one.n_broken} == set(RuleKind), "each kind is also broken"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # great-expectations' own, at import
def test_great_expectations_itself_reads_the_suite() -> None:
    import great_expectations as gx
    from great_expectations.core.expectation_suite import expectationSuiteSchema

    frame = dirty(20)
    published = suite(frame, rules_of(frame))
    given = json.loads(published.as_json())
    loaded = gx.ExpectationSuite(**expectationSuiteSchema.load(given))
    assert [one.expectation_type for one in loaded.expectations] == [one.type for one in published.expectations]
    direct = gx.ExpectationSuite(**json.loads(published.as_json()))
    assert [one.severity for one in direct.expectations] == [one.severity for one in published.expectations]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # great-expectations' own, at import
def test_a_suite_that_great_expectations_wrote_is_read(tmp_path: Path) -> None:
    import great_expectations as gx
    from great_expectations.core.expectation_suite import expectationSuiteSchema

    frame = dirty(20)
    written = gx.ExpectationSuite(**json.loads(suite(frame, rules_of(frame)).as_json()))
    path = tmp_path / "written.json"
    path.write_text(json.dumps(expectationSuiteSchema.dump(written)), encoding="utf-8")
    found = read_suite(path)
    assert [one.type for one in found.expectations] == [one.expectation_type for one in written.expectations]
    assert found.added == suite(frame, rules_of(frame)).added


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d+",
        r"(?i)[a-zäö]\s?\d",
        r"a.b",
        r"[^\d]\W*",
        r"x$|y",
        r"\.\w\S",
        r"[.$]\D",
        r"[^\W\d_]+",
        r"[\S]-?",
        r".*\bb",
        r"[]&[]+",
        r"[^]a-z]",
    ],
)
def test_a_published_pattern_matches_what_the_scan_matches(pattern: str) -> None:
    texts = ["12", " 12 ", "12\n", "\u0663", "Ä 3", "ä\u00a03", "\u00a0k1\u3000", "a b", "a\nb", "a\rb", "a\u2028b",
             ".", "x", "x\n", "y", ".wx", ".é9", "$é", "..", "", "b", "\u2003b", "Än", "_-", "é b", "[&]"]  # fmt: skip
    made = re.compile(portable(pattern))
    for text in texts:
        [(expected,)] = duckdb.execute("SELECT regexp_full_match(trim(?), ?)", [text, pattern]).fetchall()
        assert (made.search(text) is not None) is expected, (pattern, text)


def test_columns_that_differ_in_case_only_are_looked_at_under_names_of_their_own() -> None:
    frame = pd.DataFrame({"A": [None, None], "a": ["1", "2"]}, dtype=object)
    rules = [Rule(RuleKind.NOT_NULL, (place,), (name,), MISSING_VALUE, "why") for place, name in enumerate("Aa")]
    published = suite(frame, rules)
    assert [one.n_broken for one in validate(frame, published)] == [2, 0]
    names = {"A": "A (column 1)", "a": "a (column 2)"}
    assert published.added == tuple(Added(name=name, made=Made.TEXT, of=(one,)) for one, name in names.items())


def test_a_column_without_a_name_is_looked_at_under_a_name_of_its_own() -> None:
    frame = pd.DataFrame({"": ["1", None, "3"], "b": ["x", "y", None]}, dtype=object)
    rules = [Rule(RuleKind.NOT_NULL, (at,), (name,), MISSING_VALUE, "why") for at, name in enumerate(("", "b"))]
    published = suite(frame, rules)
    assert [one.n_broken for one in validate(frame, published)] == [1, 1]
    assert published.added == (Added(name="_ (column 1)", made=Made.TEXT, of=("",)),)


def test_an_added_column_takes_no_name_of_the_table() -> None:
    frame = pd.DataFrame({"n": ["1", "50"], "N (as number)": ["x", "y"]}, dtype=object)
    rule = Rule(RuleKind.BETWEEN, (0,), ("n",), OUTLIER, "why", low=0.0, high=9.0)
    published = suite(frame, [rule])
    assert published.added[0].name == "n (as number) (2)"
    assert validate(frame, published)[0].rows == (1,)


def test_typed_timestamps_are_compared_with_their_fractions() -> None:
    cells = {"a": ["2025-01-01 10:00:00.5", "2025-01-01 08:00:00+00"], "b": ["2025-01-01 10:00:00.25"] * 2}
    frame = pd.DataFrame(cells, dtype=object)
    rule = Rule(RuleKind.ORDER, (0, 1), ("a", "b"), DATE_ORDER, "why", layout="%Y-%m-%d %H:%M:%S")
    typed = suite_of([rule], "typed", {"a": "TIMESTAMP", "b": "TIMESTAMP"})
    assert validate(frame, typed)[0].rows == (0,)
    assert validate(frame, suite(frame, [rule]))[0].n_broken == 0, "as text neither can be read"


def test_an_expectation_that_cannot_run_is_no_finding_about_the_data() -> None:
    frame = pd.DataFrame({"a": ["1", "2"]}, dtype=object)
    rules = [
        Rule(RuleKind.NOT_NULL, (0,), ("gone",), MISSING_VALUE, "why"),
        Rule(RuleKind.BETWEEN, (0,), ("gone",), OUTLIER, "why", low=0.0, high=1.0),
    ]
    results = validate(frame, suite_of(rules, "s", {"a": "VARCHAR"} | {"gone": "VARCHAR"}))
    assert [(one.holds, one.n_broken) for one in results] == [(None, None), (None, None)]
    assert all("gone" in one.problem for one in results)
    content = json.loads(validation_json(results, "pandas", 9))
    assert content["counts"] == {"validated": 2, "hold": 0, "broken": 0, "not_run": 2}
    assert (content["engine"], content["rules"]) == ("pandas", 9)


def test_rules_found_broken_and_declared_ones_are_validated_first() -> None:
    made = [Rule(RuleKind.NOT_NULL, (n,), (f"c{n}",), MISSING_VALUE, "", is_declared=n == 70) for n in range(80)]
    chosen = most_relevant(made, [n == 75 for n in range(80)])
    assert [one.names[0] for one in chosen[:3]] == ["c75", "c70", "c0"]
    assert len(chosen) == MAX_RULES_VALIDATED


# ---------------------------------------------------------------- suites that the user keeps


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    return written_pilot(tmp_path, COLUMNS, ROWS, {"a": ALL_DEV, "b": ALL_DEV})


def kept(pilot: Pilot, name: str, content: object) -> Path:
    path = pilot.suite / KEPT_FOLDER / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def one_expectation(**kwargs: object) -> dict[str, object]:
    return {"name": "mine", "expectations": [{"type": "expect_column_value_lengths_to_be_between", "kwargs": kwargs}]}


def validation(pilot: Pilot, run: str) -> tuple[dict[str, object], str]:
    published = publish(audit_pilot(pilot), pilot.runs / "audit" / run, complete=True)
    return json.loads((published.folder / "validation.json").read_text(encoding="utf-8")), published.validation


@pytest.mark.slow
def test_an_edited_suite_in_the_pilot_is_what_the_next_audit_validates(pilot: Pilot) -> None:
    first, said = validation(pilot, "first")
    assert "of the" in said
    assert first["rules"] == first["counts"]["validated"] > 1
    published = json.loads((pilot.runs / "audit" / "first" / "expectations.json").read_text(encoding="utf-8"))
    given = {(one["type"], one["kwargs"].get("column")): one for one in published["expectations"]}
    filled = given["expect_column_values_to_not_be_null", "text"]
    assert [one["n_broken"] for one in first["results"] if one["kwargs"] == filled["kwargs"]] == [1]

    published["expectations"] = [filled]  # the others removed, and a limit changed: half may be missing
    filled["kwargs"]["mostly"] = 0.5
    kept(pilot, "records.json", published)
    second, said = validation(pilot, "second")
    assert "1 expectations of 1 kept suites ('records.json')" in said
    [result] = second["results"]
    assert (result["holds"], result["n_broken"], result["suite"]) == (True, 1, "records.json")

    filled["kwargs"]["mostly"] = 0.9
    kept(pilot, "records.json", published)
    kept(pilot, "lengths.json", one_expectation(column="text", min_value=4))
    third, said = validation(pilot, "third")
    assert [(one["suite"], one["holds"], one["rows"]) for one in third["results"]] == [
        ("lengths.json", False, [2]),
        ("records.json", False, [1]),
    ]
    assert third["rules"] is None
    assert "0 hold, 2 are broken" in said


def test_an_expectation_about_the_whole_table_says_what_was_observed() -> None:
    frame = pd.DataFrame({"a": ["1", "2"]}, dtype=object)
    given = suite(frame, []).model_dump() | {
        "expectations": [{"type": "expect_table_row_count_to_equal", "kwargs": {"value": 3}}]
    }
    [result] = validate(frame, type(suite(frame, [])).model_validate(given))
    assert (result.holds, result.n_broken, result.observed, result.columns) == (False, None, 2, ())
    assert counts_of([result])["broken"] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"not valid JSON(.|\n)*mine\.json, line 1"),
        ('{"name": "a", "name": "b"}', r"cannot be read(.|\n)*'name' is given twice"),
        ("[]", r"no JSON object(.|\n)*list"),
        ({"expectations": []}, r"the key 'name' is missing(.|\n)*mine\.json"),
        ({"name": "x", "expectation": []}, r"unknown key 'expectation'(.|\n)*did you mean 'expectations'"),
        ({"name": "x", "expectations": [{"type": "t"}]}, r"the key 'expectations\.0\.kwargs' is missing"),
        (
            {"name": "x", "expectations": [], "meta": {"workbench": {"columns": [{**NUMBER, "made": "sum"}]}}},
            "columns.0.made(.|\n)*a [+] b = c",
        ),
        (
            {"name": "x", "expectations": [], "meta": {"workbench": {"columns": [{**NUMBER, "of": []}]}}},
            "is made of 1 columns, not of 0",
        ),
    ],
)  # fmt: skip
def test_a_broken_suite_file_is_one_clear_message(pilot: Pilot, content: object, message: str) -> None:
    kept(pilot, "mine.json", content)
    with pytest.raises(InputError, match=message):
        kept_suites(pilot.suite)
    with pytest.raises(InputError, match=message):
        publish(audit_pilot(pilot), pilot.runs / "audit" / "run")
    assert not (pilot.runs / "audit" / "run").exists(), "it is said before anything is written"


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        ({"type": "expect_nothing", "kwargs": {}}, r"mine\.json, expectation 1: expect_nothing"),
        ({"type": "expect_column_values_to_not_be_null", "kwargs": {"colum": "a"}}, r"expectation 1(.|\n)*column"),
        ({"type": "expect_column_values_to_be_between", "kwargs": {"column": "a", "mostly": 3}}, "mostly"),
    ],
)
def test_an_expectation_that_great_expectations_does_not_know_is_one_clear_message(
    expectation: dict[str, object], message: str, pilot: Pilot
) -> None:
    kept(pilot, "mine.json", {"name": "x", "expectations": [expectation]})
    with pytest.raises(InputError, match=message):
        publish(audit_pilot(pilot), pilot.runs / "audit" / "run", complete=True)
    assert not (pilot.runs / "audit" / "run").exists(), "it is said before anything is written"
