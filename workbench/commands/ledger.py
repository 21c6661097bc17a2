"""The command `workbench ledger`: every opening of the sealed holdout, and what is left to open it again."""

from __future__ import annotations

import json

from workbench.commands.options import HERE, AsJson, PilotName, Root


def ledger(pilot: PilotName, root: Root = HERE, as_json: AsJson = False) -> None:
    """List every opening of the sealed holdout and the significance level that each gate has left; opens nothing."""
    from workbench.commands.terminal import print_ledger
    from workbench.pages import ledger_view
    from workbench.pilot import open_pilot
    from workbench.records.splits import read_dataset

    opened = open_pilot(pilot, root)
    view = ledger_view(opened, read_dataset(opened))
    if as_json:
        print(json.dumps({"pilot": pilot, **view.as_json()}, indent=2, ensure_ascii=False))
    else:
        print_ledger(opened, view)
