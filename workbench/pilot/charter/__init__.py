"""The charter: what was agreed before the pilot began, and who signed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.pilot.charter.coverage import (
        GATES_FILE,
        PILOT_FILE,
        SPLITS_FILE,
        covered_files,
        covered_names,
        judged_settings_file,
    )
    from workbench.pilot.charter.gaps import Gap, charter_gaps, read_draft
    from workbench.pilot.charter.schema import (
        CHARTER_FILE,
        AiActRiskClass,
        AiActRole,
        Authority,
        Cell,
        Charter,
        Compliance,
        HighRisk,
        Keys,
        Kpi,
        Match,
        one_of,
    )
    from workbench.pilot.charter.signatures import (
        charter_signatures,
        one_key_for_several,
        require_signatures,
        shared_keys_note,
        sharing_a_key,
        sign_charter,
    )
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
