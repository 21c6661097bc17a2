"""The data audit: records and their contract looked at before anything is decided on them.

A module imports only from its own subroom or those above it:

    cells findings    what all speak of: flagged cells, and findings about them
    known             the world: masks of personal data, units, how people mistype
    table             the table: its subject and roles, its cells as codes, what holds between columns, rules
    detectors         what votes on cells, a file each, and how votes become flagged cells
    questions         completeness, quality, leakage and the others, each a section, and the audit of them all
    published         the folder of an audit, its page, its suite of rules and who executes it
    following         findings from audit to audit, beside who owns them
    maker             its exhibit, and what a gate can ask of it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.audit.following import FindingState, FollowedFinding, follow_pilot, followed
    from workbench.audit.known.masking import Masking, key_of_cells, key_of_files, masking_of
    from workbench.audit.maker import MAKER, leave_audit
    from workbench.audit.published.audited import critical_note
    from workbench.audit.published.spark import counts_text, exit_code_of, validate_records
    from workbench.audit.questions.assessment import STEPS, audit_file, audit_pilot
    from workbench.audit.questions.telling import MANY_NUMBERS, columns_that_tell
    from workbench.audit.table.roles import declared_roles
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
