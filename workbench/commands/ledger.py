"""The command `workbench ledger`: every opening of the sealed holdout, and what is left to open it again."""

from __future__ import annotations

from workbench.commands.options import HERE, AsJson, Details, PilotName, Root, pilot_named, print_json


def ledger(pilot: PilotName, root: Root = HERE, details: Details = False, as_json: AsJson = False) -> None:
    """List every opening of the sealed holdout and the significance level that each gate has left; opens nothing."""
    from workbench.commands.reports import print_ledger
    from workbench.pages import ledger_view
    from workbench.records.splits import read_dataset

    opened = pilot_named(pilot, root)
    view = ledger_view(opened, read_dataset(opened))
    if as_json:
        print_json({"pilot": pilot, **view.as_json()})
    else:
        print_ledger(opened, view, details=details)
