"""Repeats from end to end: an endpoint asked again by the command and by a gate, with real kernels and keys."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from answering_pilots import KPIS, judged_pilot, key_of, run, sign, with_store, write
from commands import command_in

from workbench.evidence import exhibit_folder, read_exhibit
from workbench.gates.held.hold import GateRequest, hold_gate
from workbench.gates.verified import verify_bundle
from workbench.pilot.pilot import Pilot

STEADY = {"id": "steady", "metric": "pass^5", "operator": ">=", "target": 0.7, "confidence_level": 0.95}

pytestmark = pytest.mark.slow


class _Endpoint(BaseHTTPRequestHandler):
    """Right about every record, but for one in seven right only every other time that it is asked."""

    asked: dict[str, int]

    def do_POST(self) -> None:
        record = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = str(record["id"])
        self.asked[name] = self.asked.get(name, 0) + 1
        number = int(name.lstrip("R"))
        is_disputed = (number % 10 == 0) ^ (number % 7 == 0 and self.asked[name] % 2 == 0)
        answer = {"action": "escalate" if is_disputed else "approve", "confidence": 0.9}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def pilot(tmp_path: Path, migrated_store: Path) -> Iterator[Pilot]:
    """Give a signed pilot whose one agent is an endpoint, evaluated on all records."""
    handler = type("Handler", (_Endpoint,), {"asked": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made = judged_pilot(tmp_path / "root", [*KPIS, STEADY], notebooks=["repeats"])
    settings = yaml.safe_load((made.suite / "pilot.yaml").read_text(encoding="utf-8"))
    url = f"http://127.0.0.1:{server.server_address[1]}/decide"
    write(made, "pilot.yaml", {**settings, "agents": {"endpoint": {"http": url}}, "compare": ["endpoint"]})
    made = sign(made)
    with_store(made, migrated_store)
    run(made, "endpoint")
    yield made
    server.shutdown()
    server.server_close()


def criterion(decision: Any) -> Any:
    return next(one for one in decision.results if one.criterion.id == "steady")


def test_a_gate_makes_repeats_and_holds_them_against_its_target(pilot: Pilot, tmp_path: Path) -> None:
    request = GateRequest(key=pilot.root / "keys" / "key.pem")
    held = hold_gate(pilot, 2, request)
    assert held.worked.ran == ("repeats",)
    estimate = criterion(held.decision).estimate
    development = read_exhibit(exhibit_folder(pilot, "repeats"))
    assert development is not None
    unsteady = sum(int(name.lstrip("R")) % 7 == 0 for name in development.tables["answers"]["record_id"])
    assert estimate.value == pytest.approx(1 - unsteady / estimate.n)
    assert criterion(held.decision).state.value == "pass"
    pinned = tmp_path / "key.pub.pem"
    pinned.write_bytes(key_of(pilot).public.pem)
    assert verify_bundle(held.bundle, pinned).ok
    assert {"exhibits/repeats/exhibit.json", "exhibits/repeats/answers.csv"} <= {
        path.relative_to(held.bundle).as_posix() for path in held.bundle.rglob("*")
    }
    again = hold_gate(pilot, 2, request)
    assert (again.worked.ran, again.is_new) == ((), False)


def test_the_command_leaves_the_exhibit_that_the_gate_reads(
    pilot: Pilot, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = command_in(pilot.root, monkeypatch, capsys)
    code, out, _ = command("repeat", pilot.name, "--agent", "endpoint", "--times", "2", "--json")
    assert code == 0
    said = json.loads(out)
    exhibit = read_exhibit(exhibit_folder(pilot, "repeats"))
    assert exhibit is not None
    assert said["estimates"] == {name: one.as_json() for name, one in exhibit.estimates.items()}
    code, out, _ = command("repeat", pilot.name, "--agent", "endpoint", "--times", "2")
    assert out.splitlines()[0] == exhibit.answer
    held = hold_gate(pilot, 2, GateRequest(key=pilot.root / "keys" / "key.pem"))
    assert criterion(held.decision).estimate.n == exhibit.estimates["pass^2"].n
