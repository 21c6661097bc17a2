"""Compliance: each requirement computed from evidence, attested by a person, or not evidenced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.compliance.maker import MAKER, ComplianceRequest
    from workbench.compliance.page import write_report
    from workbench.compliance.requirement import ComplianceGround, Computation, Computed, Standing
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
