"""Pages and pictures: one frame, tables, filters and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.pages.charter import CharterDocument
    from workbench.pages.compliance import compliance_page
    from workbench.pages.conclusion import Conclusion
    from workbench.pages.exhibits import show_exhibit
    from workbench.pages.filters import FilterKind, RowGroups, frame_html, table_data, table_page
    from workbench.pages.frame import framed
    from workbench.pages.ledger import LedgerView, budgets_table, ledger_view, openings_table, refresh_note, remarks
    from workbench.pages.pages import notebook_page
    from workbench.pages.process import ProcessDocument
    from workbench.pages.record_links import page_name
    from workbench.pages.views import Page, table_html, template
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
