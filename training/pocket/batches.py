"""Batches: drawn policies as prompts, and for each some drawn cases as records with what is to be learnt from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

import torch
from tokenizers import Tokenizer
from torch import Tensor

from eval_suites.invoice_matching.facts import lines
from training.pocket.cases import Case, Drawer, NoteBook
from training.pocket.policy import REASONS, Policy, Verdict, decide, draw_policy, draw_simple_policy, limited_numbers
from training.pocket.tokenizer import EOS, PAD, answer, number_of
from training.pocket.wording import Style, prompt_text

IGNORED = -100
N_SLOTS = 3  # limits that a number may be held against
UNLIMITED, WITHIN, ABOVE = range(3)
N_SIZES = 41  # sizes of limits that are told apart, 22% each; the first for no limit
LINE_CLASSES = ("ok", "reject", "escalate", "unstated")
NOTE_CLASSES = (
    "", "bank_details_change", "tax_id_confirmed", "replaces_cancelled", "delivery_signed", "quality_block", "dispute",
    "over_delivery_agreed", "price_agreed", "freight_agreed",
)  # fmt: skip
HEADS = (
    len(LINE_CLASSES),
    len(NOTE_CLASSES),
    N_SLOTS * 3,
    N_SLOTS * N_SIZES,
)  # sizes of the heads that only training has
SHARES = (0.15, 0.4, 0.7, 0.9, 1.0, 1.0, 1.0)  # of all rules that a policy has
ACTION_AT, REASON_AT = 1, 3  # places of action and reason among an answer's tokens
Numbers = dict[int, tuple[float, tuple[float | None, ...]]]
Row = tuple[list[int], list[int], list[int], list[int], Numbers]


@dataclass(frozen=True, slots=True)
class Batch:
    """Token ids and targets; `targets` is IGNORED except where the answer's tokens are to be predicted.

    Line and note targets stand at the ends of lines; at the numbers, N_SLOTS each, how they compare with their limits
    and how large these are.
    """

    prompts: Tensor
    lengths: Tensor
    records: Tensor
    n_each: int
    targets: Tensor
    line_targets: Tensor
    note_targets: Tensor
    number_targets: Tensor
    limit_targets: Tensor

    @property
    def longest(self) -> int:
        """Tokens of its longest prompt with a record, without the answer."""
        read = (self.records != PAD).sum(1) - ((self.targets != IGNORED).sum(1) - 1).clamp(min=0)
        return int((self.lengths.repeat_interleave(self.n_each) + read).max())

    @property
    def n_tokens(self) -> int:
        """Tokens of prompts and records, padding included."""
        return self.prompts.numel() + self.records.numel()


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a batch is drawn from.

    Parameters
    ----------
    n_rules : int, optional
        Rules of each policy, None for a drawn number.
    n_tokens : int
        About how many tokens the batch has.
    n_each : int
        Records for each prompt.
    practice : float
        Share of batches in whose records many lines differ.
    answers : bool
        Whether answers are to be learnt too, or lines only.
    bare : bool
        Whether prompts are rules and tables only.
    simple : bool
        Whether each rule has at most one limit, and most rules have one.
    plain : float
        Share of prompts in which every rule is written in one wording only.
    label_noise : float
        Share of answers that are wrong, as some of people's are.
    """

    n_rules: int | None
    n_tokens: int
    n_each: int
    practice: float
    answers: bool
    bare: bool = False
    simple: bool = False
    plain: float = 0.0
    label_noise: float = 0.0


