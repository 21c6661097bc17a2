"""The structure: a module imports only from rooms above it, heavy libraries from one place each, lazily."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

from loopback import make_pilot

PACKAGE = Path(__file__).parent.parent / "workbench"

ROOMS, FLOORS, ARROWS_OF_A_ROOM = 29, 16, 6
DOORS = "imports"  # what every door is made with is no arrow of its own
CONTRIBUTING = PACKAGE.parent / "CONTRIBUTING.md"


def rows() -> list[set[str]]:
    """Return the rooms of each row of the tree in CONTRIBUTING.md, from top to bottom."""
    tree = CONTRIBUTING.read_text(encoding="utf-8").partition("## Where things are")[2].partition("\n## ")[0]
    return [set(re.split(r" {3,}", line.strip())[0].split()) for line in tree.splitlines() if line.startswith("    ")]


ROWS = rows()
ROW_OF = {room: number for number, row in enumerate(ROWS) for room in row}
HEAVY = {
    "mlflow": {"tracking"},
    "papermill": {"notebooks"},
    "matplotlib": {"pages"},
    "aiohttp": {"desk", "engines", "environment", "records"},
    "sklearn": {"audit"},
    "great_expectations": {"audit"},
    "pyspark": {"audit"},
    "data_profiling": {"audit"},
    "duckdb": {"audit", "records"},
    "rapidfuzz": {"audit"},
    "stdnum": {"audit", "personal"},
    "vllm": {"engines", "agents"},
    "ray": {"engines"},
    "onnx": {"engines"},
    "onnxruntime": {"engines"},
    "onnxruntime_genai": {"engines"},
    "tokenizers": {"engines"},
    "llguidance": {"engines"},
    "transformers": {"engines"},
    "torch": {"engines"},
    "safetensors": {"engines"},
    "cryptography": {"pilot"},
    "securesystemslib": {"pilot"},
    "gepa": {"evaluation"},
    "mcp": {"agents", "environment"},
    "mcp_types": {"agents", "environment"},
    "httpx2": {"environment"},
    "zeep": {"environment"},
    "schemathesis": {"integrations"},
    "hypothesis": {"integrations"},
    "lxml": {"environment"},
    "uvicorn": {"agents", "desk", "environment", "tracking"},
    "starlette": {"agents", "desk", "environment", "tracking"},
    "fastapi": set(),
    "sqlalchemy": {"environment", "tracking"},
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return names


def test_every_room_has_its_place() -> None:
    assert {room_of(path) for path in modules()} == set(ROW_OF)
    assert len(ROW_OF) == sum(map(len, ROWS)), "a room stands in one row"


def test_a_module_imports_only_from_rooms_above_it() -> None:
    wrong = []
    for path in modules():
        for name in imported(path):
            parts = name.split(".")
            if parts[0] != "workbench" or len(parts) == 1:
                continue
            if ROW_OF[parts[1]] > ROW_OF[room_of(path)]:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert not wrong


def test_no_rooms_import_each_other_in_a_circle() -> None:
    uses: dict[str, set[str]] = {room: set() for room in ROW_OF}
    for path in modules():
        named = (name.split(".") for name in imported(path))
        uses[room_of(path)] |= {parts[1] for parts in named if parts[0] == "workbench" and len(parts) > 1}
    order = TopologicalSorter({room: used - {room} for room, used in uses.items()})
    order.prepare()  # raises CycleError


def test_another_room_is_entered_by_a_door() -> None:
    past = []
    for path in modules():
        for name in imported(path):
            parts = name.split(".")
            is_other = parts[0] == "workbench" and len(parts) > 2 and parts[1] != room_of(path)
            if is_other and not (PACKAGE.joinpath(*parts[1:]) / "__init__.py").exists():
                past.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert not past


def test_a_door_offers_what_it_names() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        door = import_module(".".join(path.relative_to(PACKAGE.parent).parent.parts))
        offered = getattr(door, "__all__", [])
        assert all(getattr(door, name) is not None for name in offered), path
        assert set(offered) <= set(dir(door))
        beside = {other.stem for other in path.parent.iterdir()}
        assert not beside & set(offered), "a module that is loaded would take the name's place"


def test_the_way_through_the_rooms_is_short() -> None:
    uses: dict[str, set[str]] = {room: set() for room in ROW_OF}
    for path in modules():
        uses[room_of(path)] |= {name.split(".")[1] for name in imported(path) if name.startswith("workbench.")}
    floors: dict[str, int] = {}
    for room in TopologicalSorter({room: used - {room} for room, used in uses.items()}).static_order():
        floors[room] = 1 + max((floors[used] for used in uses[room] - {room}), default=0)
    assert max(floors.values()) <= FLOORS
    assert len(floors) <= ROOMS
    arrows = [(room, used) for room in uses for used in uses[room] - {room, DOORS}]
    assert len(arrows) < ARROWS_OF_A_ROOM * len(floors)


def test_heavy_libraries_are_imported_in_one_room_each() -> None:
    users: dict[str, set[str]] = {name: set() for name in HEAVY}
    for path in modules():
        for name in imported(path):
            if name.split(".")[0] in users:
                users[name.split(".")[0]].add(room_of(path))
    assert {name: rooms - HEAVY[name] for name, rooms in users.items() if rooms - HEAVY[name]} == {}


def test_importing_the_package_and_its_command_loads_nothing_heavy() -> None:
    heavy = [*HEAVY, "pandas", "numpy", "scipy", "pyarrow", "pydantic"]
    code = f"import workbench, workbench.commands.cli, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_command_imports_only_what_it_uses(tmp_path: Path) -> None:
    pilot = make_pilot(tmp_path, n_dev=20, prompt_tokens=100, concurrency=4)
    rare = {"matplotlib", "mlflow", "sqlalchemy", "papermill", "cryptography"}
    few = rare | {"pandas", "scipy", "aiohttp", "jinja2"}
    asks = rare - {"cryptography"}  # every decision is signed
    for command, heavy in {"status": few, "ledger": rare | {"scipy", "aiohttp", "jinja2"}, "evaluate": asks}.items():
        options = ["--agent", "majority"] if command == "evaluate" else []
        code = (
            "import sys; from workbench.commands.cli import main\ntry: main()\n"
            f"finally: print([m for m in {sorted(heavy)} if m in sys.modules], file=sys.stderr)"
        )
        line = [sys.executable, "-c", code, command, pilot.name, *options, "--root", str(tmp_path)]
        done = subprocess.run(line, capture_output=True, text=True, check=True)
        assert done.stderr.splitlines()[-1] == "[]", command


def test_the_public_names_are_those_that_are_exported() -> None:
    import workbench

    assert list(workbench.__all__) == sorted(workbench.__all__)
    for name in workbench.__all__:
        assert getattr(workbench, name) is not None
    assert set(workbench.__all__) <= set(dir(workbench))


ENTRY = "main"  # what a program does when it is started: one for each program


def test_a_name_means_one_thing() -> None:
    homes: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if isinstance(node, ast.ClassDef) or not node.name.startswith("_"):
                homes.setdefault(node.name, set()).add(str(path.relative_to(PACKAGE)))
    twice = {name: sorted(paths) for name, paths in homes.items() if len(paths) > 1 and name != ENTRY}
    assert twice == {}
