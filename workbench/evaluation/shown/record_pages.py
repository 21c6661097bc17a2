"""The page of one record: what was asked, every version's answer, how probable each token was."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from workbench.engines import TokenLogprob
from workbench.evaluation.versions.history import RecordHistory, VersionSaid, record_histories
from workbench.files import write_atomically
from workbench.pages import framed, page_name, template
from workbench.pilot import Pilot
from workbench.records.splits import Dataset
from workbench.words import percent, visible

SURE = 0.995
MOST_PAGES = 300
STYLE = "sub { font-size: .7rem; color: var(--faint) } pre { line-height: 1.7 }"


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as the page shows it: its text, its probability, and whether the model was less than sure of it."""

    text: str
    probability: str
    doubt: bool


def record_page(history: RecordHistory) -> str:
    """Return a record's history as one HTML page that runs no script and loads nothing."""
    title = f"Record {visible(history.record_id)}"
    heading = Markup("<h1>{}</h1>").format(title)
    return framed(title, heading + Markup(record_html(history)), style=STYLE)


def record_address(pilot: Pilot, record_id: str) -> Path:
    """Return where the page of a pilot's record is, or will be once it is written."""
    return pilot.runs / "results" / "records" / page_name(record_id)


def write_record_pages(
    pilot: Pilot, dataset: Dataset, record_ids: Sequence[str], labels: Mapping[str, str] = {}
) -> list[Path]:
    """Write the pages of records, personal data masked, and return them; of very many only the first.

    Parameters
    ----------
    record_ids : sequence of str
        The first 300 get a page.
    labels : mapping
        Labels of holdout records, from an evaluation that opened the holdout.
    """
    written = []
    for history in record_histories(pilot, dataset, record_ids[:MOST_PAGES], labels):
        written.append(record_address(pilot, history.record_id))
        write_atomically(written[-1], record_page(history))
    return written


def record_html(history: RecordHistory) -> str:
    """Return a record's history as HTML for a notebook: every value is text, whatever it holds."""
    return template("record").render(
        record_id=visible(history.record_id),
        split=history.split.value,
        label=None if history.label is None else visible(history.label),
        shown={visible(name): visible(str(value)) for name, value in history.shown.items()},
        rows=[_row(answered) for answered in history.answered],
        prompts={
            visible(name): [(message.role, visible(message.content)) for message in rendered]
            for name, rendered in history.prompts.items()
        },
        traces=[_trace(answered) for answered in history.answered if answered.events],
        replies=[_reply(answered) for answered in history.answered if answered.decision["text"]],
    )


def token_views(tokens: Sequence[TokenLogprob]) -> list[TokenView]:
    """Return tokens as the page shows them."""
    views = []
    for token in tokens:
        probability = math.exp(min(0.0, token.logprob))
        views.append(TokenView(visible(token.token), percent(probability), probability < SURE))
    return views


def _row(answered: VersionSaid) -> dict[str, str]:
    """Return one version's decision as texts."""
    decision = answered.decision
    confidence = decision["confidence"]
    action = decision["action"] if decision["action"] is not None else f"({decision['status']}: {decision['cause']})"
    right = {True: "right", False: "wrong", None: "not known"}[answered.is_right]
    texts = {
        "version": answered.agent,
        "run": answered.run,
        "prompt": answered.prompt or "–",  # noqa: RUF001 - an en dash, as printed tables have it
        "answered by": answered.engine or "–",  # noqa: RUF001 - as above
        "decided": str(action),
        "confidence": "–" if confidence is None else f"{confidence:.3g}",  # noqa: RUF001 - as above
        "which is": right,
        "reason": str(decision["reason"] or decision["detail"] or "–"),  # noqa: RUF001 - as above
    }
    return {name: visible(text) for name, text in texts.items()}


def _trace(answered: VersionSaid) -> dict[str, object]:
    rows = [{name: visible(text) for name, text in event.items()} for event in answered.events]
    return {"version": visible(answered.agent), "run": visible(answered.run), "rows": rows}


def _reply(answered: VersionSaid) -> dict[str, object]:
    tokens = [] if answered.tokens is None else token_views(answered.tokens)
    text = visible(str(answered.decision["text"]))
    return {"version": visible(answered.agent), "run": visible(answered.run), "text": text, "tokens": tokens}
