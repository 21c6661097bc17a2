"""The probe of integrations: a system that does as was agreed has no line that deviates, each flaw has its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pandas as pd
import pytest
import yaml
from small_systems import SECRETS, running_desk, settings_of, small_pilot

from workbench.environment.sandbox import kept_sandbox, postgresql_programs, running_postgresql, running_sandbox
from workbench.evidence import Exhibit, MadeBy
from workbench.integrations import (
    MAKER,
    LineVerdict,
    ProbeBudget,
    ProbeLine,
    ProbeRequest,
    estimates_of_lines,
    integration_findings,
    lines_table,
    matrix_of_lines,
    open_lines,
    probe_systems,
)
from workbench.integrations.access import refusal_verdict
from workbench.integrations.answers import type_problem
from workbench.integrations.calling import Caller, HandsOfClock, WayIn
from workbench.integrations.latency import judge_latency
from workbench.integrations.listing import Listing, example_of, not_granted, openapi_calls
from workbench.pilot import Pilot, open_pilot
from workbench.pilot.integrations import AnswerField, IntegrationSettings, System
from workbench.records.splits import Dataset, read_dataset
from workbench.words import InputError, RunError

ROOT = Path(__file__).parent.parent
# Much longer than an idle machine needs, so that a busy one leaves no line out.
UNHURRIED = ProbeBudget(
    functions_s=90, description_s=60, latency_s=60, rate_s=60, tokens_s=60, delivery_s=120, whole_s=600
)
READ = {"read": {"effect": "read", "call": "GET /x"}}


@pytest.fixture(scope="module")
def desk_pilot(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    return small_pilot(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def dataset(desk_pilot: Pilot) -> Dataset:
    return read_dataset(desk_pilot)


def probed(
    dataset: Dataset, *flaws: str, settings: IntegrationSettings | None = None, hooks: bool = True
) -> pd.DataFrame:
    """Return the lines of the desk with some flaws."""
    with running_desk(*flaws) as address:
        agreed = settings_of(address) if settings is None else settings
        agreed = agreed if hooks else without_hooks(agreed)
        return lines_table(asyncio.run(probe_systems(agreed, dataset, WayIn({}, SECRETS), UNHURRIED)))


def deviating(lines: pd.DataFrame) -> set[str]:
    """Return the lines that deviate, each behind its operation."""
    found = lines[lines["verdict"] == "deviates"]
    return {f"{operation} {line}".strip() for operation, line in zip(found["operation"], found["line"], strict=True)}


def test_a_system_that_does_as_was_agreed_has_no_line_that_deviates(dataset: Dataset) -> None:
    lines = probed(dataset)
    assert deviating(lines) == set()
    left = lines[lines["verdict"] != "kept"]
    assert set(left["line"]) == {"error: 429"}, "nobody floods a system with writes"
    assert set(lines.loc[lines["line"] == "latency: p95", "n"]) == {200}


FLAWS = {
    "half the rate": {"rate: a second"},
    "no limit": {"rate: beyond it"},
    "no Retry-After": {"rate: Retry-After"},
    "key of before": {"access: with the secret before"},
    "foreign key": {f"{name} access: of another account" for name in ("reply", "find_replies", "withdraw")},
    "open list": {"list_tickets access: without credentials", "list_tickets access: of another account"},
    "more rights": {"rights: DELETE /tickets/{ticket}"},
    "unknown is empty": {"read_ticket error: 404"},
    "other dates": {"read_ticket answer: raised"},
    "other signs": {"read_ticket answer: amount"},
    "field gone": {"read_ticket answer: topic"},
    "garbled": {"read_ticket answer: topic", "answer: encoding"},
    "row lost": {"list_tickets paging: total", "list_tickets paging: any page size"},
    "other total": {"list_tickets paging: total"},
    "no conflict": {"reply writing: same key, other content", "reply error: 409"},
    "key ignored": {
        *(f"reply writing: same key {when}" for when in ("twice", "at the same time", "an hour later")),
        "reply writing: same key, other content",
        "reply error: 409",
    },
    "other zone": {"find_replies answer: at"},
    "no zone": {"find_replies answer: at"},
    "nothing taken back": {"reply writing: taken back"},
    "other errors": {"reply description: answers fit it"},
    "refused and done": {"rights: DELETE /tickets/{ticket}"},
    "any key": {"access: with an invented credential"},
    "fails at most": {"list_tickets paging: any page size"},
    "page cut": {"list_tickets paging: any page size"},
    "last key": {"reply writing: same key twice"},
    "all taken back": {"reply writing: taken back"},
    "conflict by text": {"reply writing: same key, other content"},
    "refused and written": {"reply writing: same key, other content"},
    "fewer writes": {"rate: burst"},
    "slow": {"read_ticket latency: p95"},
}


TOGETHER = (  # flaws that do not hide each other
    (
        "half the rate",
        "key of before",
        "other dates",
        "garbled",
        "row lost",
        "no conflict",
        "other zone",
        "more rights",
    ),
    ("no Retry-After", "foreign key", "other signs", "other total", "key ignored", "no zone", "unknown is empty"),
    ("no limit", "open list", "field gone", "nothing taken back", "other errors"),
    ("any key", "page cut", "last key", "refused and done"),
    ("all taken back", "fails at most", "conflict by text"),
    ("refused and written", "fewer writes"),
)
SLOWLY = ("slow",)


@pytest.mark.parametrize("flaws", TOGETHER)
def test_each_flaw_is_told_by_its_own_lines_and_no_other_is(dataset: Dataset, flaws: tuple[str, ...]) -> None:
    assert deviating(probed(dataset, *flaws)) == set().union(*(FLAWS[flaw] for flaw in flaws))


def test_nothing_more_is_measured_once_the_time_of_the_whole_probe_is_over(dataset: Dataset) -> None:
    with running_desk() as address:
        reach = WayIn({}, SECRETS)
        lines = lines_table(asyncio.run(probe_systems(settings_of(address), dataset, reach, ProbeBudget(whole_s=0))))
    assert set(lines["verdict"]) == {"not measured"}


@pytest.mark.slow
def test_a_slow_operation_is_told_by_its_latency_alone(dataset: Dataset) -> None:
    lines = probed(dataset, *SLOWLY)
    assert deviating(lines) == FLAWS["slow"]


def test_every_flaw_is_tried() -> None:
    assert sorted(flaw for flaws in (*TOGETHER, SLOWLY) for flaw in flaws) == sorted(FLAWS)


def test_a_redirect_elsewhere_is_told_and_not_followed(dataset: Dataset) -> None:
    lines = probed(dataset, "redirect").set_index(["operation", "line"])
    found = lines.loc[("read_ticket", "answer: found")]
    assert found["verdict"] == "deviates"
    assert "a redirect to http://169.254.169.254/latest, which is not followed" in found["detail"]


def without_hooks(settings: IntegrationSettings) -> IntegrationSettings:
    """Return settings of a system without a test clock."""
    bare = settings.sandbox.model_copy(update={"clock": None, "written": None})
    return settings.model_copy(update={"sandbox": bare})


class Elsewhere(BaseHTTPRequestHandler):
    """Answers every call with a redirect to the address at which clouds give credentials."""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://169.254.169.254/latest")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_system_that_sends_every_call_elsewhere_is_not_measured(dataset: Dataset) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        lines = probed(dataset, settings=without_hooks(settings_of(f"http://127.0.0.1:{server.server_port}")))
        server.shutdown()
    assert set(lines["verdict"]) == {"not measured"}
    why = "it answers with a redirect to http://169.254.169.254/latest, which is not followed"
    assert set(lines["detail"]) == {why}


def test_a_port_that_nothing_listens_on_is_not_measured(dataset: Dataset) -> None:
    lines = probed(dataset, settings=without_hooks(settings_of("http://127.0.0.1:1")))
    assert set(lines["verdict"]) == {"not measured"}
    (why,) = set(lines["detail"])
    assert why.startswith("it does not answer: ")


def test_an_account_that_is_not_let_in_is_not_measured(dataset: Dataset) -> None:
    with running_desk() as address:
        way = WayIn({}, {**SECRETS, "DESK_KEY": "wrong"})
        lines = lines_table(asyncio.run(probe_systems(settings_of(address), dataset, way, UNHURRIED)))
    assert set(lines["verdict"]) == {"not measured"}
    (why,) = set(lines["detail"])
    assert why.startswith("it does not let the agent's own account in: 401")


def test_a_system_that_ends_in_between_deviates_in_no_line(dataset: Dataset) -> None:
    lines = probed(dataset, "gone", settings=None, hooks=False)
    assert deviating(lines) == set()
    doubted = lines[lines["verdict"] == "unclear"]
    assert len(doubted)
    assert doubted["detail"].str.startswith("at the end of the probe it does not answer: ").all()


def test_a_sandbox_whose_clock_is_gone_is_one_message(dataset: Dataset) -> None:
    with running_desk() as address:
        agreed = settings_of(address)
        clock = agreed.sandbox.model_copy(update={"clock": f"{address}/no/clock"})
        with pytest.raises(RunError, match="clock does not answer as it must"):
            probed(dataset, settings=agreed.model_copy(update={"sandbox": clock}))


def test_calls_at_once_share_the_room_that_the_clock_was_put_forward_for() -> None:
    async def seconds_put_forward(calls: int) -> float:
        clock = HandsOfClock(agreed.sandbox, WayIn({}, SECRETS))
        await clock.now()  # what is set up once takes time, in which room comes back by itself
        caller = Caller(slow, WayIn({}, SECRETS), clock)
        before = clock.seconds() - time.monotonic()
        await asyncio.gather(*(caller.room() for _ in range(calls)))
        await clock.close()
        return clock.seconds() - time.monotonic() - before

    with running_desk() as address:
        agreed = settings_of(address)
        rate = agreed.systems[0].rate.model_copy(update={"per_s": 5, "burst": 20})
        slow = agreed.systems[0].model_copy(update={"rate": rate})
        # the first call has room; the second one waits until the burst is free again: 20 calls at 5 a second
        assert asyncio.run(seconds_put_forward(8)) == pytest.approx(4.0, abs=0.5)


def test_a_probe_that_measures_nothing_is_one_message_and_leaves_nothing(tmp_path: Path, dataset: Dataset) -> None:
    desk_pilot = small_pilot(tmp_path)
    text = yaml.safe_dump(
        {
            "engineers": "IT owner",
            "systems": [{"id": "CHAT", "type": "rest", "sandbox": "https://chat.invalid/a", "operations": READ}],
            "sandbox": {"hosts": ["chat.invalid"]},
        }
    )
    (desk_pilot.suite / "integrations.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="no system could be measured") as told:
        MAKER.make(desk_pilot, dataset, ProbeRequest())
    assert str(told.value.got).startswith("CHAT: the host of a sandbox has no address: chat.invalid")
    assert not (desk_pilot.runs / "exhibits" / "integrations").exists()


def test_what_was_left_open_is_said_once_for_each_reason() -> None:
    lines = [
        ProbeLine("ERP", "read", "error: 503", "", "", 0, LineVerdict.NOT_MEASURED, "cannot"),
        ProbeLine("ERP", "post", "error: 503", "", "", 0, LineVerdict.NOT_MEASURED, "cannot"),
        ProbeLine("HR", "find", "error: 503", "", "", 0, LineVerdict.NOT_MEASURED, "cannot"),
        ProbeLine("HR", "", "rate: burst", "", "first refused after 9", 9, LineVerdict.UNCLEAR, "busy"),
        ProbeLine("HR", "", "rate: beyond it", "", "refuses", 9, LineVerdict.KEPT, ""),
    ]
    found = open_lines(lines_table(lines))
    assert found.to_numpy().tolist() == [
        ["rate: burst", "unclear", "first refused after 9; busy", 1, "HR"],
        ["error: 503", "not measured", "cannot", 3, "ERP: read, post; HR: find"],
    ]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.00031, "p95 0.31 ms, 0.31 to 0.31"),
        (0.0024, "p95 2.4 ms, 2.4 to 2.4"),
        (0.0123, "p95 12 ms, 12 to 12"),
        (1.5, "p95 1500 ms, 1500 to 1500"),
    ],
)
def test_latencies_are_said_with_digits_that_mean_something(seconds: float, said: str) -> None:
    assert judge_latency(100, [seconds] * 200)[1] == said


@pytest.mark.slow
def test_what_would_take_too_long_to_wait_for_is_not_measured_without_a_clock(dataset: Dataset) -> None:
    with running_desk() as address:
        agreed = settings_of(address)
        bare = without_hooks(agreed)
        budget = ProbeBudget(latency_s=2)
        lines = lines_table(asyncio.run(probe_systems(bare, dataset, WayIn({}, SECRETS), budget)))
    by_line = lines.set_index(["operation", "line"])
    assert by_line.loc[("reply", "writing: same key an hour later"), "verdict"] == "not measured"
    assert by_line.loc[("", "rate: a second"), "verdict"] in {"kept", "unclear"}, "a second is waited for"
    assert deviating(lines) == set()


def test_a_system_that_may_not_be_reached_is_not_measured_and_not_called(dataset: Dataset) -> None:
    agreed = settings_of("http://192.0.2.7:80")  # TEST-NET-1: nobody's
    lines = probed(dataset, settings=without_hooks(agreed))
    assert set(lines["verdict"]) == {"not measured"}
    assert set(lines["detail"]) == {"a sandbox is at an address that may not be reached: 192.0.2.7"}


@pytest.mark.parametrize(
    ("latencies", "verdict"),
    [
        ([0.05] * 200, LineVerdict.KEPT),
        ([0.25] * 200, LineVerdict.DEVIATES),
        # 20 of 200 slow: true p95 would lie among them, and ranks 182 to 198 bound it (binomial, 99%)
        ([0.05] * 175 + [0.25] * 25, LineVerdict.DEVIATES),
        ([0.05] * 190 + [0.25] * 10, LineVerdict.UNCLEAR),
        ([0.05] * 199 + [0.25], LineVerdict.KEPT),
        ([0.05] * 10, LineVerdict.UNCLEAR),  # too few for an upper bound
    ],
)
def test_a_latency_is_judged_by_the_bounds_of_its_p95(latencies: list[float], verdict: LineVerdict) -> None:
    assert judge_latency(100, latencies)[0] is verdict


@pytest.mark.parametrize(
    ("code", "verdict"),
    [("401", "kept"), ("200", "deviates"), ("ok", "deviates"), ("404", "deviates"), ("409", "deviates"),
     ("422", "unclear"), ("503", "unclear"), ("timeout", "unclear"), ("302", "deviates")],
)  # fmt: skip
def test_a_call_without_the_right_must_end_with_a_declared_code(code: str, verdict: str) -> None:
    assert refusal_verdict(code, ("401", "403")).value == verdict


def test_not_found_is_a_refusal_only_where_that_was_declared() -> None:
    assert refusal_verdict("404", ("401", "403", "404")) is LineVerdict.KEPT


@pytest.mark.parametrize(
    ("declared", "value", "problem"),
    [
        ({"type": "decimal", "decimal": ","}, "1.234,50", None),
        ({"type": "decimal", "decimal": ","}, "1234.50", "'1234.50' is no number with decimal ','"),
        ({"type": "decimal"}, Decimal("12.5"), None),
        ({"type": "integer"}, 7, None),
        ({"type": "integer"}, True, "'true' is no whole number"),
        ({"type": "boolean"}, True, None),
        ({"type": "date", "format": "%d.%m.%Y"}, "01.02.2026", None),
        ({"type": "date", "format": "%d.%m.%Y"}, "2026-02-01", "'2026-02-01' is no %d.%m.%Y"),
        ({"type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z"}, "2026-02-01T10:00:00+01:00", None),
        ({"type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z"}, "2026-02-01T10:00:00", "is no"),
        ({"type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z", "zone": "Europe/Berlin"}, "2026-07-01T10:00:00+0100",
         "is not in Europe/Berlin"),
        ({"values": ["a", "b"]}, "c", "'c' is none of the 2 values"),
        ({}, {"a": 1}, "dict where a text is declared"),
    ],
)  # fmt: skip
def test_a_value_is_held_against_its_declared_form(
    declared: dict[str, object], value: object, problem: str | None
) -> None:
    found = type_problem(AnswerField.model_validate(declared), value)
    assert found is None if problem is None else problem in (found or "")


def test_whole_numbers_and_truth_are_no_texts_where_a_system_has_types() -> None:
    declared = AnswerField.model_validate({"type": "boolean"})
    assert type_problem(declared, "true") is None
    assert type_problem(declared, "true", has_types=True) == "the text 'true' where boolean is declared"


def test_what_is_not_granted_is_all_that_is_listed_and_all_that_is_named() -> None:
    openapi = {
        "paths": {
            "/orders/{id}": {"get": {}, "delete": {"parameters": [{"name": "id", "in": "path", "schema": {}}]}},
            "/token": {"post": {}},
            "/runs": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/x"}}}}}},
        },
        "x": {"type": "object", "required": ["iban"], "properties": {"iban": {"pattern": r"^[A-Z]{2}\d{4}$"}}},
    }
    system = System.model_validate(
        {
            "id": "ERP",
            "type": "rest",
            "auth": {"kind": "client_credentials", "token": "POST /token"},
            "operations": {"read": {"effect": "read", "call": "GET /orders/{po_number}"}},
            "not_granted": {"stop": "POST /stop"},
        }
    )
    found = not_granted(system, Listing(openapi_calls(openapi), openapi))
    assert set(found) == {"stop", "DELETE /orders/{id}", "POST /runs"}
    assert re.fullmatch(r"[A-Z]{2}\d{4}", found["POST /runs"].arguments["iban"])


def test_an_example_fits_its_schema() -> None:
    schema = {
        "type": "object",
        "required": ["n", "kind", "on", "list"],
        "properties": {
            "n": {"type": "integer", "minimum": 3},
            "kind": {"enum": ["a", "b"]},
            "on": {"type": "string", "format": "date"},
            "list": {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
        },
    }
    assert example_of(schema, schema) == {"n": 3, "kind": "a", "on": "2000-01-01", "list": [False, False]}


LINES = (
    ProbeLine("ERP", "read", "latency: p95", "100 ms", "p95 20 ms", 200, LineVerdict.KEPT, ""),
    ProbeLine("ERP", "post", "writing: same key twice", "one effect", "2 there", 2, LineVerdict.DEVIATES, ""),
    ProbeLine("ERP", "post", "error: 503", "maintained", "", 0, LineVerdict.NOT_MEASURED, "cannot"),
    ProbeLine("HR", "find", "latency: p95", "100 ms"),
    ProbeLine("ERP", "", "rate: burst", "100 at once", "first refused after 100", 200, LineVerdict.UNCLEAR, ""),
)


def test_estimates_count_lines_and_operations() -> None:
    found = estimates_of_lines(lines_table(LINES))
    assert {name: (one.value, one.n) for name, one in found.items()} == {
        "integration_deviations": (1.0, 3),
        "integration_lines_measured": (3 / 5, 5),
        "operations_probed": (2 / 3, 3),
    }
    assert estimates_of_lines(lines_table(()))["integration_deviations"].value is None


def test_a_deviation_is_a_finding_of_the_systems_owner() -> None:
    (found,) = integration_findings(lines_table(LINES), {"ERP": "Jo"})
    assert (found.severity.value, found.owner, found.n) == ("critical", "Jo", 1)
    assert found.title == "ERP.post deviates in 1 line on writing"


def test_a_matrix_has_the_worst_verdict_of_each_kind() -> None:
    matrix = matrix_of_lines(lines_table(LINES))
    assert matrix.loc["ERP", "writing"] == "deviates"
    assert matrix.loc["HR", "latency"] == "not measured"
    assert pd.isna(matrix.loc["HR", "rate"])


def test_an_exhibit_is_counted_again_from_its_lines(desk_pilot: Pilot) -> None:
    made = MadeBy(who="Ann", commit=None, time="2026-11-30T00:00:00+00:00")
    tables = {"lines": lines_table(LINES)}
    exhibit = Exhibit(
        "integrations",
        "small",
        {"records": "r"},
        made,
        "all is well",
        tables=tables,
        facts={"owners": {}, "sandbox": "here"},
    )

    class Agreement:
        pilot = desk_pilot

    again = MAKER.again(exhibit, Agreement())  # type: ignore[arg-type]
    assert again.answer == (
        "1 of 3 measured lines deviate from what was agreed, 1 are unclear; 2 lines were not measured; "
        "2 of 3 operations probed."
    )
    assert len(again.findings) == 1


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shipped")
    for folder in ("datasets", "eval_suites"):
        shutil.copytree(ROOT / folder / "invoice_matching", root / folder / "invoice_matching")
    return root


def probed_by_command(root: Path, *options: str) -> str:
    """Return what the command says of the shipped pilot."""
    command = [sys.executable, "-m", "workbench", "integrations", "probe", "invoice_matching", "--root", str(root)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_shipped_sandbox_has_no_line_that_deviates(shipped: Path) -> None:
    said = " ".join(probed_by_command(shipped).split())
    assert said.startswith("0 of "), said
    assert "18 of 18 operations probed" in said
    assert "Measured: the pilot's own sandbox, started for this, at http://127.0.0.1:" in said


@pytest.mark.slow
@pytest.mark.skipif(postgresql_programs() is None, reason="PostgreSQL is not installed (make ci-tools)")
def test_a_sandbox_on_postgresql_that_is_running_is_found_and_its_accounts_are_measured(shipped: Path) -> None:
    pilot = open_pilot("invoice_matching", shipped)
    documents = read_dataset(pilot).documents()
    with (
        running_postgresql() as database,
        running_sandbox(pilot, documents, database=database) as running,
        kept_sandbox(pilot, running),
    ):
        said = json.loads(probed_by_command(shipped, "--json"))
    assert said["sandbox"] == f"the sandbox that was running, at {running.places['sandbox']}, on PostgreSQL"
    lines = pd.DataFrame(said["lines"]).set_index(["system", "operation", "line"])
    assert deviating(lines.reset_index()) == set()
    for name in ("find_earlier", "count_earlier"):
        found = lines.loc[("ARCHIVE", name, "access: without credentials")]
        assert (found["verdict"], found["measured"]) == ("kept", "28P01"), "PostgreSQL: invalid password"
    for name in ("read_salaries", "change_amount", "delete_documents"):
        found = lines.loc[("ARCHIVE", "", f"rights: {name}")]
        assert (found["verdict"], found["measured"]) == ("kept", "42501"), "PostgreSQL: insufficient privilege"
