"""Agents: what turns a record into a decision - a prompt with an engine, a Python callable or an HTTP endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.agents.agent import Agent, KnownAs
    from workbench.agents.building import agent_with, build_agent, shared_engine
    from workbench.agents.decisions import ConfidenceSource, Decision, given_confidences
    from workbench.agents.engines import engine_for, engine_settings, needed_secrets, settled_choice
    from workbench.agents.identity import GUARDS, RECALIBRATED, REPEAT
    from workbench.agents.memory import remembering
    from workbench.agents.prompted import PromptAgent, preparation_for
    from workbench.agents.repeating import repeated
    from workbench.agents.serving import serve
    from workbench.agents.standing import in_environment, standing_for, through
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
