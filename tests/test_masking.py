"""Personal data is masked by one rule: nothing of it can be read, and what is wrong with it can."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.audit.known.masking import Masking, key_of_files, masking_of
from workbench.pilot.contract import Column, PiiClass, Role, TableContract

MASKING = Masking(frozenset({"name", "salary"}), frozenset({"text"}), frozenset({"approve"}), key=b"key")
IBAN = "DE89370400440532013000"  # the example of the standard, check digits right


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("anna.berg@firma.de", "[a+.a+@a+.a+, 18 signs, "),
        ("anna.berg@firma", "[a+.a+@a+, 15 signs, "),  # the fault, no country, is seen
        (" Anna  Berg", "[ Aa+ +Aa+, 11 signs, "),
        (IBAN, "[A+9+, 22 signs, "),
        ("7", "[9+, 1 sign, "),
        (52_000.5, "[9+.9+, 7 signs, "),
        ("山田太郎", "[a+, 4 signs, "),
        ("हिन्दी", "[a+, 6 signs, "),  # vowel signs are marks of letters
        ("½", "[9+, 1 sign, "),
        ("x" * 500, "[a+…, 500 signs, "),
    ],
)
def test_a_mask_keeps_shape_and_length_and_no_letter(value: object, shape: str) -> None:
    assert MASKING.value(value).startswith(shape)


def test_equal_values_have_one_mask_and_others_another() -> None:
    names = ("Anna Berg", "Anna Berg", "Anne Berg", " Anna Berg ")
    first, again, other, padded = (MASKING.value(name) for name in names)
    assert first == again
    assert first[-6:-1] != other[-6:-1]
    assert first[-6:-1] == padded[-6:-1], "blanks at an end are seen in the shape, and it is the same person"


def test_a_mask_cannot_be_found_by_trying_names_without_the_records(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name\nAnna Berg\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("name\nAnna Berg\nBo\n", encoding="utf-8")
    contract = TableContract(columns={"name": Column(pii=PiiClass.PERSONAL)})
    frame = pd.DataFrame({"name": ["Anna Berg"]})
    masks = [
        masking_of(frame, contract, (), key_of_files([tmp_path / file])).value("Anna Berg")
        for file in ("a.csv", "b.csv")
    ]
    assert masks[0] != masks[1]
    assert "key" not in repr(MASKING)


def test_cells_of_marked_columns_are_masked_whole_and_in_text_what_is_recognised() -> None:
    frame = pd.DataFrame(
        {"name": ["Anna", None, ""], "salary": [1.5, np.nan, 2.0], "text": [f"pay to {IBAN}, please", "x", None],
         "other": [IBAN, "a@b.de", "c"]},
        dtype=object,
    )  # fmt: skip
    shown = MASKING.frame(frame)
    assert shown.index.equals(frame.index)
    assert list(shown.columns) == list(frame.columns)
    assert shown["name"][0].startswith("[Aa+, 4 signs")
    assert pd.isna(shown["name"][1])
    assert shown["name"][2] == ""
    assert [str(cell)[:7] for cell in shown["salary"]] == ["[9+.9+,", "nan", "[9+.9+,"]
    assert shown["text"][0] == f"pay to {MASKING.value(IBAN, 'iban')}, please"
    assert list(shown["text"][1:]) == ["x", None]
    assert list(shown["other"]) == list(frame["other"]), "nothing was declared or recognised there"


def test_a_text_that_repeats_a_record_is_masked_where_it_does() -> None:
    said = MASKING.said("approve: Berg, Anna (anna@berg.de) has 52000 in 2025", ["Anna Berg", 52_000.0])
    assert (
        said == f"approve: [Aa+], [Aa+] ({MASKING.value('anna@berg.de', 'email')}) has {MASKING.value('52000')} in 2025"
    )
    assert MASKING.said("Anna Berg!", ["Anna Berg"]) == f"{MASKING.value('Anna Berg')}!"
    assert MASKING.said("approve", ["we approve"]) == "approve", "a label is no one's word"
    assert MASKING.said("the rest", []) == "the rest"


def test_what_is_too_long_to_be_searched_is_left_out() -> None:
    assert MASKING.pieces("x " * 10_000 + "a@b.de").endswith("x [6 signs more]")


@pytest.mark.parametrize(
    ("column", "kind", "reason", "shown"),
    [
        ("name", "typo", "rare (1x), like 'Anna' (8x)", "rare (1x), like [Aa+, 4 signs, *] (8x)"),
        ("name", "typo", '"O\'Hara" is rare', "[A'Aa+, 6 signs, *] is rare"),
        ("kind", "dependency", "8 of 9 rows with name = 'Anna' have 'x'",
         "8 of 9 rows with name = [Aa+, 4 signs, *] have 'x'"),
        ("name", "dependency", "8 of 9 rows with kind = 'x' have 'Anna'",
         "8 of 9 rows with kind = 'x' have [Aa+, 4 signs, *]"),
        ("salary", "outlier", "far outside 1,200 to 90,000, where 99% of all are",
         "far outside 9+,9+ to 9+,9+, where 99% of all are"),
        ("amount", "outlier", "far outside 1,200 to 90,000, where all others are",
         "far outside 1,200 to 90,000, where all others are"),
        ("name", "format", "written as email, 99% of the column as phone",
         "written as email, 99% of the column as phone"),
        ("kind", "typo", "1 slip away from 'tset'", "1 slip away from 'tset'"),
    ],
)  # fmt: skip
def test_a_reason_tells_the_fault_without_the_value(column: str, kind: str, reason: str, shown: str) -> None:
    before, star, after = shown.partition("*")
    found = MASKING.reason(column, kind, reason)
    assert found.startswith(before)
    assert found.endswith(after)
    assert len(found) == len(before) + (5 if star else 0) + len(after)


def test_columns_are_found_by_contract_and_by_what_their_cells_are() -> None:
    frame = pd.DataFrame(
        {
            "id": [f"person{i}@mail.example" for i in range(4)],
            "mail": ["a@b.de", "c@d.de", "broken@", None],
            "vat": ["DE136695976"] * 4,  # a number of a business
            "text": ["a@b.de", "c@d.de", "e@f.de", "g@h.de"],
            "marked": ["x"] * 4,
            "seldom": ["a", "b", "c", "d@e.de"],
            "plain": ["a", "b", "c", "d"],
        }
    )
    columns = {"id": Column(role=Role.ID, pii=PiiClass.CONTACT), "marked": Column(pii=PiiClass.SPECIAL)}
    found = masking_of(frame, TableContract(columns=columns), ("text",), b"key")
    assert found.columns == {"mail", "marked"}, "the broken address too; the id names the record, and free text is text"
    assert found.searched == {"text", "seldom"}


def test_nothing_is_masked_where_nothing_is_marked_or_recognised() -> None:
    frame = pd.DataFrame(
        {"amount": ["1,200.50", "17"], "date": ["2025-01-31", "31.01.2025"], "note": ["paid late", ""]}
    )
    found = masking_of(frame, None, ("note",), b"key")
    assert found.columns == frozenset()
    pd.testing.assert_frame_equal(found.frame(frame), frame)
