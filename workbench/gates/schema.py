"""gates.yaml: for each gate its notebooks, its criteria, its documents, and which findings block it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from workbench.evidence import Check, Maker, maker_of, makers
from workbench.files import Settings, read_settings
from workbench.gates.builtin import OF_AGREEMENT
from workbench.metrics import ACCURACY, Operator
from workbench.pilot import Contract, Pilot, Role, Severity
from workbench.pilot.charter import GATES_FILE, Cell, Charter, one_of
from workbench.records import STRATA
from workbench.words import InputError, shown

GATE_NUMBERS = (1, 2, 3)
ID = r"^[a-z][a-z0-9_-]*$"


@cache
def known_checks() -> Mapping[str, Check]:
    """Return every check that a criterion may name or that is built in, by its id: the makers', then the gates' own."""
    of_makers = [check for one in makers() for check in one.checks]
    return {check.id: check for check in (*of_makers, *OF_AGREEMENT)}


def _inside(path: str) -> str:
    """Refuse a path that leads out of the pilot's folder."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or not parts.name:
        raise ValueError("a document's file is a path inside the pilot's folder, such as process.yaml")
    return path


def _known_metric(name: str) -> str:
    """Refuse a metric that no maker has."""
    return one_of(name, [metric for one in makers() for metric in one.metrics])


def _known_check(name: str) -> str:
    """Refuse a check that there is not."""
    return one_of(name, list(known_checks()))


class DocumentSettings(Settings):
    """A document that must be there, complete and signed off.

    `must_have` names top-level keys of a YAML file or words of a Markdown file's headings; `signed_by` the roles whose
    sign-off it needs.
    """

    id: str = Field(pattern=ID)
    title: str = Field(min_length=3)
    file: Annotated[str, AfterValidator(_inside)]
    must_have: tuple[str, ...] = ()
    signed_by: tuple[str, ...] = Field(default=(), max_length=10)
    no_waiver: bool = False


class CriterionSettings(Settings):
    """One criterion: a KPI of the charter, a metric against a stated target, or a check.

    `slice` holds an estimate to the records whose column has a value, such as `{class: edge}`. `at_least` and `each`
    are counts that a check asks for.
    """

    id: str = Field(pattern=ID)
    title: str = ""
    kpi: str | None = None
    metric: Annotated[str, AfterValidator(_known_metric)] | None = None
    check: Annotated[str, AfterValidator(_known_check)] | None = None
    operator: Operator | None = None
    target: float | None = Field(default=None, allow_inf_nan=False)
    confidence_level: float | None = Field(default=None, gt=0.5, lt=1)
    slice: dict[str, Cell] = Field(default_factory=dict, max_length=3)
    at_least: int | None = Field(default=None, ge=1)
    each: int | None = Field(default=None, ge=1)
    no_waiver: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("kpi", "metric", "check") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of kpi, metric, check must be given, not {len(given)}")
        stated = self.operator is not None and self.target is not None
        if self.metric is not None and not stated:
            raise ValueError("a metric needs an operator and a target")
        if self.metric is None and (self.operator or self.target is not None or self.confidence_level):
            raise ValueError("operator, target and confidence_level belong to a metric; a KPI's are in the charter")
        if self.slice and (self.check is not None or not _takes_slices(self.metric)):
            raise ValueError("a slice belongs to an estimate of decisions")
        for name in ("at_least", "each"):
            taking = sorted(one.id for one in known_checks().values() if name in one.counts)
            if getattr(self, name) is not None and self.check not in taking:
                raise ValueError(
                    f"{name} belongs to {'the checks' if len(taking) > 1 else 'the check'} {', '.join(taking)}"
                )
        return self

    @property
    def counts(self) -> dict[str, int]:
        """The counts that the check asks for: those given, else the check's own."""
        assert self.check is not None
        return {name: getattr(self, name) or usual for name, usual in known_checks()[self.check].counts.items()}

    @property
    def maker(self) -> str:
        """The maker whose exhibit this rests on; empty where it rests on what was agreed."""
        if self.check is not None:
            return known_checks()[self.check].needs
        return maker_of(ACCURACY if self.metric is None else self.metric).name  # a KPI is one of decisions


def _takes_slices(metric: str | None) -> bool:
    return metric is None or maker_of(metric).takes_slices


def built_in(number: int) -> tuple[CriterionSettings, ...]:
    """Return what a gate asks for besides its file: nobody can leave it out, rename or waive it."""
    asked = sorted((one for one in known_checks().values() if number in one.gates), key=lambda one: one.place)
    return tuple(CriterionSettings(id=one.id.replace("_", "-"), check=one.id, no_waiver=True) for one in asked)


