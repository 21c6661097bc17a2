"""Label quality: contradictions, likely errors, agreement of annotators, and the noise ceiling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from workbench.audit.cells import flagged
from workbench.audit.findings import DataFinding, Effort, Remedy, Severity
from workbench.audit.questions.agreement import alpha_estimate, cohen_kappa, label_noise
from workbench.audit.questions.section import Section, with_interval
from workbench.audit.questions.suspicion import Suspicion, suspicion
from workbench.audit.table.alike import inputs_coincide
from workbench.audit.table.subject import Labels, Subject
from workbench.metrics import Estimate, noise_ceiling
from workbench.pilot import label_aliases
from workbench.words import counted, percent, several

TITLE, QUESTION = "Label quality", "Are the labels right, and what is the most that any agent can be measured at?"
SURE = 0.9  # confidence in another label: below, models are wrong more often than labels
ROWS_SHOWN = 50
LETTERS_SHOWN = 160


def label_quality(subject: Subject, pairs: pd.DataFrame) -> Section:
    """Return how good the labels of the development records are, as a section of the audit.

    Parameters
    ----------
    subject : Subject
    pairs : DataFrame
        As `near_pairs` gives them; only pairs of development records are looked at.
    """
    labels = subject.labels
    if labels is None:
        why = "the records do not fit their contract" if subject.refused is not None else "no column is the label"
        return Section("labels", TITLE, QUESTION, f"Not looked at: {why}.")
    differing, alike = contradictions(labels, pairs)
    noise, basis = _noise(labels, alike)
    roles = subject.roles
    left_out = [name for name in (roles.id, roles.time) if name is not None]
    doubts = suspicion(subject.frame.drop(columns=left_out), roles.text, labels.dev)
    ceiling = noise_ceiling(noise, None if doubts is None else doubts.measured)
    tables = {}
    if len(differing):
        tables["Development records that (nearly) say the same with different labels"] = _shown(subject, differing)
    coincide = inputs_coincide(subject, labels, pairs)
    findings = [_contradiction(labels, differing, coincide)] if len(differing) else []
    aliases = label_aliases({str(label): int(n) for label, n in labels.counts.sum(axis="columns").items()})
    findings += [_variants(labels, aliases)] if aliases else []
    n_sure = 0
    if doubts is not None:
        sure = doubts.table[doubts.table["is_suspect"] & (doubts.table["confidence_in_likely"] >= SURE)]
        n_sure = len(sure)
        tables[f"The {ROWS_SHOWN} most suspicious labels"] = _suspects(subject, doubts)
        findings += [_suspect_finding(labels, doubts, sure)] if n_sure else []
    if ceiling.value is None:
        noise = ceiling
    estimates = {"noise_ceiling": ceiling, "label_noise": noise, **_agreement(labels)}
    answer = (
        f"{_n_records(differing):,} of {len(labels.dev):,} development records have another label than one that says "
        f"(nearly) the same; {several(n_sure, 'label surprises', 'labels surprise')} a model that had not seen them; "
        + (f"{_variants_counted(aliases)} of one; " if aliases else "")
        + (
            f"the noise ceiling is {with_interval(ceiling)}, from {basis}."
            if ceiling.value is not None
            else f"the noise ceiling is not known: {ceiling.method.removeprefix('none: ')}."
        )
    )
    facts = {
        "n_dev": len(labels.dev),
        "n_contradicting": _n_records(differing),
        "n_lost_to_contradictions": lost(labels, alike),
        "n_suspect": 0 if doubts is None else int(doubts.table["is_suspect"].sum()),
        "model": None if doubts is None else doubts.model,
        "model_accuracy": None if doubts is None else doubts.accuracy,
        "noise_basis": basis,
        "is_labelled_twice": len(labels.annotators.columns) > 0,
    }
    return Section("labels", TITLE, QUESTION, answer, estimates, tables, tuple(findings), facts, _notes(labels, doubts))


def contradictions(labels: Labels, pairs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the pairs of development records whose labels differ, and the pairs that say exactly the same.

    Returns
    -------
    (DataFrame, DataFrame)
        `first`, `second`, `similarity`, `label_first`, `label_second` each.
    """
    known = pairs[pairs["first"].isin(labels.dev.index) & pairs["second"].isin(labels.dev.index)]
    known = known.assign(
        label_first=labels.dev.loc[known["first"]].to_numpy(), label_second=labels.dev.loc[known["second"]].to_numpy()
    )
    is_other = known["label_first"] != known["label_second"]
    return known[is_other].reset_index(drop=True), known[known["similarity"] == 1.0].reset_index(drop=True)


