"""Two models on one loopback server: one decides tickets as its prompt says, one rewrites prompts as it is told to."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from stub_server import completion, share
from ticket_records import TOPICS

DECIDES, REFLECTS = "decides", "reflects"
RULE = "The queue whose words stand in the ticket most often decides."


class PlayedModels:
    """What the server was asked; `rewrite` is given a question of the reflecting model and its number, from 0."""

    def __init__(self, rewrite: Callable[[str, int], str | None]) -> None:
        self.rewrite = rewrite
        self.calls: Counter[str] = Counter()
        self.questions: list[str] = []
        self.headers: list[str | None] = []
        self.url = ""

    def answer(self, body: dict[str, Any]) -> str | None:
        """Return a model's answer; None is a server error."""
        self.calls[body["model"]] += 1
        if body["model"] == DECIDES:
            system, ticket = body["messages"][0]["content"], body["messages"][-1]["content"]
            return json.dumps({"action": decided(ticket, knows_rule=RULE in system), "reason": "-", "confidence": 0.9})
        self.questions.append(body["messages"][-1]["content"])
        return self.rewrite(self.questions[-1], len(self.questions) - 1)


def decided(ticket: str, *, knows_rule: bool) -> str:
    """Return the queue with the most words in a ticket, or without the rule one that depends on nothing but chance."""
    if not knows_rule:
        return sorted(TOPICS)[int(share("guess", ticket) * len(TOPICS))]
    words = re.findall(r"[a-z]+", ticket)
    return max(sorted(TOPICS), key=lambda queue: sum(word in TOPICS[queue] for word in words))


@contextlib.contextmanager
def played(rewrite: Callable[[str, int], str | None]) -> Iterator[PlayedModels]:
    """Serve both models on a loopback port."""
    models = PlayedModels(rewrite)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            models.headers.append(self.headers.get("Authorization"))
            text = models.answer(body)
            content = json.dumps({} if text is None else completion(body, text)).encode()
            self.send_response(400 if text is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    models.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield models
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
