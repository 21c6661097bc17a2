"""Label sets: labels that people corrected, beside the records, and the chained log of how they came about.

`datasets/PILOT/labels/v2.csv` is a label set, `log.jsonl` the log, `lists/` the records that were handed out together.
A contract names the label set that counts (`label_set: v2`); the records themselves are never edited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.records.label_sets.decided import DecidedAlone, decided_alone_digest
    from workbench.records.label_sets.kept import label_files, label_set_digests
    from workbench.records.label_sets.log import (
        AppliedLabels,
        DrawnList,
        LogWriter,
        append_label_entry,
        label_log_head,
        label_log_path,
        read_label_log,
        read_list,
        write_list,
    )
    from workbench.records.label_sets.sets import (
        LABELS_FOLDER,
        LabelSet,
        add_label_set,
        label_set_path,
        label_set_text,
        labels_before,
        next_label_set,
        read_label_set,
        under_label_set,
    )
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
