"""Tests of workbench.pages.pages: what a page shows, and that nothing in a notebook can make it do anything else."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workbench.notebooks.result import FINISH_TYPE
from workbench.pages.pages import notebook_page
from workbench.pages.views import table_html
from workbench.words import InputError

# fmt: off
HARMLESS_TAGS = {
    "html", "head", "meta", "title", "style", "body", "div", "p", "details", "summary", "pre", "footer", "img", "h1",
    "h2", "h3", "strong", "em", "code", "ul", "ol", "li", "a", "table", "caption", "thead", "tbody", "tr", "th", "td",
    "b", "wbr", "br", "span", "main", "nav", "abbr",
}
# fmt: on
ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt/x>alert(1)</sCrIpT >",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)><animate onbegin=alert(1) attributeName=x>",
    "<a href='javascript:alert(1)'>click</a>",
    "<a href=' java\tscript:alert(1)'>click</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>click</a>",
    "<iframe src='https://attacker.example/'></iframe>",
    "<img src='https://attacker.example/pixel.png'>",
    "<link rel=stylesheet href='https://attacker.example/x.css'>",
    "<style>@import 'https://attacker.example/x.css'; td { background: url(https://attacker.example/p) }</style>",
    "<td style='background: url(https://attacker.example/p)'>x</td>",
    "<meta http-equiv=refresh content='0;url=https://attacker.example/'>",
    "<base href='https://attacker.example/'>",
    "<form action='https://attacker.example/'><input name=q><button>go</button></form>",
    "<object data='https://attacker.example/x.swf'></object><embed src='https://attacker.example/'>",
    "</td></tr></table></body></html><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "<!--><script>alert(1)</script>-->",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "{{ 7 * 7 }}{% raw %}",
]


class Elements(HTMLParser):
    """Collects every element of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def code(source: str, *outputs: Mapping[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    metadata = {"tags": list(tags)}
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": metadata, "execution_count": 1}


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def shown(**data: object) -> dict[str, Any]:
    """Return an output; _ in a keyword stands for / in its type."""
    content = {name.replace("_", "/"): value for name, value in data.items()}
    return {"output_type": "display_data", "data": content, "metadata": {}}


def page_of(tmp_path: Path, *cells: Mapping[str, Any], answer: str | None = None, **metadata: object) -> str:
    path = tmp_path / "01_example.ipynb"
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content), encoding="utf-8")
    return notebook_page(path, answer)


def assert_harmless(page: str) -> None:
    """Fail when a page holds anything that could run or load."""
    elements = Elements(page).found
    assert {tag for tag, _ in elements} <= HARMLESS_TAGS
    for tag, attributes in elements:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert "url(" not in (attributes.get("style") or ""), (tag, attributes)
        assert (attributes.get("src") or "data:image/png;base64,").startswith("data:image/png;base64,"), attributes
        assert not re.match(r"\s*(javascript|data|vbscript)", attributes.get("href") or "", re.IGNORECASE), attributes
    policies = [attributes["content"] for tag, attributes in elements if "http-equiv" in attributes]
    assert policies == [
        "default-src 'none'; script-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none';"
        " form-action 'none'"
    ]
    counts = Counter(tag for tag, _ in elements)
    assert counts["style"] == counts["title"] == counts["body"] == 1


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_stays_text_wherever_it_comes_from(tmp_path, attack):
    frame = pd.DataFrame({attack: [attack], "record": [{attack: attack, "amount": 1.5}]})
    error = {"output_type": "error", "ename": attack, "evalue": attack, "traceback": [f"\x1b[31m{attack}\x1b[0m"]}
    finish = {FINISH_TYPE: {"answer": attack, "values": {}}, "text/html": attack, "text/plain": attack}
    page = page_of(
        tmp_path,
        markdown(f"# {attack}\n\ntext {attack}"),
        code("a = 1", shown(text_html=table_html(frame, attack, attack))),
        code("b = 1", shown(text_html=attack), shown(text_markdown=attack), shown(text_plain=attack)),
        code(attack, {"output_type": "stream", "name": "stdout", "text": attack}, error),
        code("c = 1", {"output_type": "display_data", "data": finish, "metadata": {}}),
        papermill={"parameters": {"pilot": attack}, "end_time": attack},
    )
    assert_harmless(page)


def test_a_hostile_cell_of_a_table_can_be_read(tmp_path):
    page = page_of(tmp_path, code("x", shown(text_html=table_html(pd.DataFrame({"said": [ATTACKS[0]]})))))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.replace("<wbr>", "")


@pytest.mark.parametrize(
    ("markup", "kept"),
    [
        ('<a href="https://a.de" onclick="x()">y</a>', '<a href="https://a.de" rel="noopener noreferrer">y</a>'),
        ('<a href="mailto:a@b.example">y</a>', '<a href="mailto:a@b.example" rel="noopener noreferrer">y</a>'),
        ('<a href="ftp://a.example/">y</a>', '<a rel="noopener noreferrer">y</a>'),
        ('<a href="vbscript:x">y</a>', '<a rel="noopener noreferrer">y</a>'),
        ('<p style="text-align:right" class="c" id="i">x</p>', "<p>x</p>"),
        ("<details open><summary>s</summary>x</details>", "<details><summary>s</summary>x</details>"),
        ("a<!-- b -->c<script>d()</script>e<style>f</style>", "ace"),
        ("<svg><circle r=9></circle></svg>x", "x"),
    ],
)  # fmt: skip
def test_of_markup_only_text_tables_and_links_are_left(tmp_path: Path, markup: str, kept: str) -> None:
    assert kept in page_of(tmp_path, code("x", shown(text_html=f"<div>{markup}</div>")))


