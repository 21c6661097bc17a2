"""A decision as Markdown, for the comment or summary of a CI run."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from workbench.words import Brief

SYMBOLS = {"pass": "✓", "fail": "✗", "unproven": "?"}
MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~@:>-])")
MAX_LETTERS = 300


def markdown_summary(decision: Mapping[str, Any]) -> str:
    """Return a decision as `Decision.as_json` gives it as Markdown in which all its texts are text.

    Letters that Markdown, HTML or a forge's mentions would read as markup are escaped.
    """
    answer = Brief.read(decision["answer"])
    lines = [f"## {decision['verdict']}: gate {decision['gate']} of {_text(decision['pilot'])}", "", _text(answer.lead)]
    for title, found in answer.groups:
        lines += ["", f"**{_text(title)}**", "", *(f"- {_text(line)}" for line in found)]
    for void in (waiver for waiver in decision["waivers"] if not waiver["is_valid"]):
        lines += ["", f"**Void waiver ({_text(void['fault'])})**: {_text(void['criterion'])} by {_text(void['name'])}"]
    lines += ["", "<details><summary>Every criterion</summary>", "", "| criterion | answer | why |", "|---|---|---|"]
    for one in decision["criteria"]:
        state = f"{SYMBOLS[one['state']]} {one['state']}" + (" (WAIVED)" if one["waived"] else "")
        lines.append(f"| {_text(one['title'])} | {state} | {_text(one['reason'])} |")
    return "\n".join([*lines, "", "</details>"]) + "\n"


def _text(text: object, letters: int = MAX_LETTERS) -> str:
    line = " ".join(str(text).split())
    cut = line if len(line) <= letters else f"{line[:letters]}…"
    return MARKUP.sub(r"\\\1", html.escape(cut, quote=False))
