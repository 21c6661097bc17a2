"""The shipped pilot invoice_matching: its generated records, the policy behind their labels, its agents."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from workbench.agents.callables import PilotFunction
from workbench.agents.decisions import read_answer
from workbench.agents.prompts import messages, read_prompt, read_prompts
from workbench.agents.prompts.document import estimated_tokens
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.records.records import iterate, read_record_table

ROOT = Path(__file__).resolve().parents[1]
DATA, SUITE = ROOT / "datasets" / "invoice_matching", ROOT / "eval_suites" / "invoice_matching"
PLANTED = Path(__file__).parent / "data" / "invoice_matching_planted.csv"
LABELS = ("approve", "reject", "escalate")
LABEL_COLUMNS = ("class", "decision", "reason_code")
sys.path.insert(0, str(DATA))

import generate  # noqa: E402
from generator import tax_ids  # noqa: E402
from generator.facts import Case, NoteFact  # noqa: E402
from generator.formats import Numbers, read_formats  # noqa: E402
from generator.notes import NO_NOTE, NoteBook  # noqa: E402
from generator.policy import Policy, read_policy  # noqa: E402
from generator.units import FACTORS  # noqa: E402
from invoice_cases import HAND_MADE, LARGE, case  # noqa: E402

POLICY = read_policy()
PROCESS = POLICY.process
FORMATS = read_formats(PROCESS)


@pytest.fixture(scope="module")
def entries() -> list[Any]:
    """The shipped records as the generator makes them, with the facts behind them."""
    return generate.make_entries(generate.SEED, generate.N_RECORDS)


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    return open_pilot("invoice_matching", ROOT)


@pytest.fixture(scope="module")
def frame(pilot: Pilot) -> pd.DataFrame:
    return read_record_table(pilot.contract, DATA).frame


@pytest.fixture(scope="module")
def agents() -> ModuleType:
    function = PilotFunction(ROOT, "eval_suites/invoice_matching/agents.py:policy_rules").load()
    return sys.modules[function.__module__]


@pytest.fixture(scope="module")
def planted() -> pd.DataFrame:
    return pd.read_csv(PLANTED, dtype=str, keep_default_na=False)


def shown(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Records as an agent sees them, by id."""
    columns = [name for name in frame.columns if name not in LABEL_COLUMNS]
    return dict(zip(frame.index, frame[columns].to_dict("records"), strict=True))


# --- the written policy, on cases made and decided by hand -----------------------------------------------------------


@pytest.mark.parametrize(("changes", "reason"), HAND_MADE)
def test_the_policy_decides_hand_made_cases_as_written(changes: dict[str, Any], reason: str) -> None:
    verdict = POLICY.decide(case(**changes))
    decisions = {rule["reason"]: rule["decision"] for rule in PROCESS["rules"]}
    assert (verdict.reason, verdict.decision) == (reason, decisions.get(reason, "approve"))


def test_every_rule_and_every_reason_of_an_approval_has_a_hand_made_case() -> None:
    written = {rule["reason"] for rule in PROCESS["rules"]} | {entry["reason"] for entry in PROCESS["approvals"]}
    assert {reason for _, reason in HAND_MADE} == written


def test_a_policy_with_a_rule_that_nobody_implemented_is_refused() -> None:
    with pytest.raises(ValueError, match=r"do not have the same rules: .*invented"):
        Policy({**PROCESS, "rules": [*PROCESS["rules"], {"id": "invented"}]})


def test_units_convert_as_the_policy_says() -> None:
    assert {name: unit["factor"] for name, unit in PROCESS["units"].items()} == FACTORS


