"""A model folder, loaded: tokens, grammars and the network with the prefixes it has read."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from workbench.engines.pocket.chat import read_chat
from workbench.engines.pocket.folder import read_shape, read_weights
from workbench.engines.pocket.grammar import Grammars
from workbench.engines.pocket.network import Network, Prefix

MAX_PREFIXES = 8


class Model:
    """What is needed to answer; many threads may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.shape = read_shape(folder)
        self.chat = read_chat(folder, self.shape)
        self.grammars = Grammars(self.chat.tokenizer, self.shape.vocabulary, self.shape.ends)
        self.network = Network(self.shape, read_weights(folder, self.shape))
        self.is_token: NDArray[np.bool_] = np.zeros(self.shape.vocabulary, bool)
        self.is_token[list(self.chat.tokenizer.get_vocab().values())] = True
        self.is_token[list(self.shape.ends)] = True
        self._prefixes: OrderedDict[tuple[int, ...], Prefix] = OrderedDict()
        self._lock = Lock()

    def prefix(self, tokens: tuple[int, ...]) -> Prefix:
        """Return a prefix, read once and kept until several others were used since."""
        with self._lock:
            prefix = self._prefixes.pop(tokens, None) or self.network.prefix(tokens)
            self._prefixes[tokens] = prefix
            if len(self._prefixes) > MAX_PREFIXES:
                self._prefixes.popitem(last=False)
            return prefix


@lru_cache(maxsize=2)
def loaded(folder: Path, digest: str) -> Model:
    """Return the model in a folder, loaded once for all engines of this process; the digest tells a changed one.

    Raises
    ------
    InputError
        A file is missing or damaged, or the model is none that this engine computes.
    """
    return Model(folder)
