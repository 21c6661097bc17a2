"""process.yaml: the business process as it is worked today, its rules, and what it leaves open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.pilot.process.flow import end_steps, followers, levels, reached
    from workbench.pilot.process.gaps import days_since_watched, handing_over, process_gaps, valid_from
    from workbench.pilot.process.reading import (
        PROCESS_FILE,
        SUITES_FOLDER,
        content_of,
        decisions_by_reason,
        policy_part,
        process_in,
        read_process,
        suite_paths,
    )
    from workbench.pilot.process.schema import (
        Approval,
        Branch,
        ExceptionPath,
        Observation,
        Process,
        ProcessRule,
        ProcessStep,
        RuleException,
        StatedFact,
        Workaround,
    )
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
