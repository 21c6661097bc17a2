"""Detectors: each is found by its file, and says all about itself; the audit's subrooms import one way."""

from __future__ import annotations

import ast
from itertools import chain
from pathlib import Path

import workbench.audit
from workbench.audit.detectors.detector import all_detectors, all_kinds

ROOM = Path(workbench.audit.__file__).parent


def test_every_detector_says_what_is_wrong_in_full() -> None:
    kinds = list(chain.from_iterable(one.kinds for one in all_detectors()))
    assert len({kind.id for kind in kinds}) == len(kinds) == len(all_kinds())
    for kind in kinds:
        remedy = (kind.remedy.text, kind.remedy.recheck)
        assert all((kind.id, kind.name, kind.consequence, kind.of_value, *remedy))


def test_each_file_is_found_and_what_looks_at_values_alone_votes_first() -> None:
    files = {path.stem for path in (ROOM / "detectors").glob("*.py")} - {"__init__", "detector", "detection"}
    assert {one.vote.__module__.rpartition(".")[2] for one in all_detectors()} == files
    assert {"missing", "formats", "typos", "relations", "orphans"} <= {one.check for one in all_detectors()}
    by_value = [one.is_by_value for one in all_detectors()]
    assert by_value == sorted(by_value, reverse=True)


def test_a_subroom_imports_only_from_those_above_it() -> None:
    tree = [line.strip() for line in (workbench.audit.__doc__ or "").splitlines() if line.startswith("    ")]
    names = [line.split("   ")[0].split() for line in tree]
    place = {name: row for row, together in enumerate(names) for name in together}
    assert set(place) == {path.stem for path in ROOM.iterdir() if path.suffix in {"", ".py"} and path.stem[0] != "_"}
    for path in ROOM.rglob("*/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else []
            if parts[:2] == ["workbench", "audit"]:
                assert place[parts[2]] <= place[path.parent.name], f"{path} imports {node.module}"
