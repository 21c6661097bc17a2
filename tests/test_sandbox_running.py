"""A sandbox in a process of its own: found, ended with whoever started it, over real connections."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deviations import COPIES, deviating_pilot

from workbench.environment.sandbox import (
    RunningSandbox,
    found_sandbox,
    kept_sandbox,
    postgresql_programs,
    running_postgresql,
    running_sandbox,
    used_sandbox,
)
from workbench.pilot import Pilot, open_pilot
from workbench.records.splits import read_dataset
from workbench.words import InputError, RunError

ROOT = Path(__file__).parent.parent
PATIENCE_S = 60.0
TAX_ID = "DE591695294"


@pytest.fixture(scope="module")
def documents() -> list[Mapping[str, Any]]:
    return read_dataset(open_pilot("invoice_matching", ROOT)).documents()[:1500]


@pytest.fixture(scope="module")
def running(documents: list[Mapping[str, Any]]) -> Iterator[RunningSandbox]:
    with running_sandbox(open_pilot("invoice_matching", ROOT), documents) as sandbox:
        yield sandbox


@pytest.fixture
def copied(tmp_path: Path) -> Pilot:
    """Copy the pilot, so that its sandbox may be changed."""
    for folder in ("datasets", "eval_suites"):
        shutil.copytree(ROOT / folder / "invoice_matching", tmp_path / folder / "invoice_matching")
    return open_pilot("invoice_matching", tmp_path)


def waited_for(is_so: Any) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < ends, "it has not come to be"
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def status_of(asked: str, headers: Mapping[str, str], body: Any = None) -> int:
    method, _, url = asked.partition(" ")
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **headers}, method=method)
    try:
        with urllib.request.urlopen(request) as answered:
            return int(answered.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_sandbox_says_its_places_and_has_fresh_secrets_for_every_variable(running: RunningSandbox) -> None:
    assert set(running.places) == {"sandbox", "folder", "database"}
    assert {"ERP_CLIENT_ID", "WORKLIST_KEY_BEFORE", "VENDORS_FOREIGN_PASSWORD", "ARCHIVE_PASSWORD"} <= set(
        running.secrets
    )
    assert len(set(running.secrets.values())) == len(running.secrets) == 21
    command = Path(f"/proc/{running.pid}/cmdline").read_bytes().decode()
    assert not any(secret in command for secret in running.secrets.values())
    assert len(list(Path(running.places["folder"], "sap_de").glob("documents-*.csv"))) > 300


def test_zeep_reads_the_wsdl_and_its_faults(running: RunningSandbox) -> None:
    zeep = pytest.importorskip("zeep")
    import requests

    with requests.Session() as session:
        session.auth = (running.secrets["VENDORS_USER"], running.secrets["VENDORS_PASSWORD"])
        client = zeep.Client(
            f"{running.places['sandbox']}/vendors/service.wsdl", transport=zeep.Transport(session=session)
        )
        operations = {name for port in client.wsdl.bindings.values() for name in port.all()}
        assert operations == {"GetVendor", "ChangeBankAccount", "DeleteVendor"}
        assert client.service.GetVendor(vendor_id="100858")["vendor_name"] == "Thackray & Sons Ltd"
        with pytest.raises(zeep.exceptions.Fault, match="no such vendor") as fault:
            client.service.GetVendor(vendor_id="1")
        assert fault.value.code.partition(":")[2] == "Client.NotFound"
        with pytest.raises(zeep.exceptions.TransportError, match="403"):
            client.service.DeleteVendor(vendor_id="100858")


def tool_said(running: RunningSandbox, name: str) -> Any:
    """Call a tool through the client of MCP; return its structured content, or what was raised."""
    import httpx
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def call() -> Any:
        headers = {"X-API-Key": running.secrets["TAX_IDS_KEY"]}
        async with (
            httpx.AsyncClient(headers=headers) as http,
            streamable_http_client(f"{running.places['sandbox']}/tax_ids/mcp", http_client=http) as streams,
            ClientSession(streams[0], streams[1]) as session,
        ):
            await session.initialize()
            listed = [tool.name for tool in (await session.list_tools()).tools]
            return listed, (await session.call_tool(name, {"tax_id": TAX_ID})).structured_content

    return asyncio.run(call())


def register_status(running: RunningSandbox, headers: Mapping[str, str]) -> int:
    """Return the status of a call of the tool that is not granted."""
    call = {"name": "register_tax_id", "arguments": {"tax_id": TAX_ID}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    accepted = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18", **headers}
    return status_of(f"POST {running.places['sandbox']}/tax_ids/mcp", accepted, body)


def test_the_mcp_server_lists_two_tools_and_refuses_the_one_that_is_not_granted(running: RunningSandbox) -> None:
    listed, said = tool_said(running, "tax_id_is_valid")
    assert listed == ["tax_id_is_valid", "register_tax_id"]
    assert said == {"result": True}
    assert register_status(running, {"X-API-Key": running.secrets["TAX_IDS_KEY"]}) == 403
    assert register_status(running, {"X-API-Key": running.secrets["TAX_IDS_FOREIGN_KEY"]}) == 403
    assert register_status(running, {}) == 401


def test_a_deviating_copy_runs_and_lets_a_tool_register(documents: list[Mapping[str, Any]], tmp_path: Path) -> None:
    pilot = deviating_pilot(tmp_path, [one.id for one in COPIES[0]])
    with running_sandbox(pilot, documents) as deviating:
        assert register_status(deviating, {"X-API-Key": deviating.secrets["TAX_IDS_KEY"]}) == 200


@pytest.mark.skipif(postgresql_programs() is None, reason="PostgreSQL is not installed (make ci-tools)")
def test_on_postgresql_the_agents_role_may_only_read_what_was_granted(
    documents: list[Mapping[str, Any]],
) -> None:
    import sqlalchemy

    pilot = open_pilot("invoice_matching", ROOT)
    with running_postgresql() as address:
        administrator = sqlalchemy.create_engine(address)
        with running_sandbox(pilot, documents, database=address) as running:
            own = sqlalchemy.make_url(running.places["database"])
            assert (own.username, own.password) == (None, None)
            user, password = running.secrets["ARCHIVE_USER"], running.secrets["ARCHIVE_PASSWORD"]
            agent = sqlalchemy.create_engine(own.set(username=user, password=password))
            linked = [one for one in documents if one["related_document"]]
            with agent.connect() as connection:
                counted = "SELECT count(*), sum(gross_eur) FROM earlier_documents"
                n, gross_eur = connection.execute(sqlalchemy.text(counted)).one()
                assert n == len(linked)
                assert gross_eur > 0
            for statement in (
                "UPDATE earlier_documents SET gross_eur = 0",
                "SELECT * FROM salaries",
                "CREATE TABLE t ()",
            ):
                with agent.connect() as connection, pytest.raises(sqlalchemy.exc.ProgrammingError, match="42501"):
                    connection.execute(sqlalchemy.text(statement))
            wrong = sqlalchemy.create_engine(own.set(username=user, password="wrong"))
            with pytest.raises(sqlalchemy.exc.SQLAlchemyError, match="28P01"):
                wrong.connect()
            left_open = agent.connect()
            left_open.execute(sqlalchemy.text("SELECT * FROM earlier_documents"))
        with administrator.connect() as connection:
            for left in ("nspname FROM pg_namespace WHERE nspname", "rolname FROM pg_roles WHERE rolname"):
                found = connection.execute(sqlalchemy.text(f"SELECT {left} ~ '^(sandbox_|archive)'")).all()
                assert found == [], "what was made is removed, though a connection was left open"
        left_open.invalidate()
        for engine in (agent, wrong, administrator):
            engine.dispose()


@pytest.mark.skipif(postgresql_programs() is None, reason="PostgreSQL is not installed (make ci-tools)")
def test_a_database_that_cannot_be_reached_is_one_message(documents: list[Mapping[str, Any]]) -> None:
    address = "postgresql+pg8000://nobody:wrong@127.0.0.1:1/none"
    pilot = open_pilot("invoice_matching", ROOT)
    with (
        pytest.raises(InputError, match="cannot be filled") as told,
        running_sandbox(pilot, documents, database=address),
    ):
        pass
    assert "wrong" not in str(told.value)


def test_a_sandbox_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    code = (
        "import json, time\n"
        "from workbench.environment.sandbox import running_sandbox\nfrom workbench.pilot import open_pilot\n"
        f"pilot = open_pilot('invoice_matching', {str(ROOT)!r})\n"
        "with running_sandbox(pilot, []) as one:\n"
        "    print(json.dumps([one.pid, one.places['folder']]), flush=True)\n    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        pid, folder = json.loads(starter.stdout.readline())
        assert not is_gone(pid)
        os.kill(starter.pid, signal.SIGKILL)
    waited_for(lambda: is_gone(pid))
    assert not Path(folder).parent.exists()


@pytest.mark.parametrize(
    ("code", "problem", "got"),
    [
        ("import nothing_of_this_name", "cannot be made", "ModuleNotFoundError"),
        ("def sandbox(stand_in):\n    return stand_in.secrets['NO']", "cannot be made", "KeyError"),
        ("def sandbox(stand_in):\n    return {}", "is none", "dict"),
        ("def other(stand_in): ...", "cannot be made", "AttributeError"),
        ("def sandbox(stand_in:", "cannot be made", "SyntaxError"),
        ("import os\nos._exit(3)", "did not start", "did not answer"),
    ],
)
def test_a_sandbox_that_cannot_be_made_is_one_clear_message(copied: Pilot, code: str, problem: str, got: str) -> None:
    (copied.suite / "sandbox.py").write_text(code, encoding="utf-8")
    with pytest.raises((InputError, RunError), match=problem) as told, running_sandbox(copied, []):
        pass
    assert got in str(told.value.got)
    if got == "KeyError":
        assert "line 2 of sandbox.py" in str(told.value.where)


def test_a_pilot_without_a_sandbox_says_where_to_name_one(copied: Pilot) -> None:
    path = copied.suite / "integrations.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("  serve: sandbox.py:sandbox\n", ""), encoding="utf-8")
    with pytest.raises(InputError, match="no sandbox of its own"), running_sandbox(copied, []):
        pass
    path.write_text(text.replace("sandbox.py:sandbox", "other.py:sandbox"), encoding="utf-8")
    with pytest.raises(InputError, match="is not there"), running_sandbox(copied, []):
        pass


def test_a_port_that_is_taken_is_refused(running: RunningSandbox) -> None:
    port = int(running.places["sandbox"].rpartition(":")[2])
    pilot = open_pilot("invoice_matching", ROOT)
    with pytest.raises(InputError, match="port cannot be used"), running_sandbox(pilot, [], port=port):
        pass


def test_other_commands_find_a_sandbox_only_while_it_runs(copied: Pilot, running: RunningSandbox) -> None:
    assert found_sandbox(copied) is None
    with kept_sandbox(copied, running) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert found_sandbox(copied) == running
        with pytest.raises(InputError, match="is running already"), kept_sandbox(copied, running):
            pass
    assert found_sandbox(copied) is None
    for content in (
        "{}",
        "no JSON",
        json.dumps({"places": {"sandbox": "http://127.0.0.1:1"}, "secrets": {}, "pid": 1}),
    ):
        path.write_text(content, encoding="utf-8")
        assert found_sandbox(copied) is None, "what a killed one left behind is not taken for one"


def test_a_sandbox_that_was_started_from_other_files_is_not_used(copied: Pilot, running: RunningSandbox) -> None:
    with kept_sandbox(copied, running):
        path = copied.suite / "reading.py"  # its code imports it
        path.write_text(f"{path.read_text(encoding='utf-8')}# more\n", encoding="utf-8")
        with pytest.raises(InputError, match="was started from other files") as told:
            found_sandbox(copied)
        assert told.value.got == f"process {running.pid}; changed since: 'reading.py'"


def test_the_running_sandbox_is_used_by_one_command_at_a_time(copied: Pilot, running: RunningSandbox) -> None:
    with kept_sandbox(copied, running):
        with used_sandbox(copied, []) as used:
            assert used == replace(running, was_running=True)
            assert used.said == f"the sandbox that was running, at {running.places['sandbox']}, on SQLite"
            with (
                pytest.raises(InputError, match="another command is using the sandbox"),
                used_sandbox(copied, [], patience_s=0.3),
            ):
                pass
        with used_sandbox(copied, []) as again:
            assert again == used


def killed_while_used(pilot: Pilot) -> None:
    with used_sandbox(pilot, []) as used:
        assert used.said.startswith("the pilot's own sandbox, started for this, at http://127.0.0.1:")
        os.kill(used.pid, signal.SIGKILL)
        waited_for(lambda: is_gone(used.pid))
        raise RunError("what a call would say")


def test_without_a_running_one_a_sandbox_is_started_and_its_end_in_between_is_said(copied: Pilot) -> None:
    with pytest.raises(RunError, match="ended while it was used"):
        killed_while_used(copied)


def test_the_command_runs_until_ctrl_c_and_leaves_nothing(copied: Pilot) -> None:
    command = [sys.executable, "-m", "workbench", "sandbox", copied.name, "--root", str(copied.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        waited_for(lambda: found_sandbox(copied) is not None)
        found = found_sandbox(copied)
        assert found is not None
        process.send_signal(signal.SIGINT)
        said = first + process.stdout.read()
    assert process.returncode == 0
    assert found.places["sandbox"] in first
    assert "6,400 records" in first
    assert not any(secret in said for secret in found.secrets.values())
    assert is_gone(found.pid)
    assert not (copied.runs / "sandbox.json").exists()
    assert not Path(found.places["folder"]).exists()
