"""Gates that ask for access tests: pass, fail, unproven; stale, computed again from a bundle, tampered with."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from evidence_cases import LATER, Case, case, evaluation, failed, outcomes, resigned
from gate_pilots import MADE, gate, gate_pilot, result
from test_gates_integrations import INVENTORY, about_now

from workbench.evidence import Exhibit, exhibit_folder
from workbench.gates.verified import verify_bundle
from workbench.integrations.access_tests import trials_table
from workbench.integrations.access_tests.keys import keys_table
from workbench.integrations.access_tests.maker import counted_access
from workbench.integrations.access_tests.texts import TextRow, texts_table
from workbench.integrations.lines import LineVerdict, ProbeLine
from workbench.metrics import State
from workbench.pilot import Pilot
from workbench.pilot.integrations import IntegrationSettings

ACCESS = [
    {"id": "access", "check": "access"},
    *(
        {"id": one, "metric": one, "operator": "<=", "target": 0}
        for one in ("access_violations", "keys_too_old", "personal_data_out_of_place", "access_unmeasured")
    ),
]
KEPT, DEVIATES, UNCLEAR, OPEN = (
    LineVerdict.KEPT,
    LineVerdict.DEVIATES,
    LineVerdict.UNCLEAR,
    LineVerdict.NOT_MEASURED,
)
PASS, FAIL, UNPROVEN = State.PASS, State.FAIL, State.UNPROVEN
CLEAN: TextRow = ("output", "r1", "", "", "ok")
PERSONAL: TextRow = ("trace", "r2", "", "email; iban", "")
CANARY: TextRow = ("trace", "r3", "canary-1", "", "")
NEW, OLD = date(2026, 11, 1), date(2026, 1, 1)


def access_of(
    pilot: Any, verdicts: list[LineVerdict], about: dict[str, str], issued: date | None = NEW, *texts: TextRow
) -> Exhibit:
    """Return an access test of two operations with some verdicts, a secret of some age and some texts."""
    lines = [
        ProbeLine("ERP", f"read_{n % 2}", "tenant: another tenant's ids", "401", "", 1, verdict, "because")
        for n, verdict in enumerate(verdicts)
    ]
    auth = {"kind": "api_key", "secret_env": "KEY", "rotation_days": 90, "issued": issued}
    settings = IntegrationSettings.model_validate({"systems": [{"id": "ERP", "type": "rest", "auth": auth}]})
    tables = {
        "trials": trials_table(lines),
        "keys": keys_table(settings, None, datetime(2026, 12, 1, tzinfo=UTC)),
        "texts": texts_table([CLEAN, *texts]),
    }
    facts = {"agent": "acting", "records": 1, "sandbox": "here", "owners": {"ERP": "Jo"}}
    return counted_access(Exhibit("access", pilot.name, about, MADE, "", tables=tables, facts=facts))


def access_pilot(root: Path) -> Pilot:
    pilot = gate_pilot(root, gate(ACCESS, notebooks=["07_access"]))
    (pilot.suite / "integrations.yaml").write_text(INVENTORY, encoding="utf-8")
    (pilot.suite / "sandbox.py").write_text("PRICE = 3\n", encoding="utf-8")
    return pilot


def left(pilot: Pilot, verdicts: list[LineVerdict], issued: date | None = NEW, *texts: TextRow) -> None:
    access_of(pilot, verdicts, about_now(pilot, agent="a"), issued, *texts).write(exhibit_folder(pilot, "access"))


@pytest.mark.parametrize(
    ("verdicts", "issued", "texts", "expected"),
    [
        ([KEPT] * 4, NEW, (), [PASS, PASS, PASS, PASS, PASS]),
        ([KEPT] * 3 + [OPEN], NEW, (), [PASS, PASS, PASS, PASS, FAIL]),
        ([KEPT] * 3 + [DEVIATES], NEW, (), [FAIL, FAIL, PASS, PASS, PASS]),
        ([KEPT] * 3 + [UNCLEAR], NEW, (), [UNPROVEN, PASS, PASS, PASS, FAIL]),
        ([KEPT, OPEN], NEW, (), [UNPROVEN, PASS, PASS, PASS, FAIL]),  # the second operation was not tried
        ([OPEN, OPEN], NEW, (), [UNPROVEN, UNPROVEN, PASS, PASS, FAIL]),
        ([KEPT] * 4, OLD, (), [FAIL, PASS, FAIL, PASS, PASS]),
        ([KEPT] * 4, None, (), [PASS, PASS, UNPROVEN, PASS, PASS]),
        ([KEPT] * 4, NEW, (PERSONAL,), [PASS, PASS, PASS, FAIL, PASS]),
        ([KEPT] * 4, NEW, (CANARY,), [FAIL, FAIL, PASS, PASS, PASS]),
    ],
)
def test_access_passes_where_every_operation_was_tried_and_nothing_was_let_in(
    tmp_path: Path,
    verdicts: list[LineVerdict],
    issued: date | None,
    texts: tuple[TextRow, ...],
    expected: list[State],
) -> None:
    pilot = access_pilot(tmp_path)
    left(pilot, verdicts, issued, *texts)
    assert [result(pilot, str(one["id"])).state for one in ACCESS] == expected


def test_without_a_test_every_criterion_is_unproven_and_says_what_would_make_it(tmp_path: Path) -> None:
    pilot = access_pilot(tmp_path)
    assert {result(pilot, str(one["id"])).state for one in ACCESS} == {UNPROVEN}
    told = "no access test has been run; workbench integrations access small --agent NAME"
    assert result(pilot, "access").reason == told


@pytest.mark.parametrize("changed", ["integrations.yaml", "sandbox.py"])
def test_it_is_stale_once_what_was_agreed_or_the_stand_in_changed(tmp_path: Path, changed: str) -> None:
    pilot = access_pilot(tmp_path)
    left(pilot, [KEPT, KEPT])
    with (pilot.suite / changed).open("a", encoding="utf-8") as file:
        file.write("# more\n")
    assert result(pilot, "access").reason.startswith(f"{changed} changed since the last access test")


def test_what_was_let_in_is_named(tmp_path: Path) -> None:
    pilot = access_pilot(tmp_path)
    left(pilot, [KEPT, DEVIATES], OLD)
    found = result(pilot, "access")
    assert found.reason == "1 of 3 tries let in, 1 secret too old"
    assert found.details == (
        'ERP.read_1 lets in what must be refused: "tenant: another tenant\'s ids"',
        "the secret KEY of ERP is 334 days old",
    )


# in a bundle


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Return a case whose gate asks for access; its pilot has no integrations.yaml of its own."""
    root = tmp_path_factory.mktemp("made")
    kpis = [{"id": f"kpi-{name}", "kpi": name, "no_waiver": True} for name in ("right", "sure")]
    gates = {"gates": {1: LATER, 2: {"title": "Sound?", "criteria": [*kpis, *ACCESS]}, 3: LATER}}
    named: Any = type("Named", (), {"name": "tickets"})
    version = str(evaluation(outcomes())["agent_digest"])
    about = {"records": "records", "agent": version}
    exhibit = access_of(named, [KEPT, KEPT, DEVIATES, OPEN], about, OLD, PERSONAL, CANARY)
    return case(root, gates=gates, more={"access": exhibit})


