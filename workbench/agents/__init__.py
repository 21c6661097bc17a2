"""Agents: what turns a record into a decision - a prompt with an engine, a Python callable or an HTTP endpoint."""

from __future__ import annotations

from workbench.agents.agent import Agent, KnownAs
from workbench.agents.building import agent_with, build_agent, shared_engine
from workbench.agents.endpoint import HttpAgent
from workbench.agents.engines import engine_for, engine_settings, needed_secrets, settled
from workbench.agents.prompted import PromptAgent, preparation_for, prompt_agent
from workbench.agents.python import PythonAgent, python_agent
from workbench.agents.repeating import repeated

__all__ = [
    "Agent",
    "HttpAgent",
    "KnownAs",
    "PromptAgent",
    "PythonAgent",
    "agent_with",
    "build_agent",
    "engine_for",
    "engine_settings",
    "needed_secrets",
    "preparation_for",
    "prompt_agent",
    "python_agent",
    "repeated",
    "settled",
    "shared_engine",
]
