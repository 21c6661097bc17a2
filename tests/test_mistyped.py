"""Names mistyped, told from names of their own by how letters follow each other and how often one slips."""

from __future__ import annotations

from collections import Counter

import audit_tables  # noqa: F401  (puts benchmarks/ on the path)
import numpy as np
import pytest
from dirty_tables import words
from dirty_tables.errors import typo
from dirty_tables.naming import SURNAMES, TOWNS

from workbench.audit.known.mistyped import Letters, Texts, mistyped, slip_chance
from workbench.audit.known.slips import nearest

OWN = SURNAMES[::5]
USUAL = [name for name in SURNAMES if name not in OWN]


def judged(counts: Counter[str]) -> dict[str, float]:
    texts = list(counts)
    frequent = sorted((i for i, text in enumerate(texts) if counts[text] >= 4), key=lambda i: -counts[texts[i]])
    rare = [i for i, text in enumerate(texts) if counts[text] < 4]
    near = nearest([texts[i] for i in rare], [texts[i] for i in frequent])
    targets = {rare[i]: frequent[j] for i, (j, distance) in near.items() if distance == 1}
    own = [i for i in rare if i not in targets]
    known = Texts(texts, np.array([counts[text] for text in texts]), own, frequent, lambda *_: True)
    return {texts[i]: chance for i, chance in mistyped(known, targets).items()}


def surnames() -> Counter[str]:
    """Names a keystroke apart, every fifth in one row, and seventy other names in one row."""
    rng = np.random.default_rng(3)
    often = {name: int(200 / (place + 2)) + 4 for place, name in enumerate(rng.permutation(USUAL))}
    return Counter({**often, **dict.fromkeys(OWN, 1), **dict.fromkeys(words.distinct(rng, 70, words.surname), 1)})


def test_names_with_letters_in_odd_places_beside_frequent_ones_are_mistyped() -> None:
    counts, rng = surnames(), np.random.default_rng(4)
    frequent = [name for name in counts if counts[name] >= 10 and len(name) > 3]
    slips = {typo(rng, str(name)) for name in rng.choice(frequent, 30)} - set(counts)
    chances = judged(counts + Counter(dict.fromkeys(slips, 1)))
    called = {name for name, chance in chances.items() if chance >= 0.8}
    assert len(called & slips) >= 0.5 * len(slips)
    assert len(called & slips) >= 0.8 * len(called)


def test_rare_names_of_their_own_beside_frequent_ones_are_not_mistyped() -> None:
    chances = judged(surnames())
    assert len(set(chances) & set(OWN)) >= 15
    assert max(chances.values()) < 0.8


def test_towns_a_letter_apart_are_not_mistyped_however_rare_some_are() -> None:
    chances = judged(Counter({town: 1 if place % 4 == 0 else 30 for place, town in enumerate(TOWNS)}))
    assert len(chances) >= 5
    assert max(chances.values()) < 0.8


def test_nothing_is_said_where_too_few_texts_of_their_own_are_near_each_other() -> None:
    assert judged(Counter({"closed": 50, "waiting": 40, "paid": 30, "clsoed": 1})) == {}


def test_a_column_of_more_names_than_letters_are_learnt_from_is_judged() -> None:
    rng = np.random.default_rng(5)
    rare = [*words.distinct(rng, 7_000, words.surname), "Zhagn"]
    chances = judged(Counter({**dict.fromkeys(rare, 1), **dict.fromkeys(SURNAMES, 9)}))
    assert all(0 <= chance <= 1 for chance in chances.values())
    assert "Zhagn" in chances


# By hand, "Maria" and 25 signs: 5 letters to replace or leave out, 4 pairs to swap, 6 places to put one in; 4 kinds.
@pytest.mark.parametrize(
    ("text", "chance"),
    [("Mxria", 1 / 5 / 25 / 4), ("Mria", 1 / 5 / 4), ("Mraia", 1 / 4 / 4), ("Mxaria", 1 / 6 / 25 / 4)],
)
def test_the_chance_of_a_slip_counts_places_letters_and_kinds(text: str, chance: float) -> None:
    assert slip_chance(text, "Maria", 25) == pytest.approx(chance)


def test_letters_weigh_what_followed_them_by_witten_and_bell() -> None:
    letters = Letters(["ab", "ab"])
    # By hand: 3 signs (a, b, end). Anywhere: each 2 of 6, 3 kinds, so (2 + 3 / 3) / 9 = 1/3; after any letters seen
    # twice with one kind of sign: (2 + p) / 3, three times over for three letters of context.
    chance = 1 / 3
    for _ in range(3):
        chance = (2 + chance) / 3
    assert letters.log_chance("AB") == pytest.approx(3 * np.log(chance))


def test_a_text_taken_out_is_less_likely_and_stays_known_afterwards() -> None:
    letters = Letters(["Marta", "Maria", "Anna"])
    before = letters.log_chance("Anna")
    assert letters.log_chance_unseen("Anna") < before
    assert letters.log_chance("Anna") == before
