"""The computations by their names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from workbench.compliance.computed.agreed import (
    risk_management,
    technical_documentation,
    tested_before_use,
    thresholds_signed_before,
)
from workbench.compliance.computed.decisions import audit_trail, one_outcome_for_each_input, unbroken_order
from workbench.compliance.computed.measured import (
    access_as_granted,
    accuracy,
    data_governance,
    resistance_to_attacks,
    robustness,
)
from workbench.compliance.computed.oversight import escalations_fire, high_risk_escalated, human_oversight
from workbench.compliance.computed.privacy import (
    minimisation,
    personal_data_kept_out,
    purpose,
    retention,
    storage_limits,
)
from workbench.compliance.requirement import Computation

COMPUTATIONS: Mapping[str, Computation] = MappingProxyType(
    {
        one.__name__: one
        for one in (
            audit_trail,
            unbroken_order,
            one_outcome_for_each_input,
            high_risk_escalated,
            escalations_fire,
            human_oversight,
            thresholds_signed_before,
            tested_before_use,
            technical_documentation,
            risk_management,
            accuracy,
            robustness,
            resistance_to_attacks,
            access_as_granted,
            data_governance,
            personal_data_kept_out,
            minimisation,
            purpose,
            storage_limits,
            retention,
        )
    }
)
