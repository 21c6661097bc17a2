"""Label disputes: which labels people look at again, blind, and the label set that comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.review.labels.applying import Overturned, WrittenLabels, write_label_set
    from workbench.review.labels.cards import label_group, label_item, label_item_id
    from workbench.review.labels.drawing import Handed, draw_disputed
    from workbench.review.labels.planning import LabelPlan, SplitPlan, plan_labels, plan_of_split
    from workbench.review.labels.standing import LabelStanding, label_standing
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
