"""A small Llama in plain torch, trained on many records behind one shared prompt."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from training.pocket.tokenizer import BOS, EOS, PAD, number_of

Tensors = tuple[Tensor, Tensor]
MAX_POSITIONS = 4096
EPS = 1e-5
HEADS_FILE = Path("training") / "heads.safetensors"
OF_HEADS = ("line_", "lines_", "note_", "notes_", "number_", "numbers_", "limit_", "limits_")
EXPORTED = (
    "input_layernorm", "post_attention_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
    "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the model; in training, what it has found out by then is read off three of its layers.

    Limits off the first, comparisons and what notes state off the second, what lines call for off the third.
    """

    vocabulary: int
    width: int = 160
    layers: int = 5
    heads: int = 4
    head_width: int = 32
    inner: int = 448
    limits_layer: int = 2
    numbers_layer: int = 3
    lines_layer: int = 4
    theta: float = 10_000.0


class Norm(nn.Module):
    """Root-mean-square norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised input."""
        return F.rms_norm(x, (x.shape[-1],), self.weight, EPS)


class Layer(nn.Module):
    """One decoder layer; queries, keys and values in one matrix, gate and up projection in one."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        wide = shape.heads * shape.head_width
        self.heads, self.head_width = shape.heads, shape.head_width
        self.before_attention, self.before_mlp = Norm(shape.width), Norm(shape.width)
        self.qkv = nn.Linear(shape.width, 3 * wide, bias=False)
        self.out = nn.Linear(wide, shape.width, bias=False)
        self.gate_up = nn.Linear(shape.width, 2 * shape.inner, bias=False)
        self.down = nn.Linear(shape.inner, shape.width, bias=False)

    def attention_inputs(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, each (n, heads, tokens, head_width)."""
        n, tokens, _ = x.shape
        parts = self.qkv(self.before_attention(x)).view(n, tokens, 3, self.heads, self.head_width).unbind(2)
        q, k, v = (part.transpose(1, 2) for part in parts)
        return rotated(q, turn), rotated(k, turn), v

    def after_attention(self, x: Tensor, attended: Tensor) -> Tensor:
        """Return the layer's output, given what attention brought, (n, heads, tokens, head_width)."""
        n, tokens, _ = x.shape
        x = x + self.out(attended.transpose(1, 2).reshape(n, tokens, -1))
        gate, up = self.gate_up(self.before_mlp(x)).chunk(2, -1)
        out: Tensor = x + self.down(F.silu(gate) * up)
        return out


