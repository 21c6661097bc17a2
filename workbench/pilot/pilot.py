"""A pilot: one agent use case, its folders, its settings and its agents."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from workbench.engines import EngineSections
from workbench.files import SIGNING_KEY, Settings, read_settings, take
from workbench.metrics import SELECTIVE_ACCURACY, Recalibration
from workbench.pilot.charter import CHARTER_FILE, Charter
from workbench.pilot.charter.coverage import PILOT_FILE
from workbench.pilot.contract import CONTRACT_FILE, Contract, read_contract
from workbench.pilot.guards import GuardName
from workbench.pilot.prices import Price
from workbench.words import InputError, shown

PYTHON_REFERENCE = r"^[^:]+\.py:[A-Za-z_]\w*$"


class AgentSettings(Settings):
    """One agent of a pilot: exactly one of a prompt, a Python callable or an HTTP endpoint.

    `python` is PATH:NAME with PATH relative to the root. NAME takes one record (a mapping of the columns an agent may
    see) and returns an answer `{"action", "confidence", "reason"}`; with `trained: true` NAME takes the development
    records and their labels as one DataFrame and returns such a function (with tools: of a record and the tools).
    `reads` lists further files, relative to the root, that the callable depends on: a change in one is a new version
    of the agent. `deadline_s` is how many seconds the callable may take for one record, 60 without it; then its
    process is ended and the record has failed. `version` names what runs behind an HTTP endpoint, which cannot be seen
    from here: a change in it is a new version too. `tools: true` says that the agent acts: a callable takes a second
    argument, the tools of environment.yaml; an endpoint is given their address and a token that ends with the
    decision; a prompt may call them before it decides. `role` is the agent's, for tools that only some may call.
    `recalibrate` makes a chance of being right of the confidence that is held against the threshold, fitted on the
    version's own development decisions; the same without it is another version, with the same answers.
    """

    note: str = ""
    prompt: str | None = None
    python: str | None = Field(default=None, pattern=PYTHON_REFERENCE)
    http: str | None = Field(default=None, pattern=r"^https?://")
    version: str | None = Field(default=None, min_length=1, max_length=200)
    trained: bool = False
    reads: tuple[str, ...] = ()
    deadline_s: float | None = Field(default=None, gt=0)
    recalibrate: Recalibration | None = None
    tools: bool = False
    role: str | None = Field(default=None, min_length=1, max_length=100)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("prompt", "python", "http") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of prompt, python, http must be given, not {len(given)}")
        if (self.trained or self.reads or self.deadline_s is not None) and self.python is None:
            raise ValueError("trained, reads and deadline_s belong to a python agent")
        if self.version is not None and self.http is None:
            raise ValueError("version belongs to an http agent; a prompt's server has one under server:")
        if self.role is not None and not self.tools:
            raise ValueError("role belongs to an agent with tools")
        return self


class PrepareSettings(Settings):
    """Further fields of a record for prompts, made by a function before a prompt is filled in.

    `python` is PATH:NAME as for an agent. NAME takes one record (a mapping of the columns an agent may see) and returns
    a mapping of exactly the names in `fields` to text. `reads` lists further files that the function depends on.
    """

    python: str = Field(pattern=PYTHON_REFERENCE)
    fields: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")], ...] = Field(min_length=1)
    reads: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        repeated = [name for name, count in Counter(self.fields).items() if count > 1]
        if repeated:
            raise ValueError(f"fields named twice: {shown(repeated)}")
        return self


class OpeningTerms(Settings):
    """When the sealed holdout is opened for a version: `evaluation` in pilot.yaml.

    With `open_at_chance` it is opened only if development records give the version at least this chance to be
    certified; else a gate says NO-GO on development records. A version that was opened before is not stopped.
    """

    open_at_chance: float | None = Field(default=None, gt=0, lt=1)


class PilotSettings(EngineSections):
    """The content of pilot.yaml, the engines' sections included.

    `compare` names the agents that a run without `--agent` compares, `engine` what answers prompts in a run without
    `--engine`. A run of which a larger share of calls failed than `max_failed_share` chooses no version and opens no
    holdout. `guards` names checks around every agent; turning one on or off makes another version of each. `evaluation`
    says how likely a certificate must be for the holdout to be opened.
    """

    title: str
    question: str
    escalate_label: str | None = None
    agents: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")], AgentSettings] = Field(min_length=1)
    compare: tuple[str, ...] = Field(min_length=1)
    prepare: PrepareSettings | None = None
    prices: dict[str, Price] = Field(default_factory=dict)
    max_failed_share: float = Field(default=0.05, ge=0, lt=1)
    guards: tuple[GuardName, ...] = ()
    evaluation: OpeningTerms = OpeningTerms()

    @model_validator(mode="after")
    def _compared_exist(self) -> Self:
        unknown = [name for name in self.compare if name not in self.agents]
        if unknown:
            raise ValueError(f"compare names unknown agents: {shown(unknown)}")
        return self

    @model_validator(mode="after")
    def _guards_named_once(self) -> Self:
        if len(set(self.guards)) < len(self.guards):
            raise ValueError("guards are named once each")
        return self


@dataclass(frozen=True, slots=True)
class Pilot:
    """A pilot that was found and read; its records are not read yet."""

    name: str
    root: Path
    settings: PilotSettings
    contract: Contract
    charter: Charter

    @property
    def data(self) -> Path:
        """Folder with contract and records."""
        return self.root / "datasets" / self.name

    @property
    def suite(self) -> Path:
        """Folder with pilot.yaml, charter.yaml and prompts."""
        return self.root / "eval_suites" / self.name

    @property
    def runs(self) -> Path:
        """Folder for everything a run leaves."""
        return self.root / "mlruns" / self.name

    @property
    def prompt_fields(self) -> tuple[str, ...]:
        """Names that a prompt may use of a record: the columns an agent may see, then the prepared fields."""
        prepare = self.settings.prepare
        return (*self.contract.shown, *(() if prepare is None else prepare.fields))

    def agent(self, name: str) -> AgentSettings:
        """Return an agent's settings, or say which agents there are."""
        if name not in self.settings.agents:
            raise InputError(
                f"pilot {self.name!r} has no agent {name!r}",
                where=str(self.suite / PILOT_FILE),
                expected=", ".join(sorted(self.settings.agents)),
            )
        return self.settings.agents[name]


