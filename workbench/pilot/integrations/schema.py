"""What integrations.yaml says: systems, how they are reached, and for each operation what it takes, gives and promises.

Only what makes the file unreadable is refused here. What is merely missing or too vague is a gap, which
`workbench integrations check PILOT` names all at once.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from workbench.files import Settings

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][\w-]{0,63}$")]
Safeguard = Literal["idempotency_key", "read_back", "undo"]  # of what an operation writes
Code = Annotated[str, Field(min_length=1, max_length=40)]


class SystemType(StrEnum):
    """How a system is reached."""

    REST = "rest"
    SOAP = "soap"
    SQL = "sql"
    FILE = "file"
    QUEUE = "queue"
    MCP = "mcp"


class AuthKind(StrEnum):
    """How a caller says who it is."""

    NONE = "none"
    API_KEY = "api_key"  # a secret in a header
    BASIC = "basic"  # user and password
    CLIENT_CREDENTIALS = "client_credentials"  # OAuth 2: client id and secret for a token that expires
    DATABASE_USER = "database_user"  # user and password of the database address
    FILE_RIGHTS = "file_rights"  # the account that the process runs under


class Authentication(Settings):
    """How the agent's service account is known to a system; secrets stand in variables of the environment.

    Parameters
    ----------
    token : str, optional
        `POST /path` that gives a token, for client credentials.
    user_env, secret_env : str, optional
        Variables with user, client id, and with password, key, client secret.
    previous_secret_env : str, optional
        Variable with the secret before the last rotation, which must be refused.
    foreign_user_env, foreign_secret_env : str, optional
        Variables with the credentials of another account, which has none of the rights.
    header : str
        Header that carries an API key.
    expires_s : float, optional
        Seconds after which a token is refused.
    rotation_days : float, optional
        Days after which the secret is replaced.
    issued : date, optional
        When the present secret was issued, where no sandbox says it.
    """

    kind: AuthKind
    token: str | None = Field(default=None, pattern=r"^POST /\S*$")
    user_env: str | None = None
    secret_env: str | None = None
    previous_secret_env: str | None = None
    foreign_user_env: str | None = None
    foreign_secret_env: str | None = None
    header: str = "X-API-Key"
    scope: str | None = None
    expires_s: float | None = Field(default=None, gt=0)
    rotation_days: float | None = Field(default=None, gt=0)
    issued: date | None = None


class OnExceed(StrEnum):
    """What a system does with calls beyond its rate."""

    REFUSES = "refuses"  # 429, or what the type has in its place
    DELAYS = "delays"  # they wait
    DROPS = "drops"  # they are lost


class Rate(Settings):
    """How many calls a system takes: so many a second on the long run, `burst` at once besides."""

    per_s: float = Field(gt=0)
    burst: int = Field(default=1, ge=1)
    on_exceed: OnExceed = OnExceed.REFUSES
    retry_after: bool = False


class FieldType(StrEnum):
    """What a field of an answer holds."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"


class AnswerField(Settings):
    """One field of an answer.

    Parameters
    ----------
    becomes : str, optional
        The column of contract.yaml that it is, letter by letter; None where the agent does not need it.
    format : str, optional
        Of a date or moment, as strptime writes it; a moment's must end in %z where it says its zone.
    decimal : str
        Sign before the decimals, "." or ",".
    zone : str, optional
        Time zone of a moment whose format has none, such as Europe/Berlin.
    values : tuple of str
        The only values, where they are a list.
    """

    type: FieldType = FieldType.TEXT
    becomes: str | None = None
    format: str | None = None
    decimal: str = Field(default=".", pattern=r"^[.,]$")
    zone: str | None = None
    values: tuple[str, ...] = ()
    optional: bool = False


class OperationError(Settings):
    """What one error means, and whether the same call may be made again."""

    meaning: str = Field(min_length=3)
    retry: bool


class OperationEffect(StrEnum):
    """Whether an operation changes anything."""

    READ = "read"
    WRITE = "write"


class Paging(Settings):
    """How a list is read to its end: parameter `after` takes what field `next` said, until it says nothing.

    `size` is the parameter that says how many rows a page has, `most` the largest, `total` the field that counts all.
    """

    rows: str
    after: str
    next: str
    size: str | None = None
    most: int = Field(default=100, ge=1)
    total: str | None = None


