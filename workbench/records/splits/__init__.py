"""Splits: each record is dev or holdout by a keyed hash; holdout labels are sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.records.splits.dataset import Dataset, read_dataset
    from workbench.records.splits.disputing import (
        agreements_order,
        disputed_among,
        former_labels,
        holdout_has_results,
    )
    from workbench.records.splits.draw import Split, SplitBy, SplitSettings, drawn_split, fresh_split, write_split
    from workbench.records.splits.opening import (
        evidence_folder,
        holdout_seen,
        ledger_path,
        open_holdout,
        opened_before,
        other_ledgers,
        subject_from,
        was_opened,
    )
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
