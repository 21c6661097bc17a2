"""An estimate: a number with its interval, its denominator and what was left out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from workbench.metrics.settings import DEFAULT_CONFIDENCE_LEVEL
from workbench.stats import IntervalMethod, proportion_interval, quantile_interval
from workbench.words import InputError


@dataclass(frozen=True, slots=True)
class Estimate:
    """One measured number.

    Parameters
    ----------
    value, lower, upper : float, optional
        The estimate and its interval; all None when it is undefined (nothing to count). A bound is None when the
        method gives none, or no finite one at this n.
    n : int
        The denominator: how many decisions the value is computed from.
    excluded : mapping of str to int
        How many decisions were left out, by cause; a cause with none is not listed.
    method : str
        How the interval was computed, with its confidence level, or "none" with the reason.
    """

    value: float | None
    lower: float | None
    upper: float | None
    n: int
    method: str
    excluded: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def proportion(
        cls,
        k: int,
        n: int,
        *,
        excluded: Mapping[str, int] | None = None,
        method: IntervalMethod = IntervalMethod.WILSON,
        confidence_level: float = DEFAULT_CONFIDENCE_LEVEL,
    ) -> Self:
        """Return the estimate of a proportion, k of n; undefined when n is 0.

        Examples
        --------
        >>> Estimate.proportion(13, 16, method=IntervalMethod.CLOPPER_PEARSON).lower
        0.5435434537683883
        >>> Estimate.proportion(0, 0, excluded={"skipped": 3, "invalid": 0}).as_json()
        {'value': None, 'lower': None, 'upper': None, 'n': 0, 'excluded': {'skipped': 3}, 'method': 'Wilson 95%'}
        """
        if n == 0 and k != 0:
            raise InputError("nothing can be counted among no decisions", got=f"k = {k}, n = 0")
        lower, upper = (None, None) if n == 0 else proportion_interval(k, n, confidence_level, method)
        return cls(
            value=None if n == 0 else k / n,
            lower=lower,
            upper=upper,
            n=n,
            method=method_text(method.shown_name, confidence_level),
            excluded=listed(excluded or {}),
        )

    @classmethod
    def exact_share(
        cls,
        k: int,
        n: int,
        confidence_level: float = DEFAULT_CONFIDENCE_LEVEL,
        excluded: Mapping[str, int] | None = None,
    ) -> Self:
        """Return a proportion with exact (Clopper-Pearson) bounds, which hold at least their level at any n."""
        exact = IntervalMethod.CLOPPER_PEARSON
        return cls.proportion(k, n, excluded=excluded, method=exact, confidence_level=confidence_level)

    @classmethod
    def quantile(
        cls,
        values: ArrayLike,
        q: float,
        *,
        excluded: Mapping[str, int] | None = None,
        confidence_level: float = DEFAULT_CONFIDENCE_LEVEL,
    ) -> Self:
        """Return an observed quantile, the smallest value that at least a share q do not exceed.

        Its interval comes from order statistics; a bound is None where the values are too few for it.
        """
        lower, upper = quantile_interval(values, q, confidence_level)
        value = float(np.quantile(np.asarray(values, dtype=float), q, method="inverted_cdf"))
        method = method_text("order statistics", confidence_level)
        return cls(value, lower, upper, np.size(values), method, listed(excluded or {}))

    @classmethod
    def undefined(cls, why: str, excluded: Mapping[str, int] | None = None) -> Self:
        """Return an estimate without a value, and why it has none."""
        return cls(None, None, None, 0, f"none: {why}", listed(excluded or {}))

    def as_json(self) -> dict[str, Any]:
        """Return the estimate as JSON values."""
        return {
            "value": self.value,
            "lower": self.lower,
            "upper": self.upper,
            "n": self.n,
            "excluded": dict(self.excluded),
            "method": self.method,
        }


def method_text(title: str, confidence_level: float) -> str:
    """Return what an estimate says of its interval, such as "Wilson 95%"."""
    return f"{title} {100 * confidence_level:.10g}%"


def listed(excluded: Mapping[str, int]) -> dict[str, int]:
    """Return the causes that excluded anything."""
    return {cause: int(count) for cause, count in excluded.items() if count}
