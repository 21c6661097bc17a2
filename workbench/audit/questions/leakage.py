"""Leakage: what gives a label away, or lets an agent be judged on what it was developed on."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from workbench.audit.cells import flagged
from workbench.audit.findings import DataFinding, Effort, Remedy, Severity
from workbench.audit.questions.labels import record_text
from workbench.audit.questions.section import Section, with_interval
from workbench.audit.questions.telling import TELLS_ALL, columns_that_tell
from workbench.audit.table.alike import inputs_coincide, normalised
from workbench.audit.table.subject import Labels, Subject
from workbench.metrics import Estimate
from workbench.records.splits import Split
from workbench.stats import holm
from workbench.words import counted, percent, several

TITLE = "Leakage"
QUESTION = "Is an agent judged on what it was developed on, and does anything give the label away?"
# Points, or share of what is left: less is true of records that came in batches.
ORDER_MORE_BY, ORDER_REMOVES = 0.1, 0.2
# Records: fewer agree by chance; share of a label's: said so often, it was written in.
ALPHA = 0.05
MIN_PART = 0.1  # of a label's records: what fewer say gives hardly any label away
MIN_MENTIONS, WRITTEN_IN = 10, 0.8
ROWS_SHOWN = 30


def leakage(subject: Subject, pairs: pd.DataFrame) -> Section:
    """Return what leaks, as a section of the audit.

    Parameters
    ----------
    subject : Subject
    pairs : DataFrame
        As `near_pairs` gives them. Holdout records are compared by what they say, never by their label.
    """
    labels, splits = subject.labels, subject.splits
    if labels is None or splits is None:
        why = "the records do not fit their contract" if subject.refused else "there is no label and no split"
        return Section("leakage", TITLE, QUESTION, f"Not looked at: {why}.")
    crossing = pairs[splits.loc[pairs["first"]].to_numpy() != splits.loc[pairs["second"]].to_numpy()]
    holdout = splits.index[splits == Split.HOLDOUT.value]
    leaked = sorted((set(crossing["first"]) | set(crossing["second"])) & set(holdout))
    ordered = order_tells(subject, labels)
    found = columns_that_tell(subject.frame, subject.roles, labels.dev)
    telling = found.table
    mentions = label_words(subject, labels)
    coincide = leaked and inputs_coincide(subject, labels, pairs)
    findings = [_crossing_finding(leaked, len(holdout), crossing, bool(coincide))] if leaked else []
    findings += [_order_finding(subject, row) for _, row in ordered[ordered["tells"]].iterrows()]
    findings += [_column_finding(subject, row) for _, row in telling[telling["tells"]].iterrows()]
    findings += [_mention_finding(subject, labels, mentions)] if mentions["tells"].any() else []
    said = Estimate.proportion(len(leaked), len(holdout))
    tables: dict[str, pd.DataFrame] = {}
    if leaked:
        tables["Holdout records that a development record (nearly) repeats"] = _crossing_table(subject, crossing)
    tables["Does the order of a column tell the label?"] = ordered
    if len(telling):
        tables["Does one column alone tell the label? The ten that tell most"] = telling.head(10)
    if len(mentions):
        tables["Do the words of a label stand in the text?"] = mentions.head(ROWS_SHOWN)
    n_tell = int(ordered["tells"].sum() + telling["tells"].sum())
    answer = (
        f"{with_interval(said)} of {len(holdout):,} holdout records (nearly) repeat a development record; "
        f"{n_tell} of {len(telling) + len(ordered)} columns and orders looked at tell the label alone; "
        f"the words of {int(mentions['tells'].sum())} of "
        f"{len(labels.allowed)} labels stand in the text and give it away."
    )
    notes = (
        f"Columns that were not held against the label: {', '.join(found.unseen) or 'none'}.",
        "Holdout records are compared by what they say; their labels stay sealed.",
        "A text that names its label is no fault where production's texts do so too; it is one where the label was "
        "written into the text afterwards.",
    )
    estimates = {"holdout_repeated_in_dev": said}
    return Section(
        "leakage", TITLE, QUESTION, answer, estimates, tables, tuple(findings), {"n_crossing": len(leaked)}, notes
    )


def order_tells(subject: Subject, labels: Labels) -> pd.DataFrame:
    """Return for the files' order, the id and the time whether neighbours in that order share their label.

    Development records are put in order; the share of neighbours with the same label is held against that of a random
    order (the sum of squared label shares), with a one-sided binomial test and Holm over the orders. An order tells
    the label when p < 0.05 and the share is higher by 10 points, or by a fifth of what a random order leaves.
    """
    from scipy.stats import binomtest

    shares = labels.dev.value_counts(normalize=True)
    chance = float((shares**2).sum())
    orders: dict[str, pd.Series[Any]] = {"(order in the file)": pd.Series(labels.dev.index, index=labels.dev.index)}
    for name in (subject.roles.id, subject.roles.time):
        if name is not None:
            orders[name] = subject.frame.loc[labels.dev.index, name].dropna()
    rows = []
    for name, values in orders.items():
        ordered = labels.dev.loc[values.map(_sortable).sort_values(kind="stable").index].to_numpy()
        n = max(0, len(ordered) - 1)
        same = int((ordered[1:] == ordered[:-1]).sum())
        p = float(binomtest(same, n, min(chance, 1.0), alternative="greater").pvalue) if n else 1.0
        rows.append((name, n, same / n if n else float("nan"), chance, p))
    table = pd.DataFrame(rows, columns=["order", "neighbours", "same label", "by chance", "p"])
    table["p, Holm"] = holm(table.pop("p").to_numpy())
    more = min(ORDER_MORE_BY, ORDER_REMOVES * (1 - chance))
    table["tells"] = (table["p, Holm"] < ALPHA) & (table["same label"] - table["by chance"] >= more)
    return table


def label_words(subject: Subject, labels: Labels) -> pd.DataFrame:
    """Return for each label how often its words stand in a row in the free text, and how often it then is the label.

    Labels of one word of under four letters are left out. A label's words give it away when at least ten records say
    them and at least 98% of those have the label, and they are at least 10% of its records.
    """
    names = ["label", "records say it", "of them with the label", "share", "share of the label's records", "tells"]
    said = subject.frame.loc[labels.dev.index, subject.texts].map(
        lambda cell: f" {normalised(cell)} " if isinstance(cell, str) else ""
    )
    joined = said.agg("".join, axis="columns") if subject.texts else pd.Series("", index=labels.dev.index)
    rows = []
    for label in labels.allowed:
        words = str(normalised(re.sub(r"[_\-/]", " ", label)))
        says = (
            joined.str.contains(f" {words} ", regex=False) if len(words) >= 4 else pd.Series(False, index=joined.index)
        )
        n, k = int(says.sum()), int((says & (labels.dev == label)).sum())
        if n:
            own = int((labels.dev == label).sum())
            part = k / own if own else 0.0
            rows.append((label, n, k, k / n, part, n >= MIN_MENTIONS and k / n >= TELLS_ALL and part >= MIN_PART))
    table = pd.DataFrame(rows, columns=names)
    table["tells"] = table["tells"].astype(bool)
    return table.sort_values(["tells", names[1]], ascending=False, kind="stable", ignore_index=True)


def _sortable(value: object) -> tuple[int, str]:
    """Return what puts ids in order: by the number in them, then as text."""
    numbers = re.findall(r"\d+", str(value))
    return (int("".join(numbers)[:18]) if numbers else -1, str(value))


def _crossing_table(subject: Subject, crossing: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for first, second, similarity in crossing.head(ROWS_SHOWN).itertuples(index=False, name=None):
        rows.append((first, second, f"{similarity:.2f}", record_text(subject, first), record_text(subject, second)))
    return pd.DataFrame(rows, columns=["row", "other row", "similarity", "says", "the other says"])


def _crossing_finding(leaked: list[int], n_holdout: int, crossing: pd.DataFrame, coincide: bool) -> DataFinding:
    n_same = int((crossing["similarity"] == 1.0).sum())
    others = dict(zip(crossing["first"], crossing["second"], strict=True))
    others |= dict(zip(crossing["second"], crossing["first"], strict=True))
    reasons = [f"row {others[row]:,}, a development record, says (nearly) the same" for row in leaked]
    cells = flagged(leaked, "(record)", "leak_across_split", reasons)
    return DataFinding(
        "leak_across_split",
        f"{counted(len(leaked), n_holdout)} holdout records (nearly) repeat a development record",
        (),
        np.array(leaked, dtype=np.int64),
        n_holdout,
        Severity.LOW if coincide else Severity.HIGH,
        f"{several(len(crossing), 'pair')} across the split, {n_same:,} of them exactly the same after normalisation",
        "different cases look the same in these columns; where production's do so as often, the holdout measures that"
        if coincide else "the holdout measures memory on them: where production's records repeat earlier ones less "
        "often, accuracy there is lower than the measured one",
        Remedy("nothing, unless they are copies of one case; columns that tell the cases apart would help an agent"
               if coincide else
               "leave these holdout records out of the judgement, or report accuracy with and without them",
               Effort.HOURS,
               "no holdout record repeats a development record"),
        cells,
    )  # fmt: skip


def _order_finding(subject: Subject, row: pd.Series[Any]) -> DataFinding:
    name = str(row["order"])
    is_column = name in subject.frame.columns
    return DataFinding(
        "order_tells_label",
        f"The order of {name if not is_column else repr(name)} tells the label",
        (name,) if is_column else (),
        subject.rows,
        len(subject.frame),
        Severity.CRITICAL if is_column else Severity.LOW,
        f"{percent(row['same label'])} of neighbours share their label, {percent(row['by chance'])} by chance",
        "an agent that sees the column can read the answer from it" if is_column
        else "a sample of the first records is no sample of all of them",
        Remedy("give the column the role ignore, or number the records anew" if is_column
               else "draw samples at random, as the workbench does", Effort.HOURS,
               "neighbours share their label as often as by chance"),
    )  # fmt: skip


def _column_finding(subject: Subject, row: pd.Series[Any]) -> DataFinding:
    name = str(row["column"])
    return DataFinding(
        "column_tells_label",
        f"{name!r} alone tells the label",
        (name,),
        subject.rows,
        len(subject.frame),
        Severity.CRITICAL,
        f"looked at by {row['looked at by']}, it is right on {percent(row['right by this column alone'])} of the "
        f"records, always the most frequent label on {percent(row['right by the most frequent label'])}: it removes "
        f"{percent(row['of its errors removed'])} of the errors",
        "accuracy says nothing if the column is filled only after the decision",
        Remedy("find out when the column is filled; give it the role ignore if that is after the decision",
               Effort.HOURS,
               "the column no longer tells the label, or its time of filling is written down"),
    )  # fmt: skip


def _mention_finding(subject: Subject, labels: Labels, mentions: pd.DataFrame) -> DataFinding:
    found = mentions[mentions["tells"]]
    written = found[found["share of the label's records"] >= WRITTEN_IN]
    meant = written if len(written) else found
    most = percent(float(meant["share of the label's records"].max()))
    rows = labels.rows_with(meant["label"])
    return DataFinding(
        "label_in_text",
        f"The words of {several(len(meant), 'label')} stand in the text and give it away",
        tuple(subject.roles.text),
        rows,
        len(labels.dev),
        Severity.MEDIUM if len(written) else Severity.LOW,
        f"at least ten records say each, and at least {percent(TELLS_ALL)} of them have that label; at most "
        f"{most} of a label's records say it",
        "accuracy is measured on easier texts than production's, if the words were added with the label"
        if len(written) else "none where people name what they write about, as in texts sorted by what they ask",
        Remedy("check whether production's texts say it too; else cut it out", Effort.HOURS,
               "no label's words give it away, or production's texts have them too"),
    )  # fmt: skip
