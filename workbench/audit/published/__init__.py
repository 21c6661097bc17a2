"""An audit as a page, and what of it may be published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.audit.published.audits import VALIDATION_FILE, publish
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