@pytest.mark.parametrize(
    ("style", "kept"),
    [
        ("text-align: right; position: fixed", ' style="text-align:right"'),
        ("border-bottom: 1px solid", ' style="border-bottom:1px solid"'),
        ("border-bottom: url(https://a.example/p)", ""),
        (r"border-bottom: \75 rl(https://a.example/p)", ""),
        ("text-align: expression(alert(1))", ""),
    ],
)
def test_a_cell_keeps_its_alignment_and_no_style_that_could_load(tmp_path: Path, style: str, kept: str) -> None:
    table = f'<table><tbody><tr><td colspan="2" style="{style}" title="t">x</td></tr></tbody></table>'
    page = page_of(tmp_path, code("x", shown(text_html=table)))
    cell = re.search(r"<td[^>]*>", page)
    assert cell is not None
    assert cell[0] in (f'<td colspan="2"{kept}>', f'<td{kept} colspan="2">')


def test_forms_other_than_text_tables_and_images_are_left_out(tmp_path):
    page = page_of(
        tmp_path,
        code(
            "x",
            shown(application_javascript="alert(1)", text_plain="in place of a script"),
            {"output_type": "display_data", "data": {"image/svg+xml": "<svg onload=alert(1)/>"}, "metadata": {}},
            shown(image_png='" onerror="alert(1)'),
            shown(text_latex="$x$", text_plain="in place of a formula"),
        ),
    )
    assert_harmless(page)
    assert "in place of a script" in page
    assert "in place of a formula" in page
    assert "alert" not in page
    assert "<img" not in page


def test_figures_are_in_the_page_and_described(tmp_path):
    page = page_of(tmp_path, code("draw()", shown(image_png="aGVsbG8=\n", text_plain='Half are "right"')))
    [(_, attributes)] = [found for found in Elements(page).found if found[0] == "img"]
    assert attributes == {"src": "data:image/png;base64,aGVsbG8=", "alt": 'Half are "right"'}


def test_prose_comes_as_headings_lists_and_tables(tmp_path):
    page = page_of(tmp_path, markdown("# Which one?\n\nFirst **this**.\n\n- one\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"))
    assert "<title>Which one?</title>" in page
    assert "<h1>Which one?</h1>" in page
    assert "<strong>this</strong>" in page
    assert "<li>one</li>" in page
    assert "<th>a</th>" in re.sub(r' style="[^"]*"', "", page)


def test_code_and_messages_are_folded_away_and_the_end_of_a_progress_bar_is_kept(tmp_path):
    bar = "run: 0%|  | 0/2\rrun: 50%|# | 1/2\rrun: 100%|##| 2/2\n"
    stream = {"output_type": "stream", "name": "stderr", "text": [bar]}
    page = page_of(tmp_path, code("x = 1", tags=("parameters",)), code("work(x)", stream, shown(text_plain="done")))
    before, folded = page.split('<details class="code">')
    assert "done" in before
    assert "x = 1\n\nwork(x)" in folded, "cells that show nothing are folded with the next"
    assert "2/2" in folded
    assert "1/2" not in page


def test_the_answer_stands_at_the_top_and_nowhere_else(tmp_path):
    shown_as = {"text/html": "<p><strong>Yes &amp; no.</strong></p>", "text/plain": "Yes & no."}
    data = {FINISH_TYPE: {"answer": "Yes & no.", "values": {}}, **shown_as}
    finish = code("finish()", {"output_type": "display_data", "data": data, "metadata": {}})
    page = page_of(tmp_path, markdown("# Is it?"), markdown("## Why"), finish, answer="Yes & no.")
    assert page.index("<h1>") < page.index('<div class="answer">') < page.index("<h2 ")
    assert page.count("<p><strong>Yes &amp; no.</strong></p>") == 1


def test_a_failed_notebook_shows_its_error_and_no_answer(tmp_path):
    error = {
        "output_type": "error",
        "ename": "ValueError",
        "evalue": "no",
        "traceback": ["\x1b[31mValueError\x1b[0m: no"],
    }
    page = page_of(tmp_path, markdown("# Is it?"), code("fail()", error))
    assert '<pre class="error">ValueError: no</pre>' in page
    assert 'class="answer"' not in page


def test_the_parameters_of_a_run_are_named(tmp_path):
    page = page_of(tmp_path, markdown("# x"), papermill={"parameters": {"pilot": "a", "limit": None}, "end_time": None})
    assert "with pilot = &#34;a&#34;, limit = null." in page


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"nbformat": 3, "cells": []}', '{"nbformat": 4, "cells": 1}'])
def test_a_file_that_is_no_notebook_is_refused(tmp_path, content):
    path = tmp_path / "x.ipynb"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="the file is no notebook"):
        notebook_page(path)
