"""Throughput and start of the pocket engine: records that share a system message, answers that follow a schema.

Each row is a process of its own. Run: `python benchmarks/pocket_engine.py [--model DIR] [--records 2000]`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from importlib.metadata import files
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

SYSTEM_TOKENS = 700
RECORD_TOKENS = (20, 70)
ACTIONS = ("approve", "reject", "escalate")
TOPICS = (
    "price",
    "quantity",
    "tax",
    "vendor",
    "currency",
    "date",
    "approval",
    "receipt",
    "amount",
    "bank",
    "terms",
    "unit",
)
REASONS = [f"{topic}_{what}" for topic in TOPICS for what in ("over_tolerance", "missing", "mismatch")]
VALUES = {"action": {"type": "string", "enum": list(ACTIONS)}, "reason": {"type": "string", "enum": REASONS}}
SCHEMA = {"type": "object", "properties": VALUES, "required": list(VALUES), "additionalProperties": False}
PACKAGES = ("onnxruntime", "onnx", "tokenizers", "llguidance", "safetensors")

Figures = dict[str, float]
# threads (None for one on each core), and whether all records share one system message
KINDS: dict[str, tuple[int | None, bool]] = {
    "one thread": (1, True),
    "a thread for each core": (None, True),
    "no shared system message": (None, False),
}


def measured(kind: str, folder: Path, n_records: int) -> Figures:
    """Return seconds to the first reply and for all records, CPU seconds and tokens of the answers."""
    start = time.perf_counter()
    from workbench.engines.pocket.engine import PocketEngine

    threads, is_shared = KINDS[kind]
    engine = PocketEngine(folder, threads=threads)
    _answer(engine, _texts(folder, 1), is_shared)
    first_s = time.perf_counter() - start
    texts = _texts(folder, n_records)
    wall, cpu = time.perf_counter(), time.process_time()
    n_tokens = _answer(engine, texts, is_shared)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"first_s": first_s, "wall_s": wall, "cpu_s": cpu, "tokens": n_tokens / n_records, "peak_mb": peak_mb}


def _answer(engine: object, texts: list[str], is_shared: bool) -> int:
    """Return how many tokens the answers to all texts have; every text must have one that follows the schema."""
    from workbench.engines.pocket.engine import PocketEngine
    from workbench.engines.protocol import Message, Request, SamplingParams

    assert isinstance(engine, PocketEngine)

    async def source() -> AsyncIterator[Request]:
        for number, text in enumerate(texts[1:]):
            system = Message("system", texts[0] if is_shared else f"{number} {texts[0]}")
            yield Request(f"r{number}", (system, Message("user", text)), SamplingParams(), SCHEMA)

    async def run() -> int:
        n_tokens = 0
        async with engine:
            async for reply in engine.stream(source()):
                if json.loads(reply.text or "{}").get("reason") not in REASONS:
                    raise RuntimeError(f"not an answer: {reply}")
                n_tokens += reply.completion_tokens or 0
        return n_tokens

    return asyncio.run(run())


def _texts(folder: Path, n_records: int) -> list[str]:
    """Return a system message and records, drawn from the same words, of the lengths in tokens said above."""
    import numpy as np
    from tokenizers import Tokenizer

    rng = np.random.default_rng(0)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    words = np.array([" amount", " price", " over", " order", " matches", "\n", " 5", " receipt"])
    lengths = np.array([len(tokenizer.encode(word).ids) for word in words])

    def text(n_tokens: int) -> str:
        drawn = rng.integers(len(words), size=n_tokens)
        return "".join(words[drawn[lengths[drawn].cumsum() <= n_tokens]])

    return [text(SYSTEM_TOKENS), *(text(int(rng.integers(*RECORD_TOKENS, endpoint=True))) for _ in range(n_records))]


def _compare(folder: Path, n_records: int) -> None:
    print(f"{n_records:,} records of {RECORD_TOKENS[0]} to {RECORD_TOKENS[1]} tokens", end=", ")
    print(f"system message of {SYSTEM_TOKENS}, {len(ACTIONS)} actions and {len(REASONS)} reasons in the schema")
    print(f"{'':26}{'rec/s':>7}{'CPU s per 1,000':>17}{'first reply s':>15}{'answer tokens':>15}{'peak MB':>9}")
    for kind, (_, is_shared) in KINDS.items():
        n = n_records if is_shared else max(n_records // 20, 1)
        command = [sys.executable, __file__, "--kind", kind, "--model", str(folder), "--records", str(n)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        found: Figures = json.loads(done.stdout)
        row = f"{n / found['wall_s']:7,.0f}{1000 * found['cpu_s'] / n:17.1f}{found['first_s']:15.2f}"
        print(f"{kind:26}{row}{found['tokens']:15.1f}{found['peak_mb']:9.0f}")
    sizes = {name: sum(path.locate().stat().st_size for path in files(name) or ()) for name in PACKAGES}
    print("installed, MB:", ", ".join(f"{name} {size / 1e6:.0f}" for name, size in sizes.items()))


def _random_model(folder: Path) -> Path:
    """Return a model with random weights and the packaged one's shape, which like it has a token for each label."""
    from safetensors.numpy import load_file, save_file
    from tiny_model import TOKENS, Sizes, make_model
    from tokenizers import Tokenizer

    labels = (*ACTIONS, *REASONS)
    sizes = Sizes(160, 5, 5, 5, 32, 448, context=2048, vocabulary=3000)
    make_model(folder, sizes, (*TOKENS, *labels))
    weights = load_file(folder / "model.safetensors")
    for token, number in Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab().items():
        if token not in labels and any(label.startswith(token) for label in labels):
            weights["model.embed_tokens.weight"][number] *= (
                0.01  # a trained model does not begin with a part of a label
            )
    save_file(weights, folder / "model.safetensors")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a model's folder; by default one with random weights")
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.kind is not None:
        print(json.dumps(measured(given.kind, given.model, given.records)))
        return
    with tempfile.TemporaryDirectory() as folder:
        _compare(given.model or _random_model(Path(folder) / "random"), given.records)


if __name__ == "__main__":
    main()
