"""How old each secret is, beside the days after which it is to be replaced."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time

import pandas as pd

from workbench.integrations.access_tests.apart import SetApart
from workbench.integrations.declared import NO_SECRET
from workbench.pilot.integrations import Authentication, IntegrationSettings

COLUMNS = ("system", "secret", "issued", "age_days", "limit_days", "verdict", "detail")
TOO_OLD, YOUNG, NOT_KNOWN = "too old", "young enough", "not known"
DAY_S = 86_400.0
NOT_ISSUED = "neither the sandbox nor `auth: issued` says when it was issued"
NO_LIMIT = "`auth: rotation_days` says no limit"


def keys_table(settings: IntegrationSettings, apart: SetApart | None, now: datetime) -> pd.DataFrame:
    """Return the age of every secret of the agent's account.

    Parameters
    ----------
    settings : IntegrationSettings
    apart : SetApart, optional
        What the sandbox says of when secrets were issued; it counts before what integrations.yaml says.
    now : datetime
        By the sandbox's clock, with a zone.

    Returns
    -------
    DataFrame
        `age_days` and `limit_days` in days, missing where it is not known; `verdict` young enough, too old, not known.
    """
    rows = [
        (system.id, *_row(system.auth, apart, now))
        for system in settings.systems
        if system.auth is not None and system.auth.kind not in NO_SECRET
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"age_days": "float64", "limit_days": "float64"})


def judged_again(keys: pd.DataFrame) -> pd.Series[str]:
    """Return the verdict on each secret as it follows from its age and its limit."""
    verdict = (keys["age_days"] > keys["limit_days"]).map({True: TOO_OLD, False: YOUNG})
    return verdict.where(keys["age_days"].notna() & keys["limit_days"].notna(), NOT_KNOWN).rename("verdict")


def _row(
    auth: Authentication, apart: SetApart | None, now: datetime
) -> tuple[str, str, float | None, float | None, str, str]:
    name = auth.secret_env or ""
    issued = next(_issued(auth, apart), None)
    if issued is None or auth.rotation_days is None:
        why = NOT_ISSUED if issued is None else NO_LIMIT
        return name, "" if issued is None else issued.date().isoformat(), None, auth.rotation_days, NOT_KNOWN, why
    age = (now - issued).total_seconds() / DAY_S
    verdict = TOO_OLD if age > auth.rotation_days else YOUNG
    return name, issued.date().isoformat(), round(age, 3), auth.rotation_days, verdict, ""


def _issued(auth: Authentication, apart: SetApart | None) -> Iterator[datetime]:
    if apart is not None and auth.secret_env is not None and auth.secret_env in apart.issued:
        said = apart.issued[auth.secret_env]
        yield said if said.tzinfo is not None else said.replace(tzinfo=UTC)
    if auth.issued is not None:
        yield datetime.combine(auth.issued, time(), UTC)
