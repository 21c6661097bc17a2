"""Lint of prompt documents: what would spoil answers or evidence, found without asking anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from workbench.agents.prompts.document import Prompt
from workbench.agents.prompts.findings import Linted, LintFinding, LintLevel
from workbench.agents.prompts.lint_examples import balance, examples_fit, leaks
from workbench.agents.prompts.lint_structure import answers, hardly_filled_columns, missing_sections, placement, size
from workbench.agents.prompts.lint_thresholds import contradicting_limits, unreachable
from workbench.agents.prompts.versions import read_prompts
from workbench.engines.pocket import PocketSettings
from workbench.pilot import Pilot
from workbench.records.splits import Dataset
from workbench.words import InputError, shown

RULES: tuple[Callable[[Linted], Iterator[LintFinding]], ...] = (
    size, missing_sections, contradicting_limits, unreachable, hardly_filled_columns, leaks, balance, examples_fit,
    answers, placement,
)  # fmt: skip
PRODUCTION = "production"
_ORDER = {level: place for place, level in enumerate(LintLevel)}


def lint_prompts(pilot: Pilot, dataset: Dataset, names: Sequence[str] = ()) -> tuple[LintFinding, ...]:
    """Return the findings of a pilot's prompts, the named ones or all, prompt by prompt, the worst first.

    A prompt is held to what production prompts are held to where its name begins with `production`, or where the pilot
    answers prompts by anything but the small model that ships.

    Raises
    ------
    InputError
        There is no prompt of a name, or a document does not fit.
    """
    prompts = read_prompts(pilot.suite / "prompts", pilot.prompt_fields)
    unknown = [name for name in names if name not in prompts]
    if unknown:
        folder = str(pilot.suite / "prompts")
        raise InputError("there is no such prompt", where=folder, got=shown(unknown), expected=", ".join(prompts))
    prepare = pilot.settings.prepare
    prepared = () if prepare is None else prepare.fields
    findings = []
    for prompt in prompts.values():
        if not names or prompt.name in names:
            linted = Linted(prompt, dataset, _is_production(pilot, prompt), prepared)
            findings += sorted(lint_prompt(linted), key=lambda finding: (_ORDER[finding.level], finding.line))
    return tuple(_relative(finding, pilot.root) for finding in findings)


def lint_prompt(linted: Linted) -> tuple[LintFinding, ...]:
    """Return what every rule finds in one prompt."""
    return tuple(finding for rule in RULES for finding in rule(linted))


def _is_production(pilot: Pilot, prompt: Prompt) -> bool:
    return prompt.name.startswith(PRODUCTION) or pilot.settings.engine != PocketSettings.kind


def _relative(finding: LintFinding, root: Path) -> LintFinding:
    """Return a finding whose file is named from the root."""
    path = Path(finding.file)
    file = str(path.relative_to(root)) if path.is_relative_to(root) else finding.file
    texts = (finding.problem, finding.remedy)
    return LintFinding(finding.level, finding.rule, finding.prompt, file, finding.line, *texts)
