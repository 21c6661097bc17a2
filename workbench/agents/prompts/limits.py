"""Limits stated in a prompt: which measure, beyond which number, in which rule, to which action."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.agents.prompts.sections import PromptSection

_RELATIONS = {
    "above": ">", "beyond": ">", "over": ">", "more than": ">", "greater than": ">", "higher than": ">",
    "exceeding": ">", "exceeds": ">", "exceed": ">", "at least": ">=", "below": "<", "under": "<", "less than": "<",
    "lower than": "<", "at most": "<=", "up to": "<=", "not more than": "<=", "no more than": "<=",
}  # fmt: skip
_UNITS = r"%|percent|per cent|thousand euros?|euros?|eur|€|usd|dollars?|days?|hours?|minutes?|pieces?|kg|records?"
_LIMIT = re.compile(
    rf"(?P<relation>{'|'.join(sorted(_RELATIONS, key=len, reverse=True))})\s+(?:eur\s*|€\s*)?"
    rf"(?P<number>\d+(?:,\d{{3}})*(?:\.\d+)?)\s*(?P<unit>{_UNITS})?(?![\w%])",
    re.IGNORECASE,
)
_CUT = re.compile(r"[.,;:()\d%]|\b(?:and|or|but|not|with|if|when|unless|by|than|is|are|was|it|euros?)\b", re.IGNORECASE)
_ARTICLES = re.compile(r"^(?:the|a|an|its|their|any|every|all)\s+")
_ITEM = re.compile(r"\s*(?:[-*]|\d+[.)])\s+")
_ANAPHORS = frozenset({"percentage", "value", "number", "figure", "difference", "limit", "that", "this", "passes"})
_SAME_UNITS = {
    "percent": "%",
    "per cent": "%",
    "euros": "euro",
    "eur": "euro",
    "€": "euro",
    "thousand euros": "thousand euro",
}


@dataclass(frozen=True, slots=True)
class PromptRule:
    """One rule of a section as it stands: a list item, or a paragraph; `line` counts from 1 in the file."""

    section: str
    line: int
    text: str

    def actions(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Return the labels that the rule names as whole words."""
        return tuple(label for label in labels if re.search(rf"(?<![\w-]){re.escape(label)}(?![\w-])", self.text))


@dataclass(frozen=True, slots=True)
class Limit:
    """One stated limit: `measure` `relation` `number` `unit`, such as price variance > 2.5 %."""

    measure: str
    relation: str
    number: float
    unit: str
    rule: PromptRule

    @property
    def is_upper(self) -> bool:
        """Whether the limit speaks of what lies above it."""
        return self.relation.startswith(">")

    def __str__(self) -> str:
        return f"{self.measure} {self.relation} {self.number:g} {self.unit}".strip()


def rules_of(sections: Sequence[PromptSection]) -> Iterator[PromptRule]:
    """Yield the rules of sections in order: each list item with its further lines, each paragraph."""
    for section in sections:
        held: list[str] = []
        first = section.line
        for number, line in enumerate(section.text.split("\n"), start=section.line):
            if held and (not line.strip() or _ITEM.match(line)):
                yield PromptRule(section.title, first, " ".join(held))
                held = []
            if line.strip():
                first = first if held else number
                held.append(line.strip())
        if held:
            yield PromptRule(section.title, first, " ".join(held))


def limits_of(rule: PromptRule) -> Iterator[Limit]:
    """Yield the limits that a rule states; one without a measure of its own speaks of the measure before it.

    Examples
    --------
    >>> rule = PromptRule("Decision criteria", 9, "14. Over quantity above 2.0 % or above 500 euro: escalate")
    >>> [str(limit) for limit in limits_of(rule)]
    ['over quantity > 2 %', 'over quantity > 500 euro']
    """
    last, end = "", 0
    text = _ITEM.sub("", rule.text, count=1)
    for match in _LIMIT.finditer(text):
        before = _CUT.split(text[end : match.start()])[-1]
        measure = _ARTICLES.sub("", " ".join(before.casefold().split()))
        end = match.end()
        if measure in _ANAPHORS:
            continue
        last = measure or last
        if last:
            unit = (match["unit"] or "").casefold()
            number = float(match["number"].replace(",", ""))
            yield Limit(last, _RELATIONS[match["relation"].casefold()], number, _SAME_UNITS.get(unit, unit), rule)
