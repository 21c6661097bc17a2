"""Material groups, vendor countries and seasonality, from catalogue.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CATALOGUE: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("catalogue.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Trade:
    """A material group: usual price in euro for `price_unit` units, usual order quantity, vendors' trade words.

    Vendors of the group may also sell those under `sold_with`.
    """

    weight: float
    unit: str
    price_unit: int
    price_eur: float
    spread: float
    quantity: float
    pack: int
    trade_words: Mapping[str, tuple[str, ...]]
    materials: tuple[str, ...]
    sold_with: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Country:
    """Where vendors come from; `german` is the share that writes German."""

    weight: float
    currencies: Mapping[str, float]
    language: str
    german: float
    names: tuple[str, ...]
    forms: tuple[str, ...]
    patterns: tuple[str, ...]
    references: tuple[str, ...]


MONTH_WEIGHTS: tuple[float, ...] = tuple(CATALOGUE["month_weights"])
FIRST_RATES: Mapping[str, float] = CATALOGUE["first_rates"]
GROUPS = {name: Trade(**entry) for name, entry in CATALOGUE["groups"].items()}
COUNTRIES = {code: Country(**entry) for code, entry in CATALOGUE["countries"].items()}
