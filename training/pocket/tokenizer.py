"""The pocket model's tokenizer: byte-level BPE in which a number up to 999, or 99.9, is one token."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from eval_suites.invoice_matching.facts import lines
from training.pocket.cases import Drawer, NoteBook
from training.pocket.policy import PLANTS, REASONS, draw_policy
from training.pocket.wording import prompt_text

SPECIAL = ("<s>", "</s>", "<pad>", "<|system|>", "<|user|>", "<|assistant|>")
BOS, EOS, PAD = 0, 1, 2
SPACE = "Ġ"  # how byte-level BPE writes a space
PIECES = "|".join(
    (
        r"""\{"action":"|","reason":"|"\}|\n""",  # the answer's frame, and ends of lines
        rf" ?(?:{'|'.join(PLANTS)})(?!\d)",
        r" ?\d{1,3}(?:\.\d)?(?!\d)|\d",
        r" ?[^\W\d]+| ?[^\s\w]+|\s+",
    )
)
CHAT_TEMPLATE = (
    "{{ '<s>' }}{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
N_PROMPTS, N_NOTES = 1500, 40_000
N_ANSWER_TOKENS = 5  # {"action":" ACTION ","reason":" REASON "}


def answer(action: str, reason: str) -> str:
    """Return the answer as the model gives it."""
    return json.dumps({"action": action, "reason": reason}, separators=(",", ":"))


def corpus(seed: int) -> Iterator[str]:
    """Yield text like that of prompts and records, without digits: numbers get tokens of their own."""
    r, notes = Random(seed), NoteBook()
    for _ in range(N_PROMPTS):
        policy = draw_policy(r)
        drawer = Drawer(r, policy, notes)
        facts = "\n".join(text for _ in range(3) for _, text in lines(drawer.case(5, 0.5).found))
        yield re.sub(r" ?\d", "", f"{prompt_text(policy, r)}\n{facts}")
        for reason in REASONS:
            yield f"{answer(r.choice(('approve', 'reject', 'escalate')), reason)} {reason} {reason}\n"
    kinds = list(notes.phrases)
    for _ in range(N_NOTES):
        yield re.sub(r" ?\d", "", notes.write(r, r.choice(kinds)))


def build(vocabulary: int, seed: int) -> Tokenizer:
    """Return a trained tokenizer of about `vocabulary` tokens and the numbers.

    Raises
    ------
    ValueError
        The vocabulary is too small for every reason code to be one token.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(seed), trainer)
    numbered = _with_numbers(tokenizer)
    split = [reason for reason in REASONS if len(numbered.encode(answer("approve", reason)).ids) != N_ANSWER_TOKENS]
    if split:
        raise ValueError(f"a vocabulary of {vocabulary} is too small: these reasons are not one token each: {split}")
    return numbered


def _with_numbers(tokenizer: Tokenizer) -> Tokenizer:
    """Add a token, and the merges that lead to it, for each number from 0 to 999 and 0.0 to 99.9 after a space."""
    content = json.loads(tokenizer.to_str())
    vocabulary, merges = content["model"]["vocab"], content["model"]["merges"]

    def add(left: str, right: str) -> None:
        if left + right not in vocabulary:
            vocabulary[left + right] = len(vocabulary)
            merges.append([left, right])

    for number in range(1000):
        digits = str(number)
        for end in range(1, len(digits) + 1):
            add(SPACE + digits[: end - 1], digits[end - 1])
    for number in range(100):
        add(f"{SPACE}{number}", ".")
        for digit in range(10):
            add(f"{SPACE}{number}.", str(digit))
    for plant in PLANTS:
        add(SPACE + plant[:3], plant[3])
    return Tokenizer.from_str(json.dumps(content))


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json as Hugging Face's fast tokenizers read them."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIAL[BOS],
        "eos_token": SPECIAL[EOS],
        "pad_token": SPECIAL[PAD],
        "additional_special_tokens": list(SPECIAL[3:]),
        "clean_up_tokenization_spaces": False,
        "model_max_length": 4096,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def number_of(token: str) -> float | None:
    """Return the number that a token of the vocabulary stands for, None when it is no number."""
    text = token.removeprefix(SPACE)
    return float(text) if token != text and re.fullmatch(r"\d{1,3}(\.\d)?", text) else None
