"""The signed bundle of files behind a verdict, written whole or not at all."""

from __future__ import annotations

from workbench.evidence.bundle import BundleContent, write_bundle

__all__ = ["BundleContent", "write_bundle"]