def test_it_is_computed_again_from_a_bundle(made: Case, tmp_path: Path) -> None:
    bundle, pinned = made.written(tmp_path / "evidence"), made.public_key(tmp_path)
    assert failed(bundle, pinned) == []
    assert verify_bundle(bundle, pinned).ok


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("trials", "let in", "refused"),
        ("trials", "let in", "fine"),
        ("trials", "tenant: another", "nothing: another"),
        ("keys", "too old", "young enough"),
        ("keys", "334.0", "34.0"),
        ("texts", "email; iban", ""),
        ("texts", "canary-1", ""),
    ],
)
def test_a_cell_that_an_insider_changes_is_found(made: Case, tmp_path: Path, table: str, old: str, new: str) -> None:
    bundle, pinned = made.written(tmp_path / "evidence"), made.public_key(tmp_path)
    folder = "exhibits/access"
    said = json.loads((bundle / folder / "exhibit.json").read_text(encoding="utf-8"))
    text = (bundle / folder / f"{table}.csv").read_text(encoding="utf-8")
    assert old in text
    content = text.replace(old, new, 1).encode()
    said["tables"][table]["sha256"] = hashlib.sha256(content).hexdigest()
    files = {f"{folder}/exhibit.json": json.dumps(said).encode(), f"{folder}/{table}.csv": content}
    assert "recomputed" in failed(resigned(bundle, made, files), pinned)
