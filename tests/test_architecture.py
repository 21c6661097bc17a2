"""The architecture document: complete ones are quiet, and each planted fault is named by part and line."""

import shutil
from pathlib import Path

import pytest
from ticket_records import write_tickets
from typer.testing import CliRunner

from workbench.commands.cli import app
from workbench.commands.scaffold import Columns, init_pilot
from workbench.compliance.documents import ARCHITECTURE_FILE, PARTS, architecture_gaps
from workbench.compliance.documents.gap import ArchitectureGap
from workbench.pilot import Pilot, open_pilot

ROOT = Path(__file__).parent.parent
SHIPPED = ("invoice_matching", "support_triage")
# Sentences as such a document has them, which say nothing against invoice_matching.
HARMLESS = """
Two clerks look at 30 documents and three of them were called. The phone rings within 10 seconds and costs little.
Claude Berger owns the page, and there is slack in the queue. Questions older than two years are of no interest here.
There is no vector database such as Pinecone, and GPT-4 was tried and is not used; we run without Redis or Kafka.
Fewer than 5% fall below the threshold, which is certified at Gate 2; its interval is one-sided at 95%.
95% of documents are ordinary. A token is a word of the model. `make check` runs on Python 3.11 within 12 minutes.
Set `WORKBENCH_SIGNING_KEY` for the runner. A person may reject 50,000 documents, and 7 calls were listened to.
A reviewer sees up to 40 documents a day, and the card costs about 30,000 euro. Logs are kept 90 days, backups 4 hours.
The limit of 10 calls in a row is for people of the help desk. HTTP_PROXY is unset. Falcon Street 12 is where we are.
The model answers within 3 seconds when idle. Snowflake was considered and rejected. A token lasts one hour.
<!-- The first draft said GPT-4 on MongoDB, at most 99 calls. -->
"""


def copied(root: Path, name: str = "invoice_matching") -> Pilot:
    """Return a copy of a shipped pilot without its records."""
    shutil.copytree(ROOT / "eval_suites" / name, root / "eval_suites" / name)
    data = root / "datasets" / name
    data.mkdir(parents=True)
    for file in ("contract.yaml", "splits.yaml"):
        shutil.copyfile(ROOT / "datasets" / name / file, data / file)
    return open_pilot(name, root)


def edited(pilot: Pilot, old: str, new: str) -> tuple[ArchitectureGap, ...]:
    """Return the gaps after one edit of the document."""
    path = pilot.suite / ARCHITECTURE_FILE
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")
    return architecture_gaps(pilot)


def line_of(pilot: Pilot, text: str) -> int:
    """Return the line of the document on which a text begins."""
    whole = (pilot.suite / ARCHITECTURE_FILE).read_text(encoding="utf-8")
    return whole.count("\n", 0, whole.index(text)) + 1


@pytest.mark.parametrize("name", SHIPPED)
def test_the_documents_of_the_shipped_pilots_are_complete(name: str) -> None:
    assert architecture_gaps(open_pilot(name, ROOT)) == ()


def test_sentences_that_say_nothing_against_the_pilot_are_no_gaps(tmp_path: Path) -> None:
    pilot = copied(tmp_path)
    path = pilot.suite / ARCHITECTURE_FILE
    path.write_text(path.read_text(encoding="utf-8") + HARMLESS, encoding="utf-8")
    assert architecture_gaps(pilot) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("## 4. Human in the loop", "### Human-in-the-Loop ###"),
        ("## 3. Data\n", "## Data architecture\n"),
        ("- **Authorisation**:", "1. __Authorization:__"),
        ("- **CI/CD**: a change", "### CI/CD\n\nA change"),
        (
            "Evidence: gates.yaml, load.yaml, load, faults",
            "**Evidence:** `gates.yaml` (gate 2); maker load and\nfaults",
        ),
        ("SQLite file", "sqlite file"),
        ("100 calls a second", "100 calls per\nsecond"),
        ("kept 8 years", "kept eight years"),
        ("valid for one hour", "valid for 60 minutes"),
        ("Evidence: contract.yaml,", "Evidence: .ci/run.md, datasets/invoice_matching/contract.yaml,"),
        ("# Architecture of", "# Anything\n\n## Overview\n\nA page about the whole.\n\n# Architecture of"),
    ],
)
def test_the_same_said_another_way_is_no_gap(tmp_path: Path, old: str, new: str) -> None:
    pilot = copied(tmp_path)
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run.md").write_text("what CI runs\n", encoding="utf-8")
    assert edited(pilot, old, new) == ()


