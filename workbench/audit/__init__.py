"""The data audit: records and their contract looked at before anything is decided on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.audit.assessment import STEPS, audit_file
    from workbench.audit.fitness import provable_kpis
    from workbench.audit.masking import Masking, key_of_cells, key_of_files, masking_of
    from workbench.audit.roles import declared_roles
    from workbench.audit.spark import counts_text, exit_code_of, validate_records
    from workbench.audit.store import FINDINGS_FILE, audits_folder, earlier_findings, latest_findings, read_findings
    from workbench.audit.telling import MANY_NUMBERS, columns_that_tell
else:
    __getattr__, __dir__ = opened_lazily(__name__, __file__)

__all__ = [
    "FINDINGS_FILE",
    "MANY_NUMBERS",
    "STEPS",
    "Masking",
    "audit_file",
    "audits_folder",
    "columns_that_tell",
    "counts_text",
    "declared_roles",
    "earlier_findings",
    "exit_code_of",
    "key_of_cells",
    "key_of_files",
    "latest_findings",
    "masking_of",
    "provable_kpis",
    "read_findings",
    "validate_records",
]
