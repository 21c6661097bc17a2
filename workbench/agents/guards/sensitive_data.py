"""A guard on what an agent says: personal data that nobody needs there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from workbench.agents.decisions import Decision
from workbench.agents.guards.guard import Asks, StepIn
from workbench.environment import Cited, Event, GuardVerdict, Reasoning, Stage, Trace
from workbench.personal import Found, PersonalData, find_personal_data, may_hold, replaced
from workbench.pilot import Contract, GuardName, PiiClass, Role
from workbench.records import Record
from workbench.words import several

# A number of a business is no personal data with certainty.
TELLING = 6  # characters of a cell that are no common word
MASKED = frozenset(PersonalData) - {PersonalData.VAT}


@dataclass(frozen=True, slots=True)
class SensitiveData:
    """Personal data in a reason, in evidence or in a raw answer is replaced by its kind.

    What a cell of the record holds in a column that is agreed to hold no personal data, and is no free text, stays: an
    order number may look like a telephone number.
    """

    plain: tuple[str, ...]

    name: ClassVar[GuardName] = GuardName.SENSITIVE_DATA
    stage: ClassVar[Stage] = Stage.OUTPUT

    @classmethod
    def of(cls, contract: Contract) -> SensitiveData:
        """Return the guard of a contract."""
        columns = {name: contract.columns[name] for name in contract.shown}
        return cls(tuple(n for n, one in columns.items() if one.pii is PiiClass.NONE and one.role is not Role.TEXT))

    @property
    def identity(self) -> Mapping[str, Any]:
        """What is masked, and columns whose cells are not."""
        return {"masked": sorted(MASKED), "plain": list(self.plain)}

    async def look(self, record: Record, decision: Decision | None, asks: Asks) -> StepIn | None:
        """Change the texts where personal data stands in them; the trace tells kinds, never the data itself."""
        if decision is None:
            return None
        kinds = Counter[str]()
        changed: dict[str, Any] = {}
        for name, text in (("reason", decision.reason), ("text", decision.text)):
            masked = self._masked(record, text, kinds)
            if masked != text:
                changed[name] = masked
        if "text" in changed:
            changed["tokens"] = None  # they spell the text as it was
        events = [self._masked_event(record, event, kinds) for event in (decision.trace or Trace()).events]
        if not kinds:
            return None
        if decision.trace is not None:
            changed["trace"] = replace(decision.trace, events=tuple(events))
        told = ", ".join(several(n, kind) for kind, n in sorted(kinds.items()))
        return StepIn(f"personal data in what it says: {told}", GuardVerdict.MODIFY, "reason", changed)

    def _masked_event(self, record: Record, event: Event, kinds: Counter[str]) -> Event:
        """Return an event without personal data in what the agent cites or thinks; what tools said is the state's."""
        name = {Cited: "value", Reasoning: "text"}.get(type(event))
        said = None if name is None else getattr(event, name)
        masked = self._masked(record, said, kinds) if isinstance(said, str) else said
        return event if name is None or masked == said else event.model_copy(update={name: masked})

    def _masked(self, record: Record, text: str | None, kinds: Counter[str]) -> str | None:
        """Return a text without personal data, what was in it counted by kind."""
        pieces = _unneeded(text or "", [str(record.fields.get(name)) for name in self.plain])
        if not text or not pieces:
            return text
        kinds.update(one.kind.value for one in pieces)
        return replaced(text, [(one.start, one.end, f"[{one.kind.value}]") for one in pieces])


def personal_data_said(contract: Contract, fields: Mapping[str, Any], text: str) -> tuple[str, ...]:
    """Return what personal data stands in a text that is kept of a record: kinds, and columns by their agreed class.

    Parameters
    ----------
    contract : Contract
        Whose columns are agreed to hold personal data or not.
    fields : mapping of str to object
        What an agent is shown of the record; empty where a text is of none.
    text : str
        An agent's output, a trace, an answer.

    Returns
    -------
    tuple of str
        Such as `email` or `note (personal)`, each once, never the data itself.

    Examples
    --------
    >>> contract = Contract(records=["r.csv"], columns={"id": {"role": "id"}, "y": {"role": "label"}})
    >>> personal_data_said(contract, {}, "ask max@firma.de")
    ('email',)
    """
    plain = SensitiveData.of(contract).plain
    kinds = [one.kind.value for one in _unneeded(text, [str(fields.get(name)) for name in plain])]
    columns = {name: one.pii for name, one in contract.columns.items() if one.pii is not PiiClass.NONE}
    cells = {name: str(fields[name]) for name in columns if fields.get(name) is not None}
    kinds += [
        f"{name} ({columns[name].value})" for name, cell in cells.items() if len(cell) >= TELLING and cell in text
    ]
    return tuple(dict.fromkeys(kinds))


def personal_data_shown(contract: Contract, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what personal data an agent is shown in columns that are agreed to hold none, as `email in COLUMN`."""
    free = [name for name in contract.shown if contract.columns[name].pii is PiiClass.NONE]
    found = {name: _unneeded(str(fields[name]), ()) for name in free if fields.get(name) is not None}
    return tuple(dict.fromkeys(f"{one.kind.value} in {name}" for name, pieces in found.items() for one in pieces))


def _unneeded(text: str, cells: Sequence[str]) -> list[Found]:
    """Return the personal data in a text that stands in none of some cells."""
    if not may_hold(text):
        return []
    found = (one for one in find_personal_data(text) if one.kind in MASKED)
    return [one for one in found if not any(text[one.start : one.end] in cell for cell in cells)]
