"""What the access tests show to be wrong, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from workbench.evidence import Finding
from workbench.integrations.access_tests.keys import TOO_OLD
from workbench.integrations.access_tests.trials import AccessKind, AccessVerdict, kind_of_trial
from workbench.pilot import Severity
from workbench.words import several, shown

REFUSED, TOLD = "lets in what must be refused", "tells what it must not"
# How grave a try that was let in is, how that is said, and what follows.
GRAVITY = {
    AccessKind.RIGHTS: (Severity.CRITICAL, REFUSED, "the agent's account can do what it was never granted"),
    AccessKind.ACCESS: (Severity.CRITICAL, REFUSED, "who must not get in gets in"),
    AccessKind.TENANT: (Severity.CRITICAL, REFUSED, "records of another tenant are seen or changed"),
    AccessKind.INPUT: (
        Severity.CRITICAL,
        REFUSED,
        "a text that an agent was made to send reads or changes other records",
    ),
    AccessKind.CANARY: (Severity.HIGH, TOLD, "who sees the answer learns what no case needs"),
}
MEND = "let the system's team close it, and try again"


def access_findings(
    trials: pd.DataFrame, keys: pd.DataFrame, texts: pd.DataFrame, owners: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Return a finding for each operation and kind that was let in, each old secret and each place of texts."""
    found = (*_let_in(trials, owners), *_old(keys, owners), *_said(texts))
    return tuple(sorted(found, key=lambda one: list(Severity).index(one.severity)))


def _let_in(trials: pd.DataFrame, owners: Mapping[str, str]) -> Iterator[Finding]:
    found = trials[trials["verdict"] == AccessVerdict.LET_IN.value]
    kinds = found["tried"].map(kind_of_trial)
    for group, part in found.groupby([found["system"], found["operation"], kinds], sort=False):
        (system, operation), first = map(str, group[:2]), part.iloc[0]
        kind = kind_of_trial(str(first["tried"]))
        severity, fault, consequence = GRAVITY[kind]
        name = f"{system}.{operation}" if operation else system
        yield Finding(
            id=f"{system}-{operation or 'all'}-{kind.value}".lower().replace("_", "-"),
            kind=f"access_{kind.value}",
            severity=severity,
            title=f"{name} {fault}: {shown(part['tried'])}",
            where=tuple(part["tried"]),
            n=len(part),
            of=int((trials["system"] == system).sum()),
            evidence=(f"{first['tried']}: " if len(part) > 1 else "")
            + f"expected {first['expected']}; got {first['happened']}"
            + (f" ({first['detail']})" if first["detail"] else ""),
            consequence=consequence,
            remedy=MEND,
            owner=owners.get(system, ""),
        )


def _old(keys: pd.DataFrame, owners: Mapping[str, str]) -> Iterator[Finding]:
    for one in keys[keys["verdict"] == TOO_OLD].to_dict("records"):
        yield Finding(
            id=f"{one['system']}-secret-age".lower().replace("_", "-"),
            kind="access_key",
            severity=Severity.HIGH,
            title=f"the secret {one['secret']} of {one['system']} is {one['age_days']:,.0f} days old",
            where=(str(one["secret"]),),
            evidence=f"issued {one['issued']}, to be replaced after {one['limit_days']:g} days",
            consequence="who came by it once still gets in",
            remedy="replace it",
            owner=owners.get(str(one["system"]), ""),
        )


def _said(texts: pd.DataFrame) -> Iterator[Finding]:
    for column, what, severity in (
        ("canaries", "rows that no case needs", Severity.CRITICAL),
        ("personal", "personal data that nobody needs there", Severity.HIGH),
    ):
        found = texts[texts[column] != ""]
        for place, part in found.groupby("place", sort=False):
            said = sorted({kind for text in part[column] for kind in str(text).split("; ")})
            yield Finding(
                id=f"{place}-{column}",
                kind=f"access_{column}",
                severity=severity,
                title=f"{several(len(part), 'text', 'texts')} of the {place} with {what}: {shown(said)}",
                where=tuple(said),
                n=len(part),
                of=int((texts["place"] == place).sum()),
                evidence=shown([one for one in part["record_id"] if one]) if (part["record_id"] != "").any() else "",
                consequence="it is kept, shown and handed on with the decision",
                remedy="guard what the agent says (`guards: [sensitive_data]`), or give the column its class (`pii`)",
            )
