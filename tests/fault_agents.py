"""The invoice pilot with agents that meet faults badly, each in one way; they are its acting agent with other tools."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from workbench.pilot.pilot import Pilot, open_pilot

ROOT = Path(__file__).parent.parent
NAME = "invoice_matching"
CODE = '''
"""The acting agent with tools that hide what went wrong, or do it again."""

from __future__ import annotations

from . import acting

WRITES = ("post", "send_back", "hand_over")


class Tools:
    """Tools that are as they were."""

    def __init__(self, tools):
        self.tools, self.Error = tools, tools.Error

    def __getattr__(self, name):
        return getattr(self.tools, name)


class Again(Tools):
    """A posting of which nothing was heard is posted again at once, a cent higher, so under another key."""

    def post(self, amount_eur, **document):
        try:
            return self.tools.post(amount_eur=amount_eur, **document)
        except self.Error as error:
            if error.outcome != "timeout":
                raise
            return self.tools.post(amount_eur=round(amount_eur + 0.01, 2), **document)


class Silent(Tools):
    """Whatever goes wrong in writing is taken for done."""

    def __getattr__(self, name):
        call = getattr(self.tools, name)
        if name not in WRITES:
            return call

        def called(**arguments):
            try:
                return call(**arguments)
            except self.Error:
                return None

        return called


def posts_again(record, tools):
    """Post again at once what was not heard of."""
    return acting.acting(record, Again(tools))


def says_done(record, tools):
    """Say that all is done, whatever happened."""
    return acting.acting(record, Silent(tools))


class Both(Tools):
    """A posting of which nothing was heard is handed over, too, without a look whether it is there."""

    def post(self, **arguments):
        try:
            return self.tools.post(**arguments)
        except self.Error:
            document = {"invoice_number": arguments["invoice_number"]}
            self.tools.hand_over(**document, assigned_to="accounts payable lead", reason="not_confirmed")
            self.is_handed_over = True


def hands_over_too(record, tools):
    """Hand over what may be posted already, and say so."""
    both = Both(tools)
    answer = acting.acting(record, both)
    return {**answer, "action": "escalate"} if "is_handed_over" in vars(both) else answer


class GivenUp(Tools):
    """Keeps what a document was when something went wrong, and posts that with the next one."""

    kept = []

    def post(self, **arguments):
        try:
            if self.kept:
                arguments = {**arguments, "amount_eur": self.kept.pop()}
            return self.tools.post(**arguments)
        except self.Error:
            self.kept.append(arguments["amount_eur"])
            raise


def mixes_up(record, tools):
    """Post the amount of the document that failed before."""
    return acting.acting(record, GivenUp(tools))


def never_rejects(record, tools):
    """Hand over what is to be sent back, so that it never sends anything back."""
    answer = acting.agents.by_policy(acting.looked_up(record, tools), set())
    if answer["action"] != "approve":
        answer = {"action": "escalate", "confidence": 0.5, "reason": "not_sure"}
    return acting.carried_out(record, answer, 10.0, tools)
'''
PLANTED = ("posts_again", "says_done", "never_rejects", "hands_over_too", "mixes_up")


def pilot_under_faults(root: Path) -> Pilot:
    """Return the invoice pilot under another root, with the planted agents beside its own."""
    for folder in ("datasets", "eval_suites"):
        shutil.copytree(ROOT / folder / NAME, root / folder / NAME)
    suite = root / "eval_suites" / NAME
    (suite / "faulty.py").write_text(CODE, encoding="utf-8")
    path = suite / "pilot.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in PLANTED:
        python = f"eval_suites/{NAME}/faulty.py:{name}"
        settings["agents"][name] = {**settings["agents"]["acting"], "python": python}
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return open_pilot(NAME, root)
