"""Amounts in another unit or currency: 1,000 kg as 1 t with the price per unit, EUR as CNY with the exchange rate.

process.yaml says under `units` what each unit is (`{tonne: {base: kilogram, factor: 1000}}`), and under `measures`
which columns belong together: `{unit: COLUMN, amounts: [COLUMNS in that unit], per: [COLUMNS per unit]}`. What it says
of currencies is read in `currencies.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from workbench.cases.relations.change import Fields, Ground, UnchangeableError
from workbench.cases.relations.formats import WrittenForm
from workbench.records import Scalar

LEAST_TIMES = 2  # a currency that is worth about as much would leave the amounts as they are
MOST_DIGITS = 12


def other_unit(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record whose first measure that can be is given in another unit of the same base."""
    measures, units = ground.process.get("measures"), ground.process.get("units")
    if not isinstance(measures, list | tuple) or not isinstance(units, Mapping):
        raise UnchangeableError(
            "process.yaml does not say which columns hold an amount in a unit (`measures` and `units`)"
        )
    own = ground.form_of(fields)
    for measure in measures:
        changed = _converted(fields, measure, units, own, rng)
        if changed is not None:
            return changed
    raise UnchangeableError("no unit of this record has another one of the same base, a power of ten apart")


def other_currency(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record whose document is in another currency: codes, rate, and every amount.

    One unit of the old currency is a whole number of the new one, that next to the usual rate: amounts keep their
    decimals then, and none is rounded.
    """
    known, own = ground.currencies, ground.form_of(fields)
    if known is None:
        raise UnchangeableError("process.yaml does not say which columns are in a document's currency (`currencies`)")
    columns = known.columns
    codes = known.codes(own, str(fields[columns.codes[0]]))
    held = {codes.get(str(fields[name])) for name in columns.codes}
    currency = held.pop()
    if currency is None or held:
        raise UnchangeableError("this record is not in one currency that is known")
    times = {code: known.times(currency, name) for code, name in sorted(codes.items())}
    others = [code for code, n in times.items() if n >= LEAST_TIMES]
    if not others:
        raise UnchangeableError(f"no currency that is known is worth less than half of {currency}")
    code = others[int(rng.integers(len(others)))]
    filled = [name for name in columns.amounts if fields[name] not in (None, "")]
    cells = {name: _scaled(fields[name], Decimal(times[code]), own) for name in (columns.rate, *filled)}
    unread = next((name for name, cell in cells.items() if cell is None), None)
    if unread is not None:
        raise UnchangeableError(f"{unread!r} holds no number that can be converted")
    return {**fields, **cells, **dict.fromkeys(columns.codes, code)}


def _converted(
    fields: Fields, measure: Mapping[str, Any], units: Mapping[str, Any], own: WrittenForm, rng: np.random.Generator
) -> Fields | None:
    codes = next((table for table in own.codes.values() if fields[measure["unit"]] in table), {n: n for n in units})
    unit = codes.get(str(fields[measure["unit"]]), "")
    if unit not in units:
        return None
    ratios = {
        code: Decimal(str(units[unit]["factor"])) / Decimal(str(units[name]["factor"]))
        for code, name in sorted(codes.items())
        if name in units and name != unit and units[name]["base"] == units[unit]["base"]
    }
    ratios = {
        code: ratio for code, ratio in ratios.items() if ratio != 1 and ratio.normalize().as_tuple().digits == (1,)
    }
    if not ratios:
        return None
    code = sorted(ratios)[int(rng.integers(len(ratios)))]
    factors = dict.fromkeys(measure.get("amounts", ()), ratios[code]) | dict.fromkeys(
        measure.get("per", ()), 1 / ratios[code]
    )
    cells = {name: _scaled(fields[name], factor, own) for name, factor in factors.items()}
    return None if None in cells.values() else {**fields, **cells, measure["unit"]: code}


def _scaled(cell: Scalar, factor: Decimal, own: WrittenForm) -> Scalar:
    """Return a number times a factor, written as it was; None where it is no number."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        value = Decimal(str(cell)) * factor
        return float(value) if isinstance(cell, float) or value != int(value) else int(value)
    parts = own.number(str(cell).strip())
    if parts is None:
        return None
    with localcontext(prec=3 * MOST_DIGITS):
        value = (Decimal(f"{parts[0]}{parts[1]}.{parts[2] or 0}") * factor).normalize()
        sign, whole, fraction = "-" if value < 0 else "", *f"{abs(value):f}".partition(".")[::2]
    return own.written_number((sign, whole, fraction.ljust(len(parts[2]), "0") if fraction or parts[2] else ""))
