"""Whether people decide what they must; label disputes; acceptance by users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.review.acceptance import ACCEPTANCE
    from workbench.review.carrying import CarriedOut, carry_out
    from workbench.review.filling import Filling, FillRequest, item_id, items_for
    from workbench.review.workflow import MAKER, ReviewRequest, reviewer_table
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
