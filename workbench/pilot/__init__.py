"""One use case on its way to production, and what was agreed of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.pilot.acceptance import (
        ACCEPTANCE_FILE,
        AcceptanceQuestion,
        AcceptanceSession,
        AcceptanceSettings,
        read_acceptance,
    )
    from workbench.pilot.attacks import ATTACKS_FILE, ATTACKS_FOLDER, AttackSettings, Channel, read_attack_settings
    from workbench.pilot.checklist import ChecklistLine, checklist_of, compliance_documents
    from workbench.pilot.compliance import (
        COMPLIANCE_FILE,
        Attestation,
        ComplianceSettings,
        RequirementAnswer,
        assessment_of,
        read_compliance,
    )
    from workbench.pilot.contract import (
        CONTRACT_FILE,
        DECIMALS,
        Column,
        ColumnType,
        Contract,
        PiiClass,
        RareLabels,
        Reading,
        Reference,
        Role,
        Semantic,
        TableContract,
        Unlabelled,
        name_label_set,
        read_contract,
        read_table_contract,
    )
    from workbench.pilot.findings import (
        FINDING_ID,
        OWNED_FINDINGS_FILE,
        FindingDecision,
        OwnedFinding,
        OwnedFindings,
        Severity,
        owner_signatures,
        read_owned_findings,
        role_of,
    )
    from workbench.pilot.guards import GuardName, in_order
    from workbench.pilot.labels import cell_text, label_aliases, label_text, looking_like_escalation
    from workbench.pilot.load import (
        LOAD_FILE,
        DaySettings,
        LeakSettings,
        LoadProfile,
        LoadSettings,
        PeakSettings,
        SoakSettings,
        read_load,
    )
    from workbench.pilot.pilot import (
        AgentSettings,
        OpeningTerms,
        Pilot,
        PilotSettings,
        nearest_root,
        open_pilot,
        pilot_names,
    )
    from workbench.pilot.prices import Price, price_of
    from workbench.pilot.process import (
        PROCESS_FILE,
        SUITES_FOLDER,
        Approval,
        Process,
        ProcessRule,
        RuleException,
        StatedFact,
        content_of,
        decisions_by_reason,
        policy_part,
        read_process,
        suite_paths,
    )
    from workbench.pilot.review import (
        NOT_PEOPLE,
        REVIEW_FILE,
        QueueName,
        ReviewGroup,
        ReviewPerson,
        ReviewQueue,
        ReviewSettings,
        read_review,
    )
    from workbench.pilot.suites import suite_cases, unsigned_cases
    from workbench.pilot.triage import (
        TRIAGE_FILE,
        Triage,
        TriageDecision,
        TriagedIssue,
        read_triage,
        write_triage,
    )
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