def lost(labels: Labels, alike: pd.DataFrame) -> int:
    """Return on how many development records an agent that answers the same to the same must be wrong."""
    group: dict[int, int] = {}
    for first, second in alike[["first", "second"]].itertuples(index=False, name=None):
        group[second] = group.setdefault(first, first)
    if not group:
        return 0
    rows = pd.Series(group)
    counts = labels.dev.loc[rows.index].groupby(rows.to_numpy()).value_counts()
    return int(len(rows) - counts.groupby(level=0).max().sum())


def _noise(labels: Labels, alike: pd.DataFrame) -> tuple[Estimate, str]:
    """Return the label noise and what it was measured on: a second annotator before records that say the same."""
    if len(labels.annotators.columns):
        name = str(labels.annotators.columns[0])
        second = labels.annotators[name].dropna().map(str)
        differ = int((labels.dev.loc[second.index] != second).sum())
        return label_noise(differ, len(second)), f"{len(second):,} records that column {name!r} labels too"
    used: set[int] = set()
    independent = []
    for first, second, left, right in alike[["first", "second", "label_first", "label_second"]].itertuples(
        index=False, name=None
    ):
        if first not in used and second not in used:
            independent.append(left != right)
        used |= {first, second}
    return label_noise(sum(independent), len(independent)), f"{several(len(independent), 'pair')} of identical inputs"


def _agreement(labels: Labels) -> dict[str, Estimate]:
    """Return how far annotators agree, where there is more than one."""
    if not len(labels.annotators.columns):
        return {}
    every = labels.annotators.map(lambda cell: None if pd.isna(cell) else str(cell)).assign(
        **{labels.column: labels.dev}
    )
    found = {"krippendorff_alpha": alpha_estimate(every)}
    for name in labels.annotators.columns:
        shared = every[[labels.column, name]].dropna()
        kappa = cohen_kappa(shared[labels.column], shared[name])
        found[f"cohen_kappa: {name}"] = Estimate(kappa, None, None, len(shared), "none: see alpha")
    return found


def _notes(labels: Labels, doubts: Suspicion | None) -> tuple[str, ...]:
    notes = [
        "Labels are those of development records only; holdout labels stay sealed.",
        "The noise ceiling takes two labels of one case as independent; copies made with one label hide noise.",
    ]
    if not len(labels.annotators.columns):
        notes.append(
            "Identical inputs are what the columns cannot tell apart: their labels differ by mistake, because what "
            "decides is in no column, or by chance where the label is an outcome. They may be harder than the rest."
        )
    if doubts is not None:
        notes.append(
            f"Labels are ranked by the out-of-fold confidence of {doubts.model}, which predicts "
            f"{percent(doubts.accuracy)} of the labels; {doubts.n_left_out:,} records were left out. A doubt is a "
            "reason to look, not a proof."
        )
    return tuple(notes)


def _n_records(pairs: pd.DataFrame) -> int:
    return len(set(pairs["first"]) | set(pairs["second"]))


def record_text(subject: Subject, row: int) -> str:
    """Return what a record says, short: its free text, or its first fields."""
    names = subject.texts or list(subject.frame.columns[:6])
    said = subject.frame.loc[row, names].dropna()
    if said.empty:
        said = subject.frame.loc[row].dropna().iloc[:6]
    text = " · ".join(str(subject.masking.cell(str(name), cell)) for name, cell in said.items())
    return text if len(text) <= LETTERS_SHOWN else f"{text[:LETTERS_SHOWN]}…"


def _shown(subject: Subject, differing: pd.DataFrame) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for first, second, similarity, left, right in differing.head(ROWS_SHOWN).itertuples(index=False, name=None):
        texts = (record_text(subject, first), record_text(subject, second))
        rows.append((first, second, f"{similarity:.2f}", texts[0], left, texts[1], right))
    names = ["row", "other row", "similarity", "says", "label", "the other says", "its label"]
    return pd.DataFrame(rows, columns=names)


