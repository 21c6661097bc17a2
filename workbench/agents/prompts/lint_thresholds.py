"""Lint of stated limits: two numbers for one limit, and rules that an earlier one leaves nothing to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from workbench.agents.prompts.findings import Linted, LintFinding, LintLevel
from workbench.agents.prompts.limits import Limit, PromptRule, limits_of, rules_of
from workbench.agents.prompts.sections import RECORD_SECTION

EXAMPLES = "Examples"
_NUMBERED = re.compile(r"\d+[.)]\s")
_CODE = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")
_CONDITION = re.compile(r"\b(?:and|or|but|if|when|unless|with|without|for|except|only|while|not)\b|\(", re.IGNORECASE)


def contradicting_limits(linted: Linted) -> Iterator[LintFinding]:
    """Find limits on the same measure, in the same unit and direction, to the same end, that state different numbers.

    An error where both rules say nothing else, else a warning: a further condition may explain the two numbers.
    """
    stated = [limit for rule in _rules(linted) for limit in limits_of(rule)]
    for first, second in combinations(stated, 2):
        if first.rule == second.rule or not _clash(first, second, linted.labels):
            continue
        plain = not (_is_conditional(first.rule) or _is_conditional(second.rule))
        level = LintLevel.ERROR if plain else LintLevel.WARNING
        end = ", ".join(sorted(_end(second.rule, linted.labels))) or "no action"
        problem = f"{second} here, {first} on line {first.rule.line}, both to {end}"
        yield linted.finding(
            level, "contradiction", second.rule.line, (problem, "state the limit once, or say what separates the two")
        )


def unreachable(linted: Linted) -> Iterator[LintFinding]:
    """Find numbered rules that are never reached: an earlier one without another condition takes all of their cases."""
    rules = [rule for rule in _rules(linted) if _NUMBERED.match(rule.text)]
    for first, second in combinations(rules, 2):
        earlier, later = list(limits_of(first)), list(limits_of(second))
        if len(earlier) != 1 or _is_conditional(first) or first.section != second.section:
            continue
        covering = [limit for limit in later if _covers(earlier[0], limit)]
        if covering and not _has_alternative(second):
            problem = f"never reached: {covering[0]} is decided by {earlier[0]} on line {first.line}"
            yield linted.finding(
                LintLevel.ERROR, "unreachable", second.line, (problem, "put the narrower limit before the wider one")
            )


def _rules(linted: Linted) -> list[PromptRule]:
    """Return the rules of the sections that state policy: neither examples nor the record."""
    kept = [section for section in linted.prompt.sections if section.title not in (EXAMPLES, RECORD_SECTION)]
    return list(rules_of(kept))


def _clash(first: Limit, second: Limit, labels: tuple[str, ...]) -> bool:
    alike = (first.measure, first.unit, first.is_upper) == (second.measure, second.unit, second.is_upper)
    if not alike or first.number == second.number:
        return False
    one, two = _end(first.rule, labels), _end(second.rule, labels)
    return one == two or not one or not two


def _end(rule: PromptRule, labels: tuple[str, ...]) -> frozenset[str]:
    """Return what a rule comes to: the labels and the codes that it names."""
    return frozenset([*rule.actions(labels), *_CODE.findall(rule.text)])


def _covers(earlier: Limit, later: Limit) -> bool:
    """Whether every value beyond the later limit is beyond the earlier one."""
    if (earlier.measure, earlier.unit, earlier.is_upper) != (later.measure, later.unit, later.is_upper):
        return False
    return earlier.number <= later.number if earlier.is_upper else earlier.number >= later.number


def _condition(rule: PromptRule) -> str:
    """Return the part of a rule before what it comes to."""
    return rule.text.partition(":")[0]


def _is_conditional(rule: PromptRule) -> bool:
    return bool(_CONDITION.search(_condition(rule))) or "passes" in rule.text.casefold()


def _has_alternative(rule: PromptRule) -> bool:
    return bool(re.search(r"\bor\b", _condition(rule), re.IGNORECASE))
