"""What a gate looks at: the facts, beside what gates.yaml asks of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.evidence import Exhibit, Facts, Maker
from workbench.gates.schema import Gates


@dataclass(frozen=True, slots=True, eq=False)
class GateFacts(Facts):
    """Facts with the gates of the pilot."""

    gates: Gates = field(kw_only=True)

    def asked_of(self, number: int) -> dict[Maker, Exhibit]:
        """Return the exhibits that a gate asks for and that are there, by their makers."""
        asked = self.gates.gates[number].asked_makers
        return {one: self.exhibits[one.name] for one in asked if one.name in self.exhibits}

    def needed_for(self, number: int) -> dict[Maker, Exhibit]:
        """Return those, and the exhibits that these rest on."""
        needed = self.gates.gates[number].needed_makers
        return {one: self.exhibits[one.name] for one in needed if one.name in self.exhibits}