class GateSettings(Settings):
    """One gate."""

    title: str = Field(min_length=3)
    notebooks: tuple[Annotated[str, Field(pattern=r"^[\w.-]+$")], ...] = ()
    criteria: tuple[CriterionSettings, ...] = Field(min_length=1)
    documents: tuple[DocumentSettings, ...] = ()
    blocking: tuple[Severity, ...] = (Severity.CRITICAL, Severity.HIGH)

    @property
    def asked_makers(self) -> tuple[Maker, ...]:
        """The makers whose exhibits anything here rests on, or stand for those, in the order of the registry."""
        named = {one.maker for one in self.criteria} - {""}
        return tuple(one for one in makers() if one.name in named or one.in_place_of in named)

    @property
    def needed_makers(self) -> tuple[Maker, ...]:
        """Those, and the makers that these rest on."""
        asked = self.asked_makers
        named = {one.name for one in asked} | {name for one in asked for name in one.rests_on}
        return tuple(one for one in makers() if one.name in named)

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        ids = [criterion.id for criterion in self.criteria] + [f"document-{one.id}" for one in self.documents]
        repeated = [name for name, count in Counter(ids).items() if count > 1]
        if repeated:
            raise ValueError(f"ids given twice: {shown(repeated)}")
        return self


class Gates(Settings):
    """The content of gates.yaml: every gate by its number."""

    gates: dict[Annotated[int, Field(ge=1, le=3)], GateSettings]

    @model_validator(mode="after")
    def _all_three(self) -> Self:
        missing = [number for number in GATE_NUMBERS if number not in self.gates]
        if missing:
            raise ValueError(f"gates {', '.join(map(str, missing))} are missing; a gate is never skipped")
        taken = {name for one in built_in(2) for name in (one.check, one.id)}
        named = [one.id for gate in self.gates.values() for one in gate.criteria if {one.id, one.check} & taken]
        if named:
            raise ValueError(f"{shown(named)}: what is built in stands in no file")
        return self


def read_gates(pilot: Pilot) -> Gates:
    """Return a pilot's gates, checked against its charter and contract, with the criteria that are built in.

    Raises
    ------
    InputError
        The file is missing or does not fit, or a criterion names a KPI or column that there is not.
    """
    path = pilot.suite / GATES_FILE
    if not path.is_file():
        raise InputError(
            f"pilot {pilot.name!r} has no {GATES_FILE}",
            where=str(path),
            remedy=f"workbench gates-file {pilot.name} writes the default one",
        )
    return checked_gates(path, pilot.charter, pilot.contract)


def checked_gates(path: Path, charter: Charter, contract: Contract) -> Gates:
    """Return the gates that a file holds, checked against charter and contract. Raises as `read_gates`."""
    gates = read_settings(path, Gates)
    kpis = [kpi.id for kpi in charter.kpis]
    columns = slice_columns(contract)
    for number, gate in gates.gates.items():
        for criterion in gate.criteria:
            where = f"{path}, gate {number}, criterion {criterion.id}"
            if criterion.kpi is not None and criterion.kpi not in kpis:
                raise InputError(
                    f"the charter has no KPI {criterion.kpi!r}",
                    where=where,
                    expected=", ".join(kpis) or "no KPI is there",
                )
            unknown = [name for name in criterion.slice if name not in columns]
            if unknown:
                raise InputError(
                    "a slice names a column by which records cannot be cut",
                    where=where,
                    got=shown(unknown),
                    expected=", ".join(sorted(columns)),
                )
        _check_roles(charter, gate, f"{path}, gate {number}")
    return Gates.model_construct(gates={number: _with_built_in(number, gate) for number, gate in gates.gates.items()})


def slice_columns(contract: Contract) -> frozenset[str]:
    """Return what a slice may name: columns an agent sees, what the outcomes hold, and strata that are there."""
    held = {name for name, column in contract.columns.items() if column.role in (Role.LABEL, Role.REASON, Role.CLASS)}
    strata = {name for name in STRATA if name not in contract.columns and contract.column_with(Role(name)) is not None}
    return frozenset({*contract.shown, *held, *strata})


def _with_built_in(number: int, gate: GateSettings) -> GateSettings:
    """Return a gate with what it asks for besides its file."""
    return gate.model_copy(update={"criteria": (*built_in(number), *gate.criteria)})


def _check_roles(charter: Charter, gate: GateSettings, where: str) -> None:
    """Refuse a sign-off by a role that does not sign the charter: nobody would have agreed to it."""
    signing = charter.signing_roles
    for document in gate.documents:
        unknown = [role for role in document.signed_by if role not in signing]
        if unknown:
            raise InputError(
                "a document is to be signed off by a role that does not sign the charter",
                where=f"{where}, document {document.id}",
                got=shown(unknown),
                expected=", ".join(signing) or "stakeholders with `signs: true` in the charter",
            )


def default_gates(kpi_ids: tuple[str, ...], *, has_suites: bool = True) -> str:
    """Return the text of a new pilot's gates.yaml; Gate 2 asks for every KPI, and runs the test cases."""
    template = (Path(__file__).parent / "templates" / f"{GATES_FILE}.template").read_text(encoding="utf-8")
    lines = [f"      - {{id: kpi-{kpi}, kpi: {kpi}, no_waiver: true}}" for kpi in kpi_ids]
    notebooks = ["02_prompt_iteration", "03_evaluation", *(["04_test_cases"] if has_suites else [])]
    text = template.replace("$notebooks", f"[{', '.join(notebooks)}]")
    return text.replace("$kpis\n", "".join(f"{line}\n" for line in lines))
