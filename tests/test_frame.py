"""The frame of every page, and links from a notebook's page to the pages of records."""

from __future__ import annotations

import json
from pathlib import Path

from workbench.pages import framed, notebook_page, page_name
from workbench.pages.views import table_html


def test_contents_list_the_headings_and_the_skip_link_leads_to_the_first() -> None:
    page = framed(
        "T", "<h1>T</h1><p>lead</p><h2>One</h2><h2 id='x'>odd</h2><h2 id=\"two\">Two &amp; more</h2><h2>Three</h2>"
    )
    assert '<a class="skip" href="#part-1">Skip to One</a>' in page
    assert '<li><a href="#two">Two &amp; more</a></li>' in page
    assert page.index("lead") < page.index('<nav class="contents"') < page.index('<h2 id="part-1">')


def test_a_table_scrolls_by_itself_and_is_named_after_its_caption() -> None:
    page = framed("T", "<table><caption>A <b>b</b> &amp; c</caption><tr><td>1</td></tr></table>")
    assert '<div class="scroll" tabindex="0" role="group" aria-label="A b &amp; c"><table>' in page


def notebook(path: Path, *cells: str) -> Path:
    import pandas as pd

    html = table_html(pd.DataFrame({"record": cells, "n": range(len(cells))}))
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": html, "text/plain": ""}}
    cell = {"cell_type": "code", "source": "x", "metadata": {}, "outputs": [output], "execution_count": 1}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    return path


def test_an_id_links_to_its_page_where_there_is_one(tmp_path: Path) -> None:
    records = tmp_path / "results" / "records"
    records.mkdir(parents=True)
    hostile = "../<b>&x"
    for name in ("IM_01", hostile):
        (records / page_name(name)).write_text("page", encoding="utf-8")
    page = notebook_page(notebook(tmp_path / "notebooks" / "02.ipynb", "IM_01", "IM_02", hostile))
    assert page.count('<a href="../results/records/') == 2
    assert '<a href="../results/records/IM_01.html">IM_<wbr>01</a>' in page
    assert f'<a href="../results/records/{page_name(hostile)}">../&lt;b&gt;&amp;x</a>' in page


def test_without_pages_of_records_nothing_links(tmp_path: Path) -> None:
    assert '<a href="../' not in notebook_page(notebook(tmp_path / "notebooks" / "02.ipynb", "IM_01"))
