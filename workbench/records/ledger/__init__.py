"""The holdout ledger: every opening of the sealed holdout, chained, signed, and charged.

The ledger of a pilot is datasets/PILOT/ledger.jsonl, kept with the pilot: committed, only ever appended to. Beside it,
opened/ lists the records that each opening saw, as digests of their content, id and label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.records.ledger.again import check_entry
    from workbench.records.ledger.budget import Budget, Seen, read_budget
    from workbench.records.ledger.entries import GENESIS, SPENT_AT_ONCE, Opening, OpeningSubject, Purpose, read_ledger
    from workbench.records.ledger.history import LEDGER_FILE, check_continues, history_remarks
    from workbench.records.ledger.opened import (
        OPENED_FOLDER,
        OpenedRecords,
        content_digests,
        id_digest,
        opened_records,
        read_opened,
    )
    from workbench.records.ledger.opening import Sight, append_opening, known_opening
    from workbench.records.ledger.roots import decided_digest, rows_root
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
