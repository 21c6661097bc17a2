import subprocess
from pathlib import Path

from workbench.files import write_atomically
from workbench.provenance import provenance


def git(folder: Path, *arguments: str) -> str:
    me = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
    return subprocess.run(
        ["git", *me, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_commit_and_later_changes_are_seen(tmp_path: Path) -> None:
    assert (provenance(tmp_path).commit, provenance(tmp_path).is_dirty) == (None, None)
    git(tmp_path, "init")
    (tmp_path / "a.txt").write_text("1", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    clean = provenance(tmp_path)
    assert (clean.commit, clean.is_dirty) == (git(tmp_path, "rev-parse", "HEAD"), False)
    (tmp_path / "a.txt").write_text("2", encoding="utf-8")
    assert provenance(tmp_path).is_dirty is True


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_atomically(path, "old")
    write_atomically(path, "neu ü".encode())
    assert path.read_text(encoding="utf-8") == "neu ü"
    assert list(path.parent.iterdir()) == [path]
