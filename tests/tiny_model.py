"""A model folder with random weights and a tokenizer of its own, small enough to be computed again by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

SPECIAL = ["<s>", "</s>", "<pad>", "<|system|>", "<|user|>", "<|assistant|>"]
TEMPLATE = (
    "{{ '<s>' }}{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
WORDS = ["approve", "reject", "escalate", " amount", " price", " over", " order", "the", " receipt", " matches"]
TOKENS = ['{"action":"', '","reason":"', '"}', *(word.replace(" ", "\u0120") for word in WORDS)]
PIECES = r"""\{"action":"|","reason":"|"\}|\n| ?\d| ?[A-Za-z_]+| ?[^\sA-Za-z_\d]+|\s+"""


@dataclass(frozen=True)
class Sizes:
    width: int = 24
    layers: int = 2
    heads: int = 4
    kv_heads: int = 4
    head_width: int = 8
    inner: int = 40
    context: int = 400
    is_tied: bool = True
    vocabulary: int | None = None  # more than the tokenizer has, as models padded for speed have it
    seed: int = 0


def make_tokenizer(tokens: Sequence[str] = TOKENS) -> Tokenizer:
    """Return a byte-level BPE tokenizer in which each of some tokens is built from the left, a character at a time."""
    vocabulary, merges = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())], []
    for token in tokens:
        for end in range(1, len(token)):
            if token[: end + 1] not in vocabulary:
                vocabulary.append(token[: end + 1])
                merges.append((token[:end], token[end]))
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(vocabulary)}, merges))
    tokenizer.add_special_tokens(SPECIAL)
    pieces = pre_tokenizers.Split(Regex(PIECES), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pieces, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def random_weights(sizes: Sizes, vocabulary: int) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(sizes.seed)
    query, key = sizes.heads * sizes.head_width, sizes.kv_heads * sizes.head_width
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens": (vocabulary, sizes.width)}
    for layer in range(sizes.layers):
        name = f"model.layers.{layer}"
        shapes |= {
            f"{name}.self_attn.q_proj": (query, sizes.width),
            f"{name}.self_attn.k_proj": (key, sizes.width),
            f"{name}.self_attn.v_proj": (key, sizes.width),
            f"{name}.self_attn.o_proj": (sizes.width, query),
            f"{name}.mlp.gate_proj": (sizes.inner, sizes.width),
            f"{name}.mlp.up_proj": (sizes.inner, sizes.width),
            f"{name}.mlp.down_proj": (sizes.width, sizes.inner),
        }
    if not sizes.is_tied:
        shapes["lm_head"] = (vocabulary, sizes.width)
    weights = {f"{name}.weight": rng.normal(0, 2 * shape[-1] ** -0.5, shape) for name, shape in shapes.items()}
    for layer in range(sizes.layers):
        for part in ("input_layernorm", "post_attention_layernorm"):
            weights[f"model.layers.{layer}.{part}.weight"] = rng.uniform(0.5, 1.5, sizes.width)
    weights["model.norm.weight"] = rng.uniform(0.5, 1.5, sizes.width)
    return {name: weight.astype(np.float32) for name, weight in weights.items()}


def make_model(folder: Path, sizes: Sizes = Sizes(), tokens: Sequence[str] = TOKENS) -> Path:
    """Write a model folder and return it."""
    folder.mkdir(parents=True)
    tokenizer = make_tokenizer(tokens)
    tokenizer.save(str(folder / "tokenizer.json"))
    vocabulary = sizes.vocabulary or tokenizer.get_vocab_size()
    save_file(random_weights(sizes, vocabulary), folder / "model.safetensors")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": sizes.width,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.kv_heads,
        "head_dim": sizes.head_width,
        "intermediate_size": sizes.inner,
        "vocab_size": vocabulary,
        "max_position_embeddings": sizes.context,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": sizes.is_tied,
        "eos_token_id": 1,
    }
    tokens = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "chat_template": TEMPLATE}
    for name, content in {
        "config": config,
        "generation_config": {"eos_token_id": 1},
        "tokenizer_config": tokens,
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder
