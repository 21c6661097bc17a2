"""Prompt documents: parse, check, render, compare."""

from workbench.agents.prompts.document import (
    Prompt,
    estimated_tokens,
    messages,
    read_prompt,
    response_schema,
)
from workbench.agents.prompts.sections import SECTIONS, Section
from workbench.agents.prompts.versions import PromptDiff, diff, read_prompts

__all__ = [
    "SECTIONS",
    "Prompt",
    "PromptDiff",
    "Section",
    "diff",
    "estimated_tokens",
    "messages",
    "read_prompt",
    "read_prompts",
    "response_schema",
]
