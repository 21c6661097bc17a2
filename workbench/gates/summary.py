"""A decision as Markdown, for the comment or summary of a CI run."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

SYMBOLS = {"pass": "✓", "fail": "✗", "unproven": "?"}
MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~@:>-])")
MAX_LETTERS = 300


def markdown_summary(decision: Mapping[str, Any]) -> str:
    """Return a decision as `Decision.as_json` gives it as Markdown in which all its texts are text.

    Letters that Markdown, HTML or a forge's mentions would read as markup are escaped.
    """
    lines = [
        f"## {decision['verdict']}: gate {decision['gate']} of {_text(decision['pilot'])}",
        "",
        _text(decision["paragraph"], 2000),
        "",
        "| criterion | answer | why |",
        "|---|---|---|",
    ]
    for one in decision["criteria"]:
        answer = f"{SYMBOLS[one['state']]} {one['state']}" + (" (WAIVED)" if one["waived"] else "")
        lines.append(f"| {_text(one['title'])} | {answer} | {_text(one['reason'])} |")
    for waiver in decision["waivers"]:
        state = "Waived" if waiver["is_valid"] else f"Void waiver ({_text(waiver['fault'])})"
        who = f"{_text(waiver['name'])} until {_text(waiver['until'])}: {_text(waiver['why'])}"
        lines += ["", f"**{state}**: {_text(waiver['criterion'])} by {who}"]
    return "\n".join(lines) + "\n"


def _text(text: object, letters: int = MAX_LETTERS) -> str:
    line = " ".join(str(text).split())
    cut = line if len(line) <= letters else f"{line[:letters]}…"
    return MARKUP.sub(r"\\\1", html.escape(cut, quote=False))