def rotated(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Return queries or keys turned by their positions."""
    cos, sin = turn
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Pocket(nn.Module):
    """The model, with heads that only training uses: limits, comparisons, what a line calls for, what a note states."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape, n_lines: int, n_notes: int, n_numbers: int, n_limits: int) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm, self.lines_norm, self.numbers_norm, self.limits_norm, self.notes_norm = (
            Norm(shape.width) for _ in range(5)
        )
        self.line_head = nn.Linear(shape.width, n_lines)
        self.note_head = nn.Linear(shape.width, n_notes)
        self.number_head = nn.Linear(shape.width, n_numbers)
        self.limit_head = nn.Linear(shape.width, n_limits)
        self._initialise()
        turns = torch.arange(0, shape.head_width, 2).float() / shape.head_width
        angles = torch.outer(torch.arange(MAX_POSITIONS).float(), shape.theta**-turns)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def _initialise(self) -> None:
        deep = (2 * self.shape.layers) ** -0.5
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                last = deep if name.endswith(("out.weight", "down.weight")) else 1.0
                nn.init.normal_(parameter, 0.0, 0.02 if "embedding" in name else last * parameter.shape[1] ** -0.5)

    def forward(
        self, prompts: Tensor, lengths: Tensor, records: Tensor, n_each: int, *, lines_only: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return hidden states of the records' tokens: at the layers of limits, of numbers, of lines, and at the end.

        With `lines_only` the last is that of the lines layer, normed.

        Parameters
        ----------
        prompts : (n_prompts, p)
            Token ids, padded at the end; `lengths` says how many count.
        records : (n_prompts * n_each, s)
            Token ids of what follows, `n_each` records for each prompt, in the prompts' order.
        """
        p, s = prompts.shape[1], records.shape[1]
        x, y = self.embedding(prompts), self.embedding(records)
        here = self.cos[:p][None, None], self.sin[:p][None, None]
        positions = lengths.repeat_interleave(n_each)[:, None] + torch.arange(s)[None]
        there = self.cos[positions][:, None], self.sin[positions][:, None]
        mask = _mask(p, lengths, s, n_each)
        at_limits = at_numbers = at_lines = y
        for number, layer in enumerate(self.layers, start=1):
            q, k, v = layer.attention_inputs(x, here)
            y = layer.after_attention(y, _behind(layer.attention_inputs(y, there), (k, v), mask))
            if number == self.shape.limits_layer:
                at_limits = y
            if number == self.shape.numbers_layer:
                at_numbers = y
            if number == self.shape.lines_layer:
                at_lines = y
                if lines_only:
                    break
            if number < len(self.layers):
                x = layer.after_attention(x, F.scaled_dot_product_attention(q, k, v, is_causal=True))
        return at_limits, at_numbers, at_lines, self.norm(y)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return scores over the vocabulary."""
        return F.linear(hidden, self.embedding.weight)

    def line_scores(self, hidden: Tensor) -> Tensor:
        """Return scores of what a line calls for, at the tokens that end lines."""
        out: Tensor = self.line_head(self.lines_norm(hidden))
        return out

    def note_scores(self, hidden: Tensor) -> Tensor:
        """Return scores of what a note states, at the tokens that end notes."""
        out: Tensor = self.note_head(self.notes_norm(hidden))
        return out

    def limit_scores(self, hidden: Tensor) -> Tensor:
        """Return scores of how large each of a number's limits is, at the numbers."""
        out: Tensor = self.limit_head(self.limits_norm(hidden))
        return out

    def number_scores(self, hidden: Tensor) -> Tensor:
        """Return scores of how numbers compare with each of their limits, at the numbers."""
        out: Tensor = self.number_head(self.numbers_norm(hidden))
        return out


def _mask(p: int, lengths: Tensor, s: int, n_each: int) -> Tensor:
    """Return what is added to attention scores: each record sees its prompt and its own earlier tokens.

    Shape (n_prompts, 1, n_each * s, p + n_each * s); the records of a prompt stand side by side.
    """
    own = torch.block_diag(*[torch.ones(s, s).tril()] * n_each).bool()
    prompt = torch.arange(p)[None] < lengths[:, None]
    n = len(lengths)
    seen = torch.cat([prompt[:, None].expand(n, n_each * s, p), own[None].expand(n, *own.shape)], -1)
    return torch.zeros(seen.shape).masked_fill_(~seen, -math.inf)[:, None]


def _behind(own: tuple[Tensor, Tensor, Tensor], prefix: Tensors, mask: Tensor) -> Tensor:
    """Return what the records' queries find in the shared prompt and in their own earlier tokens.

    The prompt's keys and values are not repeated for its records: the records stand side by side instead.
    """
    n, n_records = len(prefix[0]), len(own[0])
    q, k, v = (_side_by_side(part, n) for part in own)
    keys, values = torch.cat([prefix[0], k], 2), torch.cat([prefix[1], v], 2)
    found = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
    _, heads, _, width = found.shape
    s = own[0].shape[2]
    return found.view(n, heads, -1, s, width).transpose(1, 2).reshape(n_records, heads, s, width)


def _side_by_side(x: Tensor, n: int) -> Tensor:
    """Return (n * each, heads, s, width) as (n, heads, each * s, width)."""
    _, heads, s, width = x.shape
    return x.view(n, -1, heads, s, width).transpose(1, 2).reshape(n, heads, -1, width)


def initialise_numbers(model: Pocket, vocabulary: dict[str, int], seed: int) -> None:
    """Give number tokens embeddings in which near numbers are near: waves over the logarithm of the value."""
    generator = torch.Generator().manual_seed(seed)
    n_waves, width = 24, model.shape.width
    waves = torch.exp(torch.linspace(math.log(0.15), math.log(6.0), n_waves)) * 2 * math.pi / math.log(1000.0) * 1.5
    project = torch.randn(2 * n_waves + 1, width, generator=generator) / (2 * n_waves + 1) ** 0.5 * 0.04
    with torch.no_grad():
        for token, index in vocabulary.items():
            value = number_of(token)
            if value is None:
                continue
            log = math.log1p(10 * value)
            features = torch.cat([torch.cos(log * waves), torch.sin(log * waves), torch.tensor([log - 4.0])])
            model.embedding.weight[index] = model.embedding.weight[index] * 0.3 + features @ project


def export(model: Pocket, folder: Path) -> None:
    """Write the weights in bfloat16 and the configuration as Hugging Face's Llama."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {"model.embed_tokens.weight": model.embedding.weight, "model.norm.weight": model.norm.weight}
    for number, layer in enumerate(model.layers):
        q, k, v = layer.qkv.weight.chunk(3)
        gate, up = layer.gate_up.weight.chunk(2)
        named = {
            "input_layernorm": layer.before_attention.weight,
            "post_attention_layernorm": layer.before_mlp.weight,
            "self_attn.q_proj": q,
            "self_attn.k_proj": k,
            "self_attn.v_proj": v,
            "self_attn.o_proj": layer.out.weight,
            "mlp.gate_proj": gate,
            "mlp.up_proj": up,
            "mlp.down_proj": layer.down.weight,
        }
        tensors |= {f"model.layers.{number}.{name}.weight": tensor for name, tensor in named.items()}
    halves = {name: tensor.detach().to(torch.bfloat16).contiguous().clone() for name, tensor in tensors.items()}
    save_file(halves, folder / "model.safetensors", metadata={"format": "pt"})
    tokens = {"bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD}
    (folder / "config.json").write_text(json.dumps(configuration(model.shape) | tokens, indent=1) + "\n")
    (folder / "generation_config.json").write_text(json.dumps(tokens, indent=1) + "\n")
    _export_heads(model, folder / HEADS_FILE)


def _export_heads(model: Pocket, path: Path) -> None:
    """Write the heads that only training uses, in a folder of their own, as engines read all weights."""
    path.parent.mkdir(exist_ok=True)
    heads = {name: tensor.detach().clone() for name, tensor in model.state_dict().items() if name.startswith(OF_HEADS)}
    save_file(heads, path)


def load(folder: Path) -> Pocket:
    """Return an exported model, without what only training needs of its heads."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    shape = Shape(
        config["vocab_size"], config["hidden_size"], config["num_hidden_layers"], config["num_attention_heads"],
        config["head_dim"], config["intermediate_size"], config["num_hidden_layers"], config["num_hidden_layers"],
        config["num_hidden_layers"], config["rope_theta"],
    )  # fmt: skip
    model = Pocket(shape, 1, 1, 1, 1)
    weights = exported_weights(folder, shape.layers)
    model.load_state_dict({k: v for k, v in weights.items() if not k.startswith(OF_HEADS)}, strict=False)
    return model.eval()