# The first five are examples of python-stdnum's documentation, DE123456788 is printed on Siemens' imprint.
@pytest.mark.parametrize(
    "tax_id", ["DE136695976", "ATU13585627", "IT00743110157", "PL8567346215", "FR40303265045", "DE123456788"]
)
def test_check_digits_of_known_vat_ids_are_right_and_of_no_other_last_digit(tax_id: str, agents: ModuleType) -> None:
    for last in "0123456789":
        changed = tax_id[:-1] + last
        assert tax_ids.is_valid(changed) is (changed == tax_id)
        assert agents.tax_ids.vat_digits_are_right(changed) is (changed == tax_id)


# --- the records -----------------------------------------------------------------------------------------------------


def test_the_shipped_records_are_a_fresh_run_of_the_generator(entries: list[Any], tmp_path: Path) -> None:
    generate.write_records(entries, tmp_path)
    for name in generate.FILES:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()
        assert (DATA / name).stat().st_size < 2_000_000
    with PLANTED.open(encoding="utf-8", newline="") as file:
        assert [tuple(row) for row in csv.reader(file)][1:] == generate.planted_rows(entries)


def test_the_command_writes_the_same_bytes_twice_and_others_for_another_seed(tmp_path: Path) -> None:
    def written(seed: int, folder: str) -> list[bytes]:
        out = tmp_path / folder
        options = ["--records", "150", "--seed", str(seed), "--out", str(out), "--planted", str(out / "planted.csv")]
        subprocess.run([sys.executable, str(DATA / "generate.py"), *options], check=True)
        return [path.read_bytes() for path in sorted(out.iterdir())]

    first = written(3, "a")
    assert len(first) == 3
    assert first == written(3, "b")
    assert first != written(4, "c")


def test_remedied_kinds_are_mended_and_nothing_else_changes() -> None:
    kinds = ("missing_value", "mojibake")
    before, after = generate.make_entries(3, 600), generate.make_entries(3, 600, kinds)
    assert {one.kind for entry in before for one in entry.planted} > set(kinds)
    for one, other in zip(before, after, strict=True):
        mended = {planted.column: planted.clean for planted in one.planted if planted.kind in kinds}
        assert other.row == {**one.row, **mended}
        assert other.planted == [planted for planted in one.planted if planted.kind not in kinds]


def test_masked_notes_hold_no_bank_account(tmp_path: Path) -> None:
    for options in ([], ["--masked"]):
        command = [str(DATA / "generate.py"), "--records", "2000", "--seed", "3", "--out", str(tmp_path), *options]
        subprocess.run([sys.executable, *command], check=True)
        notes = [row for name in generate.FILES for row in (tmp_path / name).read_text(encoding="utf-8").splitlines()]
        assert any(re.search(r"DE\d{20}", note) for note in notes) is not bool(options)


def test_labels_are_the_policy_except_where_noise_was_planted(entries: list[Any]) -> None:
    n_noisy = 0
    for entry in entries:
        verdict = POLICY.decide(entry.case)
        noise = {p.column: p.clean for p in entry.planted if p.kind == "label_noise"}
        assert noise.get("decision", entry.row["decision"]) == verdict.decision
        assert noise.get("reason_code", entry.row["reason_code"]) == verdict.reason
        assert noise.get("decision") != entry.row["decision"]
        n_noisy += bool(noise)
    assert 0.01 <= n_noisy / len(entries) <= 0.02


def test_the_clean_value_of_every_damaged_cell_is_what_the_facts_say(entries: list[Any]) -> None:
    for entry in entries:
        facts = FORMATS[entry.case.source].row(entry.case, entry.numbers)
        for planted in entry.planted:
            if planted.column in facts and entry.copy_of is None:
                assert planted.clean == facts[planted.column] != entry.row[planted.column]


def test_cells_without_planted_damage_are_as_the_facts_say(entries: list[Any]) -> None:
    for entry in entries:
        facts = FORMATS[entry.case.source].row(entry.case, entry.numbers)
        damaged = {planted.column for planted in entry.planted}
        touched = damaged | ({"received_at", "vendor_name", "note"} if entry.copy_of is not None else set())
        assert {k: entry.row[k] for k in facts if k not in touched} == {k: facts[k] for k in facts if k not in touched}


