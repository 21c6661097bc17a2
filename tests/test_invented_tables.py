"""What a reader is told of four kinds of public tables, from `init` to gate 1, held against what is true of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import invented_tables
import numpy as np
import pandas as pd
import pytest
from gate_pilots import signed
from small_pilots import with_fixed_split

from workbench.audit.findings import Severity
from workbench.audit.maker import leave_audit
from workbench.audit.published.store import write_audit
from workbench.audit.questions.assessment import Audit, audit_pilot
from workbench.commands.scaffold import Columns, init_pilot
from workbench.evaluation import Evaluation, evaluate, evaluate_all
from workbench.evaluation.shown import judge_version
from workbench.evaluation.shown.ceiling import audited_ceiling
from workbench.evaluation.shown.concluded import conclusions
from workbench.evaluation.versions.stored import chosen
from workbench.evidence import audits_folder
from workbench.gates import read_facts
from workbench.gates.criteria import CriterionResult
from workbench.gates.judging import judged_criteria
from workbench.metrics import State, is_automated
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs import RunRequest

QUIET = RunRequest(show_progress=False)
SLOW = pytest.mark.slow


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """What was said of one table."""

    frame: pd.DataFrame
    pilot: Pilot
    asked: tuple[str, ...]
    audit: Audit
    judged: Evaluation
    concluded: dict[str, str]
    answer: str
    gate: dict[str, CriterionResult]

    @property
    def sentences(self) -> list[str]:
        """Everything that init, audit, evaluation and gate 1 say."""
        audit = [self.audit.answer, *(one.answer for one in self.audit.sections)]
        audit += [note for one in self.audit.sections for note in one.notes]
        for one in self.audit.findings:
            audit += [one.title, one.evidence, one.consequence, one.remedy.text]
        gate = [text for one in self.gate.values() for text in (one.reason, one.would_change)]
        return [*self.asked, *audit, self.judged.threshold_note, *self.concluded.values(), self.answer, *gate]

    def finding(self, kind: str) -> list[tuple[str, Severity]]:
        """Return title and severity of the findings of a kind."""
        return [(one.title, one.severity) for one in self.audit.findings if one.kind == kind]


def told(root: Path, records: Path, columns: Columns) -> Story:
    """Take a table from init to gate 1, by a split that is the same in every run."""
    name = records.stem
    asked = init_pilot(name, records, columns, root).said
    pilot = with_fixed_split(open_pilot(name, root))
    signed(pilot)
    audit = audit_pilot(pilot)
    write_audit(audit, audits_folder(pilot) / audit.run)
    leave_audit(pilot, audit)
    best = chosen(evaluate_all(pilot, (), QUIET))
    judged = evaluate(pilot, best.agent, RunRequest(Split.HOLDOUT, show_progress=False))
    dataset = read_dataset(pilot)
    ceiling = audited_ceiling(pilot, dataset.digest, judged.estimates["accuracy"])
    found = conclusions(pilot, dataset, judged, ceiling)
    answer = str(judge_version(pilot, best.agent, RunRequest(Split.HOLDOUT, show_progress=False)).brief)
    gate = {one.criterion.id: one for one in judged_criteria(read_facts(pilot, date(2026, 11, 29)), 1)}
    said = {key: one.sentence for key, one in found.items()}
    return Story(pd.read_csv(records, dtype=str), pilot, asked, audit, judged, said, answer, gate)


def made(tmp: pytest.TempPathFactory, write: Callable[[Path], Path], columns: Columns) -> Story:
    root = tmp.mktemp(write.__name__)
    return told(root, write(root / f"{write.__name__}.csv"), columns)


@pytest.fixture(scope="module")
def intents(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return made(tmp_path_factory, invented_tables.intents, Columns("intent", text="text"))


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return made(tmp_path_factory, invented_tables.churn, Columns("churned", id="customer"))


@pytest.fixture(scope="module")
def loans(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return made(tmp_path_factory, invented_tables.loans, Columns("decision", id="loan"))


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return made(tmp_path_factory, invented_tables.reviews, Columns("recommends", id="review", text="text"))


@pytest.fixture(
    params=["intents", "loans", pytest.param("churn", marks=SLOW), pytest.param("reviews", marks=SLOW)],
)
def story(request: pytest.FixtureRequest) -> Story:
    found: Story = request.getfixturevalue(request.param)
    return found


def test_complete_records_are_those_without_an_empty_cell(story: Story) -> None:
    # every column is filled in more than half of the records, so every one is required
    complete = int(story.frame.notna().all(axis="columns").sum())
    estimate = story.audit.section("completeness").estimates["complete_records"]
    assert estimate.value == complete / len(story.frame)
    assert (story.gate["completeness"].state is State.PASS) == (complete == len(story.frame))


def test_no_ceiling_is_stated_below_what_was_measured(story: Story) -> None:
    ceiling = story.audit.section("labels").estimates["noise_ceiling"]
    lowest = story.judged.estimates["accuracy"].lower
    assert lowest is not None
    assert ceiling.value is None or ceiling.value >= lowest
    assert "whoever decides" not in " ".join(story.sentences)
    if ceiling.value is None:
        assert (
            "highest accuracy that these labels allow: not known" in story.answer
            or "noise ceiling: too few pairs to say" in story.answer
        )


def test_placeholders_are_called_so_and_nothing_passes_on_them(story: Story) -> None:
    note = "3 of 3 targets are placeholders that nobody agreed on: automation, accuracy-on-automated, latency-p95."
    assert story.concluded["targets"] == note
    assert note in story.answer
    assert "0.95 (placeholder)" in story.judged.threshold_note
    enough = story.gate["sample-fitness"]
    assert enough.state is State.UNPROVEN
    assert enough.reason.startswith("placeholder targets (automation, accuracy-on-automated): ")
    targets = [text for text in story.sentences if "95.0%" in text and text.startswith("The holdout")]
    assert all("a placeholder" in text for text in targets)


def test_no_cell_of_a_clean_column_is_called_another_format(story: Story) -> None:
    assert not [text for text in story.sentences if "format" in text]


def test_an_undeclared_out_of_scope_label_is_asked_about_and_counted(intents: Story) -> None:
    [asked] = intents.asked
    assert asked.startswith("Does the label 'out_of_scope' mean that a person decides?")
    threshold = intents.judged.threshold
    assert threshold is not None
    outcomes = intents.judged.outcomes
    n = int((is_automated(outcomes, threshold.threshold) & (outcomes["action"] == "out_of_scope")).sum())
    assert n > 50
    assert f"answering it counts as automation, here {n} times" in intents.concluded["escalation"]


def test_a_declared_out_of_scope_label_is_escalated_and_what_is_missed_is_counted(
    intents: Story, tmp_path: Path
) -> None:
    records = invented_tables.intents(tmp_path / "named.csv")
    named = told(tmp_path, records, Columns("intent", text="text", escalate="out_of_scope"))
    assert named.asked == ()
    outcomes, threshold = named.judged.outcomes, named.judged.threshold
    assert threshold is not None
    belongs = outcomes["label"] == "out_of_scope"
    alone = (outcomes["action"] != "out_of_scope") & (outcomes["confidence"] >= threshold.threshold)
    missed, n = int((belongs & alone).sum()), int(belongs.sum())
    assert named.concluded["escalation"].startswith(f"{missed} of {n} (")
    assert "No label is declared" not in named.concluded["escalation"]
    rates = [one.judged.estimates["automation_rate"].value or 0.0 for one in (intents, named)]
    assert rates[0] - rates[1] > 0.05, "questions for a person are no automation"


@SLOW
def test_an_outcome_is_not_called_a_wrong_label(churn: Story) -> None:
    text = " ".join(churn.sentences)
    assert "look wrong" not in text
    assert "label error" not in text
    [(_, severity)] = churn.finding("contradictory_label")
    assert severity is Severity.MEDIUM, "different customers look the same"
    assert "where it is an outcome, add the column that tells them apart, or take it as chance" in text
    [(_, repeated)] = churn.finding("leak_across_split")
    assert repeated is Severity.LOW, "no customer stands there twice"
    assert churn.gate["data-audit"].state is State.PASS


@SLOW
def test_the_ceiling_of_chance_outcomes_is_said_of_identical_inputs_alone(churn: Story) -> None:
    said = churn.concluded["noise_ceiling"]
    ceiling = churn.audit.section("labels").estimates["noise_ceiling"]
    assert ceiling.value is not None
    # whoever knows every customer's chance of leaving says that he stays, and errs as often as one leaves
    chance = {"monthly": 0.12, "one year": 0.02, "two years": 0.01}
    frame = churn.frame
    twice = np.where(frame["months"].astype(int) < 6, 2, 1)
    best = 1 - float((frame["contract"].map(chance) * twice).mean())
    assert ceiling.lower is not None
    assert ceiling.upper is not None
    assert ceiling.lower < best < ceiling.upper
    assert said.startswith("On identical inputs no agent could be measured above ")
    assert said.endswith("or by chance where the label is an outcome; other records may be easier.")


def test_gaps_fail_gate_1_and_are_said_by_init(loans: Story) -> None:
    empty = loans.frame.isna().sum()
    assert f"'credit_history ({empty['credit_history']})', 'term ({empty['term']})'" in loans.asked[0]
    assert loans.gate["completeness"].state is State.FAIL
    assert {title.split(",")[0] for title, _ in loans.finding("missing")} == {
        "Required and missing: 'credit_history'",
        "Required and missing: 'term'",
    }


def test_a_range_where_the_others_are_is_that_of_the_others(loans: Story) -> None:
    [far] = [one for one in loans.audit.findings if one.kind == "outlier"]
    income = loans.frame["income"].astype(float)
    flagged = far.cells.loc[far.cells["column"] == "income", "row"]
    rest = income.drop(index=flagged)
    assert f"the others, which lie between {rest.min():,.6g} and {rest.max():,.6g}, nine in ten between" in far.evidence


@SLOW
def test_a_deciding_column_is_critical_whatever_the_share_of_the_majority(reviews: Story) -> None:
    assert (reviews.frame["recommends"] == "1").mean() > 0.9
    assert reviews.finding("column_tells_label") == [("'rating' alone tells the label", Severity.CRITICAL)]
    assert "1 of 4 columns and orders looked at tell the label alone" in reviews.audit.section("leakage").answer
    assert reviews.audit.answer.startswith("No, not before something is fixed")
    assert reviews.gate["data-audit"].state is State.FAIL


@pytest.mark.parametrize("name", ["intents", pytest.param("churn", marks=SLOW), "loans"])
def test_no_column_is_said_to_decide_where_none_does(name: str, request: pytest.FixtureRequest) -> None:
    found: Story = request.getfixturevalue(name)
    assert found.finding("column_tells_label") == []
    assert found.finding("order_tells_label") == []
