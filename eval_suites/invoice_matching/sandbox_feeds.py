"""What documents come by: the hourly files of the German plants, and the queue of the EDI hub.

Documents whose cells are not written as integrations.yaml says are left out: a system that keeps its word would send
none of those that are damaged in the records, nor names that the files' encoding has no letters for.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from workbench.environment.sandbox import StandIn, answer_json, refuse_call, whole_body

EXTRACT = (
    "record_id", "received_at", "invoice_number", "invoice_date", "vendor_id", "vendor_name", "po_number",
    "gross_amount", "note",
)  # fmt: skip
MESSAGE = ("record_id", "invoice_number", "invoice_date", "vendor_id", "po_number", "gross_amount", "note")
ENCODING, FOLDER = "iso-8859-15", "sap_de"
AGAIN_S = 30.0  # a message that is not acknowledged is delivered again after so long
AMOUNTS = {"SAP_DE": r"-?\d{1,3}(\.\d{3})*,\d\d", "EDI_HUB": r"-?\d+\.\d\d"}
DATES = {"SAP_DE": "%d.%m.%Y", "EDI_HUB": "%Y%m%d"}


def sent_by(stand_in: StandIn, source: str) -> Iterator[Mapping[str, Any]]:
    """Yield the documents of a source that are written as was agreed."""
    for one in stand_in.documents:
        if one["source_system"] == source and re.fullmatch(AMOUNTS[source], str(one["gross_amount"])):
            try:
                datetime.strptime(str(one["invoice_date"]), DATES[source])
            except ValueError:
                continue
            yield one


def write_extracts(stand_in: StandIn) -> None:
    """Write the files of the German plants, one for each hour in which documents came."""
    hours: dict[str, list[list[str]]] = {}
    for one in sent_by(stand_in, "SAP_DE"):
        cells = ["" if one[name] is None else str(one[name]) for name in EXTRACT]
        if can_be_written("".join(cells)):
            hours.setdefault(one["received_at"][:13].replace("-", ""), []).append(cells)
    for hour, rows in hours.items():
        write_extract(stand_in, hour, rows)


def can_be_written(text: str) -> bool:
    """Return whether the encoding has all letters of a text, and it is no UTF-8 that was read as that encoding."""
    try:
        coded = text.encode(ENCODING)
        return text.isascii() or coded.decode("utf-8") == text
    except UnicodeEncodeError:
        return False
    except UnicodeDecodeError:
        return True


def write_extract(stand_in: StandIn, hour: str, rows: list[list[str]]) -> None:
    """Write the file of an hour under another name and rename it, so that nobody reads a part."""
    folder = stand_in.folder / FOLDER
    folder.mkdir(exist_ok=True)
    draft = folder / f".{hour}.part"
    draft.write_bytes(extract(rows))
    draft.replace(folder / f"documents-{hour}.csv")


def extract(rows: list[list[str]]) -> bytes:
    """Return the content of a file: a header, rows, and their number."""
    written = io.StringIO()
    lines = csv.writer(written, delimiter=";", lineterminator="\n")
    lines.writerows([EXTRACT, *rows, ["END", len(rows)]])
    return written.getvalue().encode(ENCODING)


class EdiHub:
    """A queue: each message is delivered until it is acknowledged."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self.messages = [
            {"message": number, **{name: one[name] for name in MESSAGE}}
            for number, one in enumerate(sent_by(stand_in, "EDI_HUB"), start=1)
        ]
        stand_in.written.on_forget(self.refill)
        self.refill()

    def refill(self) -> None:
        """Put all messages back."""
        self.waiting = deque(range(1, len(self.messages) + 1))
        self.delivered: dict[int, float] = {}  # number to the moment at which it is delivered again

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a call."""
        path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
        asked = f"{scope['method']} {path}"
        if asked == "POST /receive":
            message = self.next_message()
            await answer_json(send, 204 if message is None else 200, message)
        elif asked == "POST /ack":
            try:
                number = json.loads(await whole_body(receive))["message"]
                is_known = isinstance(number, int) and 1 <= number <= len(self.messages)
            except (ValueError, KeyError, TypeError):
                await refuse_call(send, 422, 'expected {"message": NUMBER}')
                return
            if is_known:
                self.acknowledge(number)
                await answer_json(send, 200, {"acknowledged": number})
            else:
                await refuse_call(send, 404, "there is no such message")
        else:
            await refuse_call(send, 404, "there is /receive and /ack")

    def next_message(self) -> dict[str, Any] | None:
        """Return the message that comes next, None where all are delivered."""
        now = self.stand_in.clock.seconds()
        late = [number for number, again in self.delivered.items() if again <= now]
        for number in reversed(late):
            del self.delivered[number]
            self.waiting.appendleft(number)
        if not self.waiting:
            return None
        number = self.waiting.popleft()
        self.delivered[number] = now + AGAIN_S
        return self.messages[number - 1]

    def acknowledge(self, number: int) -> None:
        """Take a message out of the queue; a second time changes nothing."""
        if self.delivered.pop(number, None) is None and number in self.waiting:
            self.waiting.remove(number)
