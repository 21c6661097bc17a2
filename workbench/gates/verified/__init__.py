"""A bundle, verified down to its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.gates.verified.facts import facts_files
    from workbench.gates.verified.verification import Proof, Verification, verify_bundle
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
