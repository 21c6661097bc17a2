from __future__ import annotations

import json
import pickle
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.agents.prompts import (
    SECTIONS,
    Prompt,
    diff,
    messages,
    read_prompt,
    read_prompts,
    response_schema,
)
from workbench.agents.prompts.document import estimated_tokens
from workbench.engines.protocol import Message, SamplingParams
from workbench.records.records import Record
from workbench.words import InputError

COLUMNS = ("amount", "vendor", "Unit Price", "items")
LABELS = ("approve", "reject")
HEAD = "name: v1\nchange_note: first"
BODY = """
## Role

Decide: {{ labels | join(", ") }}.

## Record

Amount: {{ record.amount }}
Vendor: {{ record.vendor }}
"""


def write(folder: Path, body: str = BODY, head: str = HEAD, name: str = "v1") -> Path:
    path = folder / f"{name}.md"
    path.write_text(f"---\n{head}\n---\n{textwrap.dedent(body)}", encoding="utf-8")
    return path


def read(folder: Path, body: str = BODY, head: str = HEAD) -> Prompt:
    return read_prompt(write(folder, body, head), COLUMNS)


def record(**fields: object) -> Record:
    return Record("r1", {"amount": 12.5, "vendor": "Kraus", "Unit Price": 3, "items": 4, **fields}, "digest")


def shown(prompt: Prompt, **fields: object) -> str:
    return messages(prompt, record(**fields), LABELS)[-1].content


# what a model is sent


def test_sections_before_the_record_are_the_system_message_and_the_record_is_the_user_message(tmp_path: Path) -> None:
    assert messages(read(tmp_path), record(), LABELS) == (
        Message("system", "## Role\n\nDecide: approve, reject."),
        Message("user", "Amount: 12.5\nVendor: Kraus"),
    )


def test_a_prompt_of_a_record_alone_has_no_system_message(tmp_path: Path) -> None:
    prompt = read(tmp_path, "## Record\n{{ record.amount }}")
    assert messages(prompt, record(), LABELS) == (Message("user", "12.5"),)


def test_the_system_message_is_one_object_for_every_record(tmp_path: Path) -> None:
    prompt = read(tmp_path)
    assert messages(prompt, record(amount=1), LABELS)[0] is messages(prompt, record(amount=2), list(LABELS))[0]


def test_an_empty_cell_is_shown_as_empty(tmp_path: Path) -> None:
    assert shown(read(tmp_path), vendor=None) == "Amount: 12.5\nVendor: (empty)"


def test_a_column_named_like_a_method_of_a_mapping_is_the_column(tmp_path: Path) -> None:
    prompt = read(tmp_path, "## Record\n{{ record.items }} at {{ record['Unit Price'] }}")
    assert shown(prompt) == "4 at 3"


def test_the_whole_record_can_be_shown_as_json_that_is_not_escaped_for_html(tmp_path: Path) -> None:
    prompt = read(tmp_path, "## Record\n{{ record | tojson }}")
    text = shown(prompt, vendor="Müller's <b>")
    assert json.loads(text) == {"amount": 12.5, "vendor": "Müller's <b>", "Unit Price": 3, "items": 4}
    assert "Müller's <b>" in text


def test_sections_may_branch_and_loop(tmp_path: Path) -> None:
    body = """
    ## Record

    {% if record.amount is not none and record.amount > 10 %}
    large
    {% endif %}
    {% for label in labels %}
    {{ loop.index }} {{ label }}
    {% endfor %}
    """
    assert shown(read(tmp_path, body)) == "large\n1 approve\n2 reject\n"
    assert shown(read(tmp_path, body), amount=None) == "1 approve\n2 reject\n"


@pytest.fixture(scope="module")
def bracketed(tmp_path_factory: pytest.TempPathFactory) -> Prompt:
    return read(tmp_path_factory.mktemp("prompts"), "## Record\n[{{ record.vendor }}]")


