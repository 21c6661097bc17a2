"""environment.yaml: the tables that an agent acts on in a test, the tools over them, and the limits."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from workbench.environment.trace import Effect
from workbench.files import Settings
from workbench.words import shown

ENVIRONMENT_FILE = "environment.yaml"
NAME = r"^[A-Za-z_]\w{0,63}$"
Name = Annotated[str, Field(pattern=NAME)]
MemoryName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w{0,39}$")]  # with what is put before it, a tool's name
IDEMPOTENCY_KEY = "idempotency_key"


class ArgumentType(StrEnum):
    """What an argument of a tool is."""

    STRING = "string"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"


class Argument(Settings):
    """One argument of a tool; `string` alone is short for `{type: string}`."""

    type: ArgumentType
    description: str = ""
    required: bool = True


def _spelled_out(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


class TableSettings(Settings):
    """One table of the state.

    `from_record` fills one row from the record: a list of its columns, or a mapping of a table's column to the
    record's. `rows` is a CSV file beside environment.yaml whose rows are there before. `columns` names the columns of a
    table that starts empty. `unique` are columns that together tell one row from the others. `full_text: true` makes
    the rows of a file a full-text index (SQLite's FTS5), which tools search with MATCH and do not change.
    """

    from_record: tuple[str, ...] | dict[Name, str] = ()
    rows: str | None = None
    columns: tuple[Name, ...] = ()
    unique: tuple[str, ...] = ()
    full_text: bool = False

    @property
    def filled(self) -> dict[str, str]:
        """Column of the table by column of the record that fills it."""
        named = self.from_record
        return dict(named) if isinstance(named, dict) else {name: name for name in named}

    @model_validator(mode="after")
    def _has_columns(self) -> Self:
        if not (self.from_record or self.rows or self.columns):
            raise ValueError("a table has from_record, rows or columns")
        if self.full_text and (self.rows is None or self.from_record or self.unique):
            raise ValueError("a full_text table has rows, and neither from_record nor unique")
        return self


class ToolSettings(Settings):
    """One tool: a SQL statement with named parameters, or a Python function `FILE.py:NAME` beside environment.yaml.

    `arguments` are those of a statement; a function's own signature and docstring say what it takes and does. `effect`
    says whether it changes anything, `allowed_for` which roles of agents may call it (all without it), `amount` the
    argument that counts towards the limit in euro. `carries_out` is the action that it carries out: where a guard says
    that a person must decide, only tools that carry out the escalation, or no action, may be called. `required` tools
    must be called in every decision, before anything is written. `documents` is the column of its rows that names the
    documents that it returns; a function may return their names alone. A statement or function that takes
    `idempotency_key` is given one that is the same whenever the same decision asks for the same.
    """

    description: str = ""
    sql: str | None = None
    python: str | None = Field(default=None, pattern=r"^[\w./-]+\.py:[A-Za-z_]\w*$")
    arguments: dict[Name, Annotated[Argument, BeforeValidator(_spelled_out)]] = Field(default_factory=dict)
    effect: Effect = Effect.READ
    allowed_for: tuple[str, ...] = ()
    amount: str | None = None
    carries_out: str | None = None
    required: bool = False
    documents: str | None = None
    deadline_s: float = Field(default=5.0, gt=0, le=60)

    def has_amount(self, arguments: Mapping[str, Argument]) -> bool:
        """Return whether one of some arguments is the amount, and a number."""
        named = None if self.amount is None else arguments.get(self.amount)
        return named is not None and named.type in (ArgumentType.NUMBER, ArgumentType.INTEGER)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.sql is None) == (self.python is None):
            raise ValueError("a tool has either sql or python")
        if self.sql is not None and not self.description:
            raise ValueError("a tool with sql needs a description: it is what an agent reads")
        if self.python is not None and self.arguments:
            raise ValueError("the arguments of a python tool are those of its function")
        if IDEMPOTENCY_KEY in self.arguments:
            raise ValueError(f"{IDEMPOTENCY_KEY} is given to a tool, not by the agent")
        if self.documents is not None and self.effect is Effect.WRITE:
            raise ValueError("a tool that returns documents only reads")
        return self


class ActionLimits(Settings):
    """How much one decision may do: calls, calls that write, and euro over all writes."""

    calls: int = Field(default=30, ge=1, le=200)
    writes: int = Field(default=5, ge=0)
    euro: float | None = Field(default=None, ge=0)


class MemorySettings(Settings):
    """One memory across decisions: what is remembered for the records that share the value of column `by`.

    `by` is the contract's column with the role `entity`.
    """

    by: str


class EnvironmentSettings(Settings):
    """The content of environment.yaml.

    `needs` is the column of a record that names the documents that its decision needs, with `;` between them; an agent
    does not see it. Each name under `memory` gives agents two tools more, `recall_NAME` and `remember_NAME`.
    """

    tables: dict[Name, TableSettings] = Field(default_factory=dict)
    tools: dict[Name, ToolSettings] = Field(min_length=1)
    limits: ActionLimits = ActionLimits()
    needs: str | None = None
    memory: dict[MemoryName, MemorySettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _amounts_are_arguments(self) -> Self:
        with_amount = {name: tool for name, tool in self.tools.items() if tool.sql and tool.amount}
        wrong = [name for name, tool in with_amount.items() if not tool.has_amount(tool.arguments)]
        if wrong:
            raise ValueError(f"amount names no argument of the tool that is a number: {shown(wrong)}")
        if self.limits.euro is not None and not any(tool.amount for tool in self.tools.values()):
            raise ValueError("limits.euro needs a tool with an amount")
        if self.needs is not None and not any(tool.documents for tool in self.tools.values()):
            raise ValueError("needs asks for a tool that says which documents it returns (documents: COLUMN)")
        return self
