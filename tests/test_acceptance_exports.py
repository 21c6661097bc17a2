"""Issues for other tools, what people chose otherwise as test cases, and the commands of acceptance."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from acceptance_pilots import Clock, agreed_pilot, decided, desk_of, held_pilot, made, opened_pilot, truth
from commands import Command, command_in

from workbench.cases import read_cases
from workbench.desk import AnswerKind, Card, Feedback, FeedbackWish, GivenAnswer
from workbench.evidence import Exhibit, maker
from workbench.pilot import Pilot
from workbench.pilot.pilot import open_pilot
from workbench.records.splits import read_dataset
from workbench.review.acceptance import (
    AcceptanceProposals,
    board_csv,
    board_table,
    fill_session,
    github_issues,
    jira_csv,
    proposal_files,
    proposals_of,
)
from workbench.review.acceptance.triage import COLUMNS
from workbench.words import InputError

HOSTILE = ('=HYPERLINK("http://x")', "@everyone ```\n<script>alert(1)</script>", "pay\u202eme", "+1\r\n-2")


@pytest.fixture(scope="session")
def opened(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Return the root of a pilot whose holdout was opened for two versions."""
    return once("acceptance", opened_pilot)


@pytest.fixture
def tried(tmp_path: Path, once: Callable[[str, Callable[[Path], object]], Path], opened: Path) -> Pilot:
    """Return that pilot after both sessions were held on `good`, as agreed."""
    shutil.copytree(once("acceptance_held", lambda root: held_pilot(root, opened)), tmp_path, dirs_exist_ok=True)
    return open_pilot("small", tmp_path)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_in(tmp_path, monkeypatch, capsys)


@pytest.fixture
def board() -> pd.DataFrame:
    """Return a board with hostile texts, one of each severity."""
    ids = [f"{number:012x}" for number in range(4)]
    severities = ["critical", "high", "medium", "low"]
    known = {"severity": severities, "reported": severities, "state": ["open", "fixed", "later", "rejected"]}
    triage = pd.DataFrame({"feedback": ids, **known}).reindex(columns=list(COLUMNS)).astype(object)
    feedback = pd.DataFrame({"feedback": ids, "session": "one", "record_id": "=R1", "agent": "0" * 64}).assign(
        reviewer="abc", kind="issue", severity=severities, text=list(HOSTILE), wants="none"
    )
    return board_table(triage, feedback)


def test_no_cell_of_a_table_for_spreadsheets_is_a_formula(board: pd.DataFrame) -> None:
    for content in (board_csv(board), jira_csv(board, "small")):
        rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
        assert len(rows) == 5
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_jira_reads_its_columns_by_name_and_labels_have_no_space(board: pd.DataFrame) -> None:
    rows = list(csv.DictReader(io.StringIO(jira_csv(board, "small").decode(), newline="")))
    # the importer of Jira needs `Summary`; the others are the names of its own fields
    assert set(rows[0]) == {
        "Summary", "Issue Type", "Priority", "Status", "Labels", "Description", "External issue ID"
    }  # fmt: skip
    assert [row["Priority"] for row in rows] == ["Highest", "High", "Medium", "Low"]
    assert [row["Status"] for row in rows] == ["To Do", "Done", "Done", "Done"]
    assert rows[0]["Labels"].split(" ") == ["acceptance", "small", "issue"]
    assert all("\n" not in row["Summary"] for row in rows)


def test_a_github_issue_mentions_nobody_and_its_text_is_code(board: pd.DataFrame) -> None:
    issues = [json.loads(line) for line in github_issues(board, "small").decode().splitlines()]
    assert [set(one) for one in issues] == [{"title", "body", "labels"}] * 4
    assert issues[0]["labels"] == ["acceptance", "pilot: small", "severity: critical", "state: open"]
    for one in issues:
        assert "@" not in one["title"]
        fence = one["body"].partition("\n")[0]
        assert set(fence) == {"`"}
        assert one["body"].endswith(f"\n{fence}")
        assert one["body"].count(fence) == 2, "nothing inside ends the block"
    assert "\u202e" not in github_issues(board, "small").decode()
    assert "\\u202e" in issues[2]["title"]


def proposed(pilot: Pilot) -> AcceptanceProposals:
    dataset = read_dataset(pilot)
    judged = maker("evaluation").present(pilot, dataset, "good")
    assert isinstance(judged, Exhibit)
    return proposals_of(made(pilot), judged, dataset)


def written(pilot: Pilot, found: AcceptanceProposals) -> list[Path]:
    files = proposal_files(pilot, found)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def overriding(card: Card) -> GivenAnswer:
    """Return another action than the recommended one, whatever it is."""
    others = [one for one in card.actions if one != card.recommended]
    return GivenAnswer(AnswerKind.MODIFY, others[0], "it is disputed")


def test_what_people_chose_otherwise_becomes_cases_that_the_suites_read(tmp_path: Path, opened: Path) -> None:
    pilot = agreed_pilot(tmp_path, opened)
    fill_session(pilot, read_dataset(pilot), "one", "good")
    decided(pilot, {"ann": overriding, "ben": overriding}, Clock())
    found = proposed(pilot)
    exhibit = made(pilot)
    answers = exhibit.tables["answers"]
    others = answers[answers["planted"].isna()].drop_duplicates("record_id").set_index("record_id")
    assert len(found.cases) == len(others) == 8
    # a decision that is not the label either puts the label in doubt
    assert set(found.disputed) == {name for name, row in others.iterrows() if row["decision"] != truth(str(name))}
    assert [path.name for path in written(pilot, found)] == ["proposed.yaml", "disputed.txt"]
    cases = read_cases(pilot)
    (file,) = (one for one in cases.files if one.path.name == "proposed.yaml")
    assert not file.is_confirmed
    dataset = read_dataset(pilot)
    for case in file.suite.cases:
        record = case.id.removeprefix("acceptance-")
        assert dataset.splits[case.base] == "dev"
        assert case.expect is not None
        assert case.expect.action == others.loc[record, "decision"]
        made_of = {**dataset.shown().loc[case.base].to_dict(), **case.set}
        seen = dataset.shown().loc[record].to_dict()
        assert {k: v for k, v in made_of.items() if k != "id"} == {k: v for k, v in seen.items() if k != "id"}


