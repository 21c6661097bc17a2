"""What a page concludes: one sentence that a sponsor understands, the table it rests on, the records behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from workbench.metrics import Behind


@dataclass(frozen=True, slots=True, eq=False)
class Conclusion:
    """One answer of a page.

    Parameters
    ----------
    sentence : str
    table : DataFrame
        Estimates with interval and denominator; empty where there is nothing to count.
    behind : mapping
        Number of the table to the records it was counted from.
    """

    sentence: str
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    behind: Mapping[str, Behind] = field(default_factory=dict)
