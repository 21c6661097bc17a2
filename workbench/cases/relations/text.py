"""Changes of a free text: as people write, in other words, with something that does not matter, or with too much."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from workbench.cases.relations.change import Fields, Ground, UnchangeableError
from workbench.files import Settings, read_settings
from workbench.pilot import ColumnType, Role

WORD = re.compile(r"[^\W\d_]{5,}")
OneT = TypeVar("OneT")


class Sentences(Settings):
    """What stands in sentences.yaml beside this."""

    irrelevant: tuple[str, ...]
    wrappers: tuple[str, ...]
    out_of_scope: tuple[str, ...]


def typo(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record with two neighbouring letters inside one word of its free text swapped."""
    column = ground.text_column(fields)
    text = str(fields[column])
    places = [
        place
        for word in WORD.finditer(text)
        for place in range(word.start() + 1, word.end() - 2)
        if text[place] != text[place + 1]
    ]
    if not places:
        raise UnchangeableError("the free text has no word of five letters")
    at = _one(places, rng)
    return {**fields, column: f"{text[:at]}{text[at + 1]}{text[at]}{text[at + 2 :]}"}


def other_case(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record whose free text is in capitals, or in small letters where it was in capitals."""
    column = ground.text_column(fields)
    text = str(fields[column])
    return {**fields, column: text.lower() if text == text.upper() else text.upper()}


def white_space(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record with more blanks between the words of its free text and around its cells of text.

    How many differs from a cell to the next, so that two that are compared to the letter are no longer the same.
    """
    columns = ground.contract.columns
    filled = [name for name, cell in fields.items() if isinstance(cell, str) and cell.strip()]
    texts = [name for name in filled if columns[name].role is Role.TEXT]
    plain = [name for name in filled if columns[name].role is Role.FIELD and columns[name].allowed is None]
    plain = [name for name in plain if columns[name].type is ColumnType.STRING]
    if not texts and not plain:
        raise UnchangeableError("no cell of this record is free of a fixed form")
    around = {name: f" {fields[name]}{'  ' * (n % 2)}" for n, name in enumerate(plain)}
    return {**fields, **around, **{name: f" {'  '.join(str(fields[name]).split(' '))} " for name in texts[:1]}}


def irrelevant_sentence(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record with a sentence more in its free text that decides nothing."""
    names = ground.contract.columns_with(Role.TEXT)
    if not names:
        raise UnchangeableError("the contract has no column of free text")
    column = next((name for name in names if fields[name]), names[0])
    text, more = str(fields[column] or "").strip(), _one(_sentences().irrelevant, rng)
    return {**fields, column: f"{text}{'' if text[-1:] in ('', '.', '!', '?') else '.'} {more}".strip()}


def translated(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record with a text in another language, as process.yaml says under `translations`.

    That is a list of mappings, language to text; each says one thing in several languages.
    """
    column = ground.text_column(fields)
    text, declared = str(fields[column]), ground.process.get("translations") or ()
    entries = [list(one.values()) for one in declared if isinstance(one, Mapping)]
    found = [(said, other) for entry in entries for said in entry for other in entry if said in text and other != said]
    if not found:
        raise UnchangeableError("process.yaml gives no translation of this text (`translations`)")
    longest = max(len(said) for said, _ in found)
    said, other = _one([pair for pair in found if len(pair[0]) == longest], rng)
    return {**fields, column: text.replace(said, other)}


def paraphrased(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record whose text says the same with a greeting or a request around it."""
    column = ground.text_column(fields)
    return {**fields, column: _one(_sentences().wrappers, rng).replace("{text}", str(fields[column]).strip())}


def two_intents(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record whose text goes on with that of a development record with another label."""
    column = ground.text_column(fields)
    texts = ground.records[column]
    own = ground.labels.reindex(texts.index)[(texts == fields[column]).to_numpy()]
    others = texts[texts.notna() & ~ground.labels.reindex(texts.index).isin(own.unique())]
    if own.empty or others.empty:
        raise UnchangeableError("no development record shows which other label there is")
    more = str(_one(sorted(others.astype(str).unique()), rng))
    return {**fields, column: f"{str(fields[column]).strip()} {more}"}


def out_of_scope(fields: Fields, ground: Ground, rng: np.random.Generator) -> Fields:
    """Return a record whose text is about something else altogether."""
    return {**fields, ground.text_column(fields): _one(_sentences().out_of_scope, rng)}


def _one(several: Sequence[OneT], rng: np.random.Generator) -> OneT:
    return several[int(rng.integers(len(several)))]


@cache
def _sentences() -> Sentences:
    return read_settings(Path(__file__).parent / "sentences.yaml", Sentences)
