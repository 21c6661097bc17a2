"""The model at work: prefixes read once, and batches of records read against them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.engines.pocket.folder import FloatArray, Shape, Weights
from workbench.engines.pocket.graph import llama_graph

MAX_WIDTH = 256  # tokens of one text that are read in one go; what is longer is read in several
HIDDEN = np.float32(-1e30)

Tokens = Sequence[int]
Memory = tuple[tuple[FloatArray, FloatArray], ...]  # keys and values of each layer


@dataclass(frozen=True, slots=True)
class Prefix:
    """What the model keeps of the first tokens of a prompt; any number of batches may read against it at once."""

    n_tokens: int
    memory: Memory


class Network:
    """A Llama model in onnxruntime; every call runs on the thread that makes it, and many threads may call at once."""

    def __init__(self, shape: Shape, weights: Weights) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        graph = llama_graph(shape, weights)
        self.shape = shape
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        layers = range(shape.layers)
        self._outputs = ["logprobs", *(f"read_{part}_{layer}" for layer in layers for part in ("keys", "values"))]
        heads, width = shape.heads, shape.head_width
        blank = np.zeros((heads, width, 1), np.float32), np.zeros((heads, 1, width), np.float32)
        self.no_prefix = Prefix(0, (blank,) * shape.layers)

    def prefix(self, tokens: Tokens) -> Prefix:
        """Return what the model keeps of the first tokens of a prompt."""
        if not tokens:
            return self.no_prefix
        reading = BatchReader(self, self.no_prefix, 1)
        reading.read([tokens], [0])
        return Prefix(len(tokens), tuple((keys[0], values[0]) for keys, values in reading.memory))

    def empty_memory(self, n_texts: int) -> Memory:
        """Return the memory of texts of which nothing was read."""
        heads, width = self.shape.heads, self.shape.head_width
        keys = np.zeros((n_texts, heads, width, 0), np.float32)
        return ((keys, keys.reshape(n_texts, heads, 0, width)),) * self.shape.layers

    def run(self, inputs: dict[str, NDArray[np.generic]], prefix: Prefix, own: Memory) -> tuple[FloatArray, Memory]:
        """Return the log probabilities at the wanted places, and the memory with the new tokens in it."""
        weight = np.array(0 if prefix.n_tokens else HIDDEN, np.float32)
        feed: dict[str, NDArray[np.generic]] = {**inputs, "without_prefix": weight}
        for layer, (shared, earlier) in enumerate(zip(prefix.memory, own, strict=True)):
            feed[f"prefix_keys_{layer}"], feed[f"prefix_values_{layer}"] = shared
            feed[f"own_keys_{layer}"], feed[f"own_values_{layer}"] = earlier
        logprobs, *read = self._session.run(self._outputs, feed)
        return logprobs, tuple(zip(read[::2], read[1::2], strict=True))


class BatchReader:
    """Some texts that go on after the same prefix, each read as far as its tokens are known."""

    def __init__(self, network: Network, prefix: Prefix, n_texts: int) -> None:
        self._network = network
        self._prefix = prefix
        self._n_read = np.full(n_texts, prefix.n_tokens)
        self._is_kept = np.zeros((n_texts, 0), bool)  # which places of the memory hold a token
        self.memory = network.empty_memory(n_texts)

    def read(self, texts: Sequence[Tokens], n_wanted: Sequence[int]) -> list[FloatArray]:
        """Read each text's next tokens; return for each the log probabilities after the last `n_wanted` of them.

        Returns
        -------
        list of FloatArray
            For each text an array of shape (n_wanted, vocabulary): row i is about the token that follows the one
            with n_wanted - i - 1 others after it.
        """
        found: list[list[FloatArray]] = [[] for _ in texts]
        for start in range(0, max(map(len, texts)), MAX_WIDTH):
            parts = [np.asarray(text[start : start + MAX_WIDTH], np.int64) for text in texts]
            wanted = [
                np.arange(len(text) - count, len(text)) - start for text, count in zip(texts, n_wanted, strict=True)
            ]
            wanted = [places[(places >= 0) & (places < MAX_WIDTH)] for places in wanted]
            for rows, logprobs in zip(found, self._read_part(parts, wanted), strict=True):
                rows.append(logprobs)
        return [np.concatenate(rows) for rows in found]

    def keep(self, texts: Sequence[int]) -> None:
        """Forget all texts but these, which keep this order."""
        self._n_read, self._is_kept = self._n_read[texts], self._is_kept[texts]
        self.memory = tuple((keys[texts], values[texts]) for keys, values in self.memory)

    def _read_part(self, parts: Sequence[NDArray[np.int64]], wanted: Sequence[NDArray[np.int64]]) -> list[FloatArray]:
        """Read tokens of a width that one run can take."""
        lengths = np.array([len(part) for part in parts])
        width, firsts = int(lengths.max()), lengths.cumsum() - lengths
        text = np.repeat(np.arange(len(parts)), lengths)
        place = np.arange(len(text)) - firsts[text]
        padded = np.zeros((len(parts), width), np.int64)
        padded[text, place] = np.arange(len(text))
        is_new = np.arange(width) < lengths[:, None]
        kept = np.concatenate([self._is_kept, is_new], axis=1)
        inputs: dict[str, NDArray[np.generic]] = {
            "ids": np.concatenate(parts),
            "positions": self._n_read[text] + place,
            "padded": padded,
            "flat": text * width + place,
            "mask": self._mask(width),
            "wanted": np.concatenate([first + places for first, places in zip(firsts, wanted, strict=True)]),
        }
        logprobs, self.memory = self._network.run(inputs, self._prefix, self.memory)
        self._n_read, self._is_kept = self._n_read + lengths, kept
        return np.split(logprobs, np.cumsum([len(places) for places in wanted])[:-1])

    def _mask(self, width: int) -> FloatArray:
        """Return what hides from each new token the places that hold none and the tokens after it."""
        n_texts, earlier = self._is_kept.shape
        mask = np.zeros((n_texts, 1, width, earlier + width), np.float32)
        mask[:, 0, :, :earlier] = np.where(self._is_kept, 0, HIDDEN)[:, None, :]
        mask[:, 0, :, earlier:] = np.where(np.tri(width, dtype=bool), 0, HIDDEN)
        return mask
