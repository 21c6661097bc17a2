"""The measures that a prompt's limits speak of, read from what each record's prompt says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from workbench.agents import preparation_for
from workbench.agents.callables import UnpreparedError
from workbench.agents.prompts import RECORD_SECTION, Limit, Prompt, fill, limits_of, rules_of
from workbench.pilot import Pilot
from workbench.records.splits import Dataset

EXAMPLES = "Examples"
NUMBER = r"-?\d+(?:,\d{3})*(?:\.\d+)?"


def stated_limits(prompt: Prompt) -> tuple[Limit, ...]:
    """Return the limits that a prompt's policy states, each measure, direction, number and unit once."""
    kept = [section for section in prompt.sections if section.title not in (EXAMPLES, RECORD_SECTION)]
    found: dict[str, Limit] = {}
    for rule in rules_of(kept):
        for limit in limits_of(rule):
            found.setdefault(str(limit), limit)
    return tuple(found.values())


def shown_texts(pilot: Pilot, dataset: Dataset, prompt: Prompt, ids: pd.Index[str]) -> Mapping[str, str]:
    """Return what a prompt's Record section says of each record; a record that cannot be prepared says nothing."""
    prepare = preparation_for(pilot, prompt)
    texts = {}
    for record in dataset.records(ids):
        try:
            shown = record if prepare is None else prepare(record)
        except UnpreparedError:
            continue
        texts[record.id] = fill(prompt.record_source, f"record {record.id}", dataset.labels, shown.fields)
    return texts


def limit_measure(texts: Mapping[str, str], limit: Limit) -> pd.Series[float]:
    """Return the value of a limit's measure in each record that states one: its name, a number and the same unit.

    Examples
    --------
    >>> from workbench.agents.prompts.limits import PromptRule
    >>> limit = Limit("price variance", ">", 2.5, "%", PromptRule("", 1, ""))
    >>> texts = {"a": "seals price variance: 6.5 %, cost: 190 euro", "b": "price variance 1 euro"}
    >>> limit_measure(texts, limit).to_dict()
    {'a': 6.5}
    """
    unit = rf"\s*{re.escape(limit.unit)}" if limit.unit else ""
    words = r"\s+".join(map(re.escape, limit.measure.split()))
    pattern = re.compile(rf"(?<!\w){words}\s*[:=]?\s*({NUMBER}){unit}(?![\w.]*\d)", re.IGNORECASE)
    return pd.Series(dict(_matches(texts, pattern)), dtype=float)


def near(values: pd.Series[float], limit: Limit, within: float) -> np.ndarray:
    """Return whether each value lies within a share of a limit."""
    return np.asarray(np.abs(values.to_numpy() - limit.number) <= within * abs(limit.number))


def _matches(texts: Mapping[str, str], pattern: re.Pattern[str]) -> Iterator[tuple[str, float]]:
    for record_id, text in texts.items():
        if match := pattern.search(text):
            yield record_id, float(match[1].replace(",", ""))
