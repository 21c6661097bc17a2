"""Every estimate of a probe, counted from its lines, and the findings on those that deviate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import pandas as pd

from workbench.evidence import Finding
from workbench.integrations.lines import LineKind, LineVerdict, kind_of
from workbench.metrics import Estimate, Unit
from workbench.pilot import Severity
from workbench.words import several

DEVIATIONS, MEASURED, PROBED = "integration_deviations", "integration_lines_measured", "operations_probed"
UNITS = MappingProxyType({DEVIATIONS: Unit.NUMBER, MEASURED: Unit.SHARE, PROBED: Unit.SHARE})
COUNTED = "counted, nothing is estimated"
NO_LINES = "integrations.yaml declares nothing"

# How grave a line that deviates is, and what follows.
GRAVITY = {
    LineKind.ACCESS: (Severity.CRITICAL, "who must not get in gets in, or who must does not"),
    LineKind.RIGHTS: (Severity.CRITICAL, "the agent's account can do what it was never granted"),
    LineKind.WRITING: (Severity.CRITICAL, "something is written twice, otherwise, or stays"),
    LineKind.DELIVERY: (Severity.CRITICAL, "a message is lost, or comes again after it was acknowledged"),
    LineKind.PAGING: (Severity.HIGH, "rows are missing or counted twice"),
    LineKind.ANSWER: (Severity.HIGH, "the agent reads something else than it was built for"),
    LineKind.ERROR: (
        Severity.HIGH,
        "the agent does not know the error for what it is, and calls again or gives up wrongly",
    ),
    LineKind.RATE: (Severity.MEDIUM, "under load calls are refused, or others suffer from the agent's"),
    LineKind.LATENCY: (Severity.MEDIUM, "decisions take longer than was agreed"),
    LineKind.DESCRIPTION: (Severity.MEDIUM, "what is built from the description does not fit the system"),
}


def estimates_of_lines(lines: pd.DataFrame) -> dict[str, Estimate]:
    """Return every estimate of a probe: all counts, without an interval.

    Parameters
    ----------
    lines : DataFrame
        As `workbench.integrations.lines.lines_table` gives it.

    Returns
    -------
    dict
        `integration_deviations`, lines that deviate, n the measured ones; `integration_lines_measured` of the declared
        lines; `operations_probed` of the declared operations, those of which a line was measured.
    """
    is_measured = lines["verdict"] != LineVerdict.NOT_MEASURED.value
    measured, of_operations = lines[is_measured], lines[lines["operation"] != ""]
    n_operations = len(of_operations[["system", "operation"]].drop_duplicates())
    n_probed = n_operations - len(unprobed_operations(lines))
    deviating = int((lines["verdict"] == LineVerdict.DEVIATES.value).sum())
    unmeasured = {LineVerdict.NOT_MEASURED.value: len(lines) - len(measured)}
    return {
        DEVIATIONS: _count(deviating, len(measured), unmeasured),
        MEASURED: _share(len(measured), len(lines)),
        PROBED: _share(n_probed, n_operations),
    }


def deviating_lines(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the lines that deviate."""
    return lines[lines["verdict"] == LineVerdict.DEVIATES.value]


def unprobed_operations(lines: pd.DataFrame) -> tuple[str, ...]:
    """Return the declared operations of which no line was measured."""
    of_operations = lines[lines["operation"] != ""]
    is_measured = of_operations["verdict"] != LineVerdict.NOT_MEASURED.value
    probed = is_measured.groupby([of_operations["system"], of_operations["operation"]], sort=False).any()
    return tuple(f"{system}.{operation}" for system, operation in probed[~probed].index)


def open_lines(lines: pd.DataFrame) -> pd.DataFrame:
    """Return what was left open, unclear ones first: a row for each line and reason, with all that it is so of.

    Returns
    -------
    DataFrame
        `line`, `verdict`, `why` (with what was measured), `lines` (how many) and `of`: systems with their operations.
    """
    left = lines[lines["verdict"].isin([LineVerdict.UNCLEAR.value, LineVerdict.NOT_MEASURED.value])]
    whys = ["; ".join(filter(None, said)) for said in left[["measured", "detail"]].itertuples(index=False, name=None)]
    rows = [
        (line, verdict, why, len(part), _systems_said(part))
        for (verdict, why, line), part in left.assign(why=whys).groupby(["verdict", "why", "line"], sort=False)
    ]
    columns = ["line", "verdict", "why", "lines", "of"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        ["verdict", "lines"], ascending=False, kind="stable", ignore_index=True
    )


def _systems_said(lines: pd.DataFrame) -> str:
    """Return systems, each with the operations that stand beside it."""
    by_system = lines.groupby("system", sort=False)["operation"]
    return "; ".join(
        f"{system}: {', '.join(operations)}" if all(operations) else str(system) for system, operations in by_system
    )


def integration_findings(lines: pd.DataFrame, owners: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return a finding for each operation and kind of line that deviates, the gravest first.

    Parameters
    ----------
    owners : mapping of str to str
        Who answers for each system.
    """
    return tuple(sorted(_findings(lines, owners), key=lambda one: list(Severity).index(one.severity)))


def _findings(lines: pd.DataFrame, owners: Mapping[str, str]) -> Iterator[Finding]:
    found = deviating_lines(lines)
    kinds = found["line"].map(kind_of)
    for group, part in found.groupby([found["system"], found["operation"], kinds], sort=False):
        (system, operation), kind = group[:2], kind_of(str(part["line"].iloc[0]))
        severity, consequence = GRAVITY[kind]
        name = f"{system}.{operation}" if operation else str(system)
        first = part.iloc[0]
        yield Finding(
            id=f"{system}-{operation or 'all'}-{kind.value}".lower().replace("_", "-"),
            kind=f"integration_{kind.value}",
            severity=severity,
            title=f"{name} deviates in {several(len(part), f'line on {kind.value}', f'lines on {kind.value}')}",
            where=tuple(part["line"]),
            n=len(part),
            of=int((lines["system"] == system).sum()),
            evidence=f"{first['line']}: declared {first['declared']}; measured {first['measured']}"
            + (f" ({first['detail']})" if first["detail"] else ""),
            consequence=consequence,
            remedy="let the system's team mend it, or agree on what it does: change integrations.yaml and sign again",
            owner=owners.get(str(system), ""),
        )


def _count(k: int, n: int, excluded: Mapping[str, int]) -> Estimate:
    left_out = {cause: count for cause, count in excluded.items() if count}
    return Estimate(float(k), float(k), float(k), n, COUNTED, left_out) if n else Estimate.undefined(NO_LINES, left_out)


def _share(k: int, n: int) -> Estimate:
    return Estimate(k / n, k / n, k / n, n, COUNTED) if n else Estimate.undefined(NO_LINES)


def matrix_of_lines(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the worst verdict of each system on each kind of line, missing where it declares none.

    "not measured" stands only where no line of the kind was.
    """
    order = [LineVerdict.DEVIATES, LineVerdict.UNCLEAR, LineVerdict.KEPT, LineVerdict.NOT_MEASURED]
    ranks = lines["verdict"].map({verdict.value: rank for rank, verdict in enumerate(order)})
    kinds = lines["line"].map(lambda line: kind_of(line).value)
    worst = ranks.groupby([lines["system"], kinds], sort=False).min().unstack()
    columns = [kind.value for kind in LineKind if kind.value in worst.columns]
    systems = list(dict.fromkeys(lines["system"]))
    return worst.reindex(index=systems, columns=columns).map(lambda rank: order[int(rank)].value, na_action="ignore")
