"""An agent under load: what arrives in a day, in a peak, and for as many decisions as two days have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.load_testing.analysis import in_system
    from workbench.load_testing.maker import MAKER, LoadRequest, profiles_named
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
