"""Issues of acceptance sessions for other tools: a table, GitHub issues, and what Jira's importer reads."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from workbench.evidence import table_csv
from workbench.records.tables import marked
from workbench.review.acceptance.triage import IssueState
from workbench.words import visible

BOARD = (
    "feedback", "severity", "state", "owner", "decision", "fixed_in", "session", "record_id", "kind", "reviewer",
    "reason", "why", "text",
)  # fmt: skip
JIRA = ("Summary", "Issue Type", "Priority", "Status", "Labels", "Description", "External issue ID")
PRIORITIES = {"critical": "Highest", "high": "High", "medium": "Medium", "low": "Low"}
LONGEST_TITLE = 100


def board_table(triage: pd.DataFrame, feedback: pd.DataFrame) -> pd.DataFrame:
    """Return every issue with who said what of which record, the open and gravest first."""
    said = feedback.drop(columns=["severity"])
    return triage.merge(said, on="feedback", how="left")[list(BOARD)]


def board_csv(board: pd.DataFrame) -> bytes:
    """Return the board as CSV that a spreadsheet opens without running anything."""
    return table_csv(board)


def github_issues(board: pd.DataFrame, pilot: str) -> bytes:
    """Return a line of JSON an issue, with `title`, `body` and `labels` as GitHub's REST interface takes them."""
    lines = [json.dumps(one, ensure_ascii=False) for one in _github(board, pilot)]
    return "".join(f"{line}\n" for line in lines).encode()


def jira_csv(board: pd.DataFrame, pilot: str) -> bytes:
    """Return CSV with the columns that Jira's importer maps by their names; labels have no spaces in them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(JIRA)
    for row in _rows(board):
        labels = f"acceptance {pilot} {row['kind']}"
        closed = "To Do" if row["state"] == IssueState.OPEN.value else "Done"
        cells = (_title(row), "Bug", PRIORITIES[row["severity"]], closed, labels, _facts(row), row["feedback"])
        writer.writerow([marked(str(cell)) for cell in cells])
    return text.getvalue().encode()


def _github(board: pd.DataFrame, pilot: str) -> Iterator[dict[str, Any]]:
    for row in _rows(board):
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", _facts(row))), default=0))
        body = f"{fence}\n{_facts(row)}\n{fence}"  # as code: no mention, link or picture of it is one
        labels = ["acceptance", f"pilot: {pilot}", f"severity: {row['severity']}", f"state: {row['state']}"]
        yield {"title": _title(row), "body": body, "labels": labels}


def _rows(board: pd.DataFrame) -> list[Mapping[str, Any]]:
    return [{name: None if pd.isna(cell) else cell for name, cell in row.items()} for row in board.to_dict("records")]  # type: ignore[misc]


def _title(row: Mapping[str, Any]) -> str:
    """Return what an issue says in one line, without signs that mention somebody."""
    words = visible(" ".join(str(row["text"] or row["kind"]).split())).replace("@", "(at)")
    cut = words if len(words) <= LONGEST_TITLE else words[: LONGEST_TITLE - 1].rstrip() + "…"
    return f"{row['feedback']}: {cut}"


def _facts(row: Mapping[str, Any]) -> str:
    """Return everything that is known of an issue, a line each; text of people last."""
    named = (
        "record_id",
        "session",
        "reviewer",
        "kind",
        "severity",
        "state",
        "why",
        "owner",
        "decision",
        "fixed_in",
        "reason",
    )
    lines = [f"{name}: {visible(str(row[name]))}" for name in named if row[name]]
    return "\n".join([*lines, "", visible(str(row["text"] or ""))])
