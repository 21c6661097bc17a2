"""The stand-in for the systems of integrations.yaml, made from the records; `workbench sandbox` starts it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workbench.environment.sandbox import (
    AccountOf,
    Gate,
    IssuedTokens,
    SandboxSystems,
    StandIn,
    TokenBucket,
    account_by_key,
    account_by_password,
    filled_database,
)

from . import sandbox_archive, sandbox_tax_ids, sandbox_vendors
from .sandbox_erp import Erp
from .sandbox_feeds import EdiHub, write_extracts
from .sandbox_tenant import CANARY, OtherTenant
from .sandbox_worklist import Worklist

AGENT, FOREIGN = "agent", "foreign"
PER_S = {"erp": 100, "worklist": 20, "vendors": 50, "edi": 50, "tax_ids": 50}  # each with as many at once
TOKEN_S = 3600.0
NOT_GRANTED = {  # operations of the systems that the agent's account has no right to
    "erp": r"PUT /vendors/.*|POST /payment-runs|DELETE /orders/.*",
    "worklist": r"DELETE /queues/.*",
    "vendors": "ChangeBankAccount|DeleteVendor",
    "edi": "POST /purge",
    "tax_ids": "register_tax_id",
}


def sandbox(stand_in: StandIn) -> SandboxSystems:
    """Return the systems around the matching agent."""
    return MatchingSystems(stand_in).made()


class MatchingSystems:
    """The systems, each behind its own gate."""

    erp_type, worklist_type, hub_type = Erp, Worklist, EdiHub

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        stand_in.apart.records += OtherTenant(stand_in.documents).ids
        stand_in.apart.canaries += [CANARY, sandbox_archive.CANARY]
        self.tokens = self.issued_tokens(self.users("ERP", "CLIENT_ID", "CLIENT_SECRET", "ID", "SECRET"))
        self.erp = self.erp_type(stand_in, self.tokens)
        self.worklist = self.worklist_type(stand_in)
        self.hub = self.hub_type(stand_in)

    def issued_tokens(self, users: Mapping[tuple[str, str], str]) -> IssuedTokens:
        """Return the tokens of the ERP's accounts."""
        return IssuedTokens(users, TOKEN_S, self.stand_in.clock)

    def users(
        self, system: str, user: str, secret: str, foreign: str, foreign_secret: str
    ) -> dict[tuple[str, str], str]:
        """Return the accounts of a system by user and secret; the secret before the last rotation is none of them."""
        of = self.stand_in.secrets
        return {
            (of[f"{system}_{user}"], of[f"{system}_{secret}"]): AGENT,
            (of[f"{system}_FOREIGN_{foreign}"], of[f"{system}_FOREIGN_{foreign_secret}"]): FOREIGN,
        }

    def keys(self, system: str) -> dict[str, str]:
        """Return the accounts of a system by key."""
        of = self.stand_in.secrets
        return {of[f"{system}_KEY"]: AGENT, of[f"{system}_FOREIGN_KEY"]: FOREIGN}

    def may(self, system: str, account: str, operation: str) -> bool:
        """Return whether an account has the right to an operation; the foreign one has none."""
        return account == AGENT and re.fullmatch(NOT_GRANTED[system], operation) is None

    def rate(self, system: str) -> TokenBucket:
        """Return how many calls a system takes."""
        return TokenBucket(PER_S[system], PER_S[system], self.stand_in.clock)

    def gate(self, system: str, app: object, account_of: AccountOf, **options: object) -> Gate:
        """Return a system behind its gate."""
        return Gate(
            app, account_of, self.rate(system), lambda account, asked: self.may(system, account, asked), **options
        )

    def archive(self) -> Mapping[str, object]:
        """Return the tables of the archive."""
        return sandbox_archive.tables(self.stand_in.documents)

    def made(self) -> SandboxSystems:
        """Return all systems, their files written and their database filled."""
        stand_in, of = self.stand_in, self.stand_in.secrets
        self.write_extracts()
        users = self.users("VENDORS", "USER", "PASSWORD", "USER", "PASSWORD")
        tax_ids, while_it_runs = sandbox_tax_ids.tool_server(self.stand_in)
        apps = {
            "erp": self.gate("erp", self.erp.app(), self.tokens.account, opened=("/openapi.json", "/token")),
            "worklist": self.gate(
                "worklist", self.worklist.app(), account_by_key("X-API-Key", self.keys("WORKLIST")),
                opened=("/openapi.json",),
            ),
            "vendors": self.gate(
                "vendors", self.vendors(), account_by_password(users), named=sandbox_vendors.operation_in,
                opened=("/service.wsdl",),
            ),
            "edi": self.gate("edi", self.hub, account_by_key("X-API-Key", self.keys("EDI"))),
            "tax_ids": self.gate(
                "tax_ids", tax_ids, account_by_key("X-API-Key", self.keys("TAX_IDS")),
                named=sandbox_tax_ids.tool_called,
            ),
        }  # fmt: skip
        database = filled_database(stand_in, self.archive(), of["ARCHIVE_USER"], of["ARCHIVE_PASSWORD"])
        return SandboxSystems(apps, database, (while_it_runs,))

    def vendors(self) -> object:
        """Return the vendor master data."""
        return sandbox_vendors.VendorService(self.stand_in)

    def write_extracts(self) -> None:
        """Write the files of the German plants."""
        write_extracts(self.stand_in)
