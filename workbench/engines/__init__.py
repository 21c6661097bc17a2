"""Engines: what turns rendered prompts into replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.engines.choice import EngineChoice
    from workbench.engines.completion import reply_from_completion
    from workbench.engines.http import CallPolicy, CallResult, JsonCaller
    from workbench.engines.kinds import EngineSections
    from workbench.engines.pool import results_of
    from workbench.engines.protocol import (
        CalledTool,
        Engine,
        FailureCause,
        Message,
        Origin,
        Reply,
        Request,
        SamplingParams,
        TokenLogprob,
    )
    from workbench.engines.scripted import ScriptedEngine
    from workbench.engines.served import UNKNOWN
    from workbench.engines.settings import ChoiceMade, EngineSettings
    from workbench.engines.statement import answered_by, answers_in_short
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