def test_an_instruction_in_a_note_never_changes_the_decision(entries: list[Any]) -> None:
    told = [entry.case for entry in entries if entry.case.note.kind == "instruction"]
    assert len(told) > 30
    for one in told:
        assert POLICY.decide(one) == POLICY.decide(replace(one, note=NO_NOTE))


def test_every_kind_of_note_has_phrases_in_both_languages_and_facts_the_policy_knows() -> None:
    phrases = NoteBook().phrases
    assert {fact for entry in phrases.values() for fact in entry["facts"]} == {fact.value for fact in NoteFact}
    assert all(len(entry[language]) >= 4 for entry in phrases.values() for language in ("de", "en"))


def test_the_readme_states_the_counts_that_the_records_have(frame: pd.DataFrame, planted: pd.DataFrame) -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    assert readme.splitlines()[2].startswith("**These records are generated. No vendor, person, price")
    for column in ("decision", "class"):
        for value, n in frame[column].value_counts().items():
            assert f"{value} {n:,} ({n / len(frame):.1%})" in readme
    for source, n in frame["source_system"].value_counts().items():
        assert f"{source} {n:,}" in readme
    months = Counter(value[5:7] for value in frame["received_at"])
    assert ", ".join(str(months[f"{month:02d}"]) for month in range(1, 13)) in readme
    kinds = planted[planted["column"] != "reason_code"]["kind"].value_counts()
    assert f"Wrong labels: {kinds.pop('label_noise')} records" in readme
    assert all(f"| {kind} | {n} |" in readme for kind, n in kinds.items())
    notes = frame["note"].dropna()
    assert f"{len(notes):,} records have a note, {notes.nunique():,} of them different" in " ".join(readme.split())


def test_the_year_has_a_busy_fourth_quarter_a_quiet_august_and_busy_month_ends(frame: pd.DataFrame) -> None:
    received = pd.to_datetime(frame["received_at"])
    months = received.dt.month.value_counts()
    quarters = received.dt.quarter.value_counts()
    assert quarters.idxmax() == 4
    assert months[8] < min(months[7], months[9])
    days = received.dt.normalize().value_counts()
    is_end = (days.index + pd.Timedelta(days=4)).month != days.index.month
    assert days[is_end].mean() > 1.4 * days[~is_end].mean()


def test_ids_tell_nothing_but_the_order_of_receipt(frame: pd.DataFrame) -> None:
    assert list(frame.index) == [f"IM{number:05d}" for number in range(1, len(frame) + 1)]
    assert frame["received_at"].is_monotonic_increasing
    last_digit = [record_id[-1] for record_id in frame.index]
    assert chi2_contingency(pd.crosstab(last_digit, frame["decision"].to_numpy())).pvalue > 0.01


def test_nothing_an_agent_reads_tells_what_was_planted(pilot: Pilot, planted: pd.DataFrame) -> None:
    assert not set(LABEL_COLUMNS) & set(pilot.contract.shown)
    kinds = set(planted["kind"])
    paths = [*SUITE.rglob("*.py"), *SUITE.rglob("*.md"), *SUITE.rglob("*.yaml"), DATA / "contract.yaml"]
    # Agents with faults, which no record tells of; what people are told of findings, and how they are watched; the
    # story, which makes records of its own and stays out of the folder in which agents read them.
    others = ("planted", "findings", "review")
    paths = [path for path in paths if not path.stem.startswith(others) and SUITE / "demo" not in path.parents]
    files = [*(path for path in paths if path.is_file()), *(DATA / name for name in generate.FILES)]
    texts = [path.read_text(encoding="utf-8") for path in files]
    assert len(texts) > 8
    assert not any(word in text for text in texts for word in (*kinds, PLANTED.name, "planted"))


