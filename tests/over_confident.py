"""Outcomes of an agent that is surer than it should be, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pandas as pd


def drawn(n: int, seed: int) -> pd.DataFrame:
    """Return outcomes whose confidence is overconfident: the chance of being right is its square."""
    generator = np.random.default_rng(seed)
    confidence = np.round(generator.beta(6, 2, n), 2)
    right = generator.random(n) < confidence**2
    return pd.DataFrame(
        {
            "record_id": np.arange(n).astype(str),
            "status": "ok",
            "action": np.where(right, "a", "b"),
            "confidence": confidence,
            "label": "a",
        }
    )


def decided(right: np.ndarray, **confidences: np.ndarray) -> pd.DataFrame:
    """Return outcomes of valid decisions."""
    ids = np.arange(len(right)).astype(str)
    table = {"record_id": ids, "status": "ok", "action": np.where(right, "a", "b"), "label": "a"}
    return pd.DataFrame({**table, "confidence": 0.5, **confidences})


def three_confidences(n: int, seed: int, ease: float = 2.0) -> pd.DataFrame:
    """Return outcomes with two confidences that are equally good, too sure, and one that says little."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(ease, 1.5, n)
    right = rng.random(n) < 1 / (1 + np.exp(-odds))
    one, other, poor = (1 / (1 + np.exp(-1.3 * odds - rng.normal(0, noise, n))) for noise in (0.7, 0.7, 5.0))
    return decided(right, one=one, other=other, poor=poor)
