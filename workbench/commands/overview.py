"""The commands `workbench pilots` and `workbench status`: what there is, and how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.commands.options import HERE, AsJson, Details, PilotName, Root, pilot_named, print_json
from workbench.commands.screen import say
from workbench.commands.tables import TextColumn, TextTable, of_names, show_table

if TYPE_CHECKING:
    from workbench.pilot import Pilot
    from workbench.runs.journal import RunInfo


def pilots(root: Root = HERE, as_json: AsJson = False) -> None:
    """List the pilots under the root."""
    from workbench.pilot import pilot_names

    opened = [pilot_named(name, root) for name in pilot_names(root.resolve())]
    if as_json:
        print_json({"pilots": [{"pilot": pilot.name, "title": pilot.settings.title} for pilot in opened]})
        return
    if opened:
        show_table(
            "Pilots",
            TextTable((of_names("pilot"), TextColumn("title"), TextColumn("records")), tuple(map(_pilot_row, opened))),
        )
    if not opened:
        say(f"No pilot under {root.resolve()}. Make one: workbench init NAME --records FILE --label COLUMN")


def status(pilot: PilotName, root: Root = HERE, details: Details = False, as_json: AsJson = False) -> None:
    """Show every run of a pilot and how its planned decisions ended."""
    from workbench.commands.reports import print_status
    from workbench.records.tables import read_raw_table
    from workbench.runs.journal import JOURNAL_FILE, Journal

    opened = pilot_named(pilot, root)
    records = sum(
        read_raw_table(opened.data / name, opened.contract.reading).n_rows for name in opened.contract.records
    )
    path = opened.runs / JOURNAL_FILE
    infos: tuple[RunInfo, ...] = ()
    if path.is_file():
        with Journal(path) as journal:
            infos = journal.runs()
    names = ("agent", "split", "planned", "ok", "invalid", "failed", "skipped", "finished")
    runs = [{name: getattr(info, name) for name in names} for info in infos]
    if as_json:
        print_json({"pilot": pilot, "records": records, "runs": runs})
    else:
        print_status(opened, records, infos, details=details)


def _pilot_row(pilot: Pilot) -> tuple[str, str, str]:
    missing = [file for file in pilot.contract.records if not (pilot.data / file).is_file()]
    return pilot.name, pilot.settings.title, f"not obtained yet: workbench data {pilot.name}" if missing else "here"
