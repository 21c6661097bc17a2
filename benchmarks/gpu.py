"""Throughput on a GPU: the pocket model and a model of real size, through `LLM.chat` and through the workbench.

The large model has the shape of an 8-billion-parameter Llama and made-up weights (vLLM's `load_format=dummy`), so that
nothing is fetched: run it from a bare checkout on a machine with a GPU, vLLM and the workbench's own packages.

    python benchmarks/gpu.py [--records 2000] [--repeats 3] [--only large] [--out figures.json]

Without a GPU it says so and ends with exit code 2.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parent))

from vllm_engine import POCKET_SIZES, compared, figures, make_model, opened, printed

from workbench.engines.pocket.settings import PACKAGED
from workbench.engines.vllm.settings import VllmSettings
from workbench.engines.vllm.start import installed_version

LARGE = {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 128_256,
    "max_position_embeddings": 8192,
    "rope_theta": 500_000.0,
    "tie_word_embeddings": False,
}
PROMPT_TOKENS = 600
SAMPLING_S = 0.1
NO_GPU = 2


@dataclass(frozen=True)
class Case:
    """A model to measure; `changes` to its config make a model without weights, for which vLLM makes them up."""

    name: str
    folder: Path | None = None
    changes: dict[str, Any] | None = None


@dataclass
class Device:
    """What NVML says of the first GPU while a block runs."""

    memory_mib: list[float] = field(default_factory=list)
    utilisation: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, float]:
        """Return the most memory in use and the mean utilisation in per cent; nothing without samples."""
        if not self.memory_mib:
            return {}
        return {
            "gpu_memory_mib": max(self.memory_mib),
            "gpu_utilisation_percent": sum(self.utilisation) / len(self.utilisation),
        }


class MadeUp(VllmSettings):
    """How vLLM runs a model with made-up weights."""

    load_format: ClassVar[str] = "dummy"


def measure(case: Case, settings: VllmSettings, *, records: int, repeats: int) -> dict[str, Any]:
    """Return the figures of one model: each kind's speed, and the device's memory and utilisation over all turns."""
    with tempfile.TemporaryDirectory() as folder:
        model = prepared(case, Path(folder) / case.name)
        kind = VllmSettings if case.changes is None else MadeUp
        settings = kind(**(settings.model_dump() | {"model": str(model)}))
        with opened(settings, records=records, prompt_tokens=PROMPT_TOKENS) as bench, sampled() as device:
            turns = compared(bench, repeats)
    first = turns["raw"][0]
    return {
        "model": case.name,
        "records": records,
        "prompt_tokens": first.prompt_tokens / first.records,
        "answer_tokens": first.answer_tokens / first.records,
        "kinds": figures(turns),
        **device.as_json(),
    }


def prepared(case: Case, folder: Path) -> Path:
    """Return the folder of a case's model; one of another shape is a config and a tokenizer, without weights."""
    if case.folder is not None:
        return case.folder
    make_model(folder, POCKET_SIZES)
    if case.changes is not None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(
            json.dumps({**config, "dtype": "bfloat16", **case.changes}), encoding="utf-8"
        )
        (folder / "model.safetensors").unlink()
    return folder


@contextmanager
def sampled() -> Iterator[Device]:
    """Sample the first GPU's memory and utilisation ten times a second while a block runs, where there is NVML."""
    device, is_over = Device(), threading.Event()
    if find_spec("pynvml") is None:
        yield device
        return
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield device
        return
    handle = pynvml.nvmlDeviceGetHandleByIndex(0)

    def sample() -> None:
        while not is_over.wait(SAMPLING_S):
            device.memory_mib.append(pynvml.nvmlDeviceGetMemoryInfo(handle).used / 2**20)
            device.utilisation.append(float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield device
    finally:
        is_over.set()
        thread.join()
        pynvml.nvmlShutdown()


def gpu_name() -> str | None:
    """Return the first GPU's name, None where there is none that PyTorch can use."""
    if find_spec("torch") is None:
        return None
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def cases() -> dict[str, Case]:
    """Return the models to measure: the pocket model, or random weights of its shape, and a large one."""
    folder = PACKAGED if PACKAGED.is_dir() else None
    return {"pocket": Case("pocket", folder), "large": Case("llama-8b-shape", None, LARGE)}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=512)
    parser.add_argument("--only", choices=sorted(cases()))
    parser.add_argument("--out", type=Path, help="file for the figures as JSON")
    given = parser.parse_args(arguments)
    device = gpu_name()
    if device is None or find_spec("vllm") is None:
        missing = "vLLM" if device is not None else "a GPU that PyTorch can use"
        print(f"not run: this benchmark needs {missing}, and there is none here", file=sys.stderr)
        return NO_GPU
    settings = VllmSettings(model="chosen below", dtype="bfloat16", max_model_len=8192, concurrency=given.concurrency)
    found: dict[str, Any] = {
        "device": device,
        "vllm": installed_version(),
        "cases": [],
    }
    print(f"{device}, vLLM {found['vllm']}, concurrency {given.concurrency}")
    for name, case in cases().items():
        if given.only in (None, name):
            figure = measure(case, settings, records=given.records, repeats=given.repeats)
            found["cases"].append(figure)
            print(f"\n{case.name}: {given.records:,} records, {figure['prompt_tokens']:,.0f} prompt tokens", end="")
            print(f" and {figure['answer_tokens']:,.0f} answer tokens each, {given.repeats} repeats")
            print(printed(figure["kinds"]))
            if "gpu_memory_mib" in figure:
                print(f"GPU memory {figure['gpu_memory_mib']:,.0f} MiB", end="")
                print(f", utilisation {figure['gpu_utilisation_percent']:.0f}% on average")
    print(json.dumps(found, indent=1))
    if given.out is not None:
        given.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
