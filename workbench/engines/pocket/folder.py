"""A model folder in Hugging Face's Llama layout, read and checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.words import InputError, shown

FloatArray = NDArray[np.float32]
Weights = Mapping[str, FloatArray]

MAX_WEIGHT_BYTES = 800 * 1024 * 1024  # the graph is one message of at most 2 GB, and float32 doubles the size
TRAINED_FILE = "trained.json"
LARGER = "run a larger model, or one of another architecture, with vLLM: --engine vllm --model DIR"


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a Llama model; `kv_heads` divides `heads`, and `ends` are the token ids that end an answer."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    inner_width: int
    vocabulary: int
    context: int
    rope_theta: float
    epsilon: float
    is_tied: bool
    ends: tuple[int, ...]


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object of a model folder. Raises InputError where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("a file of the model is missing", where=str(path)) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("a file of the model cannot be read", where=str(path), got=str(error)[:200]) from None
    if not isinstance(content, dict):
        raise InputError("a file of the model holds no JSON object", where=str(path))
    return content


def read_shape(folder: Path) -> Shape:
    """Return the sizes in config.json and the end tokens in generation_config.json or config.json.

    Raises
    ------
    InputError
        A file is damaged, or the model is not a Llama as this engine computes it.
    """
    path = folder / "config.json"
    config = read_json(path)
    ends = config.get("eos_token_id")
    if (folder / "generation_config.json").is_file():
        ends = read_json(folder / "generation_config.json").get("eos_token_id", ends)
    try:
        _check_kind(config)
        shape = _shape(config, (ends,) if isinstance(ends, int) else tuple(ends or ()))
        _check_sizes(shape)
    except KeyError as error:
        raise InputError(f"the model's config has no {error}", where=str(path), remedy=LARGER) from None
    except (TypeError, ValueError, ArithmeticError) as error:
        raise InputError(
            "the model is not a Llama as the pocket engine computes it",
            where=str(path),
            got=str(error)[:300],
            remedy=LARGER,
        ) from None
    return shape


def trained_length(folder: Path) -> int | None:
    """Return how many tokens the longest prompt had that the model was trained on, None where trained.json is missing.

    The file is no part of the model's digest: it changes no answer, and which prompts get one is seen in each of them.

    Raises
    ------
    InputError
        The file is damaged.
    """
    path = folder / TRAINED_FILE
    if not path.is_file():
        return None
    length = read_json(path).get("longest_prompt_tokens")
    if not isinstance(length, int) or isinstance(length, bool) or length < 1:
        raise InputError("a file of the model does not fit", where=str(path), expected='{"longest_prompt_tokens": N}')
    return length


def _check_kind(config: Mapping[str, Any]) -> None:
    """Refuse what would be computed wrongly."""
    expected: dict[str, tuple[object, ...]] = {
        "model_type": ("llama",),
        "hidden_act": ("silu", None),
        "attention_bias": (False, None),
        "mlp_bias": (False, None),
        "rope_scaling": (None,),
        "quantization_config": (None,),
    }
    for name, allowed in expected.items():
        if config.get(name) not in allowed:
            raise ValueError(f"{name} is {config.get(name)!r}")
    rope = config.get("rope_parameters") or {}
    if rope.get("rope_type", "default") != "default":
        raise ValueError(f"rope_type is {rope['rope_type']!r}")


def _shape(config: Mapping[str, Any], ends: tuple[int, ...]) -> Shape:
    width, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    rope = config.get("rope_parameters") or {}
    return Shape(
        width=width,
        layers=int(config["num_hidden_layers"]),
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head_width=int(config.get("head_dim") or width // heads),
        inner_width=int(config["intermediate_size"]),
        vocabulary=int(config["vocab_size"]),
        context=int(config["max_position_embeddings"]),
        rope_theta=float(rope.get("rope_theta") or config.get("rope_theta") or 10000.0),
        epsilon=float(config["rms_norm_eps"]),
        is_tied=bool(config.get("tie_word_embeddings", False)),
        ends=tuple(map(int, ends)),
    )


def _check_sizes(shape: Shape) -> None:
    """Refuse sizes that do not fit each other."""
    sizes = [shape.width, shape.layers, shape.heads, shape.kv_heads, shape.head_width, shape.inner_width]
    if min([*sizes, shape.vocabulary, shape.context]) < 1:
        raise ValueError("a size is not positive")
    if shape.heads % shape.kv_heads or shape.head_width % 2:
        raise ValueError(f"{shape.heads} heads of {shape.head_width}, {shape.kv_heads} of them for keys")
    if not shape.ends or not all(0 <= end < shape.vocabulary for end in shape.ends):
        raise ValueError(f"eos_token_id is {shown(shape.ends) or 'missing'}, the vocabulary has {shape.vocabulary}")


def read_weights(folder: Path, shape: Shape) -> Weights:
    """Return the tensors of model.safetensors in float32, each with the shape that the config says.

    Raises
    ------
    InputError
        The file is missing, damaged or too large, or a tensor is missing or has another shape.
    """
    import safetensors

    deserialize: Callable[[bytes], list[tuple[str, dict[str, Any]]]] = safetensors.deserialize
    path = folder / "model.safetensors"
    if not path.is_file():
        raise InputError(
            "the model's weights are missing", where=str(path), expected="all weights in one file", remedy=LARGER
        )
    if path.stat().st_size > MAX_WEIGHT_BYTES:
        raise InputError("the model is too large for the pocket engine", where=str(path), remedy=LARGER)
    try:
        found = {name: _float32(tensor) for name, tensor in deserialize(path.read_bytes())}
    except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
        raise InputError("the model's weights cannot be read", where=str(path), got=str(error)[:200]) from None
    expected = _expected(shape)
    wrong = [name for name, size in expected.items() if name not in found or found[name].shape != size]
    if wrong:
        raise InputError(
            "the model's weights do not fit its config",
            where=str(path),
            got=f"missing or of another shape: {shown(wrong)}",
        )
    if not all(np.isfinite(found[name]).all() for name in expected):
        raise InputError("the model's weights hold values that are no numbers", where=str(path))
    return {name: found[name] for name in expected}


def _float32(tensor: Mapping[str, Any]) -> FloatArray:
    """Return a tensor of a safetensors file as float32."""
    data, kind = bytes(tensor["data"]), tensor["dtype"]
    if kind == "BF16":
        values = (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        values = np.frombuffer(data, {"F32": np.float32, "F16": np.float16}[kind]).astype(np.float32)
    return values.reshape(tensor["shape"])


def _expected(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Return the name and size of every tensor."""
    query, key = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
    parts: dict[str, tuple[int, ...]] = {
        "input_layernorm": (shape.width,),
        "self_attn.q_proj": (query, shape.width),
        "self_attn.k_proj": (key, shape.width),
        "self_attn.v_proj": (key, shape.width),
        "self_attn.o_proj": (shape.width, query),
        "post_attention_layernorm": (shape.width,),
        "mlp.gate_proj": (shape.inner_width, shape.width),
        "mlp.up_proj": (shape.inner_width, shape.width),
        "mlp.down_proj": (shape.width, shape.inner_width),
    }
    sizes = {
        f"model.layers.{layer}.{part}.weight": size for layer in range(shape.layers) for part, size in parts.items()
    }
    sizes |= {"model.embed_tokens.weight": (shape.vocabulary, shape.width), "model.norm.weight": (shape.width,)}
    return sizes if shape.is_tied else sizes | {"lm_head.weight": (shape.vocabulary, shape.width)}
