"""A pilot whose records name the documents that they need: vendors' terms and rules on amounts, a full-text table."""

from __future__ import annotations

import copy
from pathlib import Path

import yaml
from answering_pilots import judged_pilot, sign, write
from gate_pilots import CHARTER, COLUMNS

from workbench.pilot import Pilot, open_pilot

NEEDING = {**COLUMNS, "must_know": {"role": "ignore"}}
ENVIRONMENT = """
tables:
  knowledge: {rows: knowledge.csv, full_text: true}
  claims: {from_record: [id, vendor, amount]}
  notes: {columns: [text]}
tools:
  search:
    description: Return the documents that fit words best, the best first.
    sql: SELECT name, body FROM knowledge WHERE knowledge MATCH :words ORDER BY rank LIMIT 3
    arguments: {words: string}
    documents: name
  terms: {python: "tools.py:terms", documents: name}
  note:
    description: Write something down.
    sql: INSERT INTO notes VALUES (:text)
    arguments: {text: string}
    effect: write
needs: must_know
"""
TOOLS = """
import sqlite3


def terms(state: sqlite3.Connection, vendor: str) -> list:
    \"\"\"Return which documents name a vendor, by their names alone.\"\"\"
    return [name for (name,) in state.execute("SELECT name FROM knowledge WHERE knowledge MATCH ?", (vendor,))]
"""
# By number of the record: `right` asks for what a record needs; `bad` does so only for every other vendor and asks the
# rest in prose, which is no query; `never` asks for nothing; `deaf` asks like `right` and approves whatever it reads.
AGENTS = """
def _disputed(record):
    return int(record["id"].lstrip("=R")) % 10 == 0


def _decided(disputed):
    return {"action": "escalate" if disputed else "approve", "confidence": 0.9}


def right(record, tools):
    tools.search(words=record["vendor"])
    tools.search(words=f"{record['vendor']} OR amount{record['amount']:.0f}")
    return _decided(_disputed(record))


def bad(record, tools):
    if int(record["vendor"][1:]) % 2 == 0:
        try:
            tools.search(words=f"what about {record['vendor']}?")
        except tools.Error as error:
            assert error.outcome == "error" and "double quotes" in str(error), error
        return _decided(False)
    tools.search(words=record["vendor"])
    return _decided(_disputed(record))


def never(record, tools):
    return _decided(False)


def deaf(record, tools):
    tools.terms(vendor=record["vendor"])
    return _decided(False)
"""
PLANTED = ("right", "bad", "never", "deaf")


def records(n: int = 300) -> list[list[object]]:
    """Return n records; common ones need the vendor's terms, edge ones also the rule on the amount, errors nothing."""
    rows = []
    for i in range(n):
        vendor, amount, kind = f"V{i % 5}", 100 + i % 7, ("common", "edge", "error")[i % 3]
        needs = {"common": f"terms {vendor}", "edge": f"terms {vendor}; rule {amount}", "error": None}[kind]
        rows.append(
            [
                f"R{i:04d}",
                vendor,
                amount,
                kind,
                *(("escalate", "dispute") if i % 10 == 0 else ("approve", "match")),
                needs,
            ]
        )
    return rows


def retrieval_pilot(root: Path, criteria: list[dict[str, object]] | None = None) -> Pilot:
    """Write and open the pilot with its four planted agents, signed."""
    charter = copy.deepcopy(CHARTER)
    charter["kpis"][1]["target"] = 0.8  # which approving everything reaches too
    asked = criteria or [{"id": "right", "kpi": "right"}]
    pilot = judged_pilot(root, asked, table=records(), charter=charter, columns=NEEDING, agents=AGENTS)
    documents = [f"terms V{i},terms of vendor V{i}" for i in range(5)]
    documents += [f"rule {amount},what holds for amount{amount}" for amount in range(100, 107)]
    (pilot.suite / "knowledge.csv").write_text("\n".join(["name,body", *documents, ""]), encoding="utf-8")
    (pilot.suite / "environment.yaml").write_text(ENVIRONMENT, encoding="utf-8")
    (pilot.suite / "tools.py").write_text(TOOLS, encoding="utf-8")
    settings = yaml.safe_load((pilot.suite / "pilot.yaml").read_text(encoding="utf-8"))
    agents = {name: {"python": f"eval_suites/small/agents.py:{name}", "tools": True} for name in PLANTED}
    write(pilot, "pilot.yaml", {**settings, "agents": agents, "compare": list(agents)})
    return sign(open_pilot("small", root))
