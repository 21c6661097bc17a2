"""Further fields of a record for prompts, made by a function of the pilot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.agents.callables.function import MAX_DETAIL, PilotFunction, raised
from workbench.agents.callables.permission import is_only_answered
from workbench.agents.callables.prepared import UnpreparedError, made_fields
from workbench.agents.callables.worker import CallableWorker, Failed, Task

if TYPE_CHECKING:
    from workbench.records import Record

Prepare = Callable[["Record"], Awaitable["Record"]]


@dataclass(frozen=True, slots=True)
class Preparation:
    """A function of the pilot that gives a record further fields, for prompts.

    Parameters
    ----------
    function : PilotFunction
        Takes the columns an agent may see, returns a mapping.
    fields : tuple of str
        The keys of that mapping; its values are text.
    identity : mapping
        What makes this version of the function.
    """

    function: PilotFunction
    fields: tuple[str, ...]
    identity: Mapping[str, Any]

    def __call__(self, record: Record) -> Record:
        """Return the record with the further fields beside its own.

        Raises
        ------
        UnpreparedError
            The function raised, or returned something else than a text for each of the fields; or no code of the pilot
            is run here.
        """
        self._check_allowed()
        function = self.function.load()
        try:
            made = made_fields(function(dict(record.fields)), self.fields)
        except UnpreparedError as error:
            raise self._error(str(error)) from None
        except (Exception, SystemExit) as error:  # whatever a user's function raises concerns this record only
            raise self._error(raised(error)) from None
        return replace(record, fields={**record.fields, **made})

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Prepare]:
        """Give what prepares records in a process of its own, started when the first one is asked; raises as a call."""
        async with CallableWorker(Task(self.function, fields=self.fields)) as worker:

            async def prepared(record: Record) -> Record:
                self._check_allowed()
                said = await worker.ask(record)
                if isinstance(said, Failed):
                    raise self._error(said.detail)
                return replace(record, fields={**record.fields, **said["made"]})

            yield prepared

    def _check_allowed(self) -> None:
        if is_only_answered():
            raise self._error("not prepared here, where no code of the pilot is run")

    def _error(self, detail: str) -> UnpreparedError:
        return UnpreparedError(f"prepare {self.function.name}: {detail}"[:MAX_DETAIL])
