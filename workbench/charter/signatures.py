"""Signatures of the charter: without all of them no gate starts."""

from __future__ import annotations

from pathlib import Path

from workbench.charter.schema import CHARTER_FILE, Charter
from workbench.errors import InputError, SignatureError
from workbench.signing.documents import SignatureStatus, Signer, document_signatures, sign_document
from workbench.signing.keys import SigningKey


def charter_signatures(suite: Path, charter: Charter, pilot: str | None = None) -> SignatureStatus:
    """Return who of the roles that must sign has signed what the charter says now.

    `pilot` is the pilot's name where the folder is not named after it.
    """
    status = document_signatures(suite, CHARTER_FILE, charter.signing_roles, pilot)
    named = {person.role: person.name for person in charter.stakeholders}
    others = {one.role: f"signed by {one.name}" for one in status.valid if one.name != named[one.role]}
    if not others:
        return status
    valid = tuple(one for one in status.valid if one.role not in others)
    invalid = {**status.invalid, **others}
    return SignatureStatus(status.document, status.digest, status.required, valid, status.missing, invalid)


def require_signatures(suite: Path, charter: Charter) -> SignatureStatus:
    """Return the charter's signatures when all of them hold.

    Raises
    ------
    SignatureError
        "No signature, no start": one is missing or does not hold, or the charter names nobody who signs.
    """
    status = charter_signatures(suite, charter)
    if status.is_complete:
        return status
    reasons = [f"{role}: no signature" for role in status.missing]
    reasons += [f"{role}: {why}" for role, why in status.invalid.items()]
    name = suite.name
    raise SignatureError(
        "No signature, no start",
        where=str(suite / CHARTER_FILE),
        got="; ".join(reasons) or "no stakeholder with `signs: true`",
        expected=f"valid signatures of {', '.join(status.required)}" if status.required else "roles that must sign",
        remedy=f'workbench charter {name} sign --name "NAME" --role "ROLE" --key FILE',
    )


def sign_charter(suite: Path, charter: Charter, signer: Signer, key: SigningKey) -> Path:
    """Sign the charter for a role, as the person that it names for this role.

    Raises
    ------
    InputError
        The charter names nobody who signs in this role, or somebody else.
    """
    named = {person.role: person.name for person in charter.stakeholders if person.signs}
    where = str(suite / CHARTER_FILE)
    if signer.role not in named:
        raise InputError(
            f"the charter needs no signature of a role {signer.role!r}",
            where=where,
            expected=", ".join(named) or "stakeholders with `signs: true`; there is none",
        )
    if signer.name != named[signer.role]:
        raise InputError(
            f"somebody else signs as {signer.role}", where=where, got=signer.name, expected=named[signer.role]
        )
    return sign_document(suite, CHARTER_FILE, signer, key)
