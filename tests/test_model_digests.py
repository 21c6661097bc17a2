from pathlib import Path

import pytest

from workbench.engines.digests import MODEL_FILES, model_digest
from workbench.words import InputError

FILES = {
    "config.json": b'{"model_type": "llama"}',
    "generation_config.json": b"{}",
    "tokenizer.json": b'{"model": {}}',
    "tokenizer_config.json": b'{"chat_template": ""}',
    "model.safetensors": bytes(range(256)) * 10,
}


def make(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_the_same_files_have_the_same_digest_wherever_they_lie(tmp_path: Path) -> None:
    one, other = make(tmp_path / "one"), make(tmp_path / "other")
    assert model_digest(one) == model_digest(other)
    assert len(model_digest(one)) == 64


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_one_byte_of_any_file_is_another_digest(name: str, place: str, tmp_path: Path) -> None:
    content = bytearray(FILES[name])
    content[{"first": 0, "middle": len(content) // 2, "last": -1}[place]] ^= 1
    changed = make(tmp_path / "changed", FILES | {name: bytes(content)})
    assert model_digest(make(tmp_path / "same")) != model_digest(changed)


def test_a_file_changed_after_it_was_read_is_read_again(tmp_path: Path) -> None:
    folder = make(tmp_path / "model")
    before = model_digest(folder)
    (folder / "tokenizer.json").write_bytes(b'{"model": []}')
    assert model_digest(folder) != before
    (folder / "tokenizer.json").write_bytes(FILES["tokenizer.json"])
    assert model_digest(folder) == before


def test_a_further_weights_file_and_a_renamed_one_are_another_model(tmp_path: Path) -> None:
    folder = make(tmp_path / "model")
    digests = {model_digest(folder)}
    (folder / "part.safetensors").write_bytes(b"more")
    digests.add(model_digest(folder))
    (folder / "part.safetensors").rename(folder / "other.safetensors")
    digests.add(model_digest(folder))
    assert len(digests) == 3


def test_the_model_card_is_no_part_of_the_model(tmp_path: Path) -> None:
    folder = make(tmp_path / "model")
    before = model_digest(folder)
    (folder / "README.md").write_text("what it is", encoding="utf-8")
    (folder / "training.jsonl").write_text("{}", encoding="utf-8")
    assert model_digest(folder) == before


def test_a_link_to_a_file_counts_as_the_file(tmp_path: Path) -> None:
    folder = make(tmp_path / "model")
    before = model_digest(folder)
    (folder / "model.safetensors").rename(tmp_path / "blob")
    (folder / "model.safetensors").symlink_to(tmp_path / "blob")
    assert model_digest(folder) == before


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_folder_without_config_or_weights_is_refused(missing: str, tmp_path: Path) -> None:
    folder = make(tmp_path / "model")
    (folder / missing).unlink()
    with pytest.raises(InputError, match="a model folder is incomplete"):
        model_digest(folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such model folder"):
        model_digest(tmp_path / "none")
    make(tmp_path / "model")
    with pytest.raises(InputError, match="no such model folder"):
        model_digest(tmp_path / "model" / "config.json")


def test_what_counts_as_a_file_of_a_model_has_no_path_in_it() -> None:
    assert not [name for name in MODEL_FILES if "/" in name]
