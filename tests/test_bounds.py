"""What a template or a YAML file may grow to, and what is found before anything is opened."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Command, command_in
from small_pilots import with_settings

from workbench.agents.callables import PilotFunction
from workbench.agents.prompts.bounds import MAX_PROMPT
from workbench.agents.prompts.template import bare_columns, fill
from workbench.files.configuration import parse_yaml
from workbench.gates.schema import slice_columns
from workbench.pilot.contract import Contract
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.runs.journal import JOURNAL_FILE, Journal
from workbench.words import InputError

TOO_LONG = [
    "{{ 'x' * 3000000000 }}",
    "{{ 3000000000 * 'x' }}",
    "{{ ['x' * 1000] * 1000000 }}",
    "{{ ('x' * 900000) + ('x' * 900000) }}",
    "{% set a = 'x' * 1000 %}" + "{% set a = a ~ a %}" * 22 + "{{ a }}",
    "{% set a = 'x' * 1000 %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 22 + "{{ a }}",
    "{% macro m(a) %}{{ a }}{{ a }}{% endmacro %}" + "{{ m(" * 25 + "'xx'" + ")" * 25 + " }}",
    "{{ 'x' | center(3000000000) }}",
    "{{ 'x'.ljust(3000000000) }}",
    "{{ '%3000000000d' % 1 }}",
    "{{ '{:3000000000}'.format(1) }}",
    "{{ '{:{}}'.format(1, 3000000000) }}",
    "{{ '%3000000000d' | format(1) }}",
    "{{ ('x' * 100000) | replace('', 'y' * 100000) }}",
    "{{ ('x' * 100000).replace('', 'y' * 100000) }}",
    "{{ ('\n' * 100000) | indent(100000, true) }}",
    "{{ ('y' * 100000).join('x' * 100000) }}",
    "{{ 10 ** 1000000000 }}",
    "{% for a in record.body %}{% for b in record.body %}{{ record.body }}{% endfor %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
]


@pytest.mark.parametrize("text", TOO_LONG)
def test_a_template_that_would_build_gigabytes_is_refused_before_it_does(text: str) -> None:
    tracemalloc.start()
    with pytest.raises(InputError, match=r"a rendered prompt is too long(.|\n)*where: here"):
        fill(text, "here", ["a"], {"body": "word " * 1000})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40_000_000


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{ 'x' * 10 }}|{{ 2 * 3 }}|{{ 'a' ~ 1 ~ none }}", "xxxxxxxxxx|6|a1None"),
        ("{{ labels | join(', ') }}|{{ ', '.join(labels) }}", "a, b|a, b"),
        ("{{ '%.2f' | format(record.n) }}|{{ '%05d' % 7 }}|{{ '{:>4}'.format(1) }}", "2.50|00007|   1"),
        ("{{ record.t | replace('o', '0') | indent(2) }}|{{ record.t | truncate(4) }}", "w0rd|word"),
        ("{{ record | tojson }}", '{"n": 2.5, "t": "word"}'),
        ("{{ 'x' * 1000000 }}", "x" * MAX_PROMPT),
    ],
)
def test_what_a_template_does_within_the_bound_is_as_ever(text: str, filled: str) -> None:
    assert fill(text, "here", ["a", "b"], {"n": 2.5, "t": "word"}) == filled


def test_a_prompt_of_more_than_a_million_bytes_is_refused() -> None:
    with pytest.raises(InputError, match="at most 1,000,000 bytes"):
        fill("{{ record.t }}", "here", [], {"t": "ü" * 600_000})


BILLION = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


def test_a_yaml_file_is_measured_with_its_aliases_written_out() -> None:
    with pytest.raises(InputError, match=r"the file is too long(.|\n)*where: f\.yaml"):
        parse_yaml(BILLION, "f.yaml")
    with pytest.raises(InputError, match="the file is too long"):
        parse_yaml("a: " + "x" * 10_000_001, "f.yaml")
    shared = "a: &a {x: 1}\nb: *a\n"
    assert parse_yaml(shared, "f.yaml") == {"a": {"x": 1}, "b": {"x": 1}}


def test_a_column_with_braces_in_its_name_is_linted(
    tickets: Callable[[int], Pilot],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    pilot = tickets(60)
    for path in (pilot.data / "tickets.csv", pilot.data / "contract.yaml", pilot.suite / "prompts" / "v1.md"):
        text = path.read_text(encoding="utf-8").replace("record.body", "record['bo}}dy']")
        path.write_text(text.replace("body", "bo}}dy") if path.suffix != ".md" else text, encoding="utf-8")
    command: Command = command_in(tmp_path, monkeypatch, capsys)
    code, out, err = command("prompts", "lint", "tickets")
    assert code in (0, 1), err
    assert "Traceback" not in err
    assert list(bare_columns("a\n{{ record['bo}}dy'] }} {{ record.x | tojson }}")) == [(2, frozenset({"bo}}dy"}))]
    assert "stands bare" in out


def test_a_slice_names_only_what_records_can_be_cut_by() -> None:
    columns = {
        "id": {"type": "string", "role": "id"},
        "queue": {"type": "string", "role": "label"},
        "kind": {"type": "string", "role": "class"},
        "amount": {"type": "number", "role": "field"},
        "internal": {"type": "string", "role": "ignore"},
    }
    contract = Contract.model_validate({"records": ["r.csv"], "columns": columns})
    found = slice_columns(contract)
    assert {"amount", "queue", "kind", "class"} <= found
    assert not {"internal", "source", "entity"} & found, "ignored, or no column has the role"


def test_a_callable_outside_the_root_is_refused(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(40)
    (pilot.root.parent / "outside.py").write_text("def decide(record): ...\n", encoding="utf-8")
    for reference in ("../outside.py:decide", f"{pilot.root.parent / 'outside.py'}:decide"):
        with pytest.raises(InputError, match=r"a callable lies outside the root(.|\n)*outside\.py"):
            PilotFunction(pilot.root, reference)
    with_settings(pilot, "prepare: {python: '../outside.py:decide', fields: [x]}")
    assert open_pilot("tickets", pilot.root).settings.prepare is not None


def test_a_journal_is_read_by_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "mlruns" / "pilot" / JOURNAL_FILE
    with Journal(path) as journal:
        journal.runs()
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
