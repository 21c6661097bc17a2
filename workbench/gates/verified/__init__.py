"""A bundle, verified down to its numbers."""

from __future__ import annotations

from workbench.gates.verified.agreement import agreement_files
from workbench.gates.verified.facts import facts_files
from workbench.gates.verified.verification import Check, Verification, verify_bundle

__all__ = ["Check", "Verification", "agreement_files", "facts_files", "verify_bundle"]
