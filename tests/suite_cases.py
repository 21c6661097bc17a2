"""A dirty table and rules of every kind over it, for what must agree on every engine."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.audit.detectors.formats import FORMAT
from workbench.audit.published.suites import Suite, suite_of
from workbench.audit.table.rules import Rule, RuleKind

CODES = tuple(f"K{number}" for number in range(6))
DAY, SECOND = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"
# What hides in columns of each kind; engines read such cells differently unless they are told how.
ODD = {
    "number": ("x", "", None, " 12 ", "\t7", "3\n", "1_000", "1__0", "1,5", "5.", ".5", "+-4", "1d", "0x1F", "inf",
               "-Infinity", "NaN", "1e400", "1e-3", "\u0663", "\uff11\uff12", "\u00a05", "400", "-8"),
    "day": ("soon", "", None, "2025-02-30", "2024-02-29", "2025-2-3", " 2025-01-05", "2025-01-05\n", "9999-12-31",
            "0000-01-01", "12025-01-01", "25-01-01", "2025-01-05 10:00:00", "\u0662025-01-05"),
    "second": ("", None, "2025-01-05", "2025-01-05  9:5:3", "2025-01-05\t10:00:00", "2025-01-05 24:00:00",
               "2025-01-05 10:00:60", "2025-01-05 10:00:00.5", "1900-02-29 00:00:00", "0001-01-01 00:00:00"),
    "code": ("", None, "k1", " K1", "K1 ", "\u00a0K1", "K1\u3000", "K1\n", "K\u0661", "\tK1", "K1\nK2", "n/a", "it's"),
    "name": ("", None, "another", "another", "N\u00c4ME", "other\nname"),
}  # fmt: skip


def dirty(n: int = 180, seed: int = 5, n_odd: int = 12) -> pd.DataFrame:
    """Return a table whose every column holds odd cells, also under names that engines trip over."""
    rng = np.random.default_rng(seed)
    qty, code = rng.integers(0, 9, n), rng.integers(0, 6, n)
    days = np.datetime64("2025-01-01") + rng.integers(0, 300, n).astype("timedelta64[D]")
    seconds = days.astype("datetime64[s]") + rng.integers(0, 86_400, n).astype("timedelta64[s]")
    later = seconds + rng.integers(-600, 86_400, n).astype("timedelta64[s]")
    frame = pd.DataFrame(
        {
            "id": [str(row) for row in range(n)],
            "line": [str(row % 3) for row in range(n)],
            "qty": qty.astype(str),
            "price.net": "2.5",
            "amount": (2.5 * qty).astype(str),
            "fee": "1",
            "total": (2.5 * qty + 1).astype(str),
            "from": days.astype(str),
            "to": (days + 1).astype(str),
            "opened": pd.Series(seconds).dt.strftime(SECOND),
            "closed": pd.Series(later).dt.strftime(SECOND),
            "Code": [CODES[k] for k in code],
            "code": [f"part {k}" for k in code],
            "`name`": [f"name of {k}" for k in code],
        }
    ).astype(object)
    kinds = {"qty": "number", "price.net": "number", "amount": "number", "fee": "number", "total": "number",
             "from": "day", "to": "day", "opened": "second", "closed": "second", "Code": "code", "code": "name",
             "`name`": "name"}  # fmt: skip
    for name, kind in kinds.items():
        rows = rng.choice(n, n_odd, replace=False)
        frame.loc[rows, name] = rng.choice(np.array(ODD[kind], dtype=object), n_odd)
    for name in ("id", "line"):
        frame.loc[rng.choice(n, 6, replace=False), name] = rng.choice(np.array(["", None, "7", "7"], dtype=object), 6)
    return frame.where(frame.notna(), None)


def rules_of(frame: pd.DataFrame) -> list[Rule]:
    """Return at least one rule of every kind."""
    places = {name: place for place, name in enumerate(frame.columns)}

    def rule(kind: RuleKind, *names: str, **more: object) -> Rule:
        return Rule(kind, tuple(places[name] for name in names), names, FORMAT, "why", **more)  # type: ignore[arg-type]

    return [
        rule(RuleKind.NOT_NULL, "id", is_declared=True),
        rule(RuleKind.NOT_NULL, "price.net"),
        rule(RuleKind.IN_SET, "Code", values=CODES, is_declared=True),
        rule(RuleKind.IN_SET, "price.net", values=("2.5",)),
        rule(RuleKind.NOT_IN_SET, "code", values=("another", "n/a", "it's")),
        rule(RuleKind.NOT_IN_SET, "Code", values=("n/a", "it's")),
        rule(RuleKind.MATCHES, "Code", pattern=r"K\d"),
        rule(RuleKind.MATCHES, "Code", pattern=r"(?i)k[\d]"),
        rule(RuleKind.MATCHES, "code", pattern=r"part .|[^\W\d]+|other.name"),
        rule(RuleKind.MATCHES, "to", pattern=r"\d{4}-\d\d-\d\d"),
        rule(RuleKind.BETWEEN, "qty", low=0.0, high=10.0),
        rule(RuleKind.BETWEEN, "price.net", low=2.5, high=2.5),
        rule(RuleKind.UNIQUE, "id"),
        rule(RuleKind.UNIQUE, "id", "line", is_declared=True),
        rule(RuleKind.UNIQUE, "`name`", "price.net"),
        rule(RuleKind.DEPENDENCY, "Code", "code"),
        rule(RuleKind.DEPENDENCY, "Code", "fee", "`name`"),
        rule(RuleKind.PRODUCT, "qty", "price.net", "amount"),
        rule(RuleKind.SUM, "amount", "fee", "total"),
        rule(RuleKind.ORDER, "from", "to", layout=DAY),
        rule(RuleKind.ORDER, "opened", "closed", layout=SECOND),
        rule(RuleKind.ORDER, "qty", "amount"),
        rule(RuleKind.IN_SET, "line", values=("0", "1", "2", "7")),
    ]


def suite(frame: pd.DataFrame, rules: list[Rule]) -> Suite:
    """Return rules as the suite that is published of them."""
    return suite_of(rules, "dirty", dict.fromkeys(frame.columns, "VARCHAR"))
