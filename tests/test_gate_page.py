"""Tests of a gate's report: what a sponsor sees, and that nothing in it can run or call out."""

from __future__ import annotations

import http.server
import re
import shutil
import subprocess
import threading
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from gate_pilots import CHARTER, facts_of, finding, gate, gate_pilot, outcomes_of, signed, write_audit, write_evaluation
from test_gates_waivers import waived

from workbench.gates import decide
from workbench.gates.page import gate_page
from workbench.gates.plots import LEFT, RIGHT, WIDTH, curve_plot, interval_plot
from workbench.metrics import risk_coverage

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SLICED = {"id": "edge", "metric": "accuracy", "operator": ">=", "target": 0.9, "slice": {"class": "edge"}}
CRITERIA = [
    {"id": "right", "kpi": "right"},
    {"id": "slow", "metric": "latency_p95_s", "operator": "<=", "target": 0.05},
    SLICED,
    {"id": "load", "check": "load"},
]


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def page_of(root: Path) -> str:
    pilot = gate_pilot(root, gate(CRITERIA))
    keys = signed(pilot)
    write_evaluation(pilot, outcomes_of(pilot, wrong=range(4)))
    waived(pilot, keys["sponsor"], gate=2)
    facts = facts_of(pilot)
    return gate_page(facts, decide(facts, 2, {"agent": "A"}), ("exhibits/evaluation/holdout.csv", "notebooks/03.html"))


def hostile_page(root: Path, address: str) -> str:
    """Return a report in which every text that somebody else writes tries to run or to call out."""
    attack = (
        f"<script>document.title='run'</script><img src='{address}/img' onerror=\"document.title='run'\">"
        f"<svg onload=\"document.title='run'\"></svg><link rel=stylesheet href='{address}/css'>"
        f"<iframe src='{address}/frame'></iframe><meta http-equiv=refresh content='0;url={address}/go'>\" onclick='x'"
    )
    kpi = {**CHARTER["kpis"][0], "why": attack}
    rule = {"id": "r", "description": attack, "to": attack, "when": {"column": "why", "values": ["dispute"]}}
    charter = {**CHARTER, "process": attack, "kpis": [kpi, CHARTER["kpis"][1]], "high_risk": [rule], "authority": []}
    criteria = [
        {"id": "right", "kpi": "right", "title": attack},
        {"id": "limits", "check": "audit_limits", "title": attack},
        {"id": "rules", "check": "escalation_rules"},
        {"id": "slice", "metric": "accuracy", "operator": ">=", "target": 0.5, "slice": {"class": attack}},
    ]
    pilot = gate_pilot(root, gate(criteria, title=attack), charter)
    classes = [attack if i % 2 else "edge" for i in range(400)]
    outcomes = outcomes_of(pilot, wrong=range(30), **{"class": classes})
    write_evaluation(pilot, outcomes, note=attack, threshold_note=attack)
    write_audit(pilot, [finding("high", title=attack, remediation=attack, owner=attack)])
    facts = facts_of(pilot)
    pages = [
        gate_page(facts, decide(facts, number, {"agent": attack, "commit": attack}), (attack,)) for number in (1, 2)
    ]
    return "\n".join(pages)


