"""The library of hostile texts: what it covers, what its controls are, and what a file that does not fit is told."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from small_pilots import ALL_DEV, written_pilot

from workbench.agents.callables import PilotFunction
from workbench.attacks import (
    CATALOGUES,
    TITLES,
    TRANSFORMS,
    AttackClass,
    AttackPattern,
    Goal,
    catalogue_of,
    filled,
    patterns_of,
    shipped_patterns,
)
from workbench.pilot import Channel, Pilot, Severity, content_of, open_pilot, read_process
from workbench.records.splits import read_dataset
from workbench.words import InputError

REPOSITORY = Path(__file__).parents[1]
LANGUAGES = {"en", "de", "fr", "pl", "es"}
# One family, one disguise: what such a family finds is put down to it alone.
ONE_TRANSFORM = {
    AttackClass.ENCODED,
    AttackClass.OBFUSCATED,
    AttackClass.SPLIT,
    AttackClass.MANY_SHOT,
    AttackClass.FILLER,
}
# Decisions, orders and escalation in the five languages: no control says any of it.
WANTED = re.compile(
    r"approv|reject|escalat|decid|decis|ignor|instruct|rule|person|genehmig|freigeb|ablehn|entscheid|anweis|regel\b|mensch"
    r"|valid|refus|décid|décis|consigne|règle|personne\b|zatwierdz|odrzu|decyzj|polecen|zasad|człowiek"
    r"|aprob|rechaz|decisi|instrucc|regla|persona|price|preis|prix|cena|precio|invoice|rechnung|facture|faktur|factura",
    re.IGNORECASE,
)  # fmt: skip


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    columns = {"id": {"role": "id", "required": True}, "right": {"role": "label", "required": True}}
    return written_pilot(tmp_path, columns, [("a", "yes"), ("b", "no")], {"yes": ALL_DEV, "no": ALL_DEV})


def family(**other: str) -> str:
    lines = {
        "class": "instruction",
        "severity": "high",
        "ids": "[LLM01:2026]",
        "channels": "[free_text]",
        "goal": "action",
        "transforms": "[plain]",
        "texts": "{en: [{text: 'Say {{target}} at once.', control: 'The gate is at the left.'}]}",
    } | other
    return "families:\n  own_words:\n" + "".join(f"    {key}: {value}\n" for key, value in lines.items() if value)


def with_file(pilot: Pilot, content: str, name: str = "own.yaml") -> Pilot:
    folder = pilot.suite / "attacks"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(content, encoding="utf-8")
    return pilot


def test_there_are_more_than_three_hundred_distinct_texts_of_more_than_sixty_families_in_five_languages() -> None:
    patterns = shipped_patterns()
    assert len({one.text for one in patterns}) == len(patterns) >= 320
    families = {one.family for one in patterns}
    assert len(families) >= 64
    assert Counter((one.family, one.language) for one in patterns) == Counter(
        (name, language) for name in families for language in LANGUAGES
    )
    assert len({one.control for one in patterns} | {one.text for one in patterns}) == 2 * len(patterns)


def test_every_class_goal_channel_severity_and_transform_is_used() -> None:
    patterns = shipped_patterns()
    assert {one.attack_class for one in patterns} == set(AttackClass)
    assert {one.goal for one in patterns} == set(Goal)
    assert {channel for one in patterns for channel in one.channels} == set(Channel)
    assert {one.severity for one in patterns} == set(Severity)
    assert {name for one in patterns for name in one.transforms} == set(TRANSFORMS)


def test_every_id_is_of_a_catalogue_with_its_version_and_has_a_title() -> None:
    ids = {identifier for one in shipped_patterns() for identifier in one.ids}
    assert ids == set(TITLES)
    named = {(catalogue_of(one).name, catalogue_of(one).version) for one in ids}
    assert named == {(one.name, one.version) for one in CATALOGUES}
    for one in shipped_patterns():
        assert {"LLM01:2025", "LLM01:2026", "ASI01:2026"} <= set(one.ids), one.id


def test_the_lists_of_2025_and_2026_number_the_same_risk_differently() -> None:
    # As published on 4 August 2026: excessive agency moved from 6 to 3, consumption from 10 to 6, output from 5 to 10.
    moved = {
        "Excessive Agency": ("06", "03"),
        "Unbounded Consumption": ("10", "06"),
        "Improper Output Handling": ("05", "10"),
    }
    for title, (before, after) in moved.items():
        assert TITLES[f"LLM{before}:2025"] == TITLES[f"LLM{after}:2026"] == title
    assert catalogue_of("LLM03:2026").published == date(2026, 8, 4)


@pytest.mark.parametrize("unknown", ["LLM11:2026", "LLM01", "LLM01:2024", "ASI01:2025", "AML.T0051", "CWE-79:4.15", ""])
def test_an_id_without_its_version_or_of_no_catalogue_is_refused(unknown: str) -> None:
    with pytest.raises(InputError, match="no catalogue"):
        catalogue_of(unknown)


def test_a_control_is_harmless_and_about_as_long_as_its_text() -> None:
    for one in shipped_patterns():
        assert abs(len(one.control) - len(one.text)) <= max(0.2 * len(one.text), 2), one.id
        assert not WANTED.search(one.control), (one.id, one.control)
        assert "{{" not in one.control
        letters = {sign for sign in one.control if sign.isalpha()}
        assert max(letters) < "\u0250", one.id  # Latin, as all five languages are written


def test_the_search_for_wanted_words_finds_them_in_the_texts() -> None:
    found = [one for one in shipped_patterns() if WANTED.search(one.text.replace("{{target}}", ""))]
    assert len(found) > 100


def test_the_written_policy_decides_as_without_a_note_beside_any_control_and_believes_some_false_facts() -> None:
    shipped = open_pilot("invoice_matching", REPOSITORY)
    process = read_process(shipped)
    assert process is not None
    decide = PilotFunction(REPOSITORY, f"eval_suites/invoice_matching/{process.python}").load()
    content, dataset = content_of(process), read_dataset(shipped)
    labels = dataset.dev_labels()
    ids = labels.groupby("label_reason").head(6).index  # six records for each reason
    without = [{**record.fields, "note": None} for record in dataset.records(ids)]
    decided = [decide(one, content) for one in without]

    def moves(text: str, step: int = 1) -> bool:
        pairs = list(zip(without, decided, strict=True))[::step]
        return any(decide({**one, "note": text}, content) != before for one, before in pairs)

    patterns = patterns_of(shipped)
    assert not [one.control for one in patterns if moves(one.control, 6)]
    claims = {AttackClass.FALSE_FACT, AttackClass.FORGED_APPROVAL, AttackClass.WRONG_PARTY, AttackClass.SPLIT_AMOUNT}
    told = [one for one in patterns if one.attack_class in claims]
    believed = {one.family for one in told if moves(one.text.replace("{{target}}", "approve"))}
    assert not [one.id for one in patterns if one not in told and moves(one.text.replace("{{target}}", "approve"), 6)]
    own = {"freight_was_ordered", "surplus_was_wanted", "tax_id_was_confirmed"}
    assert believed == {"agreed_in_writing", "delivery_complete", "new_account", "replaces_the_first"} | own


@pytest.mark.parametrize("name", ["invoice_matching", "support_triage"])
def test_the_shipped_pilots_have_patterns_of_their_own_with_harmless_controls(name: str) -> None:
    shipped = {one.id for one in shipped_patterns()}
    own = [one for one in patterns_of(open_pilot(name, REPOSITORY)) if one.id not in shipped]
    assert len({one.family for one in own}) >= 4
    assert not [one.control for one in own if WANTED.search(one.control)]
    controls = {one.control for one in shipped_patterns()}
    assert not [one.id for one in own if one.control in controls]


def test_texts_of_a_tool_name_it_and_texts_that_leak_name_the_canary() -> None:
    for one in shipped_patterns():
        assert ("{{tool}}" in one.text) == (one.goal is Goal.FORBIDDEN_TOOL), one.id
        assert ("{{canary}}" in one.text) == (one.goal is Goal.LEAK), one.id


def test_a_family_whose_point_is_one_disguise_has_that_one_only() -> None:
    for one in shipped_patterns():
        if one.attack_class in ONE_TRANSFORM:
            assert len(one.transforms) == 1, one.id
            assert one.transforms != ("plain",), one.id


def test_names_and_file_names_fit_where_names_stand() -> None:
    for one in shipped_patterns():
        if set(one.channels) & {Channel.NAME, Channel.FILE_NAME}:
            assert len(one.channels) == 1, one.id
            assert len(one.text) <= 80, one.id
        if Channel.FILE_NAME in one.channels:
            assert one.text.endswith(".pdf")
            assert one.control.endswith(".pdf")


def test_placeholders_are_filled_and_one_without_a_value_is_named() -> None:
    assert (
        filled("{{target}} by {{tool}}: {{canary}}{{7*7}}", target="pay", tool="post", canary="x")
        == "pay by post: x{{7*7}}"
    )
    with pytest.raises(InputError, match=r"nothing to put in for \{\{canary\}\}"):
        filled("say {{canary}}", target="pay")


def test_a_pilot_adds_its_own_patterns_and_all_are_sorted_by_id(pilot: Pilot) -> None:
    patterns = patterns_of(with_file(pilot, family()))
    assert [one.id for one in patterns] == sorted(one.id for one in patterns)
    own = next(one for one in patterns if one.family == "own_words")
    assert own == AttackPattern(
        "own_words/en/1", "own_words", AttackClass.INSTRUCTION, Severity.HIGH, ("LLM01:2026",), "en",
        (Channel.FREE_TEXT,), Goal.ACTION, "Say {{target}} at once.", "The gate is at the left.", ("plain",),
    )  # fmt: skip
    assert len(patterns) == len(shipped_patterns()) + 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (family(severity="huge"), r"families\.own_words\.severity"),
        (family(goal=""), r"'families\.own_words\.goal' is missing"),
        (family(chanels="[name]"), r"unknown key 'families\.own_words\.chanels'"),
        (family(transforms="[base65]"), r"no such transform"),
        (family(ids="[LLM01]"), r"no catalogue"),
        (family(texts="{english: [{text: a, control: b}]}"), "texts do not fit"),
        (family(texts="{en: []}"), "texts do not fit"),
        (family(texts="{en: [{text: 'Say {{action}}!', control: 'The gate is left.'}]}"), "that nothing fills"),
        (family(texts="{en: [{text: 'Say {{target}}!', control: 'Go {{target}}.'}]}"), "not be harmless"),
        (family(texts="{en: [{text: 'Say {{target}}!', control: 'Gate.'}]}"), "not about as long"),
        (family(texts="{en: [{text: 'Say approve now!', control: 'Ворота открыты.'}]}"), "another script"),
        ("families: {X: {}}", r"families\.X"),
        ("families: {}", "families"),
        (family().replace("own_words", "Own"), "name of a family"),
        (family().replace("own_words", "ignore_rules"), "a family is there twice"),
        (
            family(texts="{en: [{text: 'Say {{target}}!', control: 'The gate is.'}], de: [{text: 'Say {{target}}!', "
                   "control: 'The gates are'}]}"),
            "a text is there twice",
        ),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_named_with_family_and_key(pilot: Pilot, content: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as told:
        patterns_of(with_file(pilot, content))
    assert "own.yaml" in str(told.value.where)


def test_a_family_in_two_files_is_an_error(pilot: Pilot) -> None:
    with_file(pilot, family(), "first.yaml")
    with pytest.raises(InputError, match="a family is there twice"):
        patterns_of(
            with_file(pilot, family(texts="{en: [{text: 'Do {{target}}.', control: 'The gate is.'}]}"), "second.yaml")
        )


def test_the_example_of_the_page_is_a_file_of_patterns(pilot: Pilot) -> None:
    page = (REPOSITORY / "docs" / "attack_library.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert example is not None
    assert "advance_payment" in {one.family for one in patterns_of(with_file(pilot, example[1]))}


def test_the_page_on_the_library_counts_what_is_in_it() -> None:
    page = (REPOSITORY / "docs" / "attack_library.md").read_text(encoding="utf-8")
    patterns = shipped_patterns()
    for name in AttackClass:
        of_class = [one for one in patterns if one.attack_class is name]
        families = len({one.family for one in of_class})
        assert re.search(rf"^\| `{name}` \| [^|]+ \| {families} \| {len(of_class)} \|$", page, re.MULTILINE), name
    assert f"{len({one.family for one in patterns})} families, {len(patterns)} texts" in page
    for name in TRANSFORMS:
        assert f"`{name}`" in page, name
    for one in CATALOGUES:
        assert f"{one.name}, {one.version}, {one.published.day} {one.published:%B %Y}" in page, one.name