def nearest_root(here: Path) -> Path:
    """Return the nearest folder from one upwards that has pilots, or the folder itself where none has."""
    return next((folder for folder in (here, *here.parents) if (folder / "eval_suites").is_dir()), here)


def pilot_names(root: Path) -> tuple[str, ...]:
    """Return the names of the pilots under a root, sorted."""
    return tuple(sorted(path.parent.name for path in (root / "eval_suites").glob(f"*/{PILOT_FILE}")))


def open_pilot(name: str, root: Path | str = ".") -> Pilot:
    """Return a pilot with its settings, contract and charter read and checked.

    The signing key and the key of the pilot's server are taken out of this process's environment, so that no code of
    the pilot finds them there; see `workbench.files.credentials`.

    Raises
    ------
    InputError
        There is no such pilot, or one of its files does not fit.
    """
    root = Path(root).resolve()
    names = pilot_names(root)
    if name not in names:
        raise InputError(
            f"there is no pilot {name!r}",
            where=str(root / "eval_suites"),
            expected=", ".join(names) or "no pilot is there yet",
            remedy="name one of these, give --root DIR, or make one with `workbench init`",
        )
    suite, data = root / "eval_suites" / name, root / "datasets" / name
    if not (data / CONTRACT_FILE).is_file():
        raise InputError(f"pilot {name!r} has no contract", where=str(data / CONTRACT_FILE))
    settings = read_settings(suite / PILOT_FILE, PilotSettings)
    take(SIGNING_KEY, *settings.secrets)
    pilot = Pilot(name, root, settings, read_contract(data), read_settings(suite / CHARTER_FILE, Charter))
    _check_escalate_label(pilot)
    _check_prepared_fields(pilot)
    _check_certifies(pilot)
    return pilot


def _check_escalate_label(pilot: Pilot) -> None:
    """Refuse an escalation label that the contract does not know."""
    label, allowed = pilot.settings.escalate_label, pilot.contract.labels
    if label is not None and allowed is not None and label not in allowed:
        raise InputError(
            f"escalate_label {label!r} is no label of the contract",
            where=str(pilot.suite / PILOT_FILE),
            expected=shown(allowed),
        )


def _check_prepared_fields(pilot: Pilot) -> None:
    """Refuse a prepared field that is a column already."""
    prepare = pilot.settings.prepare
    taken = [] if prepare is None else [name for name in prepare.fields if name in pilot.contract.columns]
    if taken:
        raise InputError(
            "a prepared field has the name of a column",
            where=f"{pilot.suite / PILOT_FILE}, prepare.fields",
            got=shown(taken),
            remedy="give it a name that the contract does not have",
        )


def _check_certifies(pilot: Pilot) -> None:
    """Refuse a least chance of a certificate where the charter asks for none."""
    target = pilot.charter.target(SELECTIVE_ACCURACY)
    if pilot.settings.evaluation.open_at_chance is None or (target is not None and 0.0 < target < 1.0):
        return
    raise InputError(
        "there is no certificate to be likely: the charter asks for no selective accuracy below 100%",
        where=f"{pilot.suite / PILOT_FILE}, evaluation.open_at_chance",
        remedy=f"agree on a KPI on {SELECTIVE_ACCURACY} in {CHARTER_FILE}, or take the key out",
    )
