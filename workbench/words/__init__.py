"""What a user is told: faults with what to do, numbers and counts as words, hostile text made visible, templates."""

from __future__ import annotations

from workbench.words.brief import Brief
from workbench.words.errors import (
    MAX_SHOWN,
    InputError,
    RunError,
    SignatureError,
    WorkbenchError,
    did_you_mean,
    error_from,
    readable,
    several,
    shown,
)
from workbench.words.glossary import GLOSSARY, explained, glossary_markdown
from workbench.words.numbers import UNDEFINED, counted, number, percent, seconds, visible, whole_text
from workbench.words.templating import templates_in
