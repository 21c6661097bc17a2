import pickle
from pathlib import Path

import pytest

from workbench.files.configuration import parse_yaml, read_settings
from workbench.pilot.contract import Contract
from workbench.pilot.pilot import PilotSettings
from workbench.words import InputError, RunError

GOOD = "records: [a.csv]\ncolumns:\n  text: {role: text}\n  y: {role: label}\n"
FAULTS = [
    (GOOD.replace("role: text", "rolle: text"), r"unknown key 'columns.text.rolle'(.|\n)*did you mean 'role'"),
    (GOOD + "colums: {}\n", r"unknown key 'colums'(.|\n)*did you mean 'columns'"),
    (GOOD + "records: [b.csv]\n", "the key 'records' is given twice"),
    (GOOD.replace("role: text", "role: txt"), r"value of 'columns.text.role' does not fit(.|\n)*got: 'txt'"),
    (GOOD.replace("records: [a.csv]\n", ""), "the key 'records' is missing"),
    (GOOD.replace("role: label", "role: text"), "exactly one column must have the role label"),
    (GOOD.replace("role: text", "role: label"), "at most one column may have the role label"),
    ("- a\n- b\n", "does not hold a mapping"),
    ("a: [1\n", "not valid YAML(.|\n)*line 2"),
    ("a: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
]


@pytest.mark.parametrize(("text", "message"), FAULTS)
def test_a_contract_that_does_not_fit_names_file_key_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_settings(path, Contract)
    assert str(path) in str(caught.value)


def test_a_contract_withholds_what_an_agent_must_not_see(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(GOOD + "  k: {role: class}\n  why: {role: reason}\n  junk: {role: ignore}\n", encoding="utf-8")
    assert read_settings(path, Contract).shown == ("text",)


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        ("{prompt: v1, python: a.py:f}", "exactly one of prompt, python, http"),
        ("{note: nothing}", "exactly one of prompt, python, http"),
        ("{prompt: v1, trained: true}", "trained, reads and deadline_s belong to a python agent"),
        ("{python: a.py}", "does not fit"),
    ],
)
def test_an_agent_is_exactly_one_kind(tmp_path: Path, agent: str, message: str) -> None:
    path = tmp_path / "pilot.yaml"
    path.write_text(f"title: t\nquestion: q\nagents: {{a: {agent}}}\ncompare: [a]\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_settings(path, PilotSettings)


def test_compare_names_only_known_agents(tmp_path: Path) -> None:
    path = tmp_path / "pilot.yaml"
    path.write_text("title: t\nquestion: q\nagents: {a: {prompt: v1}}\ncompare: [a, b]\n", encoding="utf-8")
    with pytest.raises(InputError, match="compare names unknown agents: 'b'"):
        read_settings(path, PilotSettings)


def test_an_error_survives_pickling_with_its_facts() -> None:
    error = pickle.loads(pickle.dumps(RunError("stopped", where="here", got="1", expected="2", remedy="go on")))
    assert isinstance(error, RunError)
    assert str(error) == "stopped\n  where: here\n  got: 1\n  expected: 2\n  do: go on"
    assert (InputError("x").exit_code, error.exit_code) == (2, 4)


def test_text_that_is_nested_too_deeply_is_one_message():
    with pytest.raises(InputError, match="the file is nested too deeply"):
        parse_yaml("a: " + "[" * 100_000, "deep.yaml")
