"""Errors a user can act on: what is wrong, where, got, expected, what to do."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from typing import ClassVar

MAX_SHOWN = 5
FACTS = ("where", "got", "expected", "remedy")


class WorkbenchError(Exception):
    """Base of every error the workbench raises on purpose.

    Parameters
    ----------
    problem : str
        What is wrong, one sentence without a full stop.
    where, got, expected, remedy : str, optional
        Pilot, file, line, record or field; the offending value; what would have been right; what to do next.
    """

    exit_code: ClassVar[int] = 4

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        got: str | None = None,
        expected: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.got = got
        self.expected = expected
        self.remedy = remedy

    def facts(self) -> dict[str, str]:
        """Return the facts that were given, in the order a reader needs them."""
        named = {"where": self.where, "got": self.got, "expected": self.expected, "do": self.remedy}
        return {name: text for name, text in named.items() if text is not None}

    def __str__(self) -> str:
        return "\n".join([self.problem, *(f"  {name}: {text}" for name, text in self.facts().items())])

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows instead of a traceback: at most four lines."""
        facts = [f"{name}: {text}" for name, text in self.facts().items()]
        middle = [fact for fact in facts if fact.startswith(("got: ", "expected: "))]
        lines = [fact for fact in facts if fact not in middle]
        if middle:
            lines.insert(0 if self.where is None else 1, "; ".join(middle))
        return [f"{type(self).__name__}: {self.problem}", *(f"  {line}" for line in lines)]

    def as_json(self) -> dict[str, str | None]:
        """Return the error as JSON values, from which `error_from` makes it in another process."""
        kind = next(kind.__name__ for kind in (InputError, SignatureError, WorkbenchError) if isinstance(self, kind))
        return {"kind": kind, "problem": self.problem} | {name: getattr(self, name) for name in FACTS}

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.problem, {name: getattr(self, name) for name in FACTS}))


class InputError(WorkbenchError):
    """The user's input cannot be used as it is; exit code 2."""

    exit_code = 2


class RunError(WorkbenchError):
    """The input is fine but the work could not be done or finished; exit code 4."""


class SignatureError(WorkbenchError):
    """A signature is missing or does not hold; exit code 1, as for a NO-GO."""

    exit_code = 1


def error_from(content: Mapping[str, str | None]) -> WorkbenchError:
    """Return the error that `WorkbenchError.as_json` gave in another process."""
    kind = {"InputError": InputError, "SignatureError": SignatureError}.get(str(content["kind"]), RunError)
    return _rebuild(kind, str(content["problem"]), {name: content.get(name) for name in FACTS})


def _rebuild(kind: type[WorkbenchError], problem: str, state: dict[str, str | None]) -> WorkbenchError:
    return kind(problem, **state)


def readable(text: str, longest: int) -> str:
    r"""Return foreign text for a terminal: on one line, at most so long, without signs that control or hide.

    Examples
    --------
    >>> readable("\x1b[31mred\x1b[0m\n text", 12)
    '[31mred[0m t'
    """
    visible = "".join(sign for sign in text[: 4 * longest] if sign.isspace() or unicodedata.category(sign)[0] != "C")
    return " ".join(visible.split())[:longest]


def shown(values: Iterable[object]) -> str:
    """Return at most five of the values, and the total when there are more.

    Examples
    --------
    >>> shown(["a", "b"])
    "'a', 'b'"
    >>> shown(range(9))
    '0, 1, 2, 3, 4, ... (9 in all)'
    """
    listed = list(values)
    text = ", ".join(repr(value) for value in listed[:MAX_SHOWN])
    return text if len(listed) <= MAX_SHOWN else f"{text}, ... ({len(listed):,} in all)"


def did_you_mean(name: str, known: Iterable[str], otherwise: str | None = None) -> str | None:
    """Return a remedy that names the nearest of what is known, or another one where nothing is near.

    Examples
    --------
    >>> did_you_mean("treshold", ["threshold", "level"]), did_you_mean("x", ["threshold"])
    ("did you mean 'threshold'?", None)
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise


def several(n: int, what: str, many: str = "") -> str:
    """Return how many of a thing.

    Examples
    --------
    >>> several(1, "finding"), several(1_200, "cell is empty", "cells are empty")
    ('1 finding', '1,200 cells are empty')
    """
    return f"{n:,} {what if n == 1 else many or f'{what}s'}"
