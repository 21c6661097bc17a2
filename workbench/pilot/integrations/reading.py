"""integrations.yaml of a pilot, read; the addresses in it with the places of its own sandbox put in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.files import digest_of_file, files_imported, read_settings
from workbench.pilot.integrations.schema import IntegrationSettings, Operation, System
from workbench.words import InputError

INTEGRATIONS_FILE = "integrations.yaml"
PLACES = ("sandbox", "folder", "database")


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a pilot's integrations.yaml says, with the file it stands in."""

    path: Path
    settings: IntegrationSettings

    def operations(self) -> Iterator[tuple[System, str, Operation]]:
        """Yield every declared operation, in the file's order."""
        for system in self.settings.systems:
            for name, operation in system.operations.items():
                yield system, name, operation

    def behind_tools(self) -> dict[str, tuple[System, str, Operation]]:
        """Return the operation that stands behind each tool of environment.yaml."""
        return {one.tool: (system, name, one) for system, name, one in self.operations() if one.tool is not None}


def read_integrations(suite: Path) -> Inventory:
    """Return the inventory of a pilot's folder.

    Raises
    ------
    InputError
        There is no integrations.yaml, or it cannot be read.
    """
    path = suite / INTEGRATIONS_FILE
    if not path.is_file():
        raise InputError(
            "the pilot has no integration specification",
            where=str(path),
            remedy="write integrations.yaml; docs/how_to/integrations.md has an example",
        )
    return Inventory(path, read_settings(path, IntegrationSettings))


def agreed_files(suite: Path) -> dict[str, str]:
    """Return the digests of integrations.yaml and of the code that makes the pilot's own sandbox, by the file's name.

    The code is the file under `sandbox: serve` and those beside it that it imports. Empty without an integrations.yaml.

    Raises
    ------
    InputError
        A file is not what it should be.
    """
    path = suite / INTEGRATIONS_FILE
    if not path.is_file():
        return {}
    serve = read_integrations(suite).settings.sandbox.serve
    made_by = None if serve is None else suite / serve.partition(":")[0]
    code = sorted(files_imported(made_by)) if made_by is not None and made_by.is_file() else ()
    return {file.name: digest_of_file(file) for file in (path, *code)}


def placed_address(address: str, places: Mapping[str, str]) -> str:
    """Return an address with the places of the pilot's own sandbox put in.

    Raises
    ------
    InputError
        It names a place that is not there.

    Examples
    --------
    >>> placed_address("{sandbox}/erp", {"sandbox": "http://127.0.0.1:8931"})
    'http://127.0.0.1:8931/erp'
    """
    for place in PLACES:
        sign = "{" + place + "}"
        if sign in address and place not in places:
            raise InputError(
                "an address is inside the pilot's own sandbox, which is not running",
                got=address,
                remedy="start it with `workbench sandbox PILOT`, or give the system's own sandbox",
            )
        address = address.replace(sign, places.get(place, ""))
    return address
