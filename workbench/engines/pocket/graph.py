"""A Llama model as an ONNX graph that reads many records against one prefix.

The tokens of all records of a batch stand in one flat list, so none is padding. Each attends twice: to the prefix,
whose keys and values all records share without a copy, and to its own record, where the few keys there are can be
padded. The two results are joined by the weights that one softmax over both would have given them: with l the logarithm
of a part's sum of exponentials, part one has the share sigmoid(l1 - l2).

    ids, positions   [tokens]                    the flat list, and where each token stands in its text
    padded           [records, width]            for each record the places of its tokens in the flat list
    flat             [tokens]                    for each token its place in the padded table, read row by row
    mask             [records, 1, width, keys]   0 where a token may see a key of its record, else -1e30
    without_prefix   []                          0, or -1e30 where there is no prefix
    wanted           [places]                    the tokens after which the next one's probabilities are wanted
    prefix_*         per layer; own_* likewise, of the records' earlier tokens; logprobs, and read_* the records' keys
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.engines.pocket.folder import FloatArray, Shape, Weights

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto, ValueInfoProto

OPSET, IR_VERSION = 23, 11


def llama_graph(shape: Shape, weights: Weights) -> bytes:
    """Return the serialized ONNX model of a Llama; inputs and outputs are those named above."""
    return _Builder(shape, weights).serialized()


class _Builder:
    """Collects the graph's nodes and constants."""

    def __init__(self, shape: Shape, weights: Weights) -> None:
        self._shape = shape
        self._weights = weights
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._outputs: list[str] = []

    def serialized(self) -> bytes:
        from onnx import TensorProto, helper

        hidden = self._add("Gather", self._weight("model.embed_tokens"), "ids")
        self._rotation = self._rotations()
        for layer in range(self._shape.layers):
            hidden = self._layer(layer, hidden)
        last = self._norm(hidden, "model.norm")
        head = "model.embed_tokens" if self._shape.is_tied else "lm_head"
        scores = self._add("MatMul", last, self._weight(head, transposed=True))
        self._put_out("logprobs", "LogSoftmax", scores, axis=-1)
        named = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in self._outputs]
        graph = helper.make_graph(self._nodes, "pocket", self._inputs(), named, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        content: bytes = model.SerializeToString()
        return content

    def _inputs(self) -> list[ValueInfoProto]:
        from onnx import TensorProto, helper

        heads, width = self._shape.heads, self._shape.head_width
        info, whole, real = helper.make_tensor_value_info, TensorProto.INT64, TensorProto.FLOAT
        inputs = [
            info("ids", whole, ["tokens"]),
            info("positions", whole, ["tokens"]),
            info("padded", whole, ["records", "width"]),
            info("flat", whole, ["tokens"]),
            info("mask", real, ["records", 1, "width", "keys"]),
            info("without_prefix", real, []),
            info("wanted", whole, ["places"]),
        ]
        for layer in range(self._shape.layers):
            inputs += [
                info(f"prefix_keys_{layer}", real, [heads, width, "prefix"]),
                info(f"prefix_values_{layer}", real, [heads, "prefix", width]),
                info(f"own_keys_{layer}", real, ["records", heads, width, "earlier"]),
                info(f"own_values_{layer}", real, ["records", heads, "earlier", width]),
            ]
        return inputs

    def _layer(self, layer: int, hidden: str) -> str:
        """Add one layer; return its output, of the last layer for the wanted tokens only."""
        name = f"model.layers.{layer}"
        attended = self._attention(layer, self._norm(hidden, f"{name}.input_layernorm"))
        hidden = self._needed(layer, hidden)
        out = self._add("MatMul", attended, self._weight(f"{name}.self_attn.o_proj", transposed=True))
        hidden = self._add("Add", hidden, out)
        normed = self._norm(hidden, f"{name}.post_attention_layernorm")
        parts = [self._weights[f"{name}.mlp.{part}_proj.weight"] for part in ("gate", "up")]
        both = self._add("MatMul", normed, self._constant(np.concatenate(parts).T))
        gate, up = self._split(both, [self._shape.inner_width] * 2)
        inner = self._add("Mul", self._add("Mul", gate, self._add("Sigmoid", gate)), up)
        down = self._add("MatMul", inner, self._weight(f"{name}.mlp.down_proj", transposed=True))
        return self._add("Add", hidden, down)

    def _attention(self, layer: int, normed: str) -> str:
        """Add the attention of one layer; return [tokens, heads x head width], of the last layer as `_layer`."""
        heads, width = self._shape.heads, self._shape.head_width
        shares = self._add("MatMul", normed, self._constant(self._projections(layer)))
        rows = self._constant(np.array([-1, heads, width]))
        query, keys, values = (self._add("Reshape", part, rows) for part in self._split(shares, [heads * width] * 3))
        query, keys = self._rotated(query), self._rotated(keys)
        own, own_weight = (self._needed(layer, part) for part in self._own_part(layer, query, keys, values))
        prefix, prefix_weight = self._prefix_part(layer, self._needed(layer, query))
        share = self._add("Sigmoid", self._add("Sub", prefix_weight, own_weight))
        joined = self._add("Add", own, self._add("Mul", share, self._add("Sub", prefix, own)))
        return self._add("Reshape", joined, self._constant(np.array([-1, heads * width])))

    def _needed(self, layer: int, by_token: str) -> str:
        """Return the rows of the wanted tokens in the last layer, where nothing else reads them; all in the others."""
        return self._add("Gather", by_token, "wanted") if layer == self._shape.layers - 1 else by_token

    def _prefix_part(self, layer: int, query: str) -> tuple[str, str]:
        """Add attention to the prefix; return the result [tokens, heads, width] and its weight [tokens, heads, 1]."""
        turned = self._add("Transpose", query, perm=[1, 0, 2])
        scores = self._add("MatMul", turned, f"prefix_keys_{layer}")
        shares = self._add("Softmax", scores, axis=-1)
        result = self._add("MatMul", shares, f"prefix_values_{layer}")
        weight = self._add("Transpose", self._log_sum(scores, shares), perm=[1, 0, 2])
        return self._add("Transpose", result, perm=[1, 0, 2]), self._add("Add", weight, "without_prefix")

    def _own_part(self, layer: int, query: str, keys: str, values: str) -> tuple[str, str]:
        """Add attention within each record; return as `_prefix_part`, and put out the record's keys and values."""
        heads, width = self._shape.heads, self._shape.head_width
        turned = self._add("Transpose", self._add("Gather", query, "padded"), perm=[0, 2, 1, 3])
        new_keys = self._add("Transpose", self._add("Gather", keys, "padded"), perm=[0, 2, 3, 1])
        new_values = self._add("Transpose", self._add("Gather", values, "padded"), perm=[0, 2, 1, 3])
        all_keys = self._put_out(f"read_keys_{layer}", "Concat", f"own_keys_{layer}", new_keys, axis=3)
        all_values = self._put_out(f"read_values_{layer}", "Concat", f"own_values_{layer}", new_values, axis=2)
        scores = self._add("Add", self._add("MatMul", turned, all_keys), "mask")
        shares = self._add("Softmax", scores, axis=-1)
        result = self._add("MatMul", shares, all_values)
        return self._flattened(result, [heads, width]), self._flattened(self._log_sum(scores, shares), [heads, 1])

    def _flattened(self, padded: str, inner: list[int]) -> str:
        """Return [records, heads, width, n] as [tokens, heads, n]."""
        by_record = self._add("Transpose", padded, perm=[0, 2, 1, 3])
        return self._add("Gather", self._add("Reshape", by_record, self._constant(np.array([-1, *inner]))), "flat")

    def _log_sum(self, scores: str, shares: str) -> str:
        """Return the logarithm of the sum of exponentials: the largest score less the logarithm of its share."""
        axis = self._constant(np.array([-1]))
        return self._add(
            "Sub",
            self._add("ReduceMax", scores, axis, keepdims=1),
            self._add("Log", self._add("ReduceMax", shares, axis, keepdims=1)),
        )

    def _projections(self, layer: int) -> FloatArray:
        """Return the weights of queries (scaled), keys and values side by side, keys repeated for each head."""
        shape, name = self._shape, f"model.layers.{layer}.self_attn"
        query = self._weights[f"{name}.q_proj.weight"] * np.float32(shape.head_width**-0.5)
        parts = [query]
        for part in ("k_proj", "v_proj"):
            weight = self._weights[f"{name}.{part}.weight"].reshape(shape.kv_heads, shape.head_width, shape.width)
            repeated = weight.repeat(shape.heads // shape.kv_heads, axis=0)
            parts.append(repeated.reshape(-1, shape.width))
        return np.concatenate(parts).T

    def _rotations(self) -> tuple[str, str]:
        """Add cosine and sine of each token's position, [tokens, 1, half a head]."""
        shape = self._shape
        turns = shape.rope_theta ** (-np.arange(0, shape.head_width, 2) / shape.head_width)
        angles = np.outer(np.arange(shape.context), turns)
        axis = self._constant(np.array([1]))
        cosine, sine = (
            self._add("Unsqueeze", self._add("Gather", self._constant(table.astype(np.float32)), "positions"), axis)
            for table in (np.cos(angles), np.sin(angles))
        )
        return cosine, sine

    def _rotated(self, heads: str) -> str:
        """Turn [tokens, heads, width] by the tokens' positions."""
        cosine, sine = self._rotation
        first, second = self._split(heads, [self._shape.head_width // 2] * 2, axis=2)
        left = self._add("Sub", self._add("Mul", first, cosine), self._add("Mul", second, sine))
        right = self._add("Add", self._add("Mul", second, cosine), self._add("Mul", first, sine))
        return self._add("Concat", left, right, axis=2)

    def _norm(self, hidden: str, name: str) -> str:
        weight = self._weight(name)
        return self._add("RMSNormalization", hidden, weight, axis=-1, epsilon=self._shape.epsilon)

    def _weight(self, name: str, *, transposed: bool = False) -> str:
        weight = self._weights[f"{name}.weight"]
        return self._constant(weight.T if transposed else weight)

    def _constant(self, values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self._node(kind, inputs, [f"value_{len(self._nodes)}"], attributes)[0]

    def _put_out(self, name: str, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node whose result is an output of the graph too."""
        self._outputs.append(name)
        return self._node(kind, inputs, [name], attributes)[0]

    def _split(self, whole: str, sizes: list[int], axis: int = 1) -> list[str]:
        names = [f"value_{len(self._nodes)}_{number}" for number in range(len(sizes))]
        return self._node("Split", (whole, self._constant(np.array(sizes))), names, {"axis": axis})

    def _node(self, kind: str, inputs: tuple[str, ...], outputs: list[str], attributes: dict[str, Any]) -> list[str]:
        from onnx import helper

        self._nodes.append(helper.make_node(kind, list(inputs), outputs, **attributes))
        return outputs
