"""Train the pocket model from nothing: first what single lines call for, under ever longer policies, then answers.

    python -m training.pocket.train --out FOLDER

writes tokenizer, weights, configuration and log.jsonl to FOLDER. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
import yaml
from tokenizers import Tokenizer

from training.pocket import tokenizer as tokenizers_room
from training.pocket.batches import (
    ACTION_AT,
    HEADS,
    IGNORED,
    N_SIZES,
    REASON_AT,
    UNLIMITED,
    Batch,
    Batcher,
    Recipe,
)
from training.pocket.cases import NoteBook
from training.pocket.model import Pocket, Shape, export, exported_weights, initialise_numbers
from training.pocket.optimizer import Optimizer

CONFIG_FILE = Path(__file__).with_name("config.yaml")
WINDOW = 25
REPEATS = 0.2
WARM_UP = 30
EXPORT_EVERY = 100
TRAINED_FILE = "trained.json"
# Most lines have no rule in a short policy, which is soon learnt; the comparisons are what is hard.
LINE_WEIGHTS = torch.tensor([1.0, 1.0, 1.0, 0.25])
NUMBER_WEIGHTS = torch.tensor([0.25, 1.0, 1.0])
LIMIT_WEIGHTS = torch.tensor([0.1] + [1.0] * (N_SIZES - 1))
NUMBERS_COUNT = 2.0  # as much as a line twice: what is not compared right cannot be decided right


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of training.

    Parameters
    ----------
    recipe : Recipe
        What its batches are drawn from.
    steps : int
        It ends after so many steps at the latest.
    until : float, optional
        It ends when this share of lines is right over the last batches.
    rate, last_rate : float
        Scale of the learning rates at its start and at its end; in between they fall linearly from the share
        `decay_from` of its steps on.
    """

    recipe: Recipe
    steps: int
    until: float | None = None
    rate: float = 1.0
    last_rate: float = 1.0
    decay_from: float = 0.3

    def scale(self, n_steps: int) -> float:
        """Return the scale of the learning rates after a number of its steps."""
        left = min(1.0, (1 - n_steps / self.steps) / (1 - self.decay_from))
        return self.last_rate + (self.rate - self.last_rate) * left


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
    texts = batch.prompts, batch.lengths, batch.records, batch.n_each
    limits, numbers, lines, last = model(*texts, lines_only=not answers)
    loss = _line_loss(model, lines, batch, meter)
    loss = loss + _note_loss(model, numbers, batch, meter)
    loss = loss + NUMBERS_COUNT * _number_loss(model, numbers, batch.number_targets, meter)
    loss = loss + _limit_loss(model, limits, batch.limit_targets, meter)
    if answers:
        loss = loss + _answer_loss(model, last, batch, meter)
    meter.add("loss", loss.item())
    return loss


def _line_loss(model: Pocket, hidden: torch.Tensor, batch: Batch, meter: Meter) -> torch.Tensor:
    """Return the loss of what lines call for."""
    places = batch.line_targets != IGNORED
    scores, targets = model.line_scores(hidden[places]), batch.line_targets[places]
    meter.add("lines", _right(scores, targets))
    return F.cross_entropy(scores, targets, LINE_WEIGHTS)


def _note_loss(model: Pocket, hidden: torch.Tensor, batch: Batch, meter: Meter) -> torch.Tensor:
    """Return the loss of what notes state, 0 for a batch without a note."""
    places = batch.note_targets != IGNORED
    scores, targets = model.note_scores(hidden[places]), batch.note_targets[places]
    if len(targets) == 0:
        return scores.sum()
    meter.add("notes", _right(scores, targets))
    return F.cross_entropy(scores, targets)


def _answer_loss(model: Pocket, hidden: torch.Tensor, batch: Batch, meter: Meter) -> torch.Tensor:
    """Return the loss of the answers' tokens, for each record."""
    at_answer = batch.targets != IGNORED
    scores, targets = model.logits(hidden[at_answer]), batch.targets[at_answer]
    right = (scores.argmax(-1) == targets).view(-1, tokenizers_room.N_ANSWER_TOKENS + 1).float()
    meter.add("actions", right[:, ACTION_AT].mean().item())
    meter.add("answers", (right[:, ACTION_AT] * right[:, REASON_AT]).mean().item())
    return F.cross_entropy(scores, targets, reduction="sum") / len(batch.records)


def _number_loss(model: Pocket, hidden: torch.Tensor, targets: torch.Tensor, meter: Meter) -> torch.Tensor:
    """Return the loss of comparing numbers with their limits; "numbers" counts those that have the limit."""
    places = targets[..., 0] != IGNORED
    scores = model.number_scores(hidden[places]).view(-1, len(NUMBER_WEIGHTS))
    classes = targets[places].view(-1)
    limited = classes != UNLIMITED
    if limited.any():
        meter.add("numbers", _right(scores[limited], classes[limited]))
    return F.cross_entropy(scores, classes, NUMBER_WEIGHTS)


