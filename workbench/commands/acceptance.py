"""The commands `workbench acceptance fill | board | triage | proposals | export | report PILOT`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.completion import agents_like
from workbench.commands.options import HERE, AsJson, Details, PilotName, Root, pilot_named, print_json
from workbench.commands.screen import say
from workbench.commands.streams import stdout_to_stderr
from workbench.commands.tables import TextColumn, TextTable, of_names, show_table
from workbench.words import InputError, several, shown

if TYPE_CHECKING:
    import pandas as pd

    from workbench.evidence import Exhibit
    from workbench.pilot import Pilot
    from workbench.records.splits import Dataset
    from workbench.review.acceptance import OpenedVersions

SHORT = 16  # digits of a digest that stand in triage.yaml

app = typer.Typer(
    help="Let the people who will work with an agent try it, and decide on what they say.", no_args_is_help=True
)
Agent = Annotated[
    str | None,
    typer.Option(help="An agent of pilot.yaml; without it the one evaluated last.", autocompletion=agents_like),
]


@app.command("fill", epilog="Example: workbench acceptance fill invoice_matching --session clerks --agent policy_rules")
def fill_acceptance(
    pilot: PilotName,
    session: Annotated[str, typer.Option(help="A session of acceptance.yaml.")],
    agent: Agent = None,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Put a session's records before its participants: unseen ones, some with a planted wrong recommendation."""
    from workbench.records.splits import read_dataset
    from workbench.review.acceptance import fill_session

    opened = pilot_named(pilot, root)
    with stdout_to_stderr():
        filled = fill_session(opened, read_dataset(opened), session, agent)
    if as_json:
        counts = {"records": filled.records, "new": filled.new, "planted": filled.planted}
        print_json({"pilot": pilot, "session": filled.session, "agent": filled.agent, **counts})
        return
    say(f"Session {session}: {several(filled.records, 'record')} of {filled.agent} on the desk, {filled.new:,} new.")
    say(f"Next: workbench review {pilot}")


@app.command(epilog="Example: workbench acceptance board invoice_matching")
def board(
    pilot: PilotName, agent: Agent = None, root: Root = HERE, details: Details = False, as_json: AsJson = False
) -> None:
    """Print the issues that sessions raised, the open and gravest first; exit code 1 while a critical one is open."""
    opened = pilot_named(pilot, root)
    exhibit, _ = _made(opened, agent)
    table = _board(exhibit)
    n_open = int(exhibit.estimates["acceptance_open_critical"].value or 0)
    if as_json:
        issues = table.astype(object).where(table.notna(), None).to_dict("records")
        print_json({"pilot": pilot, "open_critical": n_open, "issues": issues})
        raise typer.Exit(1 if n_open else 0)
    rows = tuple(
        (one["feedback"], one["severity"], one["state"], one["owner"] or "", one["record_id"] or "", one["text"] or "")
        for one in table.astype(object).where(table.notna(), None).to_dict("records")
    )
    columns = (
        of_names("issue"),
        of_names("severity"),
        of_names("state"),
        of_names("owner", 1),
        of_names("record", 2),
        TextColumn("said"),
    )
    if rows:
        show_table(several(len(rows), "issue"), TextTable(columns, rows), details=details)
    say(f"{several(len(rows), 'issue')}, {n_open:,} critical open." if rows else "No issue was raised.")
    raise typer.Exit(1 if n_open else 0)


