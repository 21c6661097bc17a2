"""Results as JUnit XML, for a CI system's own view."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

# What XML 1.0 does not allow, not even escaped.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class JUnitCase:
    """One result; it passed where it neither failed nor was skipped.

    Parameters
    ----------
    failure : (str, str, str), optional
        Its type, a message, and more text.
    skipped : str, optional
        Why it does not count.
    """

    name: str
    failure: tuple[str, str, str] | None = None
    skipped: str | None = None


def junit_suite(name: str, results: Sequence[JUnitCase], output: str) -> str:
    """Return results as JUnit XML; `output` is what a reader is told of them all."""
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": _fit(name),
            "tests": str(len(results)),
            "failures": str(sum(one.failure is not None for one in results)),
            "errors": "0",
            "skipped": str(sum(one.skipped is not None for one in results)),
        },
    )
    for result in results:
        named = {"classname": _fit(name.replace(" ", ".")), "name": _fit(result.name)}
        case = ElementTree.SubElement(suite, "testcase", named)
        if result.skipped is not None:
            ElementTree.SubElement(case, "skipped", {"message": _fit(result.skipped)})
        elif result.failure is not None:
            kind, message, text = result.failure
            ElementTree.SubElement(case, "failure", {"type": kind, "message": _fit(message)}).text = _fit(text)
    ElementTree.SubElement(suite, "system-out").text = _fit(output)
    suites = ElementTree.Element("testsuites", dict(suite.attrib))
    suites.append(suite)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _fit(text: str) -> str:
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
