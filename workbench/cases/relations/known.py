"""The changes that a case may name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from workbench.cases.relations.change import Change
from workbench.cases.relations.fields import field_order, renamed_entity
from workbench.cases.relations.text import (
    irrelevant_sentence,
    other_case,
    out_of_scope,
    paraphrased,
    translated,
    two_intents,
    typo,
    white_space,
)
from workbench.cases.relations.units import other_currency, other_unit
from workbench.cases.relations.written import other_dates, other_numbers

CHANGES: Mapping[str, Change] = MappingProxyType(
    {
        "typo": typo,
        "case": other_case,
        "whitespace": white_space,
        "irrelevant_sentence": irrelevant_sentence,
        "translated_note": translated,
        "paraphrase": paraphrased,
        "two_intents": two_intents,
        "out_of_scope": out_of_scope,
        "unit": other_unit,
        "currency": other_currency,
        "locale": other_numbers,
        "date_format": other_dates,
        "vendor_rename": renamed_entity,
        "field_order": field_order,
    }
)
