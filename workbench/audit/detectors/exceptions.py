"""What breaks a dependency without being an error: values that stand for exceptions, and columns meant to differ."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.audit.known.neighbours import edited_signs, nearest
from workbench.audit.table.dependencies import Dependency, Groups
from workbench.audit.table.encoded import Encoded
from workbench.records.tables import CodedColumn

MIN_ROWS = 10
HARDLY_USUAL = 0.2
MIN_EQUAL = 0.85
Mask = npt.NDArray[np.bool_]


def compared_columns(encoded: Encoded, dependencies: tuple[Dependency, ...]) -> frozenset[int]:
    """Return the columns that say the same as another one in most rows, such as a price agreed and a price charged.

    Two such columns come from different papers and are there to be compared: where they differ the case is unusual,
    and neither cell need be wrong.
    """
    pairs = {one.positions for one in dependencies if len(one.positions) == 2}
    return frozenset(b for a, b in pairs if _equal_share(encoded.columns[a], encoded.columns[b]) >= MIN_EQUAL)


def _equal_share(first: CodedColumn, second: CodedColumn) -> float:
    """Return the share of the rows with both cells filled in which they hold the same text."""
    place = {value: code for code, value in enumerate(second.values)}
    same = np.array([place.get(value, -2) for value in first.values] + [-2], dtype=np.int64)
    filled = (first.codes >= 0) & (second.codes >= 0)
    return float((same[first.codes[filled]] == second.codes[filled]).mean()) if filled.any() else 0.0


def exceptions(column: CodedColumn, groups: Groups, is_clear: Mask, is_compared: bool) -> Mask:
    """Return which pairs of a dependency hold an exception rather than an error.

    A value that ten rows or more hold is a value of its own. Where groups hardly ever agree on it, it stands for
    exceptions (a credit note among invoices); where the column is meant to be compared with another, it is a deviation
    between the two. A slip away from what its group agrees on, it is an error all the same.

    Parameters
    ----------
    column : CodedColumn
        The dependent.
    groups : Groups
    is_clear : array of shape (n_pairs,)
        Pairs whose group agrees on a value.
    is_compared : bool
    """
    agreeing = is_clear & (groups.right == groups.top)
    n_values = len(column.values) + 1
    usual = np.bincount(groups.right[agreeing], weights=groups.n[agreeing], minlength=n_values)
    total = np.bincount(groups.right, weights=groups.n, minlength=n_values)
    is_known = (total >= MIN_ROWS) & (is_compared | (usual < HARDLY_USUAL * total))
    found: Mask = is_clear & (groups.right != groups.top) & is_known[groups.right]
    for pair in np.flatnonzero(found):
        found[pair] = not _is_slip(column.values[int(groups.right[pair])], column.values[int(groups.top[pair])])
    return found


def _is_slip(text: str, usual: str) -> bool:
    """Whether a text is a keystroke or two away from another, other than by a digit."""
    return bool(nearest([text], [usual])) and not all(sign.isdigit() for sign in "".join(edited_signs(text, usual)))
