"""Acceptance by users: sessions on real work, what people said of it, what was decided on that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.review.acceptance.exports import board_csv, board_table, github_issues, jira_csv
    from workbench.review.acceptance.maker import ACCEPTANCE, AcceptanceRequest
    from workbench.review.acceptance.proposals import AcceptanceProposals, proposal_files, proposals_of
    from workbench.review.acceptance.putting import FilledSession, fill_session
    from workbench.review.acceptance.triage import (
        OpenedVersions,
        issue_id,
    )
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
