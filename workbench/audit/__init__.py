"""The data audit: records and their contract looked at before anything is decided on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.audit.assessment import STEPS, audit_file
    from workbench.audit.maker import MAKER
    from workbench.audit.masking import Masking, key_of_cells, key_of_files, masking_of
    from workbench.audit.roles import declared_roles
    from workbench.audit.spark import counts_text, exit_code_of, validate_records
    from workbench.audit.store import FINDINGS_FILE, audits_folder, earlier_findings, latest_findings, read_findings
    from workbench.audit.telling import MANY_NUMBERS, columns_that_tell
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
