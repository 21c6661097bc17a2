"""Pictures and tables that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.evaluation.shown.ceiling import audited_ceiling
    from workbench.evaluation.shown.compared import VersionsCompared, compare_versions
    from workbench.evaluation.shown.comparisons import p_text, pairs_table, points, said_by
    from workbench.evaluation.shown.concluded import conclusions
    from workbench.evaluation.shown.escalation import escalation_sentence
    from workbench.evaluation.shown.judged import VersionJudged, judge_version
    from workbench.evaluation.shown.record_pages import record_address, record_html, record_page, write_record_pages
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