class Operation(Settings):
    """One thing that a system does for the agent.

    Parameters
    ----------
    call : str
        REST `GET /orders/{po_number}`; SOAP and MCP the operation's name; SQL the statement with named parameters;
        file a pattern of names; queue `receive` or `send`.
    arguments : mapping of str to str
        Argument to the contract's column whose value of a record it takes. `idempotency_key`, `correlation` and what
        an agent says itself need not stand here.
    said : mapping of str to str
        Argument that the agent says itself to an example of it.
    idempotency_key : str, optional
        Header (REST) or argument with a key by which a second call changes nothing.
    errors : mapping of str to OperationError
        By status code, fault code, SQLSTATE or error name.
    latency_p95_ms : float, optional
    answer : mapping of str to AnswerField
        Fields of the answer, or of each of its rows.
    rows : str, optional
        Field of the answer that lists the rows; a single row, or a bare list, without it.
    read_back, undo : str, optional
        Operations of the same system that show, and take back, what this one wrote.
    conflict : str, optional
        The error of a second write with the same key and another content.
    without : mapping of str to str
        Why a write has no `idempotency_key`, `read_back` or `undo`, by that name.
    tool : str, optional
        Tool of environment.yaml that it stands behind.
    """

    effect: OperationEffect
    call: str = ""
    arguments: dict[Name, str] = Field(default_factory=dict)
    said: dict[Name, str] = Field(default_factory=dict)
    idempotency_key: str | None = None
    errors: dict[Code, OperationError] = Field(default_factory=dict)
    latency_p95_ms: float | None = Field(default=None, gt=0)
    answer: dict[str, AnswerField] = Field(default_factory=dict)
    rows: str | None = None
    paging: Paging | None = None
    read_back: Name | None = None
    undo: Name | None = None
    conflict: Code | None = None
    without: dict[Safeguard, str] = Field(default_factory=dict)
    tool: Name | None = None


class System(Settings):
    """One system that the agent works with.

    Parameters
    ----------
    type : SystemType, optional
        None is a gap.
    team : str
        Role in which the system's own team signs.
    sandbox : str, optional
        Address of its sandbox: on this machine, or a host of `sandbox: hosts`. `{sandbox}`, `{folder}` and
        `{database}` stand for where the pilot's own sandbox is.
    described_by : str, optional
        Path of its OpenAPI description or WSDL, under the address.
    correlation : str, optional
        Header or argument that takes the id of the record that a call is for.
    auth_denied : tuple of str
        Codes by which it refuses a caller without the right.
    not_granted : mapping of str to str
        Calls besides those that its description lists, which the agent's account must be refused, by name.
    encoding : str
        Of its texts.
    """

    id: Name
    what: str = ""
    type: SystemType | None = None
    owner: str = ""
    team: str = ""
    sandbox: str | None = None
    described_by: str | None = None
    correlation: str | None = None
    auth: Authentication | None = None
    auth_denied: tuple[Code, ...] = ("401", "403")
    rate: Rate | None = None
    operations: dict[Name, Operation] = Field(default_factory=dict)
    not_granted: dict[Name, str] = Field(default_factory=dict)
    encoding: str = "utf-8"
    when_it_fails: str = ""


class SandboxSettings(Settings):
    """The pilot's own stand-in for its systems, and what of sandboxes may be reached and moved.

    Parameters
    ----------
    serve : str, optional
        `FILE.py:NAME` beside integrations.yaml: what makes the stand-in; `workbench sandbox` starts it.
    clock : str, optional
        Address of a clock that a test may put forward; without it what takes long is not measured.
    written : str, optional
        Address that lists what was written, for the outcome of faults.
    foreign : str, optional
        Address that lists what an agent's account must not see: records of another tenant, canaries; and when each
        secret was issued.
    hosts : tuple of str
        Private hosts besides this machine that a probe may reach.
    """

    serve: str | None = Field(default=None, pattern=r"^[\w.-]+\.py:[A-Za-z_]\w*$")
    clock: str | None = None
    written: str | None = None
    foreign: str | None = None
    hosts: tuple[str, ...] = ()


class IntegrationSettings(Settings):
    """The content of integrations.yaml.

    `engineers` is the role in which the pilot's engineers sign; each system's team signs besides.
    """

    title: str = ""
    version: int = 1
    owner: str = ""
    engineers: str = ""
    sandbox: SandboxSettings = SandboxSettings()
    systems: tuple[System, ...] = ()
    not_connected: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _ids_are_one_each(self) -> Self:
        ids = [system.id for system in self.systems]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"systems have one id: {', '.join(twice)}")
        return self
