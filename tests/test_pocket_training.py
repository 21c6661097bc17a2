"""Training of the pocket model: a few real steps, and what the model may and may not see."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("torch") is None:
    pytest.skip("not run: torch is not installed (make vllm-cpu)", allow_module_level=True)

import torch
from tokenizers import Tokenizer

from training.pocket import tokenizer as tokenizers_room
from training.pocket.batches import HEADS, IGNORED, Batch, Batcher, Recipe
from training.pocket.cases import NoteBook
from training.pocket.model import Pocket, Shape, export, load
from training.pocket.optimizer import Optimizer, orthogonalised
from training.pocket.tokenizer import PAD
from training.pocket.train import Meter, Stage, Trainer, loss_of, read_stages

SMALL = {"width": 32, "layers": 2, "heads": 2, "head_width": 16, "inner": 64, "lines_layer": 1}
RECIPE = Recipe(n_rules=2, n_tokens=1500, n_each=2, practice=1.0, answers=True, bare=True)


@pytest.fixture(scope="module")
def tokens() -> Tokenizer:
    return tokenizers_room.build(2000, seed=1)


def small_model(tokens: Tokenizer) -> Pocket:
    torch.manual_seed(3)
    return Pocket(Shape(tokens.get_vocab_size(), **SMALL), *HEADS)


def test_a_few_steps_lower_the_loss(tokens: Tokenizer, tmp_path: Path) -> None:
    model = small_model(tokens)
    batcher, fresh = Batcher(tokens, NoteBook(), 1), Batcher(tokens, NoteBook(), 2).batch(RECIPE)
    with torch.no_grad():
        before = loss_of(model, fresh, Meter(), answers=True).item()
    optimizer = Optimizer(model, 0.003, 0.01)
    Trainer(model, batcher, optimizer, tmp_path, seed=1).run([Stage(RECIPE, steps=50)])
    with torch.no_grad():
        after = loss_of(model, fresh, Meter(), answers=True).item()
    assert after < 0.7 * before
    assert load(tmp_path).shape.width == model.shape.width
    written = json.loads((tmp_path / "trained.json").read_text(encoding="utf-8"))
    again = Batcher(tokens, NoteBook(), 1)
    assert written == {"longest_prompt_tokens": max(_longest(again.batch(RECIPE)) for _ in range(50))}


def _longest(batch: Batch) -> int:
    """Count the tokens of each prompt with each of its records, one by one."""
    found = []
    for number, (record, targets) in enumerate(zip(batch.records.tolist(), batch.targets.tolist(), strict=True)):
        n_answered = sum(target != IGNORED for target in targets) - 1  # the last one ends the answer and is not read
        n_read = sum(token != PAD for token in record) - n_answered
        found.append(int(batch.lengths[number // batch.n_each]) + n_read)
    return max(found)


def test_a_record_does_not_see_the_other_records_behind_its_prompt(tokens: Tokenizer) -> None:
    model, batch = small_model(tokens), Batcher(tokens, NoteBook(), 4).batch(RECIPE)
    *_, both = model(batch.prompts[:1], batch.lengths[:1], batch.records[:2], 2, lines_only=False)
    *_, alone = model(batch.prompts[:1], batch.lengths[:1], batch.records[1:2], 1, lines_only=False)
    assert torch.allclose(both[1], alone[0], atol=1e-5)


def test_a_prompts_padding_is_not_seen(tokens: Tokenizer) -> None:
    model, batch = small_model(tokens), Batcher(tokens, NoteBook(), 5).batch(RECIPE)
    length = int(batch.lengths[0])
    padded = torch.cat([batch.prompts[:1, :length], torch.full((1, 9), 7)], 1)
    *_, long = model(padded, batch.lengths[:1], batch.records[:2], 2, lines_only=False)
    *_, short = model(batch.prompts[:1, :length], batch.lengths[:1], batch.records[:2], 2, lines_only=False)
    assert torch.allclose(long, short, atol=1e-5)


def test_an_exported_model_is_the_same_but_for_rounding(tokens: Tokenizer, tmp_path: Path) -> None:
    model, batch = small_model(tokens), Batcher(tokens, NoteBook(), 6).batch(RECIPE)
    export(model, tmp_path)
    again = load(tmp_path)
    arguments = (batch.prompts[:1], batch.lengths[:1], batch.records[:2], 2)
    *_, one = model(*arguments, lines_only=False)
    *_, other = again(*arguments, lines_only=False)
    assert torch.allclose(one, other, atol=0.15)
    assert not torch.equal(one, other)


def test_a_number_up_to_999_is_one_token(tokens: Tokenizer) -> None:
    for text in (" 0.3", " 7", " 25", " 99.9", " 250", " 999", " 1010"):
        assert len(tokens.encode(text).ids) == 1, text
    assert len(tokens.encode(" 2500").ids) > 1


def test_the_answers_frame_and_its_words_are_one_token_each(tokens: Tokenizer) -> None:
    text = tokenizers_room.answer("escalate", "over_authority")
    assert tokens.encode(text).tokens == ['{"action":"', "escalate", '","reason":"', "over_authority", '"}']


def test_a_vocabulary_too_small_for_the_reasons_is_refused() -> None:
    with pytest.raises(ValueError, match="too small: these reasons are not one token each"):
        tokenizers_room.build(600, seed=1)


def test_orthogonalised_gradients_have_singular_values_near_one() -> None:
    values = torch.linalg.svdvals(orthogonalised(torch.randn(40, 24)))
    assert 0.6 < values.min() < values.max() < 1.3


def test_the_learning_rate_falls_from_its_first_to_its_last_value() -> None:
    stage = Stage(RECIPE, steps=100, rate=0.8, last_rate=0.1, decay_from=0.5)
    assert [stage.scale(n) for n in (0, 50, 75, 100)] == pytest.approx([0.8, 0.8, 0.45, 0.1])


def test_the_configuration_that_ships_can_be_read() -> None:
    import yaml

    from training.pocket.train import CONFIG_FILE

    stages = read_stages(yaml.safe_load(CONFIG_FILE.read_text(encoding="utf-8")))
    assert stages[-1].recipe.answers
    assert stages[-1].recipe.n_rules is None
