"""What signatures say of the lines of an audit trail: which hold, and which fields of the others were altered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from workbench.pilot.signing import PublicKey
from workbench.runs.journal import FIELDS, TrailLine, TrailSeal, sealed_field

MOST_TRIED = 100  # lines out of place that are tried at each other's numbers


class SealFault(StrEnum):
    """What is wrong with the line of a decision as a whole."""

    NO_LINE = "no line"  # no moment was kept: from before the trail, or the line was deleted
    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown key"
    BROKEN = "does not hold"


@dataclass(slots=True)
class TrailProof:
    """What the signatures say of lines; `resealed` are fields by line, `misplaced` the true numbers of lines.

    `planned` are the ids of the records that decisions are read of.
    """

    lines: Sequence[TrailLine]
    seals: Sequence[TrailSeal]
    keys: Mapping[str, PublicKey]
    planned: frozenset[str]
    faults: dict[TrailLine, SealFault] = field(default_factory=dict)
    resealed: dict[TrailLine, set[str]] = field(default_factory=dict)
    misplaced: dict[TrailLine, int] = field(default_factory=dict)
    _seal_of: dict[int, TrailSeal] = field(default_factory=dict)
    _counts: dict[str, Counter[bytes | None]] = field(default_factory=dict)

    def judge(self, wanted: Sequence[TrailLine]) -> None:
        """Hold each line against its signature, and those that fail against the signatures of the fields."""
        for seal in self.seals:
            if isinstance(seal.first, int) and isinstance(seal.last, int) and seal.last - seal.first <= len(self.lines):
                self._seal_of |= dict.fromkeys(range(seal.first, seal.last + 1), seal)
        broken = []
        for line in wanted:
            fault = self._fault(line)
            if fault is not None:
                self.faults[line] = fault
                broken += [line] if fault is not SealFault.UNKNOWN_KEY else []
        if broken:
            self._place(broken)
            self._name(broken)

    def seal_of(self, line: TrailLine) -> TrailSeal | None:
        """Return the seal of the transaction that a line is of, None where there is none."""
        return self._seal_of.get(line.number)

    def sealed_by(self, line: TrailLine) -> str | None:
        """Return the key that signed a line, as a line of text; None where nothing says which."""
        seal = self.seal_of(line)
        if seal is not None or not line.signature:
            return None if seal is None else seal.key
        return next((name for name, key in self.keys.items() if key.holds(line.signed_part(), line.signature)), None)

    def is_of_another(self, name: str, content: bytes, line: TrailLine) -> bool:
        """Return whether exactly one other line sealed a field with this content."""
        place = FIELDS.index(name)
        if name not in self._counts:
            self._counts[name] = Counter(one.digests[place] for one in self.lines)
        return self._counts[name][content] - (line.digests[place] == content) == 1

    def _fault(self, line: TrailLine) -> SealFault | None:
        seal = self.seal_of(line)
        if not line.signature:
            return SealFault.UNSIGNED
        # Without a seal its process was killed before it sealed, and nothing says which key it was.
        keys = self.keys.values() if seal is None else filter(None, [self.keys.get(seal.key)])
        held = [key.holds(line.signed_part(), line.signature) for key in keys]
        if any(held):
            return None
        return SealFault.BROKEN if held else SealFault.UNKNOWN_KEY

    def _place(self, broken: Sequence[TrailLine]) -> None:
        """Find lines that stand under each other's numbers."""
        for line in broken[:MOST_TRIED]:
            for other in broken[:MOST_TRIED]:
                seal = self._seal_of.get(other.number)
                key = None if seal is None else self.keys.get(seal.key)
                if other.number == line.number or key is None:
                    continue
                if key.holds(line.signed_part(other.number), line.signature):
                    self.misplaced[line] = other.number

    def _name(self, broken: Sequence[TrailLine]) -> None:
        """Name the fields of broken lines whose signature in the seal does not hold either."""
        numbered: dict[int, TrailLine] = {}
        for line in self.lines:
            numbered.setdefault(self.misplaced.get(line, line.number), line)
        fields: dict[int, set[str]] = {}
        for line in broken:
            seal = self.seal_of(line)
            if seal is None or seal.key not in self.keys or line in self.misplaced:
                continue
            if seal.first not in fields:
                inside = [numbered[n] for n in range(seal.first, seal.last + 1) if n in numbered]
                fields[seal.first] = {
                    name
                    for name, signature in zip(FIELDS, seal.signatures, strict=True)
                    if not self.keys[seal.key].holds(sealed_field(name, inside, seal.first, seal.last), signature)
                }
            self.resealed[line] = fields[seal.first]
