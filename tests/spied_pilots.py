"""A pilot whose own code looks for keys: in its environment, and in what /proc shows of it and of who started it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml
from small_pilots import with_settings

from workbench.pilot.charter.signatures import sign_charter
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.pilot.signing.documents import Signer
from workbench.pilot.signing.keys import SigningKey, generated_key

API_KEY = "sk-planted-4711"
SPY = '''
import os
from pathlib import Path

SEEN = Path({seen!r})

def look():
    """Write down what can be read without leaving the language: one's own environment, and that of the parents."""
    found = [repr(dict(os.environ))]
    for process in ("self", os.getppid()):
        block = Path(f"/proc/{{process}}/environ")
        try:
            found.append(block.read_bytes().decode(errors="replace"))
        except OSError:  # not on this system
            pass
    with SEEN.open("a") as file:
        file.write("\\n".join(found) + "\\n")

look()

def spy(record):
    look()
    return {{"action": "refund", "confidence": 0.9}}

def fields(record):
    look()
    return {{"extra": "nothing"}}
'''
CHARTER = {
    "process": "Tickets go to a queue.",
    "kpis": [{"id": "right", "metric": "selective_accuracy", "operator": ">=", "target": 0.3}],
    "stakeholders": [{"role": "sponsor", "name": "Ann", "signs": True}],
}
GATE = {
    "title": "Good enough?",
    "notebooks": ["02_prompt_iteration", "03_evaluation"],
    "criteria": [{"id": "kpi-right", "kpi": "right"}],
}


def spied(pilot: Pilot, compare: list[str], seen: Path) -> Pilot:
    """Give a pilot of tickets an agent and a preparation that look for keys, a gate that judges it, and signatures."""
    (pilot.suite / "agents.py").write_text(SPY.format(seen=str(seen)), encoding="utf-8")
    prompt = pilot.suite / "prompts" / "v1.md"
    prompt.write_text(prompt.read_text(encoding="utf-8") + "\nExtra: {{ record.extra }}\n", encoding="utf-8")
    own = f"eval_suites/{pilot.name}/agents.py"
    agents = {"spy": {"python": f"{own}:spy"}, "asked": {"prompt": "v1"}}
    path = pilot.suite / "pilot.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) | {"agents": agents, "compare": compare}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    (pilot.suite / "charter.yaml").write_text(yaml.safe_dump(CHARTER), encoding="utf-8")
    gates = {"gates": dict.fromkeys((1, 2, 3), GATE)}
    (pilot.suite / "gates.yaml").write_text(yaml.safe_dump(gates), encoding="utf-8")
    with_settings(pilot, f"prepare: {{python: '{own}:fields', fields: [extra]}}")
    pilot = open_pilot(pilot.name, pilot.root)
    sign_charter(pilot.suite, pilot.charter, Signer("Ann", "sponsor"), generated_key())
    return pilot


def workbench(
    pilot: Pilot, *arguments: str, key: SigningKey | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as a process whose environment has a signing key, where one is given, and an API key."""
    given = {} if key is None else {"WORKBENCH_SIGNING_KEY": key.signer.private_bytes.decode()}
    home = {"XDG_CONFIG_HOME": str(pilot.root.parent / "config")}
    command = [sys.executable, "-m", "workbench", *arguments, "--root", str(pilot.root)]
    environment = {**os.environ, **home, "OPENAI_API_KEY": API_KEY, **given, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)


Spied = Callable[..., Pilot]