class Batcher:
    """Draws batches; remembers how lines of text are tokenised, as most come again."""

    def __init__(self, tokenizer: Tokenizer, notes: NoteBook, seed: int) -> None:
        self._tokenizer, self._notes, self._r = tokenizer, notes, Random(seed)
        self._known: dict[str, list[int]] = {}
        self._numbers = {i for token, i in tokenizer.get_vocab().items() if number_of(token) is not None}
        self._newline = tokenizer.encode("\n").ids[0]
        self._start = tokenizer.encode("<s><|system|>\n").ids
        self._user = tokenizer.encode("<|user|>\n").ids
        self._assistant = tokenizer.encode("<|assistant|>\n").ids

    def batch(self, recipe: Recipe) -> Batch:
        """Return one batch of about the recipe's number of tokens."""
        prompts: list[list[int]] = []
        rows: list[Row] = []
        budget = recipe.n_tokens
        is_practice = self._r.random() < recipe.practice
        share = self._r.choice(SHARES)  # one for all, so that prompts are about equally long and little is padded
        while budget > 0:
            policy = self._policy(recipe, share)
            drawer = Drawer(self._r, policy, self._notes)
            examples = self._examples(policy, drawer) if recipe.answers and self._r.random() < 0.2 else ()
            style = Style(is_bare=recipe.bare, is_plain=self._r.random() < recipe.plain, examples=examples)
            prompts.append(self.prompt_ids(prompt_text(policy, self._r, style)))
            new = [
                self._row(policy, self._case(drawer, len(policy.rules), is_practice), recipe)
                for _ in range(recipe.n_each)
            ]
            rows += new
            budget -= len(prompts[-1]) + sum(len(row[0]) for row in new)
        lengths = torch.tensor([len(prompt) for prompt in prompts])
        columns = [_padded([row[part] for row in rows], PAD if part == 0 else IGNORED) for part in range(4)]
        numbers = torch.full((2, *columns[0].shape, N_SLOTS), IGNORED)
        for number, row in enumerate(rows):
            for place, (value, limits) in row[4].items():
                numbers[0, number, place] = torch.tensor([_class(value, limit) for limit in limits])
                numbers[1, number, place] = torch.tensor([_size(limit) for limit in limits])
        return Batch(_padded(prompts, PAD), lengths, columns[0], recipe.n_each, *columns[1:], *numbers)

    def prompt_ids(self, text: str) -> list[int]:
        """Return the token ids of everything before the record."""
        return self._start + self._lines(text) + self._user

    def record_ids(self, facts: str) -> list[int]:
        """Return the token ids of a record, up to where the answer begins."""
        return self._lines(facts) + self._assistant

    def _policy(self, recipe: Recipe, share: float) -> Policy:
        if recipe.simple and recipe.n_rules is not None:
            return draw_simple_policy(self._r, recipe.n_rules)
        return draw_policy(self._r, share, recipe.n_rules)

    def _examples(self, policy: Policy, drawer: Drawer) -> tuple[tuple[str, str], ...]:
        """Return a few short cases with their answers."""
        cases = [drawer.case(self._r.choice((0, 1, 1, 2)), 0.4) for _ in range(self._r.randint(1, 4))]
        verdicts = [decide(policy, case) for case in cases]
        return tuple(
            ("\n".join(text for _, text in lines(case.found)), answer(verdict.action, verdict.reason))
            for case, verdict in zip(cases, verdicts, strict=True)
        )

    def _case(self, drawer: Drawer, n_rules: int, is_practice: bool) -> Case:
        r = self._r
        if is_practice:
            return drawer.case(r.randint(1, min(8, n_rules + 1)), 0.5 if n_rules > 5 else 0.2)
        return drawer.case(r.choice((0, 0, 1, 1, 1, 2, 2, 3)), 0.5)

    def _row(self, policy: Policy, case: Case, recipe: Recipe) -> Row:
        """Return a record's ids, the answer's, the lines' and the note's targets, and those of its numbers by place."""
        verdict = decide(policy, case)
        ids: list[int] = []
        line_targets: list[int] = []
        note_targets: list[int] = []
        numbers: Numbers = {}
        for name, text in lines(case.found):
            line = self._ids(text)
            places = [len(ids) + place for place, token in enumerate(line) if token in self._numbers]
            numbers |= zip(places, limited_numbers(policy, case.found, name), strict=False)
            ids += [*line, self._newline]
            line_targets += [IGNORED] * len(line) + [_line_target(verdict, name)]
            note_targets += [IGNORED] * len(line) + [NOTE_CLASSES.index(case.fact or "") if name == "note" else IGNORED]
        if not recipe.answers:
            return ids, [IGNORED] * len(ids), line_targets, note_targets, numbers
        ids += self._assistant
        told = self._answer_ids(verdict, recipe.label_noise)
        rest = [IGNORED] * (len(ids) - len(line_targets) + len(told) - 1)
        targets = [IGNORED] * (len(ids) - 1) + told
        return ids + told[:-1], targets, line_targets + rest, note_targets + rest, numbers

    def _answer_ids(self, verdict: Verdict, noise: float) -> list[int]:
        r = self._r
        action, reason = verdict.action, verdict.reason
        if noise and r.random() < noise:
            action, reason = r.choice(("approve", "approve", "reject", "escalate")), r.choice(REASONS)
        return [*self._ids(answer(action, reason)), EOS]

    def _lines(self, text: str) -> list[int]:
        ids = []
        for line in text.split("\n"):
            ids += [*self._ids(line), self._newline]
        return ids

    def _ids(self, line: str) -> list[int]:
        if line not in self._known:
            if len(self._known) > 400_000:
                self._known.clear()
            self._known[line] = self._tokenizer.encode(line, add_special_tokens=False).ids
        return self._known[line]


def _class(value: float, limit: float | None) -> int:
    return UNLIMITED if limit is None else ABOVE if value > limit else WITHIN


def _size(limit: float | None) -> int:
    """Return the size class of a limit between 0.3 and 999: 0 for none, then one for each 22% more."""
    return 0 if limit is None else 1 + min(N_SIZES - 2, max(0, int(math.log(limit / 0.3) / 0.203)))


def _line_target(verdict: Verdict, name: str) -> int:
    if name in ("document", "n_unread"):
        return IGNORED
    return LINE_CLASSES.index(verdict.line_actions.get(name, "unstated"))


def _padded(rows: list[list[int]], filler: int) -> Tensor:
    longest = max(len(row) for row in rows)
    return torch.tensor([row + [filler] * (longest - len(row)) for row in rows])
