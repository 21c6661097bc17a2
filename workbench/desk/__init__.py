"""People at work: what waits for them, the page it is decided on, and their answers in a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.desk.items import AnswerKind, Card, GivenAnswer, ReviewItem, ShownField
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
