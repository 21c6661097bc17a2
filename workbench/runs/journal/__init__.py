"""The journal: every decision of every run, appended in transactions, keyed by content.

One SQLite file in WAL mode holds a pilot's runs. A key is the digest of what the agent is asked and of the record, so
the same question is never asked twice and any change is a new key. A run is the set of keys it planned; its state is
computed by joining that set with the decisions, so nothing can disagree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.runs.journal.journal import Journal
    from workbench.runs.journal.lock import sole_run
    from workbench.runs.journal.plans import (
        Apart,
        RunEntry,
        RunInfo,
        RunPlan,
        ToAsk,
        asked_digest,
        digest_of,
        key_of,
        run_name,
    )
    from workbench.runs.journal.salvage import salvaged
    from workbench.runs.journal.storage import JOURNAL_FILE
    from workbench.runs.journal.trail import (
        FIELDS,
        AskedAs,
        DecidedFields,
        TrailLine,
        TrailSeal,
        evidence_in,
        field_digest,
        sealed_field,
    )
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
