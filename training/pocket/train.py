"""Train the pocket model from nothing: first what single lines call for, under ever longer policies, then answers.

    python -m training.pocket.train --out FOLDER

writes tokenizer, weights, configuration and log.jsonl to FOLDER. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
import yaml
from tokenizers import Tokenizer

from training.pocket import tokenizer as tokenizers_room
from training.pocket.batches import ACTION_AT, IGNORED, LINE_CLASSES, NOTE_CLASSES, REASON_AT, Batch, Batcher, Recipe
from training.pocket.cases import NoteBook
from training.pocket.model import Pocket, Shape, export, initialise_numbers
from training.pocket.optimizer import Optimizer

CONFIG_FILE = Path(__file__).with_name("config.yaml")
WINDOW = 25
# Most lines have no rule in a short policy, which is soon learnt; the comparisons are what is hard.
LINE_WEIGHTS = torch.tensor([1.0, 1.0, 1.0, 0.25])


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of training.

    Parameters
    ----------
    recipe : Recipe
        What its batches are drawn from.
    until : float
        It ends when this share of lines is right over the last batches; 0 for a stage that only ends by time.
    minutes : float
        It ends after so many minutes at the latest.
    rate : float
        Scale of the learning rate at its start.
    last_rate : float
        Scale at its end; it falls linearly with time from `decay_from` (share of its minutes) on.
    """

    recipe: Recipe
    until: float
    minutes: float
    rate: float = 1.0
    last_rate: float = 1.0
    decay_from: float = 0.3


@dataclass
class Meter:
    """Shares of lines, notes, decisions and whole answers that were right, and the loss, over the last batches."""

    values: dict[str, deque[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """Add a batch's value."""
        self.values.setdefault(name, deque(maxlen=WINDOW)).append(value)

    def mean(self, name: str) -> float:
        """Return the mean of the last batches, 0 before the first."""
        found = self.values.get(name)
        return sum(found) / len(found) if found else 0.0

    def row(self) -> dict[str, float]:
        """Return all means."""
        return {name: round(self.mean(name), 4) for name in self.values}


def loss_of(model: Pocket, batch: Batch, meter: Meter, *, answers: bool) -> torch.Tensor:
    """Return the loss of a batch and note how right the model is."""
    hidden, last = model(batch.prompts, batch.lengths, batch.records, batch.n_each, lines_only=not answers)
    at_lines, at_notes = batch.line_targets != IGNORED, batch.note_targets != IGNORED
    lines, _ = model.line_scores(hidden[at_lines])
    loss = F.cross_entropy(lines, batch.line_targets[at_lines], LINE_WEIGHTS)
    meter.add("lines", _right(lines, batch.line_targets[at_lines]))
    if at_notes.any():
        _, notes = model.line_scores(hidden[at_notes])
        loss = loss + 0.5 * F.cross_entropy(notes, batch.note_targets[at_notes])
        meter.add("notes", _right(notes, batch.note_targets[at_notes]))
    if answers:
        at_answer = batch.targets != IGNORED
        scores, targets = model.logits(last[at_answer]), batch.targets[at_answer]
        loss = loss + F.cross_entropy(scores, targets, reduction="sum") / len(batch.records)
        right = (scores.argmax(-1) == targets).view(-1, tokenizers_room.N_ANSWER_TOKENS + 1).float()
        meter.add("actions", right[:, ACTION_AT].mean().item())
        meter.add("answers", (right[:, ACTION_AT] * right[:, REASON_AT]).mean().item())
    meter.add("loss", loss.item())
    return loss


def _right(scores: torch.Tensor, targets: torch.Tensor) -> float:
    return (scores.argmax(-1) == targets).float().mean().item()


def train(model: Pocket, batcher: Batcher, stages: list[Stage], optimizer: Optimizer, folder: Path, seed: int) -> None:
    """Run the stages one after the other, logging every 25 steps and saving the state as it goes."""
    r = Random(seed)
    step, started = 0, time.monotonic()
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        for number, stage in enumerate(stages, start=1):
            meter, began, n_steps = Meter(), time.monotonic(), 0
            while (passed := (time.monotonic() - began) / 60) < stage.minutes:
                earlier = [
                    other.recipe for other in stages[: number - 1] if other.recipe.answers == stage.recipe.answers
                ]
                is_repeat = bool(earlier) and r.random() < 0.2
                recipe = r.choice(earlier) if is_repeat else stage.recipe
                batch = batcher.batch(recipe)
                loss = loss_of(model, batch, Meter() if is_repeat else meter, answers=recipe.answers)
                loss.backward()
                optimizer.step(_scale(stage, passed / stage.minutes) * min(1.0, (step + 1) / 30))
                step, n_steps = step + 1, n_steps + 1
                if step % WINDOW == 0:
                    row = {"step": step, "stage": number, "minutes": round((time.monotonic() - started) / 60, 2)}
                    row |= {"cpu_minutes": round(time.process_time() / 60, 2), "tokens": batch.n_tokens, **meter.row()}
                    print(json.dumps(row), file=log, flush=True)
                    print(row, flush=True)
                if step % 100 == 0:
                    torch.save(model.state_dict(), folder / "state.pt")
                if stage.until and n_steps >= 2 * WINDOW and meter.mean("lines") > stage.until:
                    break
    torch.save(model.state_dict(), folder / "state.pt")


def _scale(stage: Stage, passed: float) -> float:
    """Return the learning rate's scale after a share of the stage's time."""
    if passed <= stage.decay_from:
        return stage.rate
    left = (1 - passed) / (1 - stage.decay_from)
    return stage.last_rate + (stage.rate - stage.last_rate) * left


def read_stages(config: Mapping[str, Any]) -> list[Stage]:
    """Return the stages of a configuration."""
    return [Stage(**{**stage, "recipe": Recipe(**stage["recipe"])}) for stage in config["stages"]]


def main() -> None:
    """Train as config.yaml says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for tokenizer, weights, configuration and log")
    parser.add_argument("--config", type=Path, default=CONFIG_FILE, help="sizes, rates and stages")
    parser.add_argument("--resume", type=Path, help="state.pt to go on from, with the tokenizer beside it")
    arguments = parser.parse_args()
    config = yaml.safe_load(arguments.config.read_text(encoding="utf-8"))
    folder: Path = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(config["threads"])
    torch.manual_seed(config["seed"])
    if arguments.resume is None:
        tokens = tokenizers_room.build(config["vocabulary"], config["seed"])
    else:
        tokens = Tokenizer.from_file(str(arguments.resume.with_name("tokenizer.json")))
    tokenizers_room.save(tokens, folder)
    model = Pocket(Shape(tokens.get_vocab_size(), **config["shape"]), len(LINE_CLASSES), len(NOTE_CLASSES))
    if arguments.resume is None:
        initialise_numbers(model, tokens.get_vocab(), config["seed"])
    else:
        model.load_state_dict(torch.load(arguments.resume, weights_only=True))
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {tokens.get_vocab_size():,} tokens", flush=True)
    batcher = Batcher(tokens, NoteBook(), config["seed"])
    optimizer = Optimizer(model, config["rate"], config["matrix_rate"])
    train(model, batcher, read_stages(config), optimizer, folder, config["seed"])
    export(model, folder)


if __name__ == "__main__":
    main()