def _suspects(subject: Subject, doubts: Suspicion) -> pd.DataFrame:
    top = doubts.table.head(ROWS_SHOWN)
    says = [record_text(subject, int(row)) for row in top.index]
    own, other = (top[name].map("{:.3f}".format) for name in ("confidence", "confidence_in_likely"))
    rows = zip(top.index, says, top["label"], own, top["likely"], other, strict=True)
    return pd.DataFrame(rows, columns=["row", "says", "label", "confidence in it", "likely", "confidence in that"])


def _contradiction(labels: Labels, differing: pd.DataFrame, coincide: bool) -> DataFinding:
    rows = np.array(sorted(set(differing["first"]) | set(differing["second"])), dtype=np.int64)
    n_same = int((differing["similarity"] == 1.0).sum())
    return DataFinding(
        "contradictory_label",
        f"{counted(len(rows), len(labels.dev))} development records have another label than one that says (nearly) "
        "the same",
        (labels.column,),
        rows,
        len(labels.dev),
        Severity.MEDIUM if coincide else Severity.HIGH,
        f"{several(len(differing), 'pair')}, {n_same:,} of them exactly the same after normalisation",
        "no agent can be right on both; examples in a prompt teach it both",
        Remedy("where people set the label, have two label these again, blind, and write down the rule; where it is an "
               "outcome, add the column that tells them apart, or take it as chance", Effort.HOURS,
               "no pair that says the same has two labels"),
        flagged(rows, labels.column, "contradictory_label", "another record says (nearly) the same with another label"),
    )  # fmt: skip


def _variants_counted(aliases: Mapping[str, str]) -> str:
    return several(len(aliases), "label is another spelling", "labels are other spellings")


def _variants(labels: Labels, aliases: Mapping[str, str]) -> DataFinding:
    rows = labels.rows_with(aliases)
    said = labels.dev.loc[list(rows)]
    reasons = [f"{label!r} and {aliases[label]!r} differ by case or white space alone" for label in said]
    named = ", ".join(f"{other!r} of {meant!r}" for other, meant in list(aliases.items())[:5])
    return DataFinding(
        "label_variants",
        f"{_variants_counted(aliases)} of a label: {named}" + " and others" * (len(aliases) > 5),
        (labels.column,),
        rows,
        len(labels.dev),
        Severity.HIGH,
        "they differ by case, white space or Unicode form alone",
        "an agent that means the right answer is wrong by its spelling, and each spelling counts as a decision",
        Remedy(f"write them under `aliases` of {labels.column!r} in contract.yaml, and out of `allowed`", Effort.HOURS,
               "no two labels differ by their spelling alone"),
        flagged(rows, labels.column, "label_variants", reasons),
    )  # fmt: skip


def _suspect_finding(labels: Labels, doubts: Suspicion, sure: pd.DataFrame) -> DataFinding:
    rows = np.sort(sure.index.to_numpy(dtype=np.int64))
    reasons = [
        f"labelled {label!r}; a model that had not seen it says {likely!r} with confidence {confidence:.2f}"
        for label, likely, confidence in sure.loc[rows, ["label", "likely", "confidence_in_likely"]].itertuples(
            index=False
        )
    ]
    return DataFinding(
        "likely_label_error",
        f"{counted(len(rows), len(labels.dev))} development records have a label that surprises a model",
        (labels.column,),
        rows,
        len(labels.dev),
        Severity.MEDIUM,
        f"out-of-fold predictions of {doubts.model}, right on {percent(doubts.accuracy)} of the records, prefer "
        f"another label with confidence {SURE} or more",
        "where such a label is wrong, right decisions are counted as wrong and wrong examples are learned",
        Remedy("have a person look at these labels, the most suspicious first, without seeing the present label; an "
               "outcome that was recorded right stays, however surprising", Effort.DAYS,
               "every listed label was confirmed or corrected"),
        flagged(rows, labels.column, "likely_label_error", reasons),
    )  # fmt: skip
