"""The compliance report for readers: a page that leads to records, and OSCAL assessment results."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pandas as pd
import pytest
from compliance_pilots import checked_pilot, gated

from workbench.compliance import write_report
from workbench.compliance.oscal import STATES, assessment_results
from workbench.compliance.requirement import Standing
from workbench.evidence import Exhibit
from workbench.pages import compliance_page
from workbench.pages.compliance import SIGNS
from workbench.pages.figures import standings_by_regime
from workbench.pilot import Pilot

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"
ROWS = [
    ("ai-act/4", "EU AI Act", "Art. 4", "attested", "attested", "Bo said so"),
    ("gdpr/5-1-d", "GDPR", "Art. 5(1)(d)", "computed", "met", "3 of 3 right"),
    ("gdpr/32", "GDPR", "Art. 32", "computed", "not met", f"1 of 3 {HOSTILE}"),
    ("gdpr/6", "GDPR", "Art. 6", "attested", "not evidenced", "nobody attests it"),
    ("gdpr/22", "GDPR", "Art. 22", "attested", "not applicable", "no person is the subject"),
]


@pytest.fixture
def reported(tmp_path: Path) -> tuple[Pilot, Exhibit]:
    """Give a pilot with a report of one requirement of each standing, one of which fails on two records."""
    made = checked_pilot(tmp_path)
    exhibit = gated(made).facts.exhibits["compliance"]
    names = ("requirement", "regime", "clause", "kind", "standing", "said")
    table = pd.DataFrame(ROWS, columns=list(names), dtype=object).assign(
        title="a title", version="v1", source="OJ", applies_from="2025-02-02", would_show="x", settled="", faults=""
    )
    evidence = pd.DataFrame(
        [("gdpr/32", "evaluation", "holdout"), ("ai-act/4", "compliance.yaml", "requirements")],
        columns=["requirement", "source", "part"],
    )
    records = pd.DataFrame([("gdpr/32", "R1"), ("gdpr/32", HOSTILE)], columns=["requirement", "record_id"])
    tables = {**exhibit.tables, "requirements": table, "evidence": evidence, "records": records}
    runs = made.pilot.runs
    for path in (runs / "results" / "records" / "R1.html", runs / "notebooks" / "03_evaluation.html"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a page", encoding="utf-8")
    answer = "2 of 4 applicable requirements are met or attested; 1 is not met, 1 not evidenced."
    return made.pilot, replace(exhibit, tables=tables, answer=answer)


def test_the_page_leads_with_the_deciding_number_and_from_a_clause_to_a_record(
    reported: tuple[Pilot, Exhibit],
) -> None:
    pilot, exhibit = reported
    page, oscal = write_report(pilot, exhibit, compliance_page)
    text = page.read_text(encoding="utf-8")
    assert re.sub(r"<[^>]+>", "", text.partition("<h1>")[2]).split("\n")[1].startswith("2 of 4 applicable")
    assert text.index('class="standings"') < text.index("<table")
    row = text.partition('<tr id="gdpr-32">')[2].partition("</tr>")[0]
    for link in ("notebooks/03_evaluation.html", "results/records/R1.html"):
        assert f'href="{link}"' in row
        assert (page.parent / link).is_file(), "one click from the clause"
    assert "../../eval_suites/tickets/compliance.yaml" in text
    assert (page.parent / "../../eval_suites/tickets/compliance.yaml").is_file()
    assert f'href="{oscal.name}"' in text


def test_hostile_text_on_the_page_stays_text_and_nothing_is_loaded(reported: tuple[Pilot, Exhibit]) -> None:
    text = write_report(*reported, compliance_page)[0].read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<img" not in text
    assert "script-src 'none'" in text
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)


def test_every_standing_has_its_sign() -> None:
    assert set(SIGNS) == {one.value for one in Standing}


def test_what_applies_later_is_said_with_its_day(tmp_path: Path) -> None:
    made = checked_pilot(tmp_path)
    exhibit = gated(made).facts.exhibits["compliance"]
    others = exhibit.tables["others"].iloc[:1].assign(why_not="applies from 2 Dec 2027: not yet")
    later = replace(exhibit, tables={**exhibit.tables, "others": others})
    page, _ = write_report(made.pilot, later, compliance_page)
    assert "applies from 2 Dec 2027: not yet" in page.read_text(encoding="utf-8")


TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)")


def results_of(exhibit: Exhibit) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(assessment_results(exhibit, "Tickets"))
    return said["assessment-results"]


def test_oscal_has_what_the_model_requires(reported: tuple[Pilot, Exhibit]) -> None:
    # usnistgov/OSCAL, oscal_assessment-results_metaschema.xml and oscal_assessment-common_metaschema.xml: what has
    # min-occurs or required there, with the types of its values
    root = results_of(reported[1])
    assert set(root) == {"uuid", "metadata", "import-ap", "results", "back-matter"}
    assert {"title", "last-modified", "version", "oscal-version"} <= set(root["metadata"])
    assert MOMENT.fullmatch(root["metadata"]["last-modified"])
    resources = [f"#{one['uuid']}" for one in root["back-matter"]["resources"]]
    assert root["import-ap"]["href"] in resources
    (result,) = root["results"]
    assert {"uuid", "title", "description", "start", "reviewed-controls"} <= set(result)
    assert MOMENT.fullmatch(result["start"])
    (selection,) = result["reviewed-controls"]["control-selections"]
    chosen = {one["control-id"] for one in selection["include-controls"]}
    assert chosen == {"ai-act_4", "gdpr_5-1-d", "gdpr_32", "gdpr_6"}
    assert [one["control-id"] for one in selection["exclude-controls"]] == ["gdpr_22"]
    observed = {one["uuid"] for one in result["observations"]}
    for one in result["observations"]:
        assert {"uuid", "description", "methods", "collected"} <= set(one)
        assert set(one["methods"]) <= {"EXAMINE", "INTERVIEW", "TEST"}
        assert one["methods"]
        assert MOMENT.fullmatch(one["collected"])
    for one in result["findings"]:
        assert {"uuid", "title", "description", "target"} <= set(one)
        assert one["target"]["type"] == "objective-id"
        assert TOKEN.fullmatch(one["target"]["target-id"])
        assert one["target"]["status"]["state"] in {"satisfied", "not-satisfied"}
        assert one["target"]["status"]["reason"] in {"pass", "fail", "other"}
        assert {related["observation-uuid"] for related in one["related-observations"]} <= observed
    ids = re.findall(r'"uuid": "([^"]+)"', json.dumps(root))
    assert len(ids) == len(set(ids)) == 11  # the file, its result, its plan, four observations, four findings
    assert {UUID(one).version for one in ids} == {5}


def test_oscal_says_satisfied_of_nothing_that_is_open(reported: tuple[Pilot, Exhibit]) -> None:
    found = {
        one["target"]["target-id"]: (one["target"]["status"]["state"], one["target"]["status"]["reason"])
        for one in results_of(reported[1])["results"][0]["findings"]
    }
    assert found == {
        "ai-act_4": ("satisfied", "other"), "gdpr_5-1-d": ("satisfied", "pass"),
        "gdpr_32": ("not-satisfied", "fail"), "gdpr_6": ("not-satisfied", "other"),
    }  # fmt: skip
    assert {one.value for one in STATES} == {"met", "attested", "not met", "not evidenced"}


def test_the_same_report_gives_the_same_oscal(reported: tuple[Pilot, Exhibit]) -> None:
    assert assessment_results(reported[1], "T") == assessment_results(reported[1], "T")


def test_the_picture_counts_each_standing_of_a_regime(reported: tuple[Pilot, Exhibit]) -> None:
    figure = standings_by_regime("2 of 4", reported[1].tables["requirements"])
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["EU AI Act", "GDPR"]
    assert sorted(int(text.get_text()) for text in axes.texts) == [1, 1, 1, 1, 1]
    assert figure.get_suptitle() == "2 of 4"