def test_proposals_are_added_once_and_never_to_a_signed_suite(tmp_path: Path, opened: Path) -> None:
    pilot = agreed_pilot(tmp_path, opened)
    fill_session(pilot, read_dataset(pilot), "one", "good")
    decided(pilot, {"ann": overriding, "ben": overriding}, Clock())
    found = proposed(pilot)
    path, _ = written(pilot, found)
    before = path.read_bytes()
    written(pilot, found)
    assert path.read_bytes() == before
    (pilot.suite / "signatures" / "suites__proposed.yaml").mkdir(parents=True)
    (pilot.suite / "signatures" / "suites__proposed.yaml" / "it-owner.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="is signed, and is not written over"):
        proposal_files(pilot, found)


def test_agreement_proposes_nothing_and_a_tap_on_a_card_does(tried: Pilot) -> None:
    found = proposed(tried)
    exhibit = made(tried)
    answers = exhibit.tables["answers"]
    plain = answers[answers["planted"].isna() & (answers["kind"] == "approve")]
    wrong = set(answers.loc[answers["planted"].isna() & (answers["kind"] == "modify"), "record_id"])
    assert {one["id"].removeprefix("acceptance-") for one in found.cases} == wrong
    assert found.disputed == (), "careful people choose the label"
    row = plain.iloc[0]
    with desk_of(tried, Clock()) as desk:
        for wish in (FeedbackWish.CASE, FeedbackWish.DISPUTE):
            desk.feedback("ann", Feedback(row["record_id"], "issue", "", "", row["item"], wish))
    found = proposed(tried)
    assert {one["id"].removeprefix("acceptance-") for one in found.cases} == wrong | {row["record_id"]}
    assert found.disputed == (row["record_id"],)


def test_people_who_disagree_propose_nothing(tmp_path: Path, opened: Path) -> None:
    pilot = agreed_pilot(tmp_path, opened)
    fill_session(pilot, read_dataset(pilot), "one", "good")
    decided(pilot, {"ann": overriding, "ben": lambda _: GivenAnswer(AnswerKind.APPROVE)}, Clock())
    found = proposed(pilot)
    assert (len(found.cases), len(found.undecided)) == (0, 8)


def test_the_commands_from_filling_to_the_board(command: Command, tmp_path: Path, opened: Path) -> None:
    pilot = agreed_pilot(tmp_path, opened)
    code, out, err = command("acceptance", "fill", "small", "--session", "one", "--agent", "good")
    assert (code, out.splitlines()[0]) == (0, "Session one: 10 records of good on the desk, 10 new."), err
    code, out, _ = command("acceptance", "board", "small", "--agent", "good")
    assert (code, out) == (0, "No issue was raised.\n")
    with desk_of(pilot, Clock()) as desk:
        row = desk.items().iloc[0]
        desk.feedback("ann", Feedback(row["record_id"], "issue", "critical", "it paid twice", row["item"]))
    code, out, _ = command("acceptance", "board", "small", "--agent", "good", "--json")
    said = json.loads(out)
    assert (code, said["open_critical"], said["issues"][0]["text"]) == (1, 1, "it paid twice")
    issue = said["issues"][0]["feedback"]
    asked = ("acceptance", "triage", "small", issue[:6], "--owner", "Stahl")
    code, out, err = command(*asked, "--decision", "reject")
    assert (code, "to reject an issue needs a reason" in err) == (2, True)
    code, _, err = command(*asked, "--decision", "fix", "--fixed-in", "nobody")
    assert (code, "no version, or more than one, that was judged" in err) == (2, True)
    code, out, _ = command(*asked, "--decision", "fix", "--fixed-in", "exact")
    assert code == 0
    known = yaml.safe_load((pilot.suite / "triage.yaml").read_text(encoding="utf-8"))["issues"][issue]
    assert (known["owner"], known["severity"], len(known["fixed_in"])) == ("Stahl", "critical", 16)
    assert out.startswith(f"Issue {issue} is fixed.")
    code, out, _ = command("acceptance", "board", "small", "--agent", "exact")
    assert (code, "0 critical open" in out) == (0, True)
    files = [tmp_path / name for name in ("a.csv", "b.jsonl", "c.csv")]
    given = [text for pair in zip(("--csv", "--github", "--jira"), map(str, files), strict=True) for text in pair]
    code, out, _ = command("acceptance", "export", "small", *given)
    assert (code, out.splitlines()[0]) == (0, "1 issue written.")
    assert all(path.is_file() for path in files)
    assert command("acceptance", "export", "small")[0] == 2
    code, out, _ = command("acceptance", "proposals", "small", "--agent", "good")
    assert (code, out) == (0, "0 test cases proposed, 0 labels disputed.\n")


@pytest.mark.usefixtures("with_store")
def test_the_report_says_which_session_does_not_count(command: Command, tmp_path: Path, opened: Path) -> None:
    agreed_pilot(tmp_path, opened)
    code, out, err = command("acceptance", "report", "small", "--agent", "good")
    assert code == 0, err
    assert out.splitlines()[0] == "0 of 2 acceptance sessions held, 0 users; 0 issues, 0 critical open."
    assert "no: 0 of 10 records decided" in " ".join(out.split())
