"""The model that ships: small, and it reads the policy in its prompt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreement import agreement
from asking import ask
from test_vllm_engine import on_vllm

from eval_suites.invoice_matching.facts import Findings, lines
from workbench.agents.decisions import decision_from_reply
from workbench.agents.prompts import Prompt, messages, read_prompts, response_schema
from workbench.agents.serving import served
from workbench.engines.pocket.engine import PocketEngine
from workbench.engines.pocket.folder import trained_length
from workbench.engines.pocket.settings import PACKAGED
from workbench.engines.protocol import Message, Request
from workbench.engines.server.engine import ServerEngine
from workbench.engines.server.settings import ServerSettings
from workbench.engines.vllm.engine import VllmEngine
from workbench.engines.vllm.settings import VllmSettings
from workbench.pilot.pilot import open_pilot
from workbench.records.records import Record
from workbench.records.splits import read_dataset

ROOT = Path(__file__).parent.parent
LABELS = ("approve", "reject", "escalate")
PILOT = open_pilot("invoice_matching", ROOT)
PROMPTS = read_prompts(PILOT.suite / "prompts", PILOT.prompt_fields)
N_RECORDS = 400


def request_of(prompt: Prompt, record_id: str, facts: str, old: str = "", new: str = "") -> Request:
    """Return a request, the system message with one text in place of another."""
    system, user = messages(prompt, Record(record_id, {"facts": facts}, ""), LABELS)
    assert old in system.content
    changed = Message("system", system.content.replace(old, new) if old else system.content)
    return Request(record_id, (changed, user), prompt.sampling, response_schema(prompt, LABELS))


def facts_of(found: Findings) -> str:
    return "\n".join(text for _, text in lines(found))


@pytest.fixture(scope="module")
def labelled() -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Return (id, facts) of some development records, and their labels."""
    from eval_suites.invoice_matching.facts import matching_facts

    dataset = read_dataset(PILOT)
    labels = dataset.dev_labels()["label"]
    ids = labels.index[np.random.default_rng(3).permutation(len(labels))[:N_RECORDS]]
    records = [(record.id, matching_facts(record.fields)["facts"]) for record in dataset.records(ids)]
    return records, {str(name): str(label) for name, label in labels[ids].items()}


def accuracy(name: str, labelled: tuple[list[tuple[str, str]], dict[str, str]]) -> float:
    records, labels = labelled
    replies = ask(PocketEngine(), [request_of(PROMPTS[name], *record) for record in records])
    right = [decision_from_reply(reply, LABELS).action == labels[reply.id] for reply in replies]
    assert len(right) == N_RECORDS
    return float(np.mean(right))


def test_the_packaged_model_is_small_and_has_its_card() -> None:
    assert (PACKAGED / "model.safetensors").stat().st_size <= 10_000_000
    card = (PACKAGED / "README.md").read_text(encoding="utf-8")
    assert "not" in card
    assert "trained from" in card


def test_the_complete_prompt_is_long_and_its_answer_short() -> None:
    (reply,) = ask(PocketEngine(), [request_of(PROMPTS["v5"], "r", facts_of(Findings()))])
    assert reply.failure is None
    assert reply.prompt_tokens is not None
    assert reply.prompt_tokens > 600
    assert reply.tokens is not None
    assert [token.token for token in reply.tokens][::2] == ['{"action":"', '","reason":"', '"}']


def test_every_shipped_prompt_is_within_what_the_model_was_trained_on_with_the_longest_record() -> None:
    from eval_suites.invoice_matching.facts import matching_facts

    engine, dataset = PocketEngine(), read_dataset(PILOT)
    facts = {matching_facts(record.fields)["facts"] for record in dataset.records(dataset.splits.index)}
    longest = sorted(facts, key=len)[-200:]
    for version in ("v1", "v2", "v3", "v4", "v5", "v6"):
        requests = [request_of(PROMPTS[version], str(number), text) for number, text in enumerate(longest)]
        tokens = [engine._model.chat.prompt(request.messages).n_tokens for request in requests]
        assert max(tokens) <= trained_length(PACKAGED)


def test_better_prompts_do_better_on_the_same_records(
    labelled: tuple[list[tuple[str, str]], dict[str, str]],
) -> None:
    poor, middling, complete = (accuracy(name, labelled) for name in ("v1", "v2", "v5"))
    assert poor + 0.05 < middling + 0.02 < complete


def share_stopped(version: str, line: str, old: str, new: str) -> float:
    """Return the share not approved of invoices 1.6 to 3.4% off on one line only, with a text of a version changed."""
    plain = Findings(plant="1010", payable=2.5)
    findings = [
        replace(plain, group=group, deliveries=n, **{line: (percent, 120.0)})
        for group in ("fasteners", "castings", "seals", "cables")
        for n in (1, 3)
        for percent in (1.6, 2.0, 2.4, 3.0, 3.4)
    ]
    requests = [request_of(PROMPTS[version], str(n), facts_of(found), old, new) for n, found in enumerate(findings)]
    decided = [decision_from_reply(reply, LABELS).action for reply in ask(PocketEngine(), requests)]
    return 1 - decided.count("approve") / len(findings)


@pytest.mark.parametrize(
    ("line", "stated"),
    [
        ("over_quantity", ("Over quantity above ", "2.0", " % or quantity worth")),
        ("price_above", ("Price variance above ", "2.5", " % or extra cost")),
    ],
)
def test_a_tolerance_changed_in_a_long_prompt_changes_nearly_all_decisions(
    line: str, stated: tuple[str, str, str]
) -> None:
    before, limit, after = stated
    old = f"{before}{limit}{after}"
    assert share_stopped("v4", line, old, f"{before}1.0{after}") >= 0.9
    assert share_stopped("v4", line, old, f"{before}5.0{after}") <= 0.1


@on_vllm
def test_vllm_decides_as_the_pocket_engine_does(labelled: tuple[list[tuple[str, str]], dict[str, str]]) -> None:
    records, _ = labelled
    requests: list[Any] = [request_of(PROMPTS["v5"], *record) for record in records[:200]]
    settings = VllmSettings(model=str(PACKAGED), dtype="float32", kv_cache_gib=0.25)
    found = agreement(ask(PocketEngine(), requests), ask(VllmEngine(settings), requests), LABELS)
    assert found.n == 200
    assert found.same_action >= 0.99


@on_vllm
def test_a_served_model_decides_as_the_pocket_engine_does(
    labelled: tuple[list[tuple[str, str]], dict[str, str]], tmp_path: Path
) -> None:
    records, _ = labelled
    requests: list[Any] = [request_of(PROMPTS["v5"], *record) for record in records[:100]]
    settings = VllmSettings(model=str(PACKAGED), dtype="float32", kv_cache_gib=0.25)
    with served(settings, tmp_path / "log") as server:
        there = ask(ServerEngine(ServerSettings(base_url=server.url, model=server.model)), requests)
    found = agreement(ask(PocketEngine(), requests), there, LABELS)
    assert found.n == 100
    assert found.same_action >= 0.99