@given(value=st.text())
def test_a_record_value_is_shown_as_it_is(bracketed: Prompt, value: str) -> None:
    assert shown(bracketed, vendor=value) == f"[{value}]"


@given(
    expression=st.sampled_from(
        [
            "{{ 7 * 7 }}",
            "{{ record }}",
            "{% for x in labels %}{{ x }}{% endfor %}",
            "{# gone #}",
            "{{ labels.__class__ }}",
        ]
    ),
    before=st.text(max_size=5),
    after=st.text(max_size=5),
)
def test_template_syntax_in_a_record_value_is_never_evaluated(
    bracketed: Prompt, expression: str, before: str, after: str
) -> None:
    value = before + expression + after
    assert shown(bracketed, vendor=value) == f"[{value}]"


def test_the_sandbox_refuses_what_reaches_into_python(tmp_path: Path) -> None:
    prompt = read(tmp_path, "## Record\n{{ record.vendor.__class__.__mro__ }}")
    with pytest.raises(InputError, match="cannot be filled in"):
        shown(prompt)


def test_a_value_that_a_template_cannot_use_names_prompt_and_record(tmp_path: Path) -> None:
    prompt = read(tmp_path, "## Record\n{{ record.amount * 2 }} {{ record.amount - 1 }}")
    with pytest.raises(InputError, match="cannot be filled in") as caught:
        shown(prompt, amount=None)
    assert caught.value.where == f"{tmp_path / 'v1.md'}, record r1"
    assert "TypeError" in str(caught.value.got)


def test_a_record_that_lacks_a_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be filled in"):
        messages(read(tmp_path), Record("r1", {"amount": 1}, ""), LABELS)


# placeholders


@pytest.mark.parametrize(
    ("body", "problem", "line", "remedy"),
    [
        (
            "## Record\n\n{{ record.amount }}\n{{ record.vendr }}",
            "unknown placeholder 'record.vendr'",
            8,
            "record.vendor",
        ),
        ("## Record\n{{ record['unit price'] }}", "unknown placeholder", 6, "record['Unit Price']"),
        ("## Record\n{{ amount }}", "unknown placeholder 'amount'", 6, "record.amount"),
        ("## Record\n{{ recrod.amount }}", "unknown placeholder 'recrod'", 6, "record"),
        ("## Role\n{{ label }}\n## Record\n{{ record.amount }}", "unknown placeholder 'label'", 6, "labels"),
        ("## Record\n{% if record.amuont %}{% endif %}", "unknown placeholder 'record.amuont'", 6, "record.amount"),
        ("## Record\n{{ record.keys() }}", "unknown placeholder 'record.keys'", 6, "expected placeholders"),
        ("## Record\n{{ range(9) }}{{ record.amount }}", "unknown placeholder 'range'", 6, "expected placeholders"),
        ("## Record\n{{ self }}{{ record.amount }}", "unknown placeholder 'self'", 6, "expected placeholders"),
        ("## Record\n\n\n{{ record }}", "does not say which column", 8, "record | tojson"),
        ("## Record\n{% set r = record %}{{ r.vendr }}", "does not say which column", 6, "name a column"),
        ("## Record\n{{ record[labels[0]] }}", "does not say which column", 6, "name a column"),
        ("## Record\n{{ record | attr('x') }}", "does not say which column", 6, "name a column"),
        ("## Record\n{% set record = 1 %}{{ record.amount }}", "the name 'record' is taken", 6, "another name"),
        ("## Record\n{% for labels in 'ab' %}{% endfor %}", "the name 'labels' is taken", 6, "another name"),
        ("## Record\nx\n{{ record.amount ", "syntax is wrong", 7, "literal"),
        ("## Record\n{{ record.amount | uppr }}", "syntax is wrong", 6, "literal"),
        ("## Record\n{{ labels | random }}{{ record.amount }}", "syntax is wrong", 6, "literal"),
        ("## Record\n{% include 'v2.md' %}{{ record.amount }}", "cannot load other templates", 6, "write it out"),
    ],
)
def test_a_wrong_placeholder_is_found_before_any_call(
    tmp_path: Path, body: str, problem: str, line: int, remedy: str
) -> None:
    # the front matter is four lines, so the body's first line is line 5
    with pytest.raises(InputError, match=problem) as caught:
        read(tmp_path, body)
    assert caught.value.where == f"{tmp_path / 'v1.md'}, line {line}"
    assert remedy in str(caught.value.remedy)


