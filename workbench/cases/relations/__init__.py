"""Changes that keep what a record means, or may at most make an agent ask a person; no label is needed.

Each is generic: it works from the contract and from what the process specification says of how things are written, and
is made the same each time for one case. One that cannot be made on a record says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.cases.relations.change import Change, Fields, Ground, UnchangeableError, changed_fields, twin_fields
    from workbench.cases.relations.known import CHANGES
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
