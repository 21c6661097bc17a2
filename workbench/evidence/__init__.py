"""The signed bundle behind a verdict: written whole or not at all, and verified down to its numbers."""

from __future__ import annotations

from workbench.evidence.agreement import agreement_files
from workbench.evidence.bundle import BundleContent, write_bundle
from workbench.evidence.facts import facts_files
from workbench.evidence.verification import Check, Verification, verify_bundle

__all__ = [
    "BundleContent",
    "Check",
    "Verification",
    "agreement_files",
    "facts_files",
    "verify_bundle",
    "write_bundle",
]