def _limit_loss(model: Pocket, hidden: torch.Tensor, targets: torch.Tensor, meter: Meter) -> torch.Tensor:
    """Return the loss of finding the limits of numbers in the prompt; "limits" counts those that are there."""
    places = targets[..., 0] != IGNORED
    scores = model.limit_scores(hidden[places]).view(-1, N_SIZES)
    classes = targets[places].view(-1)
    limited = classes != 0
    if limited.any():
        meter.add("limits", _right(scores[limited], classes[limited]))
    return F.cross_entropy(scores, classes, LIMIT_WEIGHTS)


def _right(scores: torch.Tensor, targets: torch.Tensor) -> float:
    return (scores.argmax(-1) == targets).float().mean().item()


@dataclass
class Trainer:
    """Takes steps and logs them; `run` runs one stage after the other.

    Parameters
    ----------
    folder : Path
        Where the log is appended to and the model exported, every 100 steps and at the end.
    seed : int
        Seed of the choice between a stage's own recipe and those of earlier stages (one batch in five).
    longest : int
        Tokens of the longest prompt so far, its record included: the pocket engine answers none that is longer.
    """

    model: Pocket
    batcher: Batcher
    optimizer: Optimizer
    folder: Path
    seed: int
    step: int = 0
    longest: int = 0

    def run(self, stages: Sequence[Stage]) -> None:
        """Run the stages one after the other."""
        r = Random(self.seed)
        for number, stage in enumerate(stages, start=1):
            answers = stage.recipe.answers
            earlier = [other.recipe for other in stages[: number - 1] if other.recipe.answers == answers]
            self._run(stage, number, earlier, r)
        self._export()

    def _run(self, stage: Stage, number: int, earlier: Sequence[Recipe], r: Random) -> None:
        meter = Meter()
        for n_steps in range(stage.steps):
            is_repeat = bool(earlier) and r.random() < REPEATS
            batch = self.batcher.batch(r.choice(earlier) if is_repeat else stage.recipe)
            counted = Meter() if is_repeat else meter
            loss = loss_of(self.model, batch, counted, answers=stage.recipe.answers)
            loss.backward()
            self.optimizer.step(stage.scale(n_steps) * min(1.0, (self.step + 1) / WARM_UP))
            self.step += 1
            self.longest = max(self.longest, batch.longest)
            if self.step % WINDOW == 0:
                self._log({"stage": number, "tokens": batch.n_tokens, **meter.row()})
            if self.step % EXPORT_EVERY == 0:
                self._export()
            if stage.until is not None and n_steps >= 2 * WINDOW and meter.mean("lines") > stage.until:
                return

    def _export(self) -> None:
        export(self.model, self.folder)
        written = json.dumps({"longest_prompt_tokens": self.longest})
        (self.folder / TRAINED_FILE).write_text(f"{written}\n", encoding="utf-8")

    def _log(self, row: Mapping[str, float]) -> None:
        whole = {"step": self.step, "cpu_minutes": round(time.process_time() / 60, 2), **row}
        print(whole, flush=True)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            print(json.dumps(whole), file=log)


def read_stages(config: Mapping[str, Any]) -> list[Stage]:
    """Return the stages of a configuration."""
    return [Stage(**{**stage, "recipe": Recipe(**stage["recipe"])}) for stage in config["stages"]]


def _longest_before(folder: Path) -> int:
    """Return how long the longest prompt was that an exported model was trained on, 0 where it does not say."""
    path = folder / TRAINED_FILE
    return int(json.loads(path.read_text(encoding="utf-8"))["longest_prompt_tokens"]) if path.is_file() else 0


def main() -> None:
    """Train as config.yaml says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for tokenizer, weights, configuration and log")
    parser.add_argument("--config", type=Path, default=CONFIG_FILE, help="sizes, rates and stages")
    parser.add_argument("--resume", type=Path, help="folder with an exported model to go on from")
    parser.add_argument("--from-stage", type=int, default=1, help="first stage to run, for use with --resume")
    arguments = parser.parse_args()
    config = yaml.safe_load(arguments.config.read_text(encoding="utf-8"))
    folder: Path = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(config["threads"])
    torch.manual_seed(config["seed"])
    if arguments.resume is None:
        tokens = tokenizers_room.build(config["vocabulary"], config["seed"])
    else:
        tokens = Tokenizer.from_file(str(arguments.resume / "tokenizer.json"))
    tokenizers_room.save(tokens, folder)
    model = Pocket(Shape(tokens.get_vocab_size(), **config["shape"]), *HEADS)
    if arguments.resume is None:
        initialise_numbers(model, tokens.get_vocab(), config["seed"])
    else:
        model.load_state_dict(exported_weights(arguments.resume, model.shape.layers), strict=False)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {tokens.get_vocab_size():,} tokens", flush=True)
    batcher = Batcher(tokens, NoteBook(), config["seed"])
    optimizer = Optimizer(model, config["rate"], config["matrix_rate"])
    stages = read_stages(config)[arguments.from_stage - 1 :]
    longest = 0 if arguments.resume is None else _longest_before(arguments.resume)
    Trainer(model, batcher, optimizer, folder, config["seed"], longest=longest).run(stages)


if __name__ == "__main__":
    main()
