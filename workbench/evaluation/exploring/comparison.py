"""Two versions on the same records: the difference with its price, and the records that flipped."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from workbench.evaluation import Evaluation
from workbench.evaluation.shown import p_text, points
from workbench.evaluation.versions import Tried, flips, paired_differences
from workbench.words import counted


@dataclass(frozen=True, slots=True)
class VersionComparison:
    """Two versions on the records that both were asked.

    Parameters
    ----------
    old, new : str
        The two versions.
    n : int
        Records that both were asked; a failed or invalid decision is not right.
    right, right_before : int
        How many of them the new version gets right, and the old one.
    difference, lower, upper : float
        New less old as a share, with Tango's 95% interval for this pair alone.
    p, p_corrected : float
        McNemar's mid-p, and Holm's correction of it over every pair of all versions ever tried.
    n_versions : int
        How many were ever tried on development records.
    better : str, optional
        The better version where `p_corrected` is at most 5%; None where these records cannot tell them apart.
    flips : DataFrame
        Records that the two decide differently, at least one of them wrongly: `change` (broken, mended, wrong
        otherwise), `label`, `before`, `after`, both confidences, and the record's fields; broken ones first.
    """

    old: str
    new: str
    n: int
    right: int
    right_before: int
    difference: float
    lower: float
    upper: float
    p: float
    p_corrected: float
    n_versions: int
    better: str | None
    flips: pd.DataFrame = field(repr=False, compare=False)

    def __str__(self) -> str:
        said = f"{self.better} is better" if self.better else "These records cannot tell them apart"
        changes = self.flips["change"].value_counts()
        mended, broken = (f"{int(changes.get(name, 0)):,} {name}" for name in ("mended", "broken"))
        return (
            f"{said}: {self.new} is right on {counted(self.right, self.n)}, {self.old} on"
            f" {counted(self.right_before, self.n)}; {points(self.difference, (self.lower, self.upper))},"
            f" p {p_text(self.p_corrected)} corrected for {self.n_versions} versions; {mended}, {broken}."
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"


def compared(new: Evaluation, old: Evaluation, tried: Tried, fields: pd.DataFrame) -> VersionComparison:
    """Return how a version does against an older one; `fields` are what is shown of the records beside the flips."""
    (pair,) = paired_differences([new, old], tried).to_dict("records")
    right = {name: int(pair["both_right"] + pair[name]) for name in ("only_first", "only_second")}
    known = {one.info.agent_digest for one in (new, old)} | set(tried.names)
    changed = flips(new, old)
    return VersionComparison(
        old.agent,
        new.agent,
        int(pair["n"]),
        right["only_first"],
        right["only_second"],
        **{name: _number(pair, name) for name in ("difference", "lower", "upper", "p")},
        p_corrected=_number(pair, "p_adjusted"),
        n_versions=len(known),
        better=pair["better"],
        flips=changed.join(fields, rsuffix="_of_record").rename_axis("record_id"),
    )


def _number(pair: Mapping[Any, Any], name: str) -> float:
    return float("nan") if pair[name] is None else float(pair[name])
