"""What agents write into a system of the sandbox: entries of one kind, each written once for its key."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from workbench.environment.sandbox import StandIn, WrittenOnce

from .sandbox_tenant import OtherTenant


class Entries:
    """Postings, returns or tickets, by invoice number and vendor.

    Parameters
    ----------
    operation, undo : str
        What writes one and what takes it back, as integrations.yaml calls them.
    """

    def __init__(self, stand_in: StandIn, system: str, operation: str, undo: str) -> None:
        self.stand_in, self.system, self.operation, self.undo = stand_in, system, operation, undo
        self.once = WrittenOnce(stand_in.store, operation)
        self.n_written = 0
        stand_in.store.execute(f"CREATE TABLE {operation} (invoice_number, vendor_id, content, at)")
        stand_in.store.execute(f"CREATE INDEX of_{operation} ON {operation} (invoice_number, vendor_id)")
        self.others = [{"reason": "other_tenant", **one} for one in OtherTenant(stand_in.documents).entries]
        stand_in.written.on_forget(self.forget)
        self.put_others()

    def write(self, key: str, content: dict[str, str], correlation: str) -> tuple[int, bool]:
        """Return the number of an entry, and whether it was written now. Raises KeyUsedError."""
        return self.once(key, content, lambda: self.written(key, content, correlation))

    def written(self, key: str, content: dict[str, str], correlation: str) -> int:
        """Write an entry and return its number."""
        self.n_written += 1
        self.put(content)
        self.stand_in.written.add(self.system, self.operation, content, correlation, key)
        return self.n_written

    def put(self, content: dict[str, str]) -> None:
        """Keep an entry."""
        at = self.stand_in.clock.now().isoformat(timespec="seconds")
        entry = (content["invoice_number"], content["vendor_id"], json.dumps(content), at)
        self.stand_in.store.execute(f"INSERT INTO {self.operation} VALUES (?, ?, ?, ?)", entry)

    def put_others(self) -> None:
        """Keep the entries of the other tenant, which are there from the start."""
        for one in self.others:
            self.put(one)

    def are_of_others(self, vendor_id: str) -> bool:
        """Return whether the entries of a vendor are the other tenant's."""
        return any(one["vendor_id"] == vendor_id for one in self.others)

    def found(self, invoice_number: str, vendor_id: str) -> list[dict[str, Any]]:
        """Return the entries of a document in the order in which they were written, each with the moment `at`."""
        asked = f"SELECT content, at FROM {self.operation} WHERE invoice_number = ? AND vendor_id = ? ORDER BY rowid"
        rows = self.stand_in.store.execute(asked, (invoice_number, vendor_id))
        return [{**json.loads(content), "at": datetime.fromisoformat(at)} for content, at in rows]

    def cancel(self, invoice_number: str, vendor_id: str, correlation: str) -> int:
        """Take back the entries of a document and return how many there were."""
        gone = f"DELETE FROM {self.operation} WHERE invoice_number = ? AND vendor_id = ?"
        n = self.stand_in.store.execute(gone, (invoice_number, vendor_id)).rowcount
        if n:
            content = {"invoice_number": invoice_number, "vendor_id": vendor_id}
            self.stand_in.written.add(self.system, self.undo, content, correlation)
        return n

    def forget(self) -> None:
        """Take back everything, keys too."""
        self.stand_in.store.execute(f"DELETE FROM {self.operation}")
        self.once.forget()
        self.put_others()
