"""Tools of environment.yaml that are no statement."""

from __future__ import annotations

from . import tax_ids


def tax_id_is_valid(tax_id: str) -> bool:
    """Return whether the check digits of a VAT id are right; true for countries whose ids have none that are tested."""
    return tax_ids.vat_digits_are_right(tax_id.replace(" ", ""))
