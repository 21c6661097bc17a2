"""Answers have one shape: at most two sentences, then short lines; the same text wherever it is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.words import GLOSSARY, Brief, explained

LINE = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1).filter(lambda text: not text.startswith("-"))
GROUP = st.tuples(LINE.map(lambda text: text.rstrip(":") or "x"), st.lists(LINE, min_size=1).map(tuple))


@given(LINE, st.lists(GROUP).map(tuple))
def test_a_brief_is_read_from_its_own_text(lead: str, groups: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
    brief = Brief(lead, groups)
    assert Brief.read(str(brief)) == brief


def test_groups_without_a_line_are_left_out_and_lines_stay_lines() -> None:
    assert Brief.of("a\nb", [("Failed", []), ("Next", ["c\n- d"])]) == Brief("a b", (("Next", ("c - d",)),))


def test_a_text_without_a_list_is_all_lead() -> None:
    assert Brief.read("GO: all is well.\n\nMore.") == Brief("GO: all is well.\n\nMore.")


def test_what_others_wrote_stays_text_in_html() -> None:
    shown = Brief("<script>1</script>", (("<b>", ("<img src=x>",)),)).html()
    assert "<script" not in shown
    assert "<img" not in shown
    assert "&lt;img src=x&gt;" in shown


def test_a_word_is_explained_where_it_first_stands_and_never_inside_markup() -> None:
    page = '<h2>Holdout</h2><p title="holdout">The holdout, the ledger.</p><pre>bundle</pre><p>Holdout</p>'
    shown = explained(page)
    assert shown.count("<abbr") == 2
    assert f'The <abbr title="{GLOSSARY["holdout"]}">holdout</abbr>' in shown
    assert '<p title="holdout">' in shown
    assert "<pre>bundle</pre>" in shown
    assert shown.endswith("<p>Holdout</p>")


@pytest.mark.parametrize("word", sorted(GLOSSARY))
def test_every_word_of_the_glossary_is_found(word: str) -> None:
    assert explained(f"<p>{word}</p>").startswith('<p><abbr title="')
