"""What commands print of what they found, a module for each kind: one screen, all of it with `--details`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.commands.reports.audited import print_audit
    from workbench.commands.reports.compared import print_comparison
    from workbench.commands.reports.evaluated import escalations_said, print_engines, print_evaluation, print_versions
    from workbench.commands.reports.followed import print_followed
    from workbench.commands.reports.openings import print_ledger
    from workbench.commands.reports.states import print_status
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
