import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from workbench.agents.python import python_agent
from workbench.evaluation import evaluate
from workbench.pilot.pilot import AgentSettings, Pilot, open_pilot
from workbench.records.splits import Split, read_dataset
from workbench.runs import RunRequest
from workbench.words import InputError, RunError

MEMORY = '''
"""An agent that remembers what it was trained on, so that a leak shows as perfect accuracy."""
def remember(training):
    known = dict(zip(training["body"], training["queue"]))
    return lambda record: {"action": known.get(record["body"], "login"), "confidence": float(record["body"] in known)}
'''
NEIGHBOURS = """
from pathlib import Path
from .words import WORD
LIMIT = Path(__file__).with_name("limit.txt").read_text()
def decide(record):
    return {"action": WORD, "reason": LIMIT}
"""


def with_agent(pilot: Pilot, source: str, settings: str) -> Pilot:
    (pilot.suite / "mine.py").write_text(source, encoding="utf-8")
    path = pilot.suite / "pilot.yaml"
    text = path.read_text(encoding="utf-8").replace("agents:\n", f"agents:\n  mine: {settings}\n", 1)
    path.write_text(text, encoding="utf-8")
    return open_pilot(pilot.name, pilot.root)


def test_a_trained_agent_never_decides_a_record_it_was_trained_on(tickets: Callable[[int], Pilot]) -> None:
    settings = "{python: eval_suites/tickets/mine.py:remember, trained: true}"
    pilot = with_agent(tickets(200), MEMORY, settings)
    for split in Split:
        outcomes = evaluate(pilot, "mine", RunRequest(split, show_progress=False)).outcomes
        assert (outcomes["confidence"] == 0).all()  # every body is unique, so a known one would have been trained on


def test_every_fold_of_development_records_is_left_out_once(tickets: Callable[[int], Pilot]) -> None:
    folds = read_dataset(tickets(300)).folds()
    assert sorted(folds.unique()) == [0, 1, 2, 3, 4]
    assert folds.value_counts().min() > 0.5 * len(folds) / 5


def identity_of(pilot: Pilot, name: str = "mine") -> dict[str, Any]:
    return dict(python_agent(pilot, name, pilot.agent(name), read_dataset(pilot)).identity)


@pytest.mark.parametrize("changed", ["mine.py", "words.py", "limit.txt"])
def test_a_change_in_a_file_an_agent_needs_is_a_new_version(tickets: Callable[[int], Pilot], changed: str) -> None:
    pilot = tickets(60)
    (pilot.suite / "words.py").write_text("WORD = 'login'\n", encoding="utf-8")
    (pilot.suite / "limit.txt").write_text("10", encoding="utf-8")
    settings = "{python: eval_suites/tickets/mine.py:decide, reads: [eval_suites/tickets/limit.txt]}"
    pilot = with_agent(pilot, NEIGHBOURS, settings)
    before = identity_of(pilot)
    assert set(before["code"]) == {f"eval_suites/tickets/{name}" for name in ("mine.py", "words.py", "limit.txt")}
    assert evaluate(pilot, "mine", RunRequest(show_progress=False)).outcomes["reason"].eq("10").all()
    path = pilot.suite / changed
    path.write_text(
        path.read_text(encoding="utf-8") + ("0" if changed == "limit.txt" else "# changed\n"), encoding="utf-8"
    )
    assert identity_of(pilot) != before
    assert evaluate(pilot, "mine", RunRequest(show_progress=False)).session.n_asked == 42


def test_a_corrected_development_label_is_a_new_version_of_a_trained_agent_only(
    tickets: Callable[[int], Pilot],
) -> None:
    pilot = tickets(60)
    before = {name: identity_of(pilot, name) for name in ("majority",)}
    dataset = read_dataset(pilot)
    path = pilot.data / "tickets.csv"

    def corrected(record_id: str) -> None:
        lines = path.read_text(encoding="utf-8").splitlines()
        changed = [
            line.rsplit(",", 1)[0] + ("," + ("login" if not line.endswith("login") else "refund"))
            if line.startswith(record_id)
            else line
            for line in lines
        ]
        path.write_text("\n".join(changed) + "\n", encoding="utf-8")

    corrected(str(dataset.ids(Split.HOLDOUT)[0]))
    assert identity_of(open_pilot("tickets", pilot.root), "majority") == before["majority"]
    corrected(str(dataset.ids(Split.DEV)[0]))
    assert identity_of(open_pilot("tickets", pilot.root), "majority") != before["majority"]


