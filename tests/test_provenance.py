import subprocess
from pathlib import Path

from workbench.files.commits import provenance
from workbench.files.whole import write_atomically


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
    assert (provenance(tmp_path).is_dirty, provenance(tmp_path).changed) == (True, ("a.txt",))


def committed(root: Path, *paths: str) -> None:
    git(root, "init")
    for path in paths:
        write_atomically(root / path, "1\n")
    git(root, "add", ".")
    git(root, "commit", "-m", "first")


def test_every_changed_file_is_named_whatever_its_name_and_whatever_became_of_it(tmp_path: Path) -> None:
    committed(tmp_path, "b c.txt", "ü\n.txt", "gone.txt", "moved.txt", "kept.txt")
    for name in ("b c.txt", "ü\n.txt"):
        (tmp_path / name).write_text("2", encoding="utf-8")
    (tmp_path / "gone.txt").unlink()
    git(tmp_path, "mv", "moved.txt", "here.txt")
    (tmp_path / "new.txt").write_text("not of the repository", encoding="utf-8")
    assert provenance(tmp_path).changed == ("b c.txt", "gone.txt", "here.txt", "moved.txt", "ü\n.txt")


def test_a_pilots_own_ledger_lines_are_no_change_and_other_ledgers_are(tmp_path: Path) -> None:
    root = tmp_path / "team"  # a root may be a folder of a larger repository
    ledger, opened = "datasets/small/ledger.jsonl", "datasets/small/opened/aa"
    committed(tmp_path, f"team/{ledger}", f"team/{opened}", "team/ledger.jsonl", ledger, "other.txt")
    for path in (root / ledger, root / opened):
        path.write_text("more\n", encoding="utf-8")
    assert (provenance(root).is_dirty, provenance(root).changed) == (False, ())
    for path in (root / "ledger.jsonl", tmp_path / ledger, tmp_path / "other.txt"):
        path.write_text("more\n", encoding="utf-8")
    assert provenance(root).changed == (ledger, "other.txt", "team/ledger.jsonl")


def test_label_sets_and_their_log_are_changes_as_numbers_rest_on_them(tmp_path: Path) -> None:
    names = ("datasets/small/labels/log.jsonl", "datasets/small/labels/v2.csv")
    committed(tmp_path, *names)
    for name in names:
        (tmp_path / name).write_text("more\n", encoding="utf-8")
    assert (provenance(tmp_path).is_dirty, provenance(tmp_path).changed) == (True, names)


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_atomically(path, "old")
    write_atomically(path, "neu ü".encode())
    assert path.read_text(encoding="utf-8") == "neu ü"
    assert list(path.parent.iterdir()) == [path]