def exported_weights(folder: Path, n_layers: int) -> dict[str, Tensor]:
    """Return an exported model's weights by this model's names, with the heads that only training needs if kept."""
    tensors = {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()}
    state = {"embedding.weight": tensors["model.embed_tokens.weight"], "norm.weight": tensors["model.norm.weight"]}
    for number in range(n_layers):
        of = {name: tensors[f"model.layers.{number}.{name}.weight"] for name in EXPORTED}
        state |= {
            f"layers.{number}.before_attention.weight": of["input_layernorm"],
            f"layers.{number}.before_mlp.weight": of["post_attention_layernorm"],
            f"layers.{number}.qkv.weight": torch.cat([of[f"self_attn.{part}_proj"] for part in "qkv"]),
            f"layers.{number}.out.weight": of["self_attn.o_proj"],
            f"layers.{number}.gate_up.weight": torch.cat([of["mlp.gate_proj"], of["mlp.up_proj"]]),
            f"layers.{number}.down.weight": of["mlp.down_proj"],
        }
    return state | (load_file(folder / HEADS_FILE) if (folder / HEADS_FILE).exists() else {})


def configuration(shape: Shape) -> dict[str, object]:
    """Return the model's part of a Hugging Face config.json."""
    sizes = asdict(shape)
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": sizes["width"],
        "intermediate_size": sizes["inner"],
        "num_hidden_layers": sizes["layers"],
        "num_attention_heads": sizes["heads"],
        "num_key_value_heads": sizes["heads"],
        "head_dim": sizes["head_width"],
        "vocab_size": sizes["vocabulary"],
        "max_position_embeddings": MAX_POSITIONS,
        "rms_norm_eps": EPS,
        "rope_theta": sizes["theta"],
        "tie_word_embeddings": True,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "torch_dtype": "bfloat16",
    }
