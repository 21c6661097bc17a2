"""Personal data in a text: found by pattern and check digits, replaced by its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.personal.finding import (
        LONGEST,
        Found,
        PersonalData,
        find_personal_data,
        masked,
        may_hold,
        replaced,
    )
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
