"""Errors of public dirty tables in small: each kind planted and found, and its look-alike left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from audit_tables import detected, flagged

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def of_kind(frame: pd.DataFrame, kind: str) -> set[tuple[int, str]]:
    return {cell for cell, found in flagged(frame).items() if found == kind}


def people(n: int = 400) -> pd.DataFrame:
    """Return people whose zip code settles their state; every fourth row of a zip code is another town."""
    rng = np.random.default_rng(5)
    place = rng.integers(0, 90, n)
    states = ["ME", "OH", "TX", "AL", "MN", "NY"]
    return pd.DataFrame(
        {
            "zip": [f"{10_300 + 117 * one:05d}" for one in place],
            "town": [f"{'North' if one % 2 else 'South'} {LETTERS[one % 26] * 2}ville {one}" for one in place],
            "state": [states[one % 6] for one in place],
            "score": (rng.permutation(n) + 100).astype(str),
        }
    )


def test_a_default_value_is_held_against_what_every_other_value_settles() -> None:
    clean = people()
    assert flagged(clean) == {}
    dirty = clean.copy()
    rows = np.random.default_rng(1).choice(len(dirty), 60, replace=False)
    dirty.loc[rows, "zip"] = "01907"
    found = of_kind(dirty, "dependency")
    # The rows of the state that is most frequent among the sixty may be right.
    assert {column for _, column in found} == {"zip"}
    assert {row for row, _ in found} <= set(rows)
    assert len(found) >= 45


def test_a_frequent_value_whose_rows_agree_is_no_default() -> None:
    frame = people()
    frame.loc[range(60), ["zip", "town", "state"]] = ["01907", "Swampscott", "MA"]
    assert flagged(frame) == {}


def test_apostrophes_doubled_by_sql_and_marks_of_other_scripts_are_damage() -> None:
    names = [f"{one}{two}den" for one in "BCDFGHJKLM" for two in ("al", "or", "un", "es")]
    frame = pd.DataFrame({"name": names, "n": [str(i % 7) for i in range(40)]})
    frame.loc[3, "name"], frame.loc[5, "name"], frame.loc[8, "name"] = "D''Hooge", "Jun''ichi", "Je\u0329ro\u0326me"
    frame.loc[9, "name"], frame.loc[10, "name"], frame.loc[11, "name"] = "D'Hooge", "Jérôme", "Jun'ichi"
    assert of_kind(frame, "encoding") == {(3, "name"), (5, "name"), (8, "name")}


def test_marks_that_a_tenth_of_a_column_writes_belong_to_its_language() -> None:
    frame = pd.DataFrame({"word": [f"{one}e\u0329{two}" for one in LETTERS for two in "kl"]})
    assert of_kind(frame, "encoding") == set()


def test_a_short_code_with_a_slip_is_found_by_what_its_other_columns_tell() -> None:
    towns = ["Dothan", "Mobile", "Selma", "Auburn", "Athens", "Juneau", "Nome", "Kodiak"]
    place = np.random.default_rng(2).integers(0, 8, 400)
    frame = pd.DataFrame({"town": [towns[i] for i in place], "state": ["al" if i < 5 else "ak" for i in place]})
    assert flagged(frame) == {}
    dirty = frame.copy()
    rows = np.flatnonzero(place < 5)[[3, 40, 90, 150]]
    dirty.loc[rows, "state"] = ["xl", "ax", "xl", "ax"]
    found = detected(dirty).cells
    assert set(found["row"]) == set(rows)
    assert set(found["column"]) == {"state"}


def test_empty_cells_that_outvote_the_value_of_their_entity_are_missing() -> None:
    rng = np.random.default_rng(6)
    flight = np.repeat(np.arange(30), 16)
    times = [f"{1 + one % 12}:{10 + one} a.m." for one in range(30)]
    frame = pd.DataFrame(
        {
            "flight": [f"AA-{100 + one}" for one in flight],
            "gate": [f"{LETTERS[one % 26].upper()}{one}" for one in flight],
            "planned": [times[one] for one in flight],
            "seats": (rng.permutation(len(flight)) + 100).astype(str),
        }
    )
    assert flagged(frame) == {}
    few = np.flatnonzero(np.isin(flight, (2, 9)) & (np.arange(len(flight)) % 16 >= 6))
    frame.loc[few, "planned"] = None
    frame.loc[[2 * 16, 9 * 16], "planned"] = [f"{times[2]}Dec 1", f"{times[9]}Dec 1"]  # written otherwise, flagged so
    assert {(int(row), "planned") for row in few} <= of_kind(frame, "missing")


def test_a_flag_that_contradicts_an_amount_is_found() -> None:
    rng = np.random.default_rng(7)
    has_child = rng.random(600) < 0.5
    exempt = np.where(has_child & (rng.random(600) < 0.8), rng.choice([300, 400, 1000], 600), 0)
    frame = pd.DataFrame(
        {
            "salary": (1000 * rng.integers(5, 99, 600)).astype(str),
            "has_child": np.where(has_child, "Y", "N"),
            "child_exemption": exempt.astype(str),
        }
    )
    assert flagged(frame) == {}
    rows = np.flatnonzero(exempt)[[1, 50, 120]]
    frame.loc[rows, "has_child"] = "N"
    assert of_kind(frame, "cross_field") == {(int(row), "has_child") for row in rows}


def test_an_amount_that_both_kinds_of_rows_have_tells_no_flag() -> None:
    rng = np.random.default_rng(8)
    is_member = rng.random(600) < 0.9
    paid = np.where(rng.random(600) < 0.5, rng.integers(5, 90, 600), 0)
    frame = pd.DataFrame({"is_member": np.where(is_member, "Y", "N"), "paid": paid.astype(str)})
    assert of_kind(frame, "cross_field") == set()


def test_nan_is_a_name_among_names_and_a_placeholder_elsewhere() -> None:
    first = ["Anna", "Boris", "Chloe", "Daoud", "Emre", "Farah", "Goran", "Hanna", "Nan", "Ines"]
    frame = pd.DataFrame({"first": first * 10, "code": ["NaN", *list("abcdefghi")] * 10})
    frame["code"] = [f"{code}-7" if code != "NaN" else code for code in frame["code"]]
    assert of_kind(frame, "placeholder") == {(row, "code") for row in range(0, 100, 10)}


def test_brackets_that_are_closed_and_signs_of_sentences_belong_to_titles() -> None:
    titles = [f"Effects of {one}{two}ine on the heart" for one in "bcdfgmprst" for two in ("al", "or", "ut", "em")]
    frame = pd.DataFrame({"title": titles, "n": [str(i) for i in range(40)]})
    frame.loc[3, "title"], frame.loc[5, "title"] = "[Noninvasive diagnosis of trisomy]", "Brew free! Or die #1"
    assert of_kind(frame, "format") == set()
    frame.loc[9, "title"] = "Effects of balin~ on the he[art"
    assert of_kind(frame, "format") == {(9, "title")}


def test_white_space_that_every_row_of_a_value_has_is_how_it_is_written() -> None:
    names = ["given the  right kind  of drug", "seen by a nurse", "asked about allergies", "told what to do next"]
    frame = pd.DataFrame({"measure": names * 20})
    assert flagged(frame) == {}
    frame.loc[5, "measure"] = "seen by a  nurse"
    assert of_kind(frame, "whitespace") == {(5, "measure")}


def test_codes_made_of_parts_that_others_have_are_no_slips_of_each_other() -> None:
    parts = [f"hf-{one}" for one in range(1, 9)]
    codes = [f"al_{one}" for one in parts] * 30 + [f"ak_{one}" for one in parts]
    frame = pd.DataFrame({"average": codes, "measure": parts * 31})
    assert of_kind(frame, "typo") == set()
    frame.loc[4, "average"] = "ax_hf-5"
    assert of_kind(frame, "typo") == {(4, "average")}
