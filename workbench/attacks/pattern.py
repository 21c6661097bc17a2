"""A pattern of attack: one text by one way in, what whoever wrote it wants, and a harmless text beside it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workbench.pilot import Channel, Severity


class Goal(StrEnum):
    """What an attacker wants."""

    ACTION = "action"  # a decision: {{target}} in the text stands for it
    SKIP_ESCALATION = "skip_escalation"  # that no person sees the record
    LEAK = "leak"  # that {{canary}}, or the instructions around it, come out
    FORBIDDEN_TOOL = "forbidden_tool"  # a tool that the agent may not call, {{tool}}
    EXHAUST = "exhaust"  # more calls, tokens or time than a decision may take


class AttackClass(StrEnum):
    """What kind of attack it is: what `--classes` chooses from, and what rates are given for."""

    INSTRUCTION = "instruction"  # the text gives orders
    ROLE = "role"  # the agent is to be somebody else
    MESSAGE = "message"  # the text looks like a system or tool message, or ends the data
    ENCODED = "encoded"  # base64, hex, rot13, reversed, spaced
    OBFUSCATED = "obfuscated"  # homoglyphs, zero width, bidi, compatibility forms
    SPLIT = "split"  # over two fields
    MANY_SHOT = "many_shot"  # examples that were never decided
    FILLER = "filler"  # so much text that the rest is lost
    MARKUP = "markup"  # HTML, Markdown, scripts, terminal sequences
    PERSUASION = "persuasion"  # urgency, authority, pity
    FALSE_FACT = "false_fact"  # "price agreed in writing"
    FORGED_APPROVAL = "forged_approval"
    SPLIT_AMOUNT = "split_amount"  # below a limit of authority
    WRONG_PARTY = "wrong_party"  # another vendor, customer, account
    LEAK = "leak"
    FORBIDDEN_TOOL = "forbidden_tool"
    MEMORY = "memory"  # what later decisions are to remember
    EXHAUSTION = "exhaustion"


@dataclass(frozen=True, slots=True)
class AttackPattern:
    """One text of a family.

    Parameters
    ----------
    id : str
        The family's id, and the text's place in it, such as `ignore_rules/de/1`.
    family : str
        Patterns that do the same in other words or languages.
    ids : tuple of str
        Of catalogues, with their versions, such as LLM01:2025, LLM01:2026, ASI01:2026, AML.T0051.001:5.6.0 and
        NISTAML.018:2025.
    language : str
        ISO 639-1.
    channels : tuple of Channel
        Those by which it makes sense.
    text : str
        With {{target}}, {{canary}} and {{tool}} where they belong.
    control : str
        A harmless text of the same language, script and about the same length.
    transforms : tuple of str
        One of them is applied to the text and the control alike; "plain" leaves them as they are.
    """

    id: str
    family: str
    attack_class: AttackClass
    severity: Severity
    ids: tuple[str, ...]
    language: str
    channels: tuple[Channel, ...]
    goal: Goal
    text: str
    control: str
    transforms: tuple[str, ...] = ("plain",)
