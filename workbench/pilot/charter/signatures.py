"""Signatures of the charter: without all of them no gate starts, and one key for several roles is no agreement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from workbench.pilot.charter.coverage import covered_digests
from workbench.pilot.charter.schema import CHARTER_FILE, Charter, Keys
from workbench.pilot.signing.documents import SignatureStatus, Signer, SignOff, document_signatures, sign_document
from workbench.pilot.signing.keys import SigningKey
from workbench.words import InputError, SignatureError


def charter_signatures(suite: Path, charter: Charter, pilot: str | None = None) -> SignatureStatus:
    """Return who of the roles that must sign has signed what the charter and the files it covers say now.

    Parameters
    ----------
    suite : Path
        Folder with the charter and signatures/: a pilot's, or a bundle.
    charter : Charter
    pilot : str, optional
        The pilot's name where the folder is not named after it.
    """
    covers = covered_digests(suite)
    status = document_signatures(suite, CHARTER_FILE, charter.signing_roles, pilot, covers)
    named = {person.role: person.name for person in charter.stakeholders}
    others = {one.role: f"signed by {one.name}" for one in status.valid if one.name != named[one.role]}
    if not others:
        return status
    valid = tuple(one for one in status.valid if one.role not in others)
    return replace(status, valid=valid, invalid={**status.invalid, **others})


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
        remedy=f'workbench charter sign {name} --name "NAME" --role "ROLE" --key FILE',
    )


def sharing_a_key(status: SignatureStatus) -> tuple[tuple[SignOff, ...], ...]:
    """Return the signatures that several roles gave with one key, together for each such key, in the charter's order.

    Examples
    --------
    >>> signed = [SignOff("sponsor", "Ann", "", "k1"), SignOff("IT", "Bo", "", "k2"), SignOff("legal", "Cy", "", "k1")]
    >>> (one,) = sharing_a_key(SignatureStatus("charter.yaml", "", (), tuple(signed), (), {}))
    >>> [sign_off.name for sign_off in one]
    ['Ann', 'Cy']
    """
    by_key: dict[str, list[SignOff]] = {}
    for sign_off in status.valid:
        by_key.setdefault(sign_off.key_id, []).append(sign_off)
    return tuple(tuple(group) for group in by_key.values() if len(group) > 1)


def shared_keys_note(charter: Charter, status: SignatureStatus) -> str | None:
    """Return the sentence that says that roles share a key because the charter allows it; None where none do.

    Examples
    --------
    >>> signed = tuple(SignOff(role, "Ann", "", "k1") for role in ("sponsor", "IT owner"))
    >>> status = SignatureStatus("charter.yaml", "", (), signed, (), {})
    >>> shared_keys_note(Charter(process="", keys="shared"), status)
    'All 2 signatures were given with 1 key, as the charter allows'
    """
    if charter.keys is not Keys.SHARED or not sharing_a_key(status):
        return None
    n_keys = len({sign_off.key_id for sign_off in status.valid})
    keys = "1 key" if n_keys == 1 else f"{n_keys} keys"
    return f"All {len(status.valid)} signatures were given with {keys}, as the charter allows"


def one_key_for_several(charter: Charter, status: SignatureStatus) -> str | None:
    """Return who signed with one key although the charter asks for distinct keys; None where nobody did."""
    groups = () if charter.keys is Keys.SHARED else sharing_a_key(status)
    return "; ".join(f"{_listed(one.name for one in group)} signed with one key" for group in groups) or None


def sign_charter(suite: Path, charter: Charter, signer: Signer, key: SigningKey) -> Path:
    """Sign the charter and the files it covers for a role, as the person that it names for this role.

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
    return sign_document(suite, CHARTER_FILE, signer, key, covered_digests(suite))


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