def test_a_sponsor_sees_verdict_reasons_waiver_and_links(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    text = " ".join(re.sub(r"<[^>]+>", " ", page.split("<body>")[1]).split())
    for said in (
        "5 of 8 criteria pass, 1 waived",
        "WAIVED: load by Ann (sponsor), until 2026-12-23",
        "Right (KPI right) : at least 90%",
        "class = edge",
        "class: error 133",
        "1 of 40 (2.5%) records labelled &#39;escalate&#39; would be decided alone",
        "400 holdout decisions were planned: 400 ok, 0 invalid, 0 failed, 0 skipped.",
    ):
        assert said in text, said
    elements = Elements(page).found
    links = [attributes.get("href") for tag, attributes in elements if tag == "a"]
    beside = [link for link in links if not str(link).startswith("#")]
    assert beside == ["exhibits/evaluation/holdout.csv", "notebooks/03.html"]
    assert len([tag for tag, attributes in elements if tag == "svg" and attributes.get("role") == "img"]) == 4


def test_the_page_is_one_file_with_a_strict_policy(tmp_path: Path) -> None:
    elements = Elements(page_of(tmp_path)).found
    policies = [a["content"] for tag, a in elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies
    assert all("default-src 'none'; script-src 'none'" in str(policy) for policy in policies)
    assert not [tag for tag, _ in elements if tag in ("script", "img", "link", "iframe", "object", "base", "form")]


def test_text_of_others_stays_text(tmp_path: Path) -> None:
    elements = Elements(hostile_page(tmp_path, "http://127.0.0.1:9")).found
    assert not [tag for tag, _ in elements if tag in ("script", "img", "link", "iframe", "object", "base", "form")]
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    refreshes = [a for _, a in elements if a.get("http-equiv") == "refresh"]
    assert not refreshes
    links = {attributes.get("href") for tag, attributes in elements if tag == "a"}
    assert all(str(link).startswith(("#", "%3Cscript%3E")) for link in links)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: the page was not opened in a real browser")
def test_in_a_real_browser_no_script_runs_and_no_request_leaves(tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        hostile = tmp_path / "hostile.html"
        hostile.write_text(hostile_page(tmp_path / "pilot", address), encoding="utf-8")
        dom = opened(hostile, tmp_path)
        assert "NO-GO" in dom
        assert "<title>run</title>" not in dom
        assert asked == []
        # The twin: a page without escaping and policy does run and does call out, so the browser would have told.
        open_page = tmp_path / "open.html"
        open_page.write_text(f"<title>x</title><script>document.title='run'</script><img src='{address}/img'>")
        assert "<title>run</title>" in opened(open_page, tmp_path)
        assert asked == ["/img"]
    finally:
        server.shutdown()
        server.server_close()


def opened(page: Path, folder: Path) -> str:
    """Return the document as a browser has it after loading."""
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    command += ["--virtual-time-budget=3000", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def criterion(**changes: object) -> dict[str, object]:
    estimate = {"value": 0.9, "lower": 0.85, "upper": 0.95, "n": 100, "excluded": {}, "method": "exact"}
    base = {
        "name": "accuracy",
        "title": "Right",
        "operator": ">=",
        "target": 0.8,
        "state": "pass",
        "estimate": estimate,
    }
    return {**base, **changes}


def test_an_interval_stands_in_order_on_its_axis_and_the_good_side_is_the_targets() -> None:
    plot = interval_plot(criterion())
    assert plot is not None
    assert LEFT <= plot.target < plot.lower < plot.value < plot.upper <= WIDTH - RIGHT
    assert (plot.good_from, plot.good_to) == (plot.target, WIDTH - RIGHT)
    at_most = interval_plot(criterion(operator="<="))
    assert at_most is not None
    assert (at_most.good_from, at_most.good_to) == (LEFT, at_most.target)


def test_a_bound_that_there_is_not_is_shown_open() -> None:
    estimate = {"value": 2.0, "lower": 1.5, "upper": None, "n": 10, "excluded": {}, "method": "order statistics"}
    plot = interval_plot(
        criterion(name="latency_p95_s", operator="<=", target=5.0, estimate=estimate, state="unproven")
    )
    assert plot is not None
    assert (plot.is_open_below, plot.is_open_above, plot.upper) == (False, True, WIDTH - RIGHT)
    assert "interval 1.5 s to ?" in plot.text


def test_a_criterion_without_a_value_has_no_picture() -> None:
    undefined = {"value": None, "lower": None, "upper": None, "n": 0, "excluded": {}, "method": "none: no record"}
    assert interval_plot(criterion(estimate=undefined)) is None
    assert interval_plot(criterion(estimate=None)) is None


def test_the_curve_marks_the_judged_threshold() -> None:
    rows = {"confidence": [0.9, 0.8, 0.7, 0.6], "action": ["a", "a", "b", "a"], "label": ["a", "a", "a", "a"]}
    curve = risk_coverage(pd.DataFrame({"record_id": list("wxyz"), "status": "ok", **rows}))
    plot = curve_plot(curve, 0.9, 0.8)
    assert plot is not None
    assert plot.mark is not None
    points = [tuple(float(place) for place in pair.split(",")) for pair in plot.line.split()]
    assert plot.mark == points[1]  # two of four decisions, both right
    assert points[0][0] < points[1][0] < points[2][0]
    above = curve_plot(curve, 0.9, 0.95)
    assert above is not None
    assert above.mark is None
    assert curve_plot(curve.iloc[:0], 0.9, 0.8) is None
