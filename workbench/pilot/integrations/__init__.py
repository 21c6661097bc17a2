"""integrations.yaml: the systems that an agent works with, what was agreed of each, and what that leaves open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.pilot.integrations.gaps import (
        IntegrationGap,
        columns_not_read,
        gaps_of,
        integration_signatures,
    )
    from workbench.pilot.integrations.reading import (
        INTEGRATIONS_FILE,
        Inventory,
        agreed_files,
        placed_address,
        read_integrations,
    )
    from workbench.pilot.integrations.schema import (
        AnswerField,
        Authentication,
        AuthKind,
        FieldType,
        IntegrationSettings,
        OnExceed,
        Operation,
        OperationEffect,
        OperationError,
        Paging,
        Rate,
        SandboxSettings,
        System,
        SystemType,
    )
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
