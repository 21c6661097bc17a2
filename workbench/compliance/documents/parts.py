"""The eight parts of an architecture document, the topics of each, and the skeleton that a new pilot begins with."""

from __future__ import annotations

from dataclasses import dataclass

OPEN = "to be filled in"
TO_BE_TIED = "Evidence:"


@dataclass(frozen=True, slots=True)
class Topic:
    """What a part must say something about: its label, and what belongs there."""

    label: str
    prompt: str


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """One part: its heading, its topics, and makers and files that would show that it is as written."""

    heading: str
    topics: tuple[Topic, ...]
    evidence: tuple[str, ...]


PARTS = (
    DocumentPart(
        "Agent components",
        (
            Topic(
                "Reasoning", "what decides: prompt or code, the model and what runs it, where a confidence comes from"
            ),
            Topic("Tools", "what it may call, what each of them changes, and how often in one decision"),
            Topic("Memory", "what is kept from one decision to the next, by what, and what is never kept"),
            Topic("Guardrails", "what stands around the agent, what each guard stops, and what happens then"),
        ),
        ("pilot.yaml", "evaluation", "cases"),
    ),
    DocumentPart(
        "Integration",
        (
            Topic("Connectors", "every system of integrations.yaml, how it is reached, what is read and written"),
            Topic("Queues", "where records wait, in which order, and what keeps one from being read twice or lost"),
            Topic("Errors", "what happens to a record when a system fails or answers something unexpected"),
            Topic("Retries", "what is called again and how often, and what keeps a write from being doubled"),
        ),
        ("integrations.yaml", "integrations", "faults"),
    ),
    DocumentPart(
        "Data",
        (
            Topic("Storage", "where records, decisions and evidence are, in which database or files"),
            Topic("Indexing", "by what a record and a decision are found again"),
            Topic("Caching", "what is kept to be faster, for how long, and what makes it void"),
            Topic("Retention", "how long each kind of data is kept, by which rule, and who deletes it"),
        ),
        ("contract.yaml", "charter.yaml", "audit"),
    ),
    DocumentPart(
        "Human in the loop",
        (
            Topic("Triggers", "what makes a record go to a person: threshold, categories, limits, faults"),
            Topic("Approval", "who decides then, what that person sees, and what waits meanwhile"),
            Topic("Feedback", "how decisions of people come back as labels, rules or prompts"),
        ),
        ("charter.yaml", "process.yaml", "evaluation"),
    ),
    DocumentPart(
        "Security",
        (
            Topic("Authentication", "how the agent's account and the people are known, and how often keys change"),
            Topic("Authorisation", "what the agent's account may do in each system, and what it may not"),
            Topic("Encryption", "of what, at rest and on the way, and who holds the keys"),
            Topic("Segmentation", "what can reach what, and what has no way out"),
        ),
        ("integrations.yaml", "integrations"),
    ),
    DocumentPart(
        "Compliance",
        (
            Topic("Audit trail", "what is written of every decision, where, and how a change would show"),
            Topic("Lineage", "how a decision leads back to record, version, prompt, policy and evidence"),
            Topic("Consent", "on which legal ground personal data is processed, and who was told or asked"),
        ),
        ("compliance.yaml", "charter.yaml"),
    ),
    DocumentPart(
        "Monitoring",
        (
            Topic("Metrics", "what is counted in production, with the targets of the charter"),
            Topic("Dashboards", "where they are looked at, by whom, how often"),
            Topic("Alerts", "which value makes whom look, within what time"),
            Topic("Runbooks", "what is done then, step by step, and where that is written"),
        ),
        ("charter.yaml", "gates.yaml", "load"),
    ),
    DocumentPart(
        "Deployment",
        (
            Topic("CI/CD", "what runs on a change, and what must pass before it goes further"),
            Topic("Staging", "where a version runs before production, on which records, for how long"),
            Topic("Production", "where it runs, on what machines, behind which switch"),
            Topic("Rollback", "how the version before is put back, by whom, and what happens to open records"),
        ),
        ("gates.yaml", "load.yaml"),
    ),
)


def architecture_skeleton(title: str) -> str:
    """Return an architecture document with its eight parts, each topic with what belongs there, all to be filled in."""
    lines = [
        f"# Architecture: {title}",
        "",
        "Every topic says what is true of this pilot, or that there is none and why. Every part names its evidence:",
        "makers such as audit or cases, and files of the pilot. `workbench documents check` says what is still open.",
    ]
    for number, part in enumerate(PARTS, start=1):
        lines += ["", f"## {number}. {part.heading}", ""]
        lines += [f"- **{topic.label}**: {OPEN} ({topic.prompt})" for topic in part.topics]
        lines += ["", f"{TO_BE_TIED} {', '.join(part.evidence)}"]
    return "\n".join(lines) + "\n"