@pytest.mark.parametrize("part", [part.heading for part in PARTS])
def test_each_part_that_is_missing_is_named(tmp_path: Path, part: str) -> None:
    pilot = copied(tmp_path)
    path = pilot.suite / ARCHITECTURE_FILE
    head, *rest = path.read_text(encoding="utf-8").split("\n## ")
    kept = [one for one in rest if not one.partition("\n")[0].endswith(part)]
    assert len(kept) == len(PARTS) - 1
    path.write_text("\n## ".join([head, *kept]), encoding="utf-8")
    (gap,) = architecture_gaps(pilot)
    assert (gap.part, gap.line, gap.got) == (part, None, "no such part")
    assert gap.expected == f"a heading {part!r}"


@pytest.mark.parametrize("part", [part.heading for part in PARTS])
def test_each_part_that_is_empty_is_named_with_its_line(tmp_path: Path, part: str) -> None:
    pilot = copied(tmp_path)
    path = pilot.suite / ARCHITECTURE_FILE
    parts = path.read_text(encoding="utf-8").split("\n## ")
    emptied = [one if not one.partition("\n")[0].endswith(part) else one.partition("\n")[0] + "\n" for one in parts]
    path.write_text("\n## ".join(emptied), encoding="utf-8")
    (gap,) = architecture_gaps(pilot)
    assert (gap.part, gap.line, gap.got) == (part, line_of(pilot, f"{part}\n"), "nothing below the heading")


# What is written, what is written instead, the part in which that is a gap, and what the gap says.
PLANTED = [
    ("- **Memory**: none. No", "None. No", "Agent components", "nothing on 'Memory'"),
    ("none. No decision sees an earlier one; `environment.yaml` declares nothing to be remembered.", "none.",
     "Agent components", "Memory: only 1 words"),
    ("none. No decision sees", "to be filled in (no decision sees", "Agent components", "'to be filled in' is left"),
    ("the process owner looks every week", "dashboards are watched as needed", "Monitoring", "too vague: 'as needed'"),
    ("TLS to every system;", "industry-standard encryption;", "Security", "too vague: 'industry-standard'"),
    ("Evidence: charter.yaml, gates.yaml, load\n", "", "Monitoring", "no line that begins with `Evidence:`"),
    ("Evidence: charter.yaml, gates.yaml, load\n", "Evidence:\n", "Monitoring", "an evidence line that names nothing"),
    ("gates.yaml, load\n", "gates.yaml, pentest\n", "Monitoring", "evidence 'pentest', which is no maker and no file"),
    ("load.yaml, load, faults", "lod.yaml, load, faults", "Deployment", "evidence 'lod.yaml'"),
    ("load.yaml, load, faults", "../../../../etc/passwd, load", "Deployment", "evidence '../../../../etc/passwd'"),
    ("answered by the pocket model on CPUs", "answered by GPT-4o", "Agent components", "does not use: 'GPT-4o'"),
    ("answered by the pocket model on CPUs", "answered by Llama 3.1 70B", "Agent components", "'Llama 3.1 70B'"),
    ("by vLLM on the card", "by Ollama on the card", "Agent components", "does not use: 'Ollama'"),
    ("a SQLite file in", "a MongoDB collection in", "Data", "a store that the pilot does not use: 'MongoDB'"),
    ("Nothing else is cached", "Orders are cached in Redis", "Data", "a store that the pilot does not use: 'Redis'"),
    ("messages as they arrive", "messages over Kafka", "Integration", "'Kafka'"),
    ("SAP_DE gives files", "SAP_DE and SAP_FR give files", "Integration", "does not use: 'SAP_FR'"),
    ("`hand_over`", "`hand_over` and `pay_out`", "Agent components", "a name that the pilot does not use: 'pay_out'"),
    ("at most 15 calls", "at most 25 calls", "Agent components", "calls in one decision: '25 calls'"),
    ("and 2 writes and", "and five writes and", "Agent components", "writes in one decision: 'five writes'"),
    ("posts up to 50,000 euro", "posts up to 75,000 euro", "Agent components", "an amount of money: '75,000 euro'"),
    ("above 2,500 euro", "above EUR 10,000", "Human in the loop", "an amount of money: 'EUR 10,000'"),
    ("100 calls a second", "500 calls a second", "Integration", "calls a second: '500 calls a second'"),
    ("are kept 8 years", "are kept for nine years", "Data", "years of retention: 'nine years'"),
    ("after 90 days", "after 30 days", "Security", "days after which a secret is replaced: '30 days'"),
    ("valid for one hour", "valid for 12 hours", "Security", "life of a token: '12 hours'"),
    ("p95 within 45 s", "p95 within 5 s", "Monitoring", "latency: 'within 5 s'"),
    ("1,800 documents and", "9,000 documents a day and", "Deployment", "records a day: '9,000 documents a day'"),
    ("420 documents an hour", "4,200 documents an hour", "Integration", "records an hour"),
    ("the certified threshold, a", "the threshold of 0.75, a", "Human in the loop", "'threshold of 0.75'"),
]  # fmt: skip


