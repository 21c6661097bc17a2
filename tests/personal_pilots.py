"""A pilot full of invented persons, its cells wrong in every way, and what nobody may read on its pages."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FIRST = ("Adelheid", "Bartolomej", "Chiyoko", "Dragoslav", "Eberhardt", "Fiorenza", "Gudmundur", "Hildegund")
LAST = ("Quastenberg", "Rzepkowski", "Szilagyvari", "Tannhuber", "Uylenburgh", "Vlahopoulos", "Wintermantel", "Ygberg")
IBANS = ("DE89370400440532013000", "AT611904300234573201", "NL91ABNA0417164300", "FR1420041010050500013M02606")
COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"role": "id", "required": True},
    "received": {"type": "date", "role": "timestamp", "required": True},
    "clerk": {"role": "source", "pii": "personal"},
    "customer": {"role": "entity", "pii": "personal", "required": True},
    "mail": {"pii": "contact"},
    "iban": {"pii": "financial", "required": True},
    "born": {"pii": "personal"},
    "salary": {"type": "number", "pii": "financial"},
    "note": {"role": "text", "pii": "personal"},
    "kind": {"required": True},
    "comment": {"role": "text"},
    "amount": {"type": "number"},
    "decision": {"role": "label", "required": True, "allowed": ["approve", "reject"]},
}
AGENTS = '''
def echo(record):
    """Answer by the amount, and repeat the person in the reason."""
    action = "approve" if record["amount"] is not None and record["amount"] > 500 else "reject"
    return {"action": action, "confidence": 0.9 if action == "approve" else 0.6,
            "reason": f"{record['customer']} ({record['mail']}) earns {record['salary']}"}


def told(record):
    """Say in fields of a prompt what the record says."""
    return {"who": f"Customer {record['customer']}, born {record['born']}"}
'''


PROMPT = """---
name: v1
parent: null
change_note: by hand
sampling: {temperature: 0.0, max_tokens: 12}
---

## Role

You decide one record at a time. The action is one of: {{ labels | join(", ") }}.

## Output format

Answer with one JSON object: "action".

## Record

{{ record.who }} writes: {{ record.note }}
Mail {{ record.mail }}, {{ record.amount }} to {{ record.iban }}. {{ record.comment }}
"""


# By record: which cell is wrong, and how.
FAULTS: dict[int, tuple[str, Callable[[str], str]]] = {
    7: ("customer", lambda name: name.replace("e", "ee", 1)),
    11: ("mail", lambda mail: mail.replace("@", "(at)")),
    12: ("mail", lambda mail: mail.replace("@", "(at)")),
    17: ("mail", lambda mail: mail.removesuffix(".example")),
    23: ("iban", lambda iban: f"{iban[:-1]}9"),
    31: ("iban", lambda iban: f"{iban[:4]} {iban[4:8]} {iban[8:]}"),
    37: ("born", lambda born: ".".join(born.split("-")[::-1])),
    41: ("salary", lambda salary: "9876543"),
    43: ("customer", str.upper),
    47: ("customer", lambda name: f" {name} "),
    53: ("iban", lambda iban: "N/A"),
    59: ("customer", lambda name: ""),
    61: ("mail", lambda mail: "adelheid.ygberg@mail.example"),
    67: ("note", lambda note: "-"),
    71: ("born", lambda born: "2044-01-01"),
}


def records(n: int = 400) -> list[list[object]]:
    """Return records; every kind of fault that the audit looks for is in one of the masked columns."""
    rng = np.random.default_rng(13)
    rows = [_record(i, int(rng.integers(10, 1000))) for i in range(n)]
    return [*rows, [f"R{n:04}", *rows[0][1:]]]


def _record(i: int, amount: int) -> list[object]:
    person = i % 40
    first, last = FIRST[person % 8], LAST[person // 8]
    comment = ("please book it", "ordered twice", "by mail as agreed", "no remark at all")[i % 4] + f" {i}"
    if i % 29 == 0:
        comment = f"call me at +49 30 901820{i % 90 + 10} or write to private{i}@home.example, thanks"
    cells = {
        "id": f"R{i:04}",
        "received": f"2025-{1 + i // 34:02}-{1 + i % 28:02}",
        "clerk": ("Klothilde Querfurth", "Leopoldine Xantner")[i % 3 == 0],
        "customer": f"{first} {last}",
        "mail": f"{first}.{last}@mail.example".lower(),
        "iban": IBANS[person % 4],
        "born": f"{1950 + person}-{1 + person % 12:02}-{1 + person % 28:02}",
        "salary": str(40_000 + 137 * person),
        "note": f"{first} {last} asked about parcel {i}, lives with {FIRST[(i + 3) % 8]} in Zwickelsdorf",
        "kind": "abc"[i % 3],
        "comment": comment,
        "amount": str(amount),
        "decision": "approve" if amount > 480 else "reject",
    }
    if i in FAULTS:
        name, broken = FAULTS[i]
        cells[name] = broken(cells[name])
    return list(cells.values())


def planted(rows: list[list[object]]) -> set[str]:
    """Return what none may read: cells of the marked columns, words of them, and what was planted in comments."""
    places = [list(COLUMNS).index(name) for name in COLUMNS if COLUMNS[name].get("pii")]
    cells = {str(row[place]).strip() for row in rows for place in places} - {"", "N/A", "-"}
    comment = list(COLUMNS).index("comment")
    pieces = {part.rstrip(",") for row in rows for part in str(row[comment]).split() if "@" in part}
    pieces |= {str(row[comment])[11:28] for row in rows if str(row[comment]).startswith("call me")}
    return cells | pieces | set(FIRST) | set(LAST) | {"Zwickelsdorf", "Klothilde", "Querfurth", "Leopoldine", "Xantner"}


def write_personal(root: Path, rows: list[list[object]], marked: bool = True) -> None:
    """Write a pilot `people` with an agent in Python and a prompt; `marked`: whether the contract marks its columns."""
    data, suite = root / "datasets" / "people", root / "eval_suites" / "people"
    data.mkdir(parents=True)
    (suite / "prompts").mkdir(parents=True)
    with (data / "records.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(COLUMNS), *rows])
    columns = {name: {k: v for k, v in one.items() if marked or k != "pii"} for name, one in COLUMNS.items()}
    splits = {"key": "0" * 32, "holdout_share": 0.3, "thresholds": {"approve": 0.3, "reject": 0.3}}
    agents = {"echo": {"python": "eval_suites/people/agents.py:echo"}, "prompt_v1": {"prompt": "v1"}}
    prepare = {"python": "eval_suites/people/agents.py:told", "fields": ["who"]}
    pilot = {"title": "People", "question": "Which?", "agents": agents, "compare": ["echo"], "prepare": prepare}
    pilot["engine"] = "pocket"
    charter = {"process": "Requests are approved or rejected."}
    for path, content in (
        (data / "contract.yaml", {"records": ["records.csv"], "columns": columns}),  # JSON is YAML
        (data / "splits.yaml", splits),
        (suite / "pilot.yaml", pilot),
        (suite / "charter.yaml", charter),
    ):
        path.write_text(json.dumps(content), encoding="utf-8")
    (suite / "agents.py").write_text(AGENTS, encoding="utf-8")
    (suite / "prompts" / "v1.md").write_text(PROMPT, encoding="utf-8")
