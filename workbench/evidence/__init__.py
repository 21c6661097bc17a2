"""The signed bundle of files behind a verdict, written whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.evidence.bundle import (
        ENVIRONMENT_FILE,
        EVIDENCE_TYPE,
        LEDGER_FILE,
        VERDICT_FILE,
        BundleContent,
        write_bundle,
    )
    from workbench.evidence.decisions import (
        DECISIONS,
        EVALUATIONS,
        cells_csv,
        evaluation_files,
        read_cells,
        read_decisions,
        settings_from_inputs,
    )
    from workbench.evidence.manifest import ENVELOPE_FILE, MANIFEST_FILE, read_listed, read_plain
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