# Written when the check was finished; all of these were found as it was, "every month" for 90 days was not.
PLANTED_AFTER = [
    ("by the pocket model", "by Claude Sonnet 4.5", "Agent components", "does not use: 'Claude Sonnet 4.5'"),
    ("by vLLM on the card", "by TensorRT-LLM on the card", "Agent components", "does not use: 'TensorRT-LLM'"),
    ("a SQLite file in", "kept in PostgreSQL in", "Data", "does not use: 'PostgreSQL'"),
    ("Postings are in the ERP", "Postings are in SAP S/4HANA", "Data", "does not use: 'S/4HANA'"),
    ("WORKLIST (REST) takes", "WORKLIST (REST) and ServiceNow take", "Integration", "does not use: 'ServiceNow'"),
    ("at most 15 calls", "no more than twelve tool calls", "Agent components", "'twelve tool calls'"),
    ("up to 50,000 euro", "up to €500,000", "Agent components", "an amount of money: '€500,000'"),
    ("are kept 8 years", "are archived for 6 years", "Data", "years of retention: '6 years'"),
    ("100 calls a second", "1,000 requests per second", "Integration", "'1,000 requests per second'"),
    ("is valid for one hour", "expires after 15 minutes", "Security", "life of a token: '15 minutes'"),
    (
        "below the certified threshold",
        "below a threshold of 60%",
        "Human in the loop",
        "of 60",
    ),
    ("with a p95 within 45 s", "with 95% in less than 20 seconds", "Monitoring", "latency: 'than 20 seconds'"),
    ("EDI_HUB messages", "EDI_HUB, via RabbitMQ, messages", "Integration", "does not use: 'RabbitMQ'"),
]


@pytest.mark.parametrize(("old", "new", "part", "said"), [*PLANTED, *PLANTED_AFTER])
def test_a_planted_fault_is_the_one_gap(tmp_path: Path, old: str, new: str, part: str, said: str) -> None:
    pilot = copied(tmp_path)
    (gap,) = edited(pilot, old, new)
    assert gap.part == part
    assert said in gap.got
    assert gap.expected
    assert gap.remedy
    assert gap.line is not None


def test_a_contradiction_is_named_with_its_line_and_what_the_pilot_sets(tmp_path: Path) -> None:
    pilot = copied(tmp_path)
    (gap,) = edited(pilot, "at most 15 calls", "at most 25 calls")
    assert gap.line == line_of(pilot, "25 calls")
    assert gap.expected == "15 (environment.yaml, limits.calls)"
    assert gap.where == f"Agent components, line {gap.line}"


