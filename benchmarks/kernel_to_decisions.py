"""From the start of a notebook's kernel to its decisions: 00_explore, 02 and 03 on a root where all is asked already.

A kernel is started, then the notebook's own cells run in order, up to the statement that has the decisions; measured is
from the kernel's readiness to that statement's end, imports included. Each notebook has a kernel of its own, they take
turns, and beside them stands `import pandas` alone. ROOT is the folder of a finished `workbench run`. Run:
`python benchmarks/kernel_to_decisions.py ROOT [--pilot invoice_matching] [--repeats 5]`.
"""

from __future__ import annotations

import argparse
import ast
import time
from collections.abc import Mapping
from pathlib import Path

import nbformat
from jupyter_client.manager import start_new_kernel

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
# The call after which the decisions are there.
DECIDED = {
    "00_explore": ".decisions(",
    "02_prompt_iteration": "compare_versions(",
    "03_evaluation": "judge_version(",
}


def cells_of(name: str, parameters: Mapping[str, str]) -> list[str]:
    """Return the code cells of a notebook up to the statement that has its decisions, its parameters set."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    last = next(place for place, source in enumerate(sources) if DECIDED[name] in source)
    statements = ast.parse(sources[last]).body
    end = next(one.end_lineno for one in statements if DECIDED[name] in str(ast.get_source_segment(sources[last], one)))
    given = "\n".join(f"{key} = {value!r}" for key, value in parameters.items())
    return [f"{sources[0]}\n{given}", *sources[1:last], "\n".join(sources[last].splitlines()[:end])]


def seconds_of(cells: list[str]) -> tuple[float, float]:
    """Return the seconds and CPU seconds of cells in a new kernel, from when it is ready."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        _run(client, "import os as _os")
        before = _cpu(client)
        since = time.perf_counter()
        for source in cells:
            _run(client, source)
        return time.perf_counter() - since, _cpu(client) - before
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _run(client, source: str, **expressions: str) -> dict:
    reply = client.execute_interactive(source, output_hook=lambda _: None, user_expressions=expressions, timeout=600)
    content = reply["content"]
    if content["status"] != "ok":
        raise RuntimeError(f"{source}\n{content['ename']}: {content['evalue']}")
    return content


def _cpu(client) -> float:
    content = _run(client, "", used="sum(_os.times()[:2])")
    return float(content["user_expressions"]["used"]["data"]["text/plain"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--pilot", default="invoice_matching")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    given = {"pilot": options.pilot, "root": str(options.root.resolve())}
    cells = {"import pandas": ["import pandas"]} | {name: cells_of(name, given) for name in DECIDED}
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in cells}
    for _ in range(options.repeats):
        for name, sources in cells.items():
            measured[name].append(seconds_of(sources))
    print(f"{'':22}{'wall s':>8}{'CPU s':>8}  the least of {options.repeats}, and the median wall s")
    for name, figures in measured.items():
        walls, cpus = zip(*figures, strict=True)
        print(f"{name:22}{min(walls):8.2f}{min(cpus):8.2f}  {sorted(walls)[len(walls) // 2]:.2f}")


if __name__ == "__main__":
    main()
