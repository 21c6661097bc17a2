"""What the law asks, as dated data: regimes, their versions, their requirements. It is no legal advice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.pilot.regulations.applying import (
        ComplianceProfile,
        DatedRequirement,
        obligation,
        requirements_as_of,
    )
    from workbench.pilot.regulations.catalogue import (
        Obligation,
        Regime,
        RegimeVersion,
        Requirement,
        Sector,
        regimes,
        requirement_ids,
    )
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
