"""What agents write into a system of the sandbox: entries of one kind, each written once for its key."""

from __future__ import annotations

from typing import Any

from workbench.environment.sandbox import StandIn, WrittenOnce


class Entries:
    """Postings, returns or tickets, by invoice number and vendor.

    Parameters
    ----------
    operation, undo : str
        What writes one and what takes it back, as integrations.yaml calls them.
    """

    def __init__(self, stand_in: StandIn, system: str, operation: str, undo: str) -> None:
        self._stand_in, self._system, self._operation, self._undo = stand_in, system, operation, undo
        self._entries: list[dict[str, Any]] = []
        self._once = WrittenOnce()
        self._n_written = 0
        stand_in.written.on_forget(self.forget)

    def write(self, key: str, content: dict[str, str], correlation: str) -> tuple[int, bool]:
        """Return the number of an entry, and whether it was written now. Raises KeyUsedError."""
        return self._once(key, content, lambda: self._written(key, content, correlation))

    def _written(self, key: str, content: dict[str, str], correlation: str) -> int:
        self._n_written += 1
        self._entries.append({**content, "number": self._n_written, "at": self._stand_in.clock.now()})
        self._stand_in.written.add(self._system, self._operation, content, correlation, key)
        return self._n_written

    def found(self, invoice_number: str, vendor_id: str) -> list[dict[str, Any]]:
        """Return the entries of a document, in the order in which they were written."""
        asked = (invoice_number, vendor_id)
        return [one for one in self._entries if (one["invoice_number"], one["vendor_id"]) == asked]

    def cancel(self, invoice_number: str, vendor_id: str, correlation: str) -> int:
        """Take back the entries of a document and return how many there were."""
        gone = self.found(invoice_number, vendor_id)
        if gone:
            self._entries = [one for one in self._entries if one not in gone]
            content = {"invoice_number": invoice_number, "vendor_id": vendor_id}
            self._stand_in.written.add(self._system, self._undo, content, correlation)
        return len(gone)

    def forget(self) -> None:
        """Take back everything, keys too."""
        self._entries.clear()
        self._once.forget()
