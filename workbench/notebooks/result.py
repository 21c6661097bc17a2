"""The end of a notebook: `finish` in its last cell, and what a reader finds of it in the executed notebook."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.words import Brief, RunError

FINISH_TYPE = "application/vnd.agent-workbench.finish+json"


@dataclass(frozen=True, slots=True)
class Finish:
    """What a notebook came to: its answer (see `workbench.words.Brief`), and the numbers behind it as JSON values."""

    answer: str
    values: Mapping[str, Any]


def finish(answer: str, values: Mapping[str, object]) -> None:
    """Show a notebook's answer and mark that it reached its end; the last statement of every notebook.

    The mark is an output of this very cell. An execution starts with every output cleared, so no earlier run can
    have left it, and a kernel that dies on the way cannot have written it.

    Parameters
    ----------
    answer : str
        The answer to the notebook's question: one or two sentences, then a list (see `workbench.words.Brief`).
    values : mapping of str to JSON values
        The numbers behind the answer; what is undefined is None.

    Raises
    ------
    RunError
        A value is not plain JSON; NaN and infinity are not.
    """
    from IPython.display import display

    try:
        content = json.loads(json.dumps({"answer": answer, "values": dict(values)}, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise RunError(
            "the values of a notebook are not plain JSON",
            got=str(error),
            expected="text, finite numbers, booleans, None, lists and mappings of them",
            remedy="turn numpy numbers into Python's with .item(), and write None for what is undefined",
        ) from None
    shown = Brief.read(answer).html()
    display({FINISH_TYPE: content, "text/html": shown, "text/plain": answer}, raw=True)  # type: ignore[no-untyped-call]


def read_finish(cells: Sequence[Mapping[str, Any]]) -> Finish | None:
    """Return what the last code cell of an executed notebook says, None when it never reached its end.

    Parameters
    ----------
    cells : sequence of mappings
        The cells of a notebook in format 4, as JSON or as nbformat reads them.
    """
    last = next(
        (cell for cell in reversed(cells) if cell["cell_type"] == "code" and "".join(cell["source"]).strip()), None
    )
    if last is None or last.get("execution_count") is None:
        return None
    outputs = last["outputs"]
    if any(output["output_type"] == "error" for output in outputs):
        return None
    marks = [output["data"][FINISH_TYPE] for output in outputs if FINISH_TYPE in output.get("data", {})]
    return Finish(marks[-1]["answer"], marks[-1]["values"]) if marks else None


def merge_streams(outputs: Sequence[Any]) -> list[Any]:
    """Return a cell's outputs with text printed in pieces joined, and of a progress bar only its last state.

    nbclient can do so itself, but takes hours for one line of a few million characters.
    """
    merged: list[Any] = []
    for (kind, name), group in itertools.groupby(outputs, key=lambda output: (output.output_type, output.get("name"))):
        pieces = list(group)
        if kind == "stream":
            text = "".join(piece.text for piece in pieces)
            lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
            pieces = [type(pieces[0])(output_type=kind, name=name, text="\n".join(lines))]
        merged += pieces
    return merged
