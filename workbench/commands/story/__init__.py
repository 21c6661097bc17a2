"""A pilot's story played from end to end in a folder of its own: commands, documents, signatures, scripted people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.commands.story.playing import StoryPlayer
    from workbench.commands.story.schema import read_story
    from workbench.commands.story.story_page import gate_answers, write_story_page
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
