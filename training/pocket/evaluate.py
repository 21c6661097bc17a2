"""How well a trained model reads: policies it has never seen, wordings it has never seen, limits that change.

    python -m training.pocket.evaluate --model workbench/engines/pocket/shipped

prints one JSON object. Records and policies are drawn with a seed that training does not use; labels have no noise.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer

from eval_suites.invoice_matching.facts import Findings, lines
from training.pocket.batches import Batcher
from training.pocket.cases import Case, Drawer, NoteBook
from training.pocket.model import Pocket, load
from training.pocket.policy import Policy, Rule, decide, draw_policy
from training.pocket.tokenizer import PAD
from training.pocket.wording import Style, prompt_text

ACTIONS = ("approve", "reject", "escalate")
SEED = 20_251_122
N_POLICIES, N_RECORDS = 60, 24
STATED = (1.0, 2.0, 3.0, 5.0, 8.0)
VALUES = (0.3, 0.8, 1.4, 1.7, 2.4, 3.5, 4.4, 6.0, 7.0, 9.5, 12.0)


@dataclass(frozen=True, slots=True)
class Reader:
    """A trained model with its tokenizer."""

    model: Pocket
    batcher: Batcher
    tokenizer: Tokenizer

    def actions(self, prompt: str, facts: Sequence[str]) -> list[str]:
        """Return the likeliest action for each record behind one prompt."""
        start = self.tokenizer.encode('{"action":"', add_special_tokens=False).ids
        answers = [self.tokenizer.encode(action, add_special_tokens=False).ids[0] for action in ACTIONS]
        ids = torch.tensor([self.batcher.prompt_ids(prompt)])
        rows = [self.batcher.record_ids(text) + start for text in facts]
        longest = max(map(len, rows))
        records = torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])
        with torch.no_grad():
            *_, hidden = self.model(ids, torch.tensor([ids.shape[1]]), records, len(rows), lines_only=False)
            last = torch.stack([hidden[number, len(row) - 1] for number, row in enumerate(rows)])
            best = self.model.logits(last)[:, answers].argmax(-1)
        return [ACTIONS[int(index)] for index in best]


def facts_text(found: Findings) -> str:
    """Return findings as a prompt shows them."""
    return "\n".join(text for _, text in lines(found))


def fresh(reader: Reader, notes: NoteBook, style: Style, n_lines: Callable[[Random], int]) -> float:
    """Return the share of right actions on fresh complete policies, `n_lines` lines differing per record."""
    r = Random(SEED)
    right = 0
    for _ in range(N_POLICIES):
        policy = draw_policy(r)
        drawer = Drawer(r, policy, notes)
        cases = [drawer.case(n_lines(r), 0.5) for _ in range(N_RECORDS)]
        given = reader.actions(prompt_text(policy, r, style), [facts_text(case.found) for case in cases])
        right += sum(action == decide(policy, case).action for action, case in zip(given, cases, strict=True))
    return right / (N_POLICIES * N_RECORDS)


def reading(reader: Reader, line: str, rule: str) -> dict[str, float]:
    """Return per stated limit the share of right actions when only that limit changes, on the same records.

    The rule's percentage is its only limit; every other rule of a complete policy is there and kept.
    """
    r = Random(SEED + 1)
    shares = {}
    for limit in STATED:
        right = total = 0
        for number in range(12):
            policy = _with_limit(draw_policy(Random(number)), rule, limit)
            cases = [Case(replace(_plain(r), **{line: (value, 300.0)})) for value in VALUES]
            given = reader.actions(prompt_text(policy, Random(number)), [facts_text(case.found) for case in cases])
            right += sum(action == decide(policy, case).action for action, case in zip(given, cases, strict=True))
            total += len(cases)
        shares[f"{limit:g}"] = right / total
    return shares


def _plain(r: Random) -> Findings:
    return Findings(plant="1010", group=r.choice(("fasteners", "cables", "seals")), payable=0.4)


def _with_limit(policy: Policy, rule: str, limit: float) -> Policy:
    """Return the policy with one rule that knows nothing but a percentage, without rules on the same line."""
    same_line = {"price_over_limit", "price_variance", "quantity_over_receipt", "quantity_variance", "over_authority"}
    others = [other for other in policy.rules if other.id not in same_line]
    return replace(policy, rules=(*others, Rule(rule, "escalate", {"pct": limit})))


def main() -> None:
    """Print what the model can do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder with the exported model")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    notes = NoteBook()
    reader = Reader(load(arguments.model), Batcher(tokenizer, notes, SEED), tokenizer)
    usual, practice = (lambda r: r.choice((0, 0, 1, 1, 2))), (lambda r: r.randint(3, 8))
    result = {
        "records": N_POLICIES * N_RECORDS,
        "few differences": fresh(reader, notes, Style(), usual),
        "many differences": fresh(reader, notes, Style(), practice),
        "few differences, unseen wordings": fresh(reader, notes, Style(held_out=True), usual),
        "price limit": reading(reader, "price_above", "price_variance"),
        "quantity limit": reading(reader, "over_quantity", "quantity_variance"),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
