"""Personal data in the records: where it is, what an agent would send to a model, and what it need not send."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.audit.cells import flagged
from workbench.audit.findings import DataFinding, Effort, Remedy, Severity
from workbench.audit.known.personal_data import measured, scan
from workbench.audit.questions.section import Section, with_interval
from workbench.audit.table.subject import Subject, declared_personal
from workbench.metrics import Estimate
from workbench.personal import PersonalData
from workbench.words import counted

TITLE = "Personal data"
QUESTION = "Which personal data do the records hold, and what would an agent send to a model?"
MAX_SCANNED = 20_000  # records: bounds the time of the patterns over long texts
SPECIFIC = frozenset({PersonalData.IBAN, PersonalData.CARD, PersonalData.TAX_ID, PersonalData.BIRTH_DATE})


def personal_data(subject: Subject) -> Section:
    """Return what personal data was found, as a section of the audit."""
    frame = subject.frame if len(subject.frame) <= MAX_SCANNED else subject.frame.iloc[:MAX_SCANNED]
    texts, held = subject.roles.text, subject.masking.held
    looked_at = [name for name in frame.columns if name in texts or name in held]
    pieces = {name: _scanned(frame[name], name in texts) for name in looked_at}
    found = {name: table for name, table in pieces.items() if len(table)}
    used = subject.named
    declared = declared_personal(subject)
    sent = [name for name in frame.columns if used is None or name in used]
    by_column = _by_column(frame, found, declared, sent)
    n_affected = len({row for table in found.values() for row in table["row"]})
    n_sent = len({row for name, table in found.items() if name in sent for row in table["row"]})
    recall = measured()
    answer = (
        f"{counted(n_affected, len(frame))} records hold personal data that was recognised, in {len(found)} of "
        f"{len(frame.columns)} columns; an agent would send it for {counted(n_sent, len(frame))}. Names in free text "
        "are not covered."
    )
    estimates = {
        "records_with_personal_data": Estimate.proportion(n_affected, len(frame)),
        "records_sent_with_personal_data": Estimate.proportion(n_sent, len(frame)),
        **{f"recall: {kind}": estimate for kind, estimate in zip(recall["kind"], recall["recall"], strict=True)},
    }
    tables = {"Personal data by column and kind": by_column} if len(by_column) else {}
    proposal = _proposal(subject, found, declared, used)
    if len(proposal):
        tables["What need not be sent"] = proposal
    tables["How well the search finds what it looks for, on the labelled texts that ship with it"] = _recall_table(
        recall
    )
    findings = tuple(_finding(frame, name, found[name], name in declared, name in sent) for name in found)
    return Section(
        "personal_data", TITLE, QUESTION, answer, estimates, tables, findings, {}, _notes(subject, frame, used)
    )


def _scanned(column: pd.Series[Any], is_text: bool) -> pd.DataFrame:
    """Return the pieces in a column.

    A street in a column of other things is more often a name of something else, so it counts only in free text and in
    columns of streets.
    """
    found = scan(column)
    streets = found["kind"] == PersonalData.ADDRESS.value
    is_list_of_streets = found.loc[streets, "row"].nunique() >= column.notna().sum() / 2
    return found if is_text or is_list_of_streets else found[~streets]


def _by_column(
    frame: pd.DataFrame, found: dict[str, pd.DataFrame], declared: tuple[str, ...], sent: list[str]
) -> pd.DataFrame:
    rows = []
    for name, table in found.items():
        for kind, part in table.groupby("kind"):
            n = int(part["row"].nunique())
            share = with_interval(Estimate.proportion(n, len(frame)))
            rows.append((name, kind, n, len(part), share, name in declared, name in sent))
    names = [
        "column",
        "kind",
        "records",
        "pieces",
        "share of records (95%)",
        "declared in the contract",
        "sent to a model",
    ]
    return pd.DataFrame(rows, columns=names).sort_values("records", ascending=False, kind="stable", ignore_index=True)


def _proposal(
    subject: Subject, found: dict[str, pd.DataFrame], declared: tuple[str, ...], used: frozenset[str] | None
) -> pd.DataFrame:
    """Return for each column with personal data, found or declared, what to do before anything is sent."""
    rows = []
    for name in subject.frame.columns:
        if name not in found and name not in declared:
            continue
        if used is not None and name not in used:
            step, why = "leave out", "no prompt names it: give it the role ignore"
        elif name in found and name in subject.roles.text:
            step, why = "mask", "replace what is recognised by its kind (workbench.audit.masked)"
        elif name in found:
            step, why = "replace", "send whether it is there or agrees with the master data, not the value"
        else:
            step, why = "check", "declared as personal; nothing of the kinds that are looked for was found in it"
        rows.append((name, step, why))
    return pd.DataFrame(rows, columns=["column", "proposal", "how"])


def _recall_table(recall: pd.DataFrame) -> pd.DataFrame:
    shown = {name: recall[name].map(with_interval) for name in ("recall", "precision")}
    return recall.assign(**shown).rename(columns={"recall": "recall (95%)", "precision": "precision (95%)"})


def _notes(subject: Subject, frame: pd.DataFrame, used: frozenset[str] | None) -> tuple[str, ...]:
    notes = [
        "Names, and what is said about a person in words, are not recognised: free text needs a person's "
        "look or a model's.",
        "Recall is that on 295 short German and English texts written for this search, with forms that it misses; in "
        "other texts it may be lower.",
    ]
    if used is None and subject.pilot is not None:
        notes.append(
            "A prompt uses prepared fields, or none can be read: every column an agent may see counts as sent."
        )
    if len(frame) < subject.n_rows:
        notes.append(f"Looked for in {len(frame):,} of {subject.n_rows:,} records.")
    return tuple(notes)


def _finding(frame: pd.DataFrame, name: str, table: pd.DataFrame, is_declared: bool, is_sent: bool) -> DataFinding:
    rows = np.unique(table["row"].to_numpy(dtype=np.int64))
    kinds = table["kind"].value_counts()
    listed = ", ".join(f"{kind} {n:,}" for kind, n in kinds.items())
    is_business = set(kinds.index) == {PersonalData.VAT.value}
    is_specific = bool(set(kinds.index) & {kind.value for kind in SPECIFIC})
    if not is_sent or is_business:
        severity = Severity.LOW
    else:
        severity = Severity.HIGH if is_specific or not is_declared else Severity.MEDIUM
    first = table.drop_duplicates("row").sort_values("row")
    return DataFinding(
        "personal_data",
        f"{name!r} holds personal data in {counted(len(rows), len(frame))} records"
        + ("" if is_declared else ", and the contract does not say so"),
        (name,),
        rows,
        len(frame),
        severity,
        f"recognised by pattern, check digit and context: {listed}"
        + ("; a VAT number is personal data where the business is one person" if is_business else ""),
        "it is sent to the model and ends in its logs" if is_sent else "it is stored with the records for nothing",
        Remedy("mask or leave out the field before it is sent, and declare it in contract.yaml (pii:)", Effort.HOURS,
               "no record is sent with recognised personal data"),
        flagged(first["row"], name, "personal_data", "holds " + first["kind"].astype(str)),
    )  # fmt: skip
