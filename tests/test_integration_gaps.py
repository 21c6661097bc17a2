"""What integrations.yaml lacks: the shipped ones lack nothing, and everything that is taken out is named."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from gate_pilots import gate, gate_pilot, result
from small_systems import settings_of
from typer.testing import CliRunner

from workbench.commands.cli import app
from workbench.metrics import State
from workbench.pilot import Contract, open_pilot
from workbench.pilot.integrations import (
    IntegrationSettings,
    Inventory,
    columns_not_read,
    gaps_of,
    integration_signatures,
    read_integrations,
)
from workbench.pilot.signing import Signer, sign_document
from workbench.pilot.signing.keys import generated_key

ROOT = Path(__file__).parent.parent
SHIPPED: dict[str, Any] = yaml.safe_load(
    (ROOT / "eval_suites" / "invoice_matching" / "integrations.yaml").read_text(encoding="utf-8")
)
CONTRACT: Contract = open_pilot("invoice_matching", ROOT).contract


def gaps(content: dict[str, Any], tools: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Return where something is missing in an inventory, and what stands there."""
    inventory = Inventory(Path("integrations.yaml"), IntegrationSettings.model_validate(content))
    return [(gap.where, gap.got) for gap in gaps_of(inventory, CONTRACT, tools)]


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Return the shipped inventory after a change of its ERP."""
    content = copy.deepcopy(SHIPPED)
    change(content["systems"][0])
    return content


@pytest.mark.parametrize("name", ["invoice_matching", "support_triage"])
def test_a_shipped_inventory_lacks_nothing(name: str) -> None:
    pilot = open_pilot(name, ROOT)
    assert gaps_of(read_integrations(pilot.suite), pilot.contract) == ()


def operation(erp: dict[str, Any], name: str = "post") -> dict[str, Any]:
    found: dict[str, Any] = erp["operations"][name]
    return found


LACKING: dict[str, tuple[Callable[[dict[str, Any]], object], str, str]] = {
    "type": (lambda erp: erp.pop("type"), "ERP.type", "nothing"),
    "team": (lambda erp: erp.pop("team"), "ERP.team", "nothing"),
    "owner tbd": (lambda erp: erp.update(owner="TBD"), "ERP.owner", "too vague: 'TBD'"),
    "when it fails": (
        lambda erp: erp.update(when_it_fails="call somebody as needed"), "ERP.when_it_fails", "too vague: 'as needed'",
    ),
    "sandbox": (lambda erp: erp.pop("sandbox"), "ERP.sandbox", "nothing"),
    "public sandbox": (
        lambda erp: erp.update(sandbox="https://erp.example.org"), "ERP.sandbox",
        "'https://erp.example.org', host 'erp.example.org'",
    ),
    "auth": (lambda erp: erp.pop("auth"), "ERP.auth", "nothing"),
    "secret": (lambda erp: erp["auth"].pop("secret_env"), "ERP.auth.secret_env", "nothing"),
    "expiry": (lambda erp: erp["auth"].pop("expires_s"), "ERP.auth.expires_s", "nothing"),
    "rotation": (lambda erp: erp["auth"].pop("rotation_days"), "ERP.auth.rotation_days", "nothing"),
    "rate": (lambda erp: erp.pop("rate"), "ERP.rate", "nothing"),
    "operations": (lambda erp: erp.update(operations={}), "ERP.operations", "none"),
    "errors": (lambda erp: operation(erp).pop("errors"), "ERP.post.errors", "none"),
    "auth error": (
        lambda erp: operation(erp, "list_orders")["errors"].pop("401"), "ERP.list_orders.errors", "422, 429, 503"
    ),
    "429": (lambda erp: operation(erp, "list_orders")["errors"].pop("429"), "ERP.list_orders.errors", "401, 422, 503"),
    "latency": (lambda erp: operation(erp).pop("latency_p95_ms"), "ERP.post.latency_p95_ms", "nothing"),
    "answer": (lambda erp: operation(erp).pop("answer"), "ERP.post.answer", "nothing"),
    "read back": (lambda erp: operation(erp).pop("read_back"), "ERP.post.read_back", "nothing"),
    "unknown read back": (lambda erp: operation(erp).update(read_back="look"), "ERP.post.read_back", "'look'"),
    "undo": (lambda erp: operation(erp, "send_back").pop("undo"), "ERP.send_back.undo", "nothing"),
    "vague reason for no undo": (
        lambda erp: operation(erp, "send_back").update(undo=None, without={"undo": "n/a"}),
        "ERP.send_back.undo", "too vague: 'n/a'",
    ),
    "conflict": (lambda erp: operation(erp).pop("conflict"), "ERP.post.conflict", "nothing"),
    "becomes": (
        lambda erp: operation(erp, "read_order")["answer"]["plant"].update(becomes="plnt"),
        "ERP.read_order.answer.plant.becomes", "'plnt', no column of the contract",
    ),
    "argument": (
        lambda erp: operation(erp, "read_order")["arguments"].update(po_number="po"),
        "ERP.read_order.arguments.po_number", "'po', no column of the contract",
    ),
    "format": (
        lambda erp: operation(erp, "read_order")["answer"]["changed_at"].pop("format"),
        "ERP.read_order.answer.changed_at.format", "nothing",
    ),
    "zone": (
        lambda erp: operation(erp, "read_order")["answer"]["changed_at"].update(format="%Y-%m-%dT%H:%M:%S"),
        "ERP.read_order.answer.changed_at.zone", "'%Y-%m-%dT%H:%M:%S' without a zone",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LACKING)
def test_what_is_taken_out_is_named(name: str) -> None:
    change, where, got = LACKING[name]
    assert (where, got) in gaps(changed(change))


def test_a_write_may_say_why_it_cannot_be_taken_back() -> None:
    def change(erp: dict[str, Any]) -> None:
        # the operation that took it back has to say for itself then, so it goes
        del erp["operations"]["cancel_return"]
        del erp["operations"]["send_back"]["undo"]
        erp["operations"]["send_back"]["without"] = {"undo": "a return is taken back by the vendor alone"}

    assert gaps(changed(change)) == []


def test_a_tool_that_writes_needs_an_operation_behind_it() -> None:
    assert gaps(SHIPPED, ("post", "shred")) == [("tool shred", "no operation behind it")]


def test_columns_that_nothing_reads_are_a_remark() -> None:
    inventory = Inventory(Path("integrations.yaml"), IntegrationSettings.model_validate(SHIPPED))
    not_read = columns_not_read(inventory, CONTRACT)
    assert "fx_rate" in not_read
    assert "plant" not in not_read


def test_engineers_and_each_team_must_sign() -> None:
    pilot = open_pilot("invoice_matching", ROOT)
    status = integration_signatures(pilot.suite, read_integrations(pilot.suite))
    assert status.required == ("IT owner", "ERP operations", "service desk", "master data", "EDI", "tax")


def test_check_ends_with_1_where_there_is_a_gap_and_with_0_where_there_is_none(tmp_path: Path) -> None:
    for folder in ("datasets", "eval_suites"):
        shutil.copytree(ROOT / folder / "invoice_matching", tmp_path / folder / "invoice_matching")
    command = ["integrations", "check", "invoice_matching", "--root", str(tmp_path)]
    good = CliRunner().invoke(app, command)
    assert (good.exit_code, good.stdout.splitlines()[0]) == (0, "7 systems, 18 operations: 0 gaps.")
    path = tmp_path / "eval_suites" / "invoice_matching" / "integrations.yaml"
    path.write_text(json.dumps(changed(lambda erp: erp.pop("rate"))), encoding="utf-8")
    bad = CliRunner().invoke(app, command)
    assert bad.exit_code == 1
    assert bad.stdout.splitlines()[:2] == [
        "7 systems, 18 operations: 1 gap.",
        "  ERP.rate: nothing; expected: calls a second, burst, and what happens beyond",
    ]
    said = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert (said["complete"], len(said["gaps"])) == (False, 1)


def test_a_gate_asks_for_an_inventory_without_gaps_signed_by_both_teams(tmp_path: Path) -> None:
    pilot = gate_pilot(tmp_path, gate([{"id": "specified", "check": "integration_specification"}]))
    assert result(pilot, "specified").state is State.UNPROVEN, "there is none"
    path = pilot.suite / "integrations.yaml"
    content = settings_of("http://127.0.0.1:9").model_dump(mode="json", exclude_defaults=True)
    desk = content["systems"][0]
    desk |= {"what": "tickets of customers", "when_it_fails": "tickets are answered by people"}
    for operation in desk["operations"].values():
        operation["arguments"] = {}
        for field in operation.get("answer", {}).values():
            field.pop("becomes", None)
    path.write_text(json.dumps(content), encoding="utf-8")
    unsigned = result(pilot, "specified")
    assert (unsigned.state, unsigned.missing.signatures) == (State.UNPROVEN, 2)
    for role in ("IT owner", "desk"):
        sign_document(pilot.suite, "integrations.yaml", Signer("Jo", role), generated_key())
    signed = result(pilot, "specified")
    assert (signed.state, signed.reason) == (
        State.PASS, "1 system with 5 operations, signed by the engineers and 1 team of the systems",
    )  # fmt: skip
    del desk["rate"]
    path.write_text(json.dumps(content), encoding="utf-8")
    lacking = result(pilot, "specified")
    assert lacking.state is State.FAIL
    assert lacking.details == ("DESK.rate: nothing; expected: calls a second, burst, and what happens beyond",)
