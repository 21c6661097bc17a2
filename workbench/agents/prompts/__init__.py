"""Prompt documents: parse, check, render, compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.agents.prompts.document import Prompt, messages, prompt_in, read_prompt, response_schema
    from workbench.agents.prompts.findings import LintFinding, LintLevel
    from workbench.agents.prompts.limits import Limit, limits_of, rules_of
    from workbench.agents.prompts.lint import lint_prompts
    from workbench.agents.prompts.sections import RECORD_SECTION, SECTIONS, PromptSection
    from workbench.agents.prompts.template import fill, placeholder_name
    from workbench.agents.prompts.versions import columns_named, diff, read_prompts
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
