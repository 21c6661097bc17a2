"""Digests of model folders: what tells two models apart, wherever they lie."""

from __future__ import annotations

import hashlib
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path

from workbench.words import InputError

MODEL_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.safetensors",
    "*.safetensors.index.json",
    "pytorch_model*.bin",
)
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


def model_digest(folder: Path) -> str:
    """Return the digest of a model: SHA-256 over the names and contents of its config, weights and tokenizer files.

    Where the folder lies and what else is in it, such as the model card, is no part of it. A file is read again only
    when its size or its time of change is another.

    Raises
    ------
    InputError
        The folder is not there, has no config.json or no weights, or a file cannot be read.
    """
    if not folder.is_dir():
        raise InputError("there is no such model folder", where=str(folder), expected="a folder with config.json")
    try:
        files = sorted(path for path in folder.iterdir() if _is_any_of(path.name, MODEL_FILES) and path.is_file())
        if not (folder / "config.json").is_file() or not any(_is_any_of(path.name, WEIGHTS) for path in files):
            raise InputError(
                "a model folder is incomplete",
                where=str(folder),
                got=", ".join(path.name for path in files) or "no file of a model",
                expected="config.json, weights (*.safetensors) and the tokenizer's files",
            )
        total = hashlib.sha256()
        for path in files:
            state = path.stat()
            total.update(f"{path.name}\0{_file_digest(path.resolve(), state.st_mtime_ns, state.st_size)}\n".encode())
    except OSError as error:
        raise InputError("a model's files cannot be read", where=str(folder), got=str(error)) from None
    return total.hexdigest()


def _is_any_of(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


@lru_cache(maxsize=256)
def _file_digest(path: Path, changed_ns: int, size: int) -> str:
    """Return the digest of a file's content; time and size tell a changed file from the one read before."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