def test_evidence_that_no_file_can_be_called_is_a_gap(tmp_path: Path) -> None:
    (gap,) = edited(copied(tmp_path), "Evidence: charter.yaml, gates.yaml, load\n", f"Evidence: {'x' * 5000}\n")
    assert gap.got.startswith("evidence 'xxx")
    assert len(gap.got) < 150


def test_a_limit_that_the_pilot_does_not_set_is_a_gap(tmp_path: Path) -> None:
    pilot = copied(tmp_path, "support_triage")
    (gap,) = edited(pilot, "- **Tools**: none.", "- **Tools**: at most 15 calls in one decision.")
    assert (gap.got, gap.expected) == ("calls in one decision: '15 calls'", "no such limit is set")


def test_a_system_that_the_document_leaves_out_is_a_gap(tmp_path: Path) -> None:
    pilot = copied(tmp_path)
    path = pilot.suite / ARCHITECTURE_FILE
    path.write_text(path.read_text(encoding="utf-8").replace("TAX_IDS (MCP)", "a check of ids"), encoding="utf-8")
    (gap,) = architecture_gaps(pilot)
    assert (gap.part, gap.got) == ("Integration", "no word of TAX_IDS")


def test_a_threshold_that_the_evidence_states_is_no_gap(tmp_path: Path) -> None:
    pilot = copied(tmp_path)
    assert len(edited(pilot, "the certified threshold, a", "the threshold of 0.87, a")) == 1
    folder = pilot.runs / "exhibits" / "evaluation"
    folder.mkdir(parents=True)
    (folder / "exhibit.json").write_text('{"facts": {"holdout": {"threshold": 0.8731}}}', encoding="utf-8")
    assert architecture_gaps(pilot) == ()


def test_a_new_pilot_begins_with_a_skeleton_in_which_every_topic_is_open(tmp_path: Path) -> None:
    init_pilot("tickets", write_tickets(tmp_path / "tickets.csv", 60), Columns("queue", id="ticket"), tmp_path)
    gaps = architecture_gaps(open_pilot("tickets", tmp_path))
    assert sum("'to be filled in' is left" in gap.got for gap in gaps) == sum(len(part.topics) for part in PARTS)
    assert {gap.part for gap in gaps} == {part.heading for part in PARTS}


def test_the_skeletons_own_words_are_no_answer(tmp_path: Path) -> None:
    pilot = copied(tmp_path)
    topic = PARTS[2].topics[2]
    (gap,) = edited(pilot, "- **Caching**: the same", f"- **Caching**: {topic.prompt}; the same")
    assert gap.got == "Caching: the skeleton's own words is left"


def test_without_a_document_that_is_the_gap(tmp_path: Path) -> None:
    pilot = copied(tmp_path)
    (pilot.suite / ARCHITECTURE_FILE).unlink()
    (gap,) = architecture_gaps(pilot)
    assert (gap.part, gap.line, gap.got) == (ARCHITECTURE_FILE, None, "no such file")


def test_the_command_names_gaps_and_signatures_and_ends_with_1(tmp_path: Path) -> None:
    pilot = copied(tmp_path)
    clean = CliRunner().invoke(app, ["documents", "check", pilot.name, "--root", str(tmp_path)])
    assert clean.exit_code == 0
    assert clean.stdout.startswith("8 parts of architecture.md: 0 gaps.\nSigned by ")
    edited(pilot, "at most 15 calls", "at most 25 calls")
    done = CliRunner().invoke(app, ["documents", "check", pilot.name, "--root", str(tmp_path), "--details"])
    assert done.exit_code == 1
    assert "8 parts of architecture.md: 1 gap." in done.stdout
    assert "calls in one decision: '25 calls'; expected: 15 (environment.yaml, limits.calls)" in " ".join(
        done.stdout.split()
    )