# --- the agents ------------------------------------------------------------------------------------------------------


TYPES = dict.fromkeys(("po_price_unit", "over_delivery_pct", "delivery_number", "deliveries_planned"), int)
TYPES |= {"invoice_price_unit": int, "fx_rate": float, "tax_rate": float}


def written(one: Case, source: str) -> dict[str, Any]:
    """Return a case as a record of a source, with the types of the contract."""
    numbers = Numbers("4500000001", "1", "2" if one.related is not None else "")
    row = FORMATS[source].row(replace(one, source=source), numbers)
    return {name: None if value == "" else TYPES.get(name, str)(value) for name, value in row.items()}


@pytest.mark.parametrize("source", ["SAP_DE", "ERP_US", "EDI_HUB"])
def test_policy_rules_decides_hand_made_cases_without_notes_as_the_policy_in_every_format(
    source: str, agents: ModuleType
) -> None:
    for changes, reason in HAND_MADE:
        if not changes.get("note"):
            answer = agents.policy_rules(written(case(**changes), source))
            assert (answer["reason"], changes) == (reason, changes)


def test_policy_rules_agrees_with_the_policy_on_every_undamaged_record_without_a_note(
    entries: list[Any], agents: ModuleType
) -> None:
    # two implementations of process.yaml that share no code: one on facts, one on the three written formats
    plain = [entry.case for entry in entries if entry.case.note.kind == "none" and entry.copy_of is None]
    assert len(plain) > 3_000
    for one in plain:
        answer, verdict = agents.policy_rules(written(one, one.source)), POLICY.decide(one)
        assert (answer["action"], answer["reason"]) == (verdict.decision, verdict.reason)


def test_policy_rules_is_less_sure_near_a_limit_and_with_something_unreadable(agents: ModuleType) -> None:
    far = written(case(document={"price": 10.01}), "SAP_DE")
    near = written(case(document={"price": 10.19}), "SAP_DE")
    unreadable = {**far, "invoice_price": "10.01"}  # an American number in a German record
    sure = agents.policy_rules(far)["confidence"]
    assert agents.policy_rules(near)["confidence"] < sure
    assert agents.policy_rules(unreadable) == {"action": "escalate", "confidence": 0.5, "reason": "unreadable"}


def test_amount_only_looks_at_nothing_but_the_amount(agents: ModuleType) -> None:
    small, blocked = case(), case(vendor_status="blocked", note=(NoteFact.DISPUTE,))
    assert agents.amount_only(written(small, "EDI_HUB")) == agents.amount_only(written(blocked, "EDI_HUB"))
    assert agents.amount_only(written(small, "SAP_DE"))["action"] == "approve"
    assert agents.amount_only(written(case(order=LARGE), "SAP_DE"))["action"] == "escalate"


@pytest.mark.parametrize("name", ["amount_only", "policy_rules"])
def test_rule_agents_answer_every_record_in_valid_form(name: str, frame: pd.DataFrame, agents: ModuleType) -> None:
    for record in shown(frame).values():
        answer = read_answer(getattr(agents, name)(record), LABELS)
        assert answer.confidence is not None


def test_boosted_trees_answer_unseen_records_in_valid_form_and_better_than_the_amount(
    frame: pd.DataFrame, agents: ModuleType
) -> None:
    training, unseen = frame.iloc[1::3].drop(columns="class"), frame.iloc[::21]
    decide, again = agents.boosted_trees(training), agents.boosted_trees(training)
    right = {"trees": 0, "amount": 0}
    for record_id, record in shown(unseen).items():
        answer = decide(record)
        assert answer == again(record)
        assert read_answer(answer, LABELS).confidence is not None
        right["trees"] += answer["action"] == unseen.at[record_id, "decision"]
        right["amount"] += agents.amount_only(record)["action"] == unseen.at[record_id, "decision"]
    assert right["trees"] > right["amount"] + 0.1 * len(unseen)