@app.command(epilog="Example: workbench acceptance triage invoice_matching 3f2a91c0d4e5 --decision fix --owner Stahl")
def triage(
    pilot: PilotName,
    issue: Annotated[str, typer.Argument(metavar="ISSUE", help="Its id on the board, or how that begins.")],
    decision: Annotated[str, typer.Option(metavar="fix|accept|reject|later", help="What becomes of it.")],
    owner: Annotated[str, typer.Option(help="Who sees to it.")],
    severity: Annotated[
        str | None, typer.Option(metavar="critical|high|medium|low", help="Without it as it was reported.")
    ] = None,
    fixed_in: Annotated[
        str | None, typer.Option(metavar="VERSION", help="The version that mends it: its agent, or its digest.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; needed to accept, reject or put off.")] = "",
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Decide on an issue; it stands in triage.yaml, and says whether the issue is closed by it."""
    from workbench.files import settings_from
    from workbench.pilot import TriagedIssue, read_triage, write_triage
    from workbench.records.ledger import read_ledger
    from workbench.records.splits import ledger_path
    from workbench.review.acceptance import OpenedVersions, issue_id

    opened = pilot_named(pilot, root)
    before, _ = _made(opened, None)
    known = before.tables["triage"].set_index("feedback")["reported"]
    name = issue_id(issue, list(known.index))
    if fixed_in is not None:
        fixed_in = _version(OpenedVersions.of(read_ledger(ledger_path(opened))), fixed_in)
    said = {
        "severity": severity or str(known[name]),
        "owner": owner,
        "decision": decision,
        "fixed_in": fixed_in,
        "reason": reason,
    }
    entry = settings_from(said, TriagedIssue, f"issue {name}")
    now = read_triage(opened.suite)
    path = write_triage(opened.suite, now.model_copy(update={"issues": {**now.issues, name: entry}}))
    exhibit, _ = _made(opened, None)
    row = exhibit.tables["triage"].set_index("feedback").loc[name]
    if as_json:
        print_json({"pilot": pilot, "issue": name, "state": row["state"], "why": row["why"] or "", "file": str(path)})
        return
    say(f"Issue {name} is {row['state']}" + (f": {row['why']}." if row["why"] else "."))
    print(path)


@app.command("proposals", epilog="Example: workbench acceptance proposals invoice_matching")
def propose(pilot: PilotName, agent: Agent = None, root: Root = HERE, as_json: AsJson = False) -> None:
    """Make test cases to confirm, and a list of labels in doubt, of what people chose otherwise than the agent."""
    from workbench.evidence import Exhibit, maker
    from workbench.files import write_atomically
    from workbench.review.acceptance import proposal_files, proposals_of

    opened = pilot_named(pilot, root)
    exhibit, dataset = _made(opened, agent)
    with stdout_to_stderr():
        judged = maker("evaluation").present(opened, dataset, agent)
        if not isinstance(judged, Exhibit):
            raise InputError("no version is judged, so nothing can be held against what people chose", got=judged)
        found = proposals_of(exhibit, judged, dataset)
        files = proposal_files(opened, found)
        for path, text in files.items():
            write_atomically(path, text)
    if as_json:
        listed = {"disputed": list(found.disputed), "undecided": list(found.undecided)}
        print_json({"pilot": pilot, "cases": list(found.cases), **listed, "files": [str(path) for path in files]})
        return
    say(f"{several(len(found.cases), 'test case')} proposed, {several(len(found.disputed), 'label')} disputed.")
    if found.undecided:
        say(f"People chose differently, so nothing is proposed: {shown(found.undecided)}.", "  ")
    for path in files:
        print(path)
    if found.cases:
        say(f'Read them, then: workbench sign {pilot} suites/proposed.yaml --name "..." --role "..."')


@app.command(epilog="Example: workbench acceptance export invoice_matching --csv issues.csv")
def export(
    pilot: PilotName,
    table: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="A table for a spreadsheet.")] = None,
    github: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A line of JSON an issue: title, body, labels.")
    ] = None,
    jira: Annotated[Path | None, typer.Option(metavar="FILE", help="CSV for the importer of Jira.")] = None,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Write the issues into files for other tools; nothing is sent anywhere."""
    from workbench.files import write_atomically
    from workbench.review.acceptance import board_csv, github_issues, jira_csv

    if table is None and github is None and jira is None:
        raise InputError("nothing says what to write", expected="--csv, --github or --jira with a file")
    opened = pilot_named(pilot, root)
    exhibit, _ = _made(opened, None)
    issues = _board(exhibit)
    made = {table: board_csv(issues), github: github_issues(issues, pilot), jira: jira_csv(issues, pilot)}
    written = [path for path in (table, github, jira) if path is not None]
    for path in written:
        write_atomically(path, made[path])
    if as_json:
        print_json({"pilot": pilot, "issues": len(issues), "files": [str(path) for path in written]})
        return
    say(f"{several(len(issues), 'issue')} written.")
    for path in written:
        print(path)


@app.command("report", epilog="Example: workbench acceptance report invoice_matching")
def report_acceptance(pilot: PilotName, agent: Agent = None, root: Root = HERE, as_json: AsJson = False) -> None:
    """Make the evidence of the sessions: held, by how many, what was chosen otherwise, which issues are open."""
    from workbench.commands.tracked import log_exhibit

    opened = pilot_named(pilot, root)
    exhibit, _ = _made(opened, agent)
    with stdout_to_stderr():
        link = log_exhibit(opened, exhibit)
    if as_json:
        estimates = {name: one.as_json() for name, one in exhibit.estimates.items()}
        said = {"pilot": pilot, "answer": exhibit.answer, "notes": list(exhibit.notes), "estimates": estimates}
        print_json({**said, "mlflow_run": link.run_id})
        return
    say(exhibit.answer)
    for note in exhibit.notes:
        say(note, "  ")
    rows = tuple(
        (
            str(one["session"]),
            f"{one['decided']:,} of {one['planned']:,}",
            f"{one['users']:,}",
            "yes" if one["held"] else f"no: {one['why']}",
        )
        for one in exhibit.tables["sessions"].to_dict("records")
    )
    if rows:
        columns = (of_names("session"), of_names("decided"), of_names("users"), TextColumn("held"))
        show_table("Sessions", TextTable(columns, rows), details=True)


def _made(pilot: Pilot, agent: str | None) -> tuple[Exhibit, Dataset]:
    """Return the exhibit made now, and the records."""
    from workbench.records.splits import read_dataset
    from workbench.review import ACCEPTANCE
    from workbench.review.acceptance import AcceptanceRequest

    with stdout_to_stderr():
        dataset = read_dataset(pilot)
        return ACCEPTANCE.make(pilot, dataset, AcceptanceRequest(agent)), dataset


def _board(exhibit: Exhibit) -> pd.DataFrame:
    from workbench.review.acceptance import board_table

    return board_table(exhibit.tables["triage"], exhibit.tables["feedback"])


def _version(versions: OpenedVersions, text: str) -> str:
    """Return the beginning of the digest of a version that was judged. Raises InputError where there is none."""
    digest = versions.named(text)
    if digest is None:
        known = [f"{versions.names[one]} ({one[:SHORT]})" for one in versions.digests]
        raise InputError(
            "no version, or more than one, that was judged is called so",
            got=repr(text),
            expected=shown(known) or "a version that was judged on the holdout",
        )
    return digest[:SHORT]