def test_training_that_fails_is_one_message_with_its_place(tickets: Callable[[int], Pilot]) -> None:
    source = "def fit(training):\n    return training['nothing of the kind']\n"
    pilot = with_agent(tickets(60), source, "{python: eval_suites/tickets/mine.py:fit, trained: true}")
    with pytest.raises(
        RunError, match=r"training the agent 'fit' failed(.|\n)*KeyError: 'nothing of the kind'"
    ) as caught:
        evaluate(pilot, "mine", RunRequest(show_progress=False))
    assert "mine.py, line 2" in str(caught.value), "the fault is raised in a library, the place is the pilot's own"


def test_a_run_that_is_all_in_the_journal_imports_no_agent(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(60)
    trace = pilot.root / "trace.txt"
    source = f"with open({str(trace)!r}, 'a') as file:\n    file.write('imported ')\n"
    source += "def decide(record):\n    return {'action': 'login'}\n"
    pilot = with_agent(pilot, source, "{python: eval_suites/tickets/mine.py:decide}")
    evaluate(pilot, "mine", RunRequest(show_progress=False))
    first = trace.read_text(encoding="utf-8")
    assert first == "imported imported ", "seen to load before anything is stored, then loaded to answer"
    for _ in range(2):
        evaluate(pilot, "mine", RunRequest(show_progress=False))
    assert trace.read_text(encoding="utf-8") == first


TWICE = b'{"action": "login", "action": "refund"}'


class Handler(BaseHTTPRequestHandler):
    """Answers by the record's amount; refuses to be called without the record."""

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert set(content) == {"id", "record"}
        assert "queue" not in content["record"]
        answer = {"action": "login", "confidence": min(1.0, content["record"]["amount"] / 100), "reason": content["id"]}
        body = json.dumps(answer if content["record"]["amount"] < 90 else {"action": "other"}).encode()
        body = TWICE if self.path == "/twice" else body
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass


@contextmanager
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/decide"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_http_agent_sends_a_record_and_reads_an_answer(tickets: Callable[[int], Pilot]) -> None:
    with endpoint() as url:
        pilot = with_agent(tickets(100), "", f"{{http: '{url}'}}")
        outcomes = evaluate(pilot, "mine", RunRequest(show_progress=False)).outcomes
    dataset = read_dataset(pilot)
    amounts = dataset.shown(Split.DEV)["amount"].loc[outcomes.index].astype(float)
    assert (outcomes["status"] == amounts.lt(90).map({True: "ok", False: "invalid"})).all()
    ok = outcomes[outcomes["status"] == "ok"]
    assert (ok["reason"] == ok.index).all()
    assert ok["confidence"].tolist() == pytest.approx((amounts.loc[ok.index] / 100).tolist())
    assert set(outcomes["cause"].dropna()) == {"unknown_action"}


def changed(pilot: Pilot, old: str, new: str) -> Pilot:
    path = pilot.suite / "pilot.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return open_pilot(pilot.name, pilot.root)


def test_an_http_agent_that_gives_two_actions_gives_none_and_a_new_version_of_it_is_asked_again(
    tickets: Callable[[int], Pilot],
) -> None:
    request = RunRequest(limit=5, show_progress=False)
    with endpoint() as url:
        pilot = with_agent(tickets(60), "", f"{{http: '{url}', version: '1'}}")
        assert [evaluate(pilot, "mine", request).session.n_asked for _ in range(2)] == [5, 0]
        pilot = changed(pilot, "version: '1'", "version: '2'")
        assert evaluate(pilot, "mine", request).session.n_asked == 5
        pilot = changed(pilot, "/decide", "/twice")
        with pytest.raises(RunError, match="5 invalid: duplicate_key, such as: 'action' is given more than once"):
            evaluate(pilot, "mine", request)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (AgentSettings(python="eval_suites/tickets/none.py:f"), "cannot be read"),
        (AgentSettings(python="eval_suites/tickets/agents.py:nothing"), r"no callable 'nothing'(.|\n)*baseline"),
        (AgentSettings(python="eval_suites/tickets/agents.py:majority", reads=("gone.txt",)), "cannot be read"),
    ],
)
def test_an_agent_that_is_not_there_is_refused(
    tickets: Callable[[int], Pilot], settings: AgentSettings, message: str
) -> None:
    pilot = tickets(40)
    with pytest.raises(InputError, match=message):
        python_agent(pilot, "x", settings, read_dataset(pilot)).prepare()


def test_importing_an_agent_leaves_no_trace_of_an_earlier_version(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_agent(
        tickets(60),
        "def decide(record):\n    return {'action': 'login'}\n",
        "{python: eval_suites/tickets/mine.py:decide}",
    )
    assert evaluate(pilot, "mine", RunRequest(show_progress=False)).outcomes["action"].eq("login").all()
    Path(pilot.suite / "mine.py").write_text("def decide(record):\n    return {'action': 'refund'}\n", encoding="utf-8")
    assert evaluate(pilot, "mine", RunRequest(show_progress=False)).outcomes["action"].eq("refund").all()
