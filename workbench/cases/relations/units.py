"""An amount in another unit of the same kind: 1,000 kg as 1 t, with the price per unit that belongs to it.

process.yaml says under `units` what each unit is (`{tonne: {base: kilogram, factor: 1000}}`), and under `measures`
which columns belong together: `{unit: COLUMN, amounts: [COLUMNS in that unit], per: [COLUMNS per unit]}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from workbench.cases.relations.change import Fields, Ground, UnchangeableError
from workbench.cases.relations.formats import WrittenForm
from workbench.pilot import Role
from workbench.records import Scalar

PLAIN = WrittenForm(None, ".", "")
MOST_DIGITS = 12


def other_unit(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record whose first measure that can be is given in another unit of the same base."""
    measures, units = ground.process.get("measures"), ground.process.get("units")
    if not isinstance(measures, list | tuple) or not isinstance(units, Mapping):
        raise UnchangeableError(
            "process.yaml does not say which columns hold an amount in a unit (`measures` and `units`)"
        )
    own = ground.formats.get(str(fields.get(ground.contract.column_with(Role.SOURCE) or "")), PLAIN)
    for measure in measures:
        changed = _converted(fields, measure, units, own, rng)
        if changed is not None:
            return changed
    raise UnchangeableError("no unit of this record has another one of the same base, a power of ten apart")


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
