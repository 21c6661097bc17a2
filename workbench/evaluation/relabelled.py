"""What an exhibit says of corrected labels, held against the label set, the log and the lists in its bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.evaluation.label_sets import LabelsCompared, compared_under
from workbench.evaluation.looked_at import USUAL_LEVEL, LabelledVersion
from workbench.evaluation.recomputed import RecordedEvaluation
from workbench.evidence import require_same, without_texts
from workbench.metrics import EvaluationSettings
from workbench.records.label_sets import (
    label_log_head,
    label_log_path,
    label_set_digests,
    label_set_path,
    read_label_set,
)
from workbench.words import SignatureError, shown


def check_labels(
    folder: Path, name: str | None, said: Mapping[str, Any] | None, parts: Sequence[RecordedEvaluation]
) -> LabelsCompared | None:
    """Hold what an exhibit says of labels against a bundle, and return it derived again.

    Parameters
    ----------
    folder : Path
        The bundle.
    name : str or None
        The label set that its contract names.
    said : mapping or None
        What the exhibit says of labels.
    parts : sequence of RecordedEvaluation
        The evaluation on the holdout, then that on development records where there is one.

    Raises
    ------
    InputError
        The label set is missing or is none.
    RunError
        The log was altered, or a list that it names is gone.
    SignatureError
        Label set, log, labels beside the decisions, or what is said of them are others.
    """
    if name is None:
        require_same(None, said, "labels, as the contract names no label set")
        return None
    found = read_label_set(folder, name)
    assert found is not None
    if said is None:
        raise SignatureError(f"the evaluation does not say how label set {name} came about")
    _check_files(folder, name, said)
    for one in parts:
        labels = one.indexed["label"]
        there = found.table.index.intersection(labels.index)
        other = there[(found.table.loc[there, "label"] != labels[there]).to_numpy()]
        if len(other):
            where = _place(folder, label_set_path(folder, name))
            raise SignatureError("a label set has other labels than the decisions", where=where, got=shown(other))
    again = compared_under(folder, name, _version(parts[0]))
    assert again is not None
    for part, value in again.as_json().items():
        require_same(without_texts(value), without_texts(said.get(part)), f"{part} of label set {name}")
    require_same(bool(again.one_sided), bool(said["one_sided"]), f"whether label set {name} is one-sided")
    return again


def _check_files(folder: Path, name: str, said: Mapping[str, Any]) -> None:
    """Name the first label set that is not the one that was judged, or the log where it is not the one."""
    require_same(name, said["label_set"], "label set of the contract")
    digests, stated = label_set_digests(folder, name), dict(said["files"])
    for one in sorted(digests.keys() | stated.keys()):
        if digests.get(one) != stated.get(one):
            raise SignatureError(
                f"label set {one} is not the one that was judged",
                where=_place(folder, label_set_path(folder, one)),
                got=str(digests.get(one, "no file")),
                expected=str(stated.get(one, "no file")),
            )
    head = label_log_head(folder)
    if head != said["log"]:
        raise SignatureError(
            "the log of label sets does not end where it did",
            where=_place(folder, label_log_path(folder)),
            got=head,
            expected=str(said["log"]),
        )


def _version(recorded: RecordedEvaluation) -> LabelledVersion:
    content, inputs = recorded.content, recorded.content["inputs"]
    block = content.get("certification")
    level = USUAL_LEVEL if block is None else 1.0 - float(block["confidence_level"])
    settings = EvaluationSettings(inputs["threshold"], inputs["escalate_label"])
    return LabelledVersion(recorded.indexed, settings, content["agent_digest"], content["split"], level)


def _place(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()
