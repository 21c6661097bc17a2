"""A pilot as a data scientist explores it: decisions as tables, mistakes, records, versions compared, prompts tried.

Development records only; personal data is masked unless it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.evaluation.exploring.comparison import VersionComparison
    from workbench.evaluation.exploring.loaded import LoadedPilot, load
    from workbench.evaluation.exploring.matrix import RecordsByVersion
    from workbench.evaluation.exploring.one_record import ExploredRecord
    from workbench.evaluation.exploring.trials import Trial
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
