"""Every number of the access tests, counted from what was tried, from secrets and from texts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from workbench.integrations.access_tests.keys import NOT_KNOWN, TOO_OLD
from workbench.integrations.access_tests.trials import AccessVerdict
from workbench.metrics import Estimate, Unit

VIOLATIONS, UNMEASURED, OLD_KEYS = "access_violations", "access_unmeasured", "keys_too_old"
PERSONAL = "personal_data_out_of_place"
ACCESS_UNITS = MappingProxyType(dict.fromkeys((VIOLATIONS, UNMEASURED, OLD_KEYS, PERSONAL), Unit.NUMBER))
COUNTED = "counted, nothing is estimated"
OPEN = (AccessVerdict.UNCLEAR.value, AccessVerdict.NOT_MEASURED.value)


def access_estimates(trials: pd.DataFrame, keys: pd.DataFrame, texts: pd.DataFrame) -> dict[str, Estimate]:
    """Return every number of the access tests: all counts, without an interval.

    Returns
    -------
    dict
        `access_violations`, tries that were let in and texts with a canary, n the measured tries and those texts;
        `access_unmeasured`, tries unclear or not measured, n all tries; `keys_too_old`, secrets older than agreed, n
        those whose age is known; `personal_data_out_of_place`, texts with personal data, n the texts looked at. What
        was left out is counted by cause.
    """
    counts = trials["verdict"].value_counts()
    left = {verdict: int(counts.get(verdict, 0)) for verdict in OPEN}
    said = texts[texts["place"] != "prompt"]
    n_measured = len(trials) - sum(left.values())
    n_let_in = int(counts.get(AccessVerdict.LET_IN.value, 0)) + int((said["canaries"] != "").sum())
    n_known = int((keys["verdict"] != NOT_KNOWN).sum())
    n_old = int((keys["verdict"] == TOO_OLD).sum())
    return {
        VIOLATIONS: _count(n_let_in, n_measured + len(said) if n_measured else 0, left),
        UNMEASURED: _count(sum(left.values()), len(trials), {}),
        OLD_KEYS: _count(n_old, n_known, {NOT_KNOWN: len(keys) - n_known}),
        PERSONAL: _count(int((texts["personal"] != "").sum()), len(texts), {}),
    }


def _count(k: int, n: int, excluded: Mapping[str, int]) -> Estimate:
    left_out = {cause: count for cause, count in excluded.items() if count}
    undefined = Estimate.undefined("nothing was tried", left_out)
    return Estimate(float(k), float(k), float(k), n, COUNTED, left_out) if n else undefined
