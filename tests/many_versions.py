"""A pilot with twelve versions and twelve prompts whose names are long: eleven of 40 letters, one of 60."""

from __future__ import annotations

from pathlib import Path

from ticket_records import write_tickets

from workbench.commands.scaffold import Columns, init_pilot
from workbench.pilot.pilot import Pilot, open_pilot

PILOT = "tickets"
LONGEST = "gradient_boosted_trees_on_sums_with_a_linear_model_of_notes_"
NAMES = (*(f"version_{number:02d}_with_a_name_of_forty_letters_" for number in range(11)), LONGEST)
RECORD = "T00007"

# A version is right on the tickets whose number is no multiple of its own; some of them are sure of it.
AGENTS = """
LABELS = ["login", "refund", "shipping"]

def _version(number):
    def decide(record):
        body = record["body"].split()
        right = max(LABELS, key=lambda label: sum(word in WORDS[label] for word in body))
        answer = LABELS[int(body[-1]) % 3] if int(body[-1]) % (number + 3) == 0 else right
        sure = {"confidence": 0.5 + int(body[-1]) % 50 / 100} if number % 2 else {}
        return {"action": answer, **sure}
    return decide

WORDS = {
    "refund": {"money", "back", "refund", "return", "charge", "wrong"},
    "login": {"password", "login", "reset", "account", "locked"},
    "shipping": {"parcel", "delivery", "late", "shipping", "order"},
}
"""
PROMPT = """---
name: {name}
change_note: one more rule than the one before, written down after a look at what went wrong in the week before
---

## Role

Which queue? One of: {{{{ labels | join(", ") }}}}. Rule {number}: read the whole ticket.

## Record

{{{{ record.body }}}}
"""


def many_versions(root: Path) -> Pilot:
    """Write the pilot; nothing is asked yet."""
    assert {len(name) for name in NAMES} == {40, 60}
    made = init_pilot(PILOT, write_tickets(root / "in" / "tickets.csv", 120), Columns("queue", "ticket"), root)
    functions = [f"{name} = _version({number})\n" for number, name in enumerate(NAMES)]
    (made.suite / "agents.py").write_text(AGENTS + "".join(functions), encoding="utf-8")
    for number, name in enumerate(NAMES):
        text = PROMPT.format(name=name, number=number)
        (made.suite / "prompts" / f"{name}.md").write_text(text, encoding="utf-8")
    agents = [f"  {name}: {{python: 'eval_suites/{PILOT}/agents.py:{name}'}}\n" for name in NAMES]
    settings = f"title: Tickets\nquestion: Which queue?\nagents:\n{''.join(agents)}"
    settings += f"  asked: {{prompt: {LONGEST}}}\ncompare: [{', '.join(NAMES)}]\nengine: server\n"
    (made.suite / "pilot.yaml").write_text(settings, encoding="utf-8")
    return open_pilot(PILOT, root)
