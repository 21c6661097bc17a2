"""What a model's tokens cost, as pilot.yaml agrees on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from workbench.files import Settings


class Price(Settings):
    """What a model's tokens cost."""

    input_per_million: float = Field(ge=0)
    output_per_million: float = Field(ge=0)
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")


def price_of(identity: Mapping[str, Any], prices: Mapping[str, Price]) -> Price | None:
    """Return what the tokens of a version's model cost, None where the version has no model or no price is agreed."""
    return prices.get(str(identity.get("engine", {}).get("model", "")))
