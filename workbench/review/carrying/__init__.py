"""What people decided, written back once, and how often the systems hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.review.carrying.books import BOOKS_FILE, WrittenBooks
    from workbench.review.carrying.carrying import CarriedOut, carry_out
    from workbench.review.carrying.observed import OBSERVED_FILE, observed_writes
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
