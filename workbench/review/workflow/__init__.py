"""The human workflow as evidence: whom decisions went to, who answered, what was written back, whether people look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.review.workflow.maker import MAKER, ReviewRequest
    from workbench.review.workflow.numbers import reviewer_table
    from workbench.review.workflow.tables import AGREEMENT, FAULTS, ITEMS, PLANTED, REVIEWS
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