def test_every_file_an_agent_is_made_of_is_part_of_its_version(pilot: Pilot) -> None:
    for name in ("amount_only", "policy_rules", "boosted_trees"):
        settings = pilot.agent(name)
        files = PilotFunction(ROOT, str(settings.python)).digests(settings.reads)
        assert {Path(file).name for file in files} == {
            "agents.py",
            "process.yaml",
            "reading.py",
            "tax_ids.py",
            "trees.py",
        }


# --- the prompt ------------------------------------------------------------------------------------------------------


def numbers_in(value: Any) -> set[float]:
    """Return every number in nested settings."""
    if isinstance(value, dict):
        return set().union(*(numbers_in(part) for part in value.values())) if value else set()
    return {float(value)} if isinstance(value, int | float) and not isinstance(value, bool) else set()


@pytest.mark.parametrize("name", ["production_v1", "production_v2"])
def test_a_production_prompt_states_every_limit_and_every_reason_of_the_policy(name: str) -> None:
    text = (SUITE / "prompts" / f"{name}.md").read_text(encoding="utf-8")
    stated = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)}
    limits = numbers_in(PROCESS["authority_eur"]) | numbers_in(PROCESS["price_tolerance_pct"])
    for rule in PROCESS["rules"]:
        limits |= numbers_in(rule.get("parameters", {}))
        limits |= set().union(*(numbers_in(entry) for entry in rule.get("exceptions", [])), set())
    assert limits <= stated
    assert all(rule["reason"] in text for rule in (*PROCESS["rules"], *PROCESS["approvals"]))


@pytest.mark.parametrize("name", ["v5", "v6"])
def test_the_complete_prompts_of_the_pocket_model_state_every_percentage_and_every_rule(name: str) -> None:
    """One authority limit stands for the table of plants and groups, which that model cannot look up."""
    text = (SUITE / "prompts" / f"{name}.md").read_text(encoding="utf-8").split("---", 2)[2]
    stated = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)}
    authority = {limit / 1000 for limit in numbers_in(PROCESS["authority_eur"])}
    assert authority & {float(number) for number in re.findall(r"Payable above (\d+) thousand euro", text)}
    assert numbers_in(PROCESS["price_tolerance_pct"]) <= stated
    for rule in PROCESS["rules"]:
        assert f"{rule['decision']}, {rule['reason']}" in text


def test_each_prompt_version_names_the_one_it_came_from_and_why(pilot: Pilot) -> None:
    prompts = read_prompts(SUITE / "prompts", pilot.prompt_fields)
    assert {name: prompt.parent for name, prompt in prompts.items()} == {
        "v1": None, "v2": "v1", "v3": "v2", "v4": "v3", "v5": "v4", "v6": "v5",
        "production_v1": None, "production_v2": "production_v1",
    }  # fmt: skip
    assert all(len(prompt.change_note) > 40 for prompt in prompts.values())
    for prompt in (prompts["production_v1"], prompts["production_v2"]):
        assert 2000 <= estimated_tokens(prompt.system_source) + estimated_tokens(prompt.record_source) <= 4000
    assert len({prompt.hash for prompt in prompts.values()}) == len(prompts)


def test_the_first_production_prompt_shows_every_column_an_agent_may_see(pilot: Pilot) -> None:
    prompt = read_prompt(SUITE / "prompts" / "production_v1.md", pilot.prompt_fields)
    columns = set(re.findall(r"record\.(\w+)", prompt.record_source))
    assert columns == set(pilot.contract.shown) - {"record_id", "vendor_id"}
    table = read_record_table(pilot.contract, DATA)
    system, user = messages(prompt, next(iterate(table, pilot.contract, table.frame.index[:1])), LABELS)
    assert "approve, reject, escalate" in system.content
    assert json.dumps(table.frame.iloc[0]["vendor_name"], ensure_ascii=False) in user.content
