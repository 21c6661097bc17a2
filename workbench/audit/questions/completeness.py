"""What share of records is complete: per record, field, source, month and entity; placeholders count as missing."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workbench.audit.detectors.detector import kinds_about
from workbench.audit.detectors.gaps import MISSING_VALUE, PLACEHOLDER
from workbench.audit.findings import Concerns, DataFinding, Effort, Remedy, Severity, by_effect
from workbench.audit.questions.section import Section, with_interval
from workbench.audit.table.roles import ENTITY, SOURCE, TIME
from workbench.audit.table.subject import Subject
from workbench.metrics import Estimate
from workbench.words import counted, several, shown

MAX_SLICES = 30
MAX_FINDINGS = 12
# Of the records: rarer gaps are told together; of a column's gaps with one mark, to be its mark.
OWN_FINDING_AT_LEAST, MOST_GAPS = 0.01, 0.5


def missing_cells(subject: Subject, cells: pd.DataFrame) -> pd.DataFrame:
    """Return which cells hold nothing: empty, only spaces, or flagged as missing or a placeholder.

    Returns
    -------
    DataFrame of bool
        Index and columns as those of the subject's frame.
    """
    frame = subject.frame
    missing = pd.DataFrame({name: _is_blank(frame[name]) for name in frame.columns}, index=frame.index)
    flagged = cells[cells["kind"].isin(kinds_about(Concerns.GAP))]
    for name, rows in flagged.groupby("column")["row"]:
        if name in missing.columns:
            missing.loc[missing.index.isin(rows), str(name)] = True
    return missing


def completeness(subject: Subject, cells: pd.DataFrame, missing: pd.DataFrame) -> Section:
    """Return how complete the records are, as a section of the audit."""
    required = [name for name in subject.roles.required if name in missing.columns]
    n = len(missing)
    incomplete = missing[required].any(axis="columns")
    whole = Estimate.proportion(int((~incomplete).sum()), n) if required else Estimate.undefined("no required field")
    fields = _fields(missing, required)
    tables = {"Completeness by field, the emptiest first": fields}
    for kind in (SOURCE, TIME, ENTITY):
        if (table := by_slice(subject, ~incomplete, kind)) is not None and required:
            tables[f"Complete records by {'month' if kind == TIME else kind}"] = table
    shares = missing[required].mean()
    own = [name for name in required if shares[name] >= OWN_FINDING_AT_LEAST]
    others = [name for name in required if shares[name] > 0 and name not in own]
    by_mark = _by_mark(subject, missing[own])
    alone = [name for name in own if not any(name in names for names in by_mark.values())]
    findings = [_finding(subject, cells, missing[names], mark) for mark, names in by_mark.items()]
    findings += [_finding(subject, cells, missing[[name]]) for name in alone[:MAX_FINDINGS]]
    others = [*others, *alone[MAX_FINDINGS:]]
    findings += [_finding(subject, cells, missing[others])] if others else []
    findings += _empty_columns(subject, missing)
    if required:
        said = f"{with_interval(whole)} of {n:,} records have {_all(required)} filled"
        worst = fields[fields["required"]].iloc[0]
        said += f"; the emptiest is {worst['field']!r} with {counted(int(worst['missing']), n)} missing" * bool(
            worst["missing"]
        )
        optional = [str(name) for name in missing.columns if name not in required and missing[name].any()]
        said += f"; {shown(optional)} have gaps and are not required" * bool(optional)
    else:
        said = f"No field is required; {counted(int((~missing.any(axis='columns')).sum()), n)} records have every field"
    estimates = {"complete_records": whole}
    estimates |= {f"complete: {name}": Estimate.proportion(n - int(missing[name].sum()), n) for name in required}
    return Section(
        "completeness",
        "Completeness",
        "What share of the records has every required field filled?",
        f"{said}.",
        estimates,
        tables,
        tuple(findings),
        {"required": required, "n_missing": {name: int(missing[name].sum()) for name in missing.columns}},
        ()
        if subject.contract is not None
        else ("Without a contract, the fields that at least half of the records fill count as required.",),
    )


def by_slice(subject: Subject, holds: pd.Series[bool], kind: str) -> pd.DataFrame | None:
    """Return the share of records for which something holds, by slice, the lowest first; of time, months in order."""
    named = subject.slices(kind)
    if named is None:
        return None
    counts = holds.groupby(named.to_numpy()).agg(["sum", "count"])
    if kind != TIME:
        counts = counts.assign(share=counts["sum"] / counts["count"]).sort_values(["share", "count"]).head(MAX_SLICES)
    rows = []
    for name, k, size in zip(counts.index, counts["sum"], counts["count"], strict=True):
        estimate = Estimate.proportion(int(k), int(size))
        rows.append((name, int(size), int(k), with_interval(estimate)))
    return pd.DataFrame(rows, columns=["month" if kind == TIME else kind, "records", "complete", "share (95%)"])


def _all(required: list[str]) -> str:
    return f"all {len(required)} required fields" if len(required) > 1 else "the one required field"


def _is_blank(values: pd.Series[Any]) -> pd.Series[bool]:
    if values.dtype != object:
        return values.isna()
    return values.isna() | values.map(lambda value: isinstance(value, str) and not value.strip()).astype(bool)


def _fields(missing: pd.DataFrame, required: list[str]) -> pd.DataFrame:
    counts = missing.sum().astype(int)
    n = len(missing)
    rows = [
        (name, name in required, int(k), n, with_interval(Estimate.proportion(n - int(k), n)))
        for name, k in counts.sort_values(ascending=False, kind="stable").items()
    ]
    return pd.DataFrame(rows, columns=["field", "required", "missing", "records", "filled (95%)"])


def _by_mark(subject: Subject, missing: pd.DataFrame) -> dict[str, list[str]]:
    """Return the columns in most of whose gaps one text stands, by text; only texts that stand in several columns."""
    found: dict[str, list[str]] = {}
    for name in missing.columns:
        gaps = subject.frame.loc[missing[name], name].map(lambda cell: str(cell).strip(), na_action="ignore")
        counts = gaps[gaps != ""].value_counts()
        if len(counts) and counts.iloc[0] > MOST_GAPS * int(missing[name].sum()):
            found.setdefault(str(counts.index[0]), []).append(str(name))
    return {mark: names for mark, names in found.items() if len(names) > 1}


def _finding(subject: Subject, cells: pd.DataFrame, missing: pd.DataFrame, mark: str = "") -> DataFinding:
    """Return the finding that required fields are not always filled, in several for one cause where a mark is given."""
    names = tuple(str(name) for name in missing.columns)
    affected = missing.any(axis="columns")
    rows = affected.index[affected].to_numpy(dtype="int64")
    is_placeholder = cells["column"].isin(names) & (cells["kind"] == PLACEHOLDER.id) & cells["row"].isin(rows)
    flagged = cells[is_placeholder]
    known = set(zip(flagged["row"], flagged["column"], strict=True))
    stacked = missing.stack()
    empty = [(row, name) for row, name in stacked.index[stacked.to_numpy()] if (row, name) not in known]
    blank = pd.DataFrame(empty, columns=["row", "column"]).assign(
        kind=MISSING_VALUE.id, reason="empty in a required field"
    )
    worst = MISSING_VALUE.severity if subject.contract is not None else Severity.MEDIUM
    instead = f"{mark[:40]!r} instead of a value in " if mark else ""
    return DataFinding(
        MISSING_VALUE.id,
        f"Required and missing: {instead}{shown(names)}, in {counted(len(rows), len(missing))} records",
        names,
        rows,
        len(missing),
        by_effect(worst, len(rows) / max(1, len(missing)), subject.is_read(names)),
        f"{several(len(empty), 'cell is empty', 'cells are empty')} and "
        f"{several(len(flagged), 'holds a placeholder', 'hold a placeholder')}",
        MISSING_VALUE.consequence,
        MISSING_VALUE.remedy,
        pd.concat([flagged, blank], ignore_index=True) if len(blank) else flagged,
        scope=f"mark {mark}" if mark else "",
    )


def _empty_columns(subject: Subject, missing: pd.DataFrame) -> list[DataFinding]:
    """Return the finding that columns hold nothing at all."""
    names = tuple(str(name) for name in missing.columns[missing.all(axis="index")])
    if not names or not len(missing):
        return []
    return [
        DataFinding(
            "empty_column",
            f"Nothing in {shown(names)}: every cell is empty",
            names,
            subject.rows,
            len(missing),
            Severity.LOW,
            f"{len(missing):,} of {len(missing):,} cells are empty in each",
            "the field is promised and never there",
            Remedy(
                "fill the column at its source, or take it out of the export and the contract",
                Effort.HOURS,
                "no column is empty throughout",
            ),
        )
    ]
