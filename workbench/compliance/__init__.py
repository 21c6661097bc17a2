"""Compliance: each requirement computed from evidence, attested by a person, or not evidenced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.compliance.kept_out import personal_places
    from workbench.compliance.maker import MAKER, ComplianceRequest
    from workbench.compliance.report import write_report
    from workbench.compliance.requirement import ComplianceGround, Computation, Computed, KeptFor, Standing
    from workbench.compliance.shown_columns import columns_shown
    from workbench.compliance.trail import read_trail, trail_again
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
