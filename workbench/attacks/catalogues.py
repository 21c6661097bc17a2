"""Catalogues of attacks on AI systems whose ids a pattern may carry: name, version, date, and titles of ids in use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from workbench.words import InputError


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A published list of attacks.

    Parameters
    ----------
    name : str
        Publisher and title.
    version : str
        What stands after the colon of its ids.
    published : date
        Day of that version.
    form : str
        Regular expression of an id, without its version.
    """

    name: str
    version: str
    published: date
    form: str


CATALOGUES = (
    Catalogue("OWASP Top 10 for LLM Applications", "2025", date(2024, 11, 18), r"LLM(0[1-9]|10)"),
    Catalogue("OWASP Top 10 for LLM Applications", "2026", date(2026, 8, 4), r"LLM(0[1-9]|10)"),
    Catalogue("OWASP Top 10 for Agentic Applications", "2026", date(2025, 12, 9), r"ASI(0[1-9]|10)"),
    Catalogue("MITRE ATLAS", "5.6.0", date(2026, 4, 30), r"AML\.T\d{4}(\.\d{3})?"),
    Catalogue("NIST AI 100-2 E2025", "2025", date(2025, 3, 24), r"NISTAML\.\d{2,3}"),
)
TITLES = {
    "LLM01:2025": "Prompt Injection",
    "LLM02:2025": "Sensitive Information Disclosure",
    "LLM04:2025": "Data and Model Poisoning",
    "LLM05:2025": "Improper Output Handling",
    "LLM06:2025": "Excessive Agency",
    "LLM07:2025": "System Prompt Leakage",
    "LLM09:2025": "Misinformation",
    "LLM10:2025": "Unbounded Consumption",
    "LLM01:2026": "Prompt Injection",
    "LLM02:2026": "Sensitive Information Disclosure",
    "LLM03:2026": "Excessive Agency",
    "LLM05:2026": "Data and Model Poisoning",
    "LLM06:2026": "Unbounded Consumption",
    "LLM07:2026": "Misinformation",
    "LLM08:2026": "Hidden Context Exposure",
    "LLM10:2026": "Improper Output Handling",
    "ASI01:2026": "Agent Goal Hijack",
    "ASI02:2026": "Tool Misuse and Exploitation",
    "ASI03:2026": "Identity and Privilege Abuse",
    "ASI05:2026": "Unexpected Code Execution",
    "ASI06:2026": "Memory and Context Poisoning",
    "ASI07:2026": "Insecure Inter-Agent Communication",
    "ASI08:2026": "Cascading Failures",
    "ASI09:2026": "Human-Agent Trust Exploitation",
    "ASI10:2026": "Rogue Agents",
    "AML.T0015:5.6.0": "Evade AI Model",
    "AML.T0029:5.6.0": "Denial of AI Service",
    "AML.T0034.002:5.6.0": "Agentic Resource Consumption",
    "AML.T0043:5.6.0": "Craft Adversarial Data",
    "AML.T0051.001:5.6.0": "LLM Prompt Injection: Indirect",
    "AML.T0053:5.6.0": "AI Agent Tool Invocation",
    "AML.T0054:5.6.0": "LLM Jailbreak",
    "AML.T0056:5.6.0": "Extract LLM System Prompt",
    "AML.T0057:5.6.0": "LLM Data Leakage",
    "AML.T0061:5.6.0": "LLM Prompt Self-Replication",
    "AML.T0068:5.6.0": "LLM Prompt Obfuscation",
    "AML.T0073:5.6.0": "Impersonation",
    "AML.T0077:5.6.0": "LLM Response Rendering",
    "AML.T0080.000:5.6.0": "AI Agent Context Poisoning: Memory",
    "AML.T0086:5.6.0": "Exfiltration via AI Agent Tool Invocation",
    "AML.T0094:5.6.0": "Delay Execution of LLM Instructions",
    "AML.T0099:5.6.0": "AI Agent Tool Data Poisoning",
    "NISTAML.014:2025": "Energy-Latency",
    "NISTAML.015:2025": "Indirect Prompt Injection",
    "NISTAML.018:2025": "Prompt Injection",
    "NISTAML.022:2025": "Evasion",
    "NISTAML.027:2025": "Misaligned Outputs",
    "NISTAML.035:2025": "Prompt Extraction",
    "NISTAML.036:2025": "Leaking information from user interactions",
    "NISTAML.039:2025": "Compromising connected resources",
}


def catalogue_of(identifier: str) -> Catalogue:
    """Return the catalogue that an id with its version is of, such as LLM01:2026.

    Raises
    ------
    InputError
        It is of none of them, or names no version that is known here.
    """
    name, _, version = identifier.partition(":")
    found = next((one for one in CATALOGUES if one.version == version and re.fullmatch(one.form, name)), None)
    if found is None:
        raise InputError(
            "an id is of no catalogue, or without its version",
            got=repr(identifier),
            expected="such as LLM01:2026, ASI01:2026, AML.T0051.001:5.6.0, NISTAML.018:2025",
        )
    return found
