"""A lint finding: what is wrong in a prompt document, on which line, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median

import pandas as pd

from workbench.agents.prompts.document import Prompt
from workbench.agents.prompts.sections import PromptSection
from workbench.pilot import Contract, Role
from workbench.records.splits import Dataset, Split

WORDS_OF_FREE_TEXT = 4
SEEN_VALUES = 500


class LintLevel(StrEnum):
    """How bad a finding is: an error spoils the evidence or the answers, a warning may, a note is for the reader."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One finding; `line` counts from 1 in the prompt's file."""

    level: LintLevel
    rule: str
    prompt: str
    file: str
    line: int
    problem: str
    remedy: str

    @property
    def where(self) -> str:
        """File and line, as editors open them."""
        return f"{self.file}:{self.line}"

    def as_json(self) -> dict[str, object]:
        """Return the finding as JSON values."""
        return {
            "level": self.level.value, "rule": self.rule, "prompt": self.prompt, "where": self.where,
            "problem": self.problem, "remedy": self.remedy,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Linted:
    """One prompt under lint with what it is held against.

    Parameters
    ----------
    is_production : bool
        Whether it is meant for a large model in production; the small model that ships reads short prompts only.
    prepared : tuple of str
        Fields that a function of the pilot computes, so that what they hold is not known here.
    """

    prompt: Prompt
    dataset: Dataset
    is_production: bool
    prepared: tuple[str, ...] = ()
    free_text: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "free_text", _free_text(self.dataset))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that an answer may have."""
        return self.dataset.labels

    @property
    def contract(self) -> Contract:
        """What the columns mean."""
        return self.dataset.contract

    def finding(self, level: LintLevel, rule: str, line: int, texts: tuple[str, str]) -> LintFinding:
        """Return a finding of this prompt; `texts` is the problem and the remedy."""
        return LintFinding(level, rule, self.prompt.name, str(self.prompt.path), line, *texts)

    def section(self, title: str) -> PromptSection | None:
        """Return a section, None when the document has none of this title."""
        return next((section for section in self.prompt.sections if section.title == title), None)

    def line_of(self, text: str, section: PromptSection) -> int:
        """Return the first line of a section that holds a text, else the section's first line."""
        lines = section.text.split("\n")
        found = (number for number, line in enumerate(lines) if text.casefold() in line.casefold())
        return section.line + next(found, 0)

    def texts(self, split: Split) -> Mapping[str, pd.Series[str]]:
        """Return the filled cells of each column an agent is shown, of one side of the split."""
        frame = self.dataset.shown(split)
        return {str(name): frame[name].dropna().astype(str) for name in frame.columns}


def _free_text(dataset: Dataset) -> tuple[str, ...]:
    """Return the columns people write in: those of the role text, and open text columns of several words."""
    contract = dataset.contract
    frame = dataset.shown()
    named = list(contract.columns_with(Role.TEXT))
    for name, column in contract.columns.items():
        if name in frame and name not in named and column.role is Role.FIELD and column.allowed is None:
            words = [len(str(value).split()) for value in frame[name].dropna().head(SEEN_VALUES)]
            if words and median(words) >= WORDS_OF_FREE_TEXT:
                named.append(name)
    return tuple(name for name in named if name in frame)
