"""A decision as JUnit XML: each criterion is a test case in a CI system's own view."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from workbench.gates.criteria import CriterionResult
from workbench.gates.verdict import GateDecision
from workbench.metrics import State

# What XML 1.0 does not allow, not even escaped.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(decision: GateDecision) -> str:
    """Return a decision as JUnit XML: a criterion that fails or is unproven is a failure, a waived one is skipped.

    A waived criterion's message names who waived it and until when, so that a green run still shows it.
    """
    name = f"{decision.pilot} gate {decision.gate}"
    blocking, waived = decision.blocking, decision.waived
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": _fit(name),
            "tests": str(len(decision.results)),
            "failures": str(len(blocking)),
            "errors": "0",
            "skipped": str(len(waived)),
        },
    )
    for result in decision.results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            {
                "classname": _fit(name.replace(" ", ".")),
                "name": _fit(f"{result.criterion.id}: {result.criterion.title}"),
            },
        )
        _add_outcome(case, result, decision)
    output = ElementTree.SubElement(suite, "system-out")
    output.text = _fit(str(decision.brief))
    suites = ElementTree.Element("testsuites", dict(suite.attrib))
    suites.append(suite)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _add_outcome(case: ElementTree.Element, result: CriterionResult, decision: GateDecision) -> None:
    """Say under a test case why it did not pass."""
    if result.state is State.PASS:
        return
    waiver = decision.waived.get(result.criterion.id)
    if waiver is not None:
        message = f"waived by {waiver.name} ({waiver.role}) until {waiver.until}: {waiver.why}; {result.reason}"
        ElementTree.SubElement(case, "skipped", {"message": _fit(message)})
        return
    message = _fit(f"{result.state.value}: {result.reason}")
    failure = ElementTree.SubElement(case, "failure", {"type": result.state.value, "message": message})
    failure.text = _fit("\n".join([result.would_change, *result.details]))


def _fit(text: str) -> str:
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
