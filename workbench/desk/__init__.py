"""People at work: what waits for them, the page it is decided on, and their answers in a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.desk.items import AnswerKind, Card, GivenAnswer, ReviewItem, ShownField
    from workbench.desk.judging import offered
    from workbench.desk.links import LinkElsewhereError, LinkExpiredError, Links, LinkTamperedError, links_secret
    from workbench.desk.opening import DESK_FILE, desk_path, open_desk
    from workbench.desk.shapes import (
        Claim,
        DeskConflictError,
        Feedback,
        FeedbackWish,
        Progress,
        Recorded,
        Settled,
    )
    from workbench.desk.store import Desk
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
