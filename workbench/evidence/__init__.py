"""Evidence: exhibits of makers, what a verdict rests on, and the signed bundle of it all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.evidence.agreement import JudgedSettings, agreement_files, bundled_pilot
    from workbench.evidence.audits import (
        FINDINGS_FILE,
        LATEST_AUDIT,
        all_findings,
        audits_folder,
        earlier_findings,
        latest_findings,
        read_findings,
    )
    from workbench.evidence.bundle import (
        ENVIRONMENT_FILE,
        EVIDENCE_TYPE,
        LEDGER_FILE,
        VERDICT_FILE,
        BundleContent,
        write_bundle,
    )
    from workbench.evidence.checks import (
        BETTER_VERSION,
        Answer,
        Check,
        Missing,
        Terms,
        arrival_days,
        unproven,
    )
    from workbench.evidence.digests import code_digest, file_digest, files_at, files_under
    from workbench.evidence.exhibit import (
        EXHIBITS,
        Exhibit,
        Finding,
        MadeBy,
        exhibit_folder,
        exhibit_of,
        read_exhibit,
    )
    from workbench.evidence.facts import Agreed, Facts, Population
    from workbench.evidence.inputs import Inputs
    from workbench.evidence.junit import JUnitCase, junit_suite
    from workbench.evidence.manifest import ENVELOPE_FILE, MANIFEST_FILE, read_listed, read_plain
    from workbench.evidence.places import executed_path, index_path, results_folder
    from workbench.evidence.registry import (
        MAKERS,
        Maker,
        maker,
        maker_by,
        maker_names,
        maker_of,
        makers,
        of_one_version,
    )
    from workbench.evidence.same import TOLERANCE, parsed, require_same, without_texts
    from workbench.evidence.tabular import ColumnKind, table_csv, table_of, write_table
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