def test_a_record_placeholder_outside_the_record_section_is_refused_and_says_why(tmp_path: Path) -> None:
    body = "## Role\nYou.\n\n## Examples\n\nLike\n{{ record.amount }}\n## Record\n{{ record.amount }}"
    with pytest.raises(InputError, match="outside the Record section") as caught:
        read(tmp_path, body)
    assert str(caught.value.where).endswith("line 11")
    assert "cache" in str(caught.value.expected)


def test_a_record_section_must_show_something_of_the_record(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="shows nothing of the record") as caught:
        read(tmp_path, "## Record\nDecide: {{ labels | join }}")
    assert caught.value.remedy == "add one, such as {{ record.amount }}"


# the document


@pytest.mark.parametrize(
    ("body", "problem", "fact"),
    [
        ("## Roel\nx\n## Record\n{{ record.amount }}", "unknown section 'Roel'", "'Role'"),
        (
            "## business rules\nx\n## Record\n{{ record.amount }}",
            "unknown section 'business rules'",
            "'Business rules'",
        ),
        ("## Zzz\nx\n## Record\n{{ record.amount }}", "unknown section 'Zzz'", "### for headings"),
        ("## Role\nx\n## Role\ny\n## Record\n{{ record.amount }}", "given twice", "'Role'"),
        ("## Examples\nx\n## Role\ny\n## Record\n{{ record.amount }}", "out of order", "Role, Examples, Record"),
        ("## Record\n{{ record.amount }}\n## Examples\nx", "out of order", "Examples, Record"),
        ("## Role\nx", "'Record' is missing", "## Record"),
        ("## Role\n\n\n## Record\n{{ record.amount }}", "'Role' is empty", "line 5"),
        ("\nHello\n## Record\n{{ record.amount }}", "before the first section", "line 6"),
        ("## Role\n```\n## Record\n{{ record.amount }}", "fence is not closed", "line 6"),
    ],
)
def test_sections_are_known_single_filled_and_in_order(tmp_path: Path, body: str, problem: str, fact: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        read(tmp_path, body)
    assert fact in str(caught.value)


def test_headings_inside_a_code_fence_and_deeper_headings_are_text(tmp_path: Path) -> None:
    body = "## Role\n### Sub\n````\n## Not a section\n```\n````\n## Record\n{{ record.amount }}"
    prompt = read(tmp_path, body)
    assert [section.title for section in prompt.sections] == ["Role", "Record"]
    assert prompt.sections[0].text == "### Sub\n````\n## Not a section\n```\n````"


def test_all_sections_together_are_accepted(tmp_path: Path) -> None:
    body = "\n".join(
        f"## {title}\n\n{{{{ record.amount }}}}" if title == "Record" else f"## {title}\nx" for title in SECTIONS
    )
    assert [section.title for section in read(tmp_path, body).sections] == list(SECTIONS)


@pytest.mark.parametrize(
    ("head", "problem", "fact"),
    [
        ("name: v1\nchange_note: x\nsampling: {temprature: 0}", "unknown key 'sampling.temprature'", "'temperature'"),
        ("name: v1\nchange_note: x\nparrent: v0", "unknown key 'parrent'", "'parent'"),
        ("name: v1", "'change_note' is missing", "add 'change_note'"),
        ("name: v2\nchange_note: x", "named otherwise than its file", "v1"),
        (
            "name: v1\nchange_note: x\nsampling: {max_tokens: 0}",
            "'sampling.max_tokens' does not fit",
            "greater than or",
        ),
        ("name: v1\nchange_note: a: b", "not valid YAML", "line 3"),
        ("name: v1\nchange_note: x\nresponse_schema: {type: object}", "does not ask for an action", "`required`"),
        (
            "name: v1\nchange_note: x\nresponse_schema: {type: object, properties: {action: {}}}",
            "does not ask for an action",
            "`required`",
        ),
        (
            "name: v1\nchange_note: x\n"
            "response_schema: {type: object, required: [action], properties: {action: {const: 2026-01-01}}}",
            "no JSON",
            "date",
        ),
    ],
)
def test_front_matter_is_checked_and_the_file_is_named(tmp_path: Path, head: str, problem: str, fact: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        read(tmp_path, head=head)
    assert str(tmp_path / "v1.md") in str(caught.value.where)
    assert fact in str(caught.value)


@pytest.mark.parametrize("text", ["", "## Record\n", "---\nname: v1\n", "\n---\nname: v1\n---\n"])
def test_a_document_without_front_matter_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "v1.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="no front matter"):
        read_prompt(path, COLUMNS)


def test_an_unknown_prompt_lists_those_that_are_there(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(InputError, match="there is no prompt 'v9'") as caught:
        read_prompt(tmp_path / "v9.md", COLUMNS)
    assert caught.value.expected == "v1"


def test_a_file_with_windows_line_ends_and_a_byte_order_mark_reads_the_same(tmp_path: Path) -> None:
    plain = read(tmp_path)
    path = tmp_path / "v1.md"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_prompt(path, COLUMNS) == plain


def test_sampling_defaults_are_those_of_every_engine(tmp_path: Path) -> None:
    assert read(tmp_path).sampling == SamplingParams()
    head = f"{HEAD}\nsampling: {{temperature: 1, top_p: 0.5, max_tokens: 9, seed: 3}}"
    assert read(tmp_path, head=head).sampling == SamplingParams(1.0, 0.5, 9, 3)


def test_a_prompt_survives_pickling(tmp_path: Path) -> None:
    prompt = read(tmp_path)
    assert pickle.loads(pickle.dumps(prompt)) == prompt


# identity, size, schema


@pytest.mark.parametrize(
    ("body", "head", "same"),
    [
        (BODY, "name: v1\nchange_note: another note\nparent: v0", True),
        (BODY.replace("\n## Record\n", "\n\n\n## Record\n\n"), HEAD, True),
        (BODY, f"{HEAD}\nsampling: {{temperature: 0.0}}", True),
        (BODY, f"{HEAD}\nsampling: {{temperature: 0.1}}", False),
        (BODY.replace("Decide", "Choose"), HEAD, False),
        (BODY.replace("Vendor:", "Vendor :"), HEAD, False),
        (BODY.replace("## Role", "## Output format"), HEAD, False),
        (BODY, f"{HEAD}\nresponse_schema: {{type: object, required: [action], properties: {{action: {{}}}}}}", False),
    ],
)
def test_the_hash_changes_with_what_a_model_sees_and_with_nothing_else(
    tmp_path: Path, body: str, head: str, same: bool
) -> None:
    assert (read(tmp_path).hash == read(tmp_path, body, head).hash) is same


def test_estimated_tokens_are_a_quarter_of_the_bytes_rounded_up(tmp_path: Path) -> None:
    # by hand: 5 bytes; "ü" is two bytes, so "über" is five
    assert [estimated_tokens(text) for text in ("", "abcde", "über")] == [0, 2, 2]
    prompt = read(tmp_path, "## Role\nabc\n## Record\n{{ record.amount }}")
    # "## Role\n\nabc" is 12 bytes, "{{ record.amount }}" 19
    assert estimated_tokens(prompt.system_source) + estimated_tokens(prompt.record_source) == 3 + 5


def test_the_default_schema_asks_for_the_action_first_and_closes_it_to_the_labels(tmp_path: Path) -> None:
    schema = response_schema(read(tmp_path), LABELS)
    assert list(schema["properties"]) == ["action", "reason", "confidence"]
    assert schema["properties"]["action"]["enum"] == ["approve", "reject"]
    assert schema["required"] == ["action", "reason", "confidence"]
    assert schema["additionalProperties"] is False


def test_a_schema_of_the_prompt_is_used_and_its_open_action_closed_to_the_labels(tmp_path: Path) -> None:
    head = f"{HEAD}\nresponse_schema: {{type: object, required: [action], properties: {{action: {{type: string}}}}}}"
    prompt = read(tmp_path, head=head)
    schema = response_schema(prompt, LABELS)
    assert schema["properties"] == {"action": {"type": "string", "enum": ["approve", "reject"]}}
    assert prompt.schema is not None
    assert "enum" not in prompt.schema["properties"]["action"]


def test_a_schema_that_allows_an_action_that_is_no_label_is_refused(tmp_path: Path) -> None:
    schema = "{type: object, required: [action], properties: {action: {enum: [approve, aprove]}}}"
    prompt = read(tmp_path, head=f"{HEAD}\nresponse_schema: {schema}")
    with pytest.raises(InputError, match="no labels") as caught:
        response_schema(prompt, LABELS)
    assert caught.value.got == "'aprove'"


# versions


def test_prompts_of_a_folder_come_by_name(tmp_path: Path) -> None:
    write(tmp_path, head="name: v2\nparent: v1\nchange_note: x", name="v2")
    write(tmp_path)
    (tmp_path / "notes.txt").write_text("no prompt", encoding="utf-8")
    prompts = read_prompts(tmp_path, COLUMNS)
    assert list(prompts) == ["v1", "v2"]
    assert prompts["v2"].parent == "v1"
    assert read_prompts(tmp_path / "none", COLUMNS) == {}


def test_a_parent_that_is_not_there_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, head="name: v2\nparent: v11\nchange_note: x", name="v2")
    with pytest.raises(InputError, match="parent 'v11' of prompt 'v2' is not there") as caught:
        read_prompts(tmp_path, COLUMNS)
    assert caught.value.remedy == "did you mean 'v1'?"


@pytest.mark.parametrize("parents", [{"v1": "v1"}, {"v1": "v2", "v2": "v1"}, {"v0": "v1", "v1": "v2", "v2": "v1"}])
def test_prompts_that_descend_from_themselves_are_refused(tmp_path: Path, parents: dict[str, str]) -> None:
    for name, parent in parents.items():
        write(tmp_path, head=f"name: {name}\nparent: {parent}\nchange_note: x", name=name)
    with pytest.raises(InputError, match="in a circle"):
        read_prompts(tmp_path, COLUMNS)


def test_a_diff_names_the_changed_parts_and_shows_their_lines(tmp_path: Path) -> None:
    a = read(tmp_path)
    head = "name: v2\nchange_note: y\nsampling: {seed: 1}"
    body = BODY.replace("Decide", "Choose").replace("## Record", "## Examples\n\nNone.\n\n## Record")
    b = read_prompt(write(tmp_path, body, head, "v2"), COLUMNS)
    found = diff(a, b)
    assert found.changed == ("Role", "Examples", "sampling")
    assert found.text.splitlines()[:5] == [
        "--- v1: Role",
        "+++ v2: Role",
        "@@ -1 +1 @@",
        '-Decide: {{ labels | join(", ") }}.',
        '+Choose: {{ labels | join(", ") }}.',
    ]
    assert "+None." in found.text.splitlines()
    assert found.text.splitlines()[-2:] == ["-seed: 0", "+seed: 1"]


def test_versions_that_say_the_same_do_not_differ(tmp_path: Path) -> None:
    a = read(tmp_path)
    found = diff(a, read(tmp_path, head="name: v1\nchange_note: another"))
    assert (found.changed, found.text) == ((), "")
