"""The facts about a pilot as they are now, from its own files, its journal and its ledger; nothing is run."""

from __future__ import annotations

from datetime import date

from workbench.evaluation import judged_ids
from workbench.evidence import Agreed, Exhibit, Population, makers, of_one_version
from workbench.gates.facts import GateFacts
from workbench.gates.planning import pace
from workbench.gates.schema import Gates, read_gates
from workbench.pilot import Pilot
from workbench.records import named_cells
from workbench.records.ledger import read_ledger
from workbench.records.splits import Dataset, Split, ledger_path, read_dataset


def read_facts(
    pilot: Pilot,
    today: date,
    agent: str | None = None,
    told: tuple[str, ...] = (),
    dataset: Dataset | None = None,
    number: int | None = None,
) -> GateFacts:
    """Return what there is to judge a pilot by now; nothing is run.

    Parameters
    ----------
    pilot : Pilot
    today : date
        Day on which waivers must be valid.
    agent : str, optional
        Agent to judge; without it the one whose holdout was evaluated last.
    told : tuple of str
        Remarks that rest on what lies outside of the facts.
    dataset : Dataset, optional
        The pilot's records where they were read already.
    number : int, optional
        The gate that is to be held: exhibits that it does not ask for are not looked at.

    Raises
    ------
    InputError
        The pilot's files do not fit.
    RunError
        A file that a run left is damaged, or the journal does not hold what the ledger says was decided.
    """
    gates, dataset = read_gates(pilot), read_dataset(pilot) if dataset is None else dataset
    asked = makers() if number is None else gates.gates[number].needed_makers
    found = {one.name: one.present(pilot, dataset, agent) for one in asked}
    found = of_one_version(found, pilot)
    exhibits = {name: one for name, one in found.items() if isinstance(one, Exhibit)}
    path = ledger_path(pilot)
    per_day = pace(dataset.strata(dataset.splits.index).get("timestamp"))
    return GateFacts(
        pilot,
        Population(dataset.digest, len(dataset.ids(Split.HOLDOUT)), per_day, dataset.labels),
        named_cells(dataset, judged_ids(exhibits), named_columns(pilot, gates)),
        exhibits,
        {name: one for name, one in found.items() if isinstance(one, str)},
        (path, tuple(read_ledger(path))),
        today,
        told=told,
        gates=gates,
    )


def named_columns(pilot: Agreed, gates: Gates) -> tuple[str, ...]:
    """Return the columns that the charter's rules and the gates' slices name."""
    charter = pilot.charter
    conditions = [*(one.when for one in charter.high_risk), *(one.when for one in charter.authority)]
    slices = [one.slice for gate in gates.gates.values() for one in gate.criteria]
    named = [*(when.column for when in conditions if when is not None), *(one.column for one in charter.authority)]
    named += [name for where in slices for name in where]
    return tuple(dict.fromkeys(name for name in named if name is not None))
