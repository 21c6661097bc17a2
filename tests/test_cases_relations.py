"""Each change is made by hand once, catches the agent that is blind to it, and accuses no exact and no random one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from case_pilots import BLIND_TO, N, order_pilot, quietly, relation_cases, write_suite

from workbench.cases import MAKER
from workbench.cases.made import ground_of
from workbench.cases.relations import CHANGES, Fields, Ground, UnchangeableError, changed_fields, twin_fields
from workbench.records.splits import read_dataset
from workbench.words import InputError


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    pilot = order_pilot(tmp_path_factory.mktemp("orders"))
    return ground_of(pilot, read_dataset(pilot))


def fields(ground: Ground, record: str) -> Fields:
    return {str(name): value for name, value in ground.records.loc[record].items()}


def changed(ground: Ground, change: str, record: str = "O000") -> dict[str, tuple[object, object]]:
    """Return what a change makes of a record: column to value before and after."""
    before = fields(ground, record)
    after = changed_fields(CHANGES[change], before, ground, f"case {change}")
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def test_a_typo_swaps_two_letters_inside_a_word(ground: Ground) -> None:
    ((before, after),) = changed(ground, "typo").values()
    assert (len(str(before)), sorted(str(before))) == (len(str(after)), sorted(str(after)))
    assert sum(one != other for one, other in zip(str(before), str(after), strict=True)) == 2


def test_texts_in_capitals_with_blanks_and_with_a_sentence_more(ground: Ground) -> None:
    assert changed(ground, "case") == {"note": ("open complaint 0", "OPEN COMPLAINT 0")}
    blank = changed(ground, "whitespace")
    assert blank.pop("note") == ("open complaint 0", " open  complaint  0 ")
    assert "weight" in blank, "cells of text have blanks as well, whether there is a free text or not"
    assert all(str(after).strip() == before for before, after in blank.values())
    ((_, after),) = changed(ground, "irrelevant_sentence").values()
    assert str(after).startswith("open complaint 0. ")


def test_blanks_around_cells_differ_between_neighbours(ground: Ground) -> None:
    """Whoever compares two cells to the letter finds them different; whoever takes off white space does not."""
    before = {**fields(ground, "O000"), "note": None}
    after = changed_fields(CHANGES["whitespace"], before, ground, "case whitespace")
    around = [str(after[name]).replace(str(cell), "#") for name, cell in before.items() if after[name] != cell]
    assert len(around) > 2
    assert all(one != other for one, other in pairwise(around))


def test_a_note_in_another_language_is_the_declared_one(ground: Ground) -> None:
    assert changed(ground, "translated_note") == {"note": ("open complaint 0", "offene Reklamation 0")}


def test_a_text_with_a_second_intent_goes_on_with_that_of_another_label(ground: Ground) -> None:
    ((before, after),) = changed(ground, "two_intents").values()
    assert before == "open complaint 0"
    assert str(after).startswith("open complaint 0 by truck ")


def test_a_text_out_of_scope_is_about_nothing_of_the_process(ground: Ground) -> None:
    ((_, after),) = changed(ground, "out_of_scope").values()
    assert not {"complaint", "truck"} & set(str(after).lower().split())


def test_an_amount_in_tonnes_has_a_price_for_a_tonne(ground: Ground) -> None:
    # order 1 of DE weighs 7.500,5 kg at 1,50 a kilogram
    assert changed(ground, "unit", "O001") == {
        "weight": ("7.500,5", "7,5005"), "unit": ("KG", "TO"), "price": ("1,50", "1.500,00")
    }  # fmt: skip
    # order 5 is of US
    assert changed(ground, "unit", "O005") == {
        "weight": ("7,500.5", "7.5005"), "unit": ("KG", "MT"), "price": ("1.50", "1,500.00")
    }  # fmt: skip


def test_a_document_in_another_currency_has_its_rate_and_its_amounts(ground: Ground) -> None:
    # a euro is worth 2 on the median and a zloty 8; orders 1 and 8 are of DE and EDI
    assert changed(ground, "currency", "O001") == {
        "price": ("1,50", "6,00"), "currency": ("EUR", "PLN"), "rate": (2.0, 8.0)
    }  # fmt: skip
    assert changed(ground, "currency", "O008") == {
        "price": ("1.50", "6.00"), "currency": ("978", "985"), "rate": (3.0, 12.0)
    }  # fmt: skip


def test_a_document_that_no_currency_fits_says_why(ground: Ground) -> None:
    euro, zloty = fields(ground, "O001"), fields(ground, "O015")
    for record, why in (
        (zloty, "no currency that is known is worth less than half of PLN"),
        ({**euro, "currency": "€"}, "not in one currency that is known"),
        ({**euro, "price": "a lot"}, "'price' holds no number that can be converted"),
        ({**euro, "rate": None}, "'rate' holds no number that can be converted"),
    ):
        with pytest.raises(UnchangeableError, match=why):
            changed_fields(CHANGES["currency"], record, ground, "case")
    both = {**ground.process["currencies"], "codes": ["currency", "unit"]}
    mixed = Ground(ground.contract, {**ground.process, "currencies": both}, ground.records, ground.labels)
    with pytest.raises(UnchangeableError, match="not in one currency that is known"):
        changed_fields(CHANGES["currency"], euro, mixed, "case")


def test_an_amount_that_is_not_there_stays_so(ground: Ground) -> None:
    empty = {**fields(ground, "O001"), "price": None}
    assert changed_fields(CHANGES["currency"], empty, ground, "case")["price"] is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rate": "rates"}, "columns are not there"),
        ({"amounts": []}, "the value of 'amounts' does not fit"),
        ({"per": ["price"]}, "unknown key 'per'"),
    ],
)
def test_a_declaration_of_currencies_that_does_not_fit_is_refused(
    ground: Ground, wrong: dict[str, object], said: str
) -> None:
    process = {**ground.process, "currencies": {**ground.process["currencies"], **wrong}}
    with pytest.raises(InputError, match=said):
        _ = Ground(ground.contract, process, ground.records, ground.labels).currencies


def test_a_record_as_another_source_writes_it_says_the_same(ground: Ground) -> None:
    found = changed(ground, "locale", "O001")
    other = str(found.pop("source")[1])
    written = {
        "US": {"ordered": "03/02/2025", "weight": "7,500.5", "price": "1.50"},
        "EDI": {"ordered": "20250302", "weight": "7500.5", "price": "1.50", "unit": "KGM", "currency": "978"},
    }
    assert {name: after for name, (_, after) in found.items()} == written[other]


def test_other_dates_leave_the_decimal_sign(ground: Ground) -> None:
    found = changed(ground, "date_format", "O005")
    assert found["source"] == ("US", "EDI")
    assert found["ordered"] == ("03/06/2025", "20250306")
    with pytest.raises(UnchangeableError, match="no source has the same decimal sign and other dates"):
        changed(ground, "date_format", "O001")


def test_a_vendor_with_another_name_keeps_its_number_and_its_kind(ground: Ground) -> None:
    ((before, after),) = changed(ground, "vendor_rename").values()
    assert (before, str(after).split()[1:]) == ("Möller Stahl GmbH", ["GmbH"])


def test_fields_in_another_order_are_the_same_fields(ground: Ground) -> None:
    before = fields(ground, "O000")
    after = changed_fields(CHANGES["field_order"], before, ground, "case")
    assert (dict(after), list(after) == list(before)) == (dict(before), False)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_the_same_each_time_for_one_case(ground: Ground, change: str) -> None:
    before = fields(ground, "O005")
    one, two = (list(changed_fields(CHANGES[change], before, ground, "case 7").items()) for _ in range(2))
    assert one == two


def test_what_cannot_be_changed_says_why(ground: Ground) -> None:
    empty = {**fields(ground, "O000"), "note": None}
    for change, why in {
        "typo": "this record has no free text",
        "case": "this record has no free text",
        "translated_note": "this record has no free text",
    }.items():
        with pytest.raises(UnchangeableError, match=why):
            changed_fields(CHANGES[change], empty, ground, "case")
    odd = {**fields(ground, "O001"), "weight": "heavy"}
    with pytest.raises(UnchangeableError, match="'weight' is not written as 'DE' writes"):
        changed_fields(CHANGES["locale"], odd, ground, "case")
    with pytest.raises(UnchangeableError, match="no unit of this record has another one"):
        changed_fields(CHANGES["unit"], {**odd, "unit": "PCS"}, ground, "case")
    bare = Ground(ground.contract, {}, ground.records, ground.labels)
    for change, why in {
        "unit": "`measures`",
        "currency": "`currencies`",
        "locale": "`source_formats`",
        "translated_note": "`translations`",
    }.items():
        with pytest.raises(UnchangeableError, match=why):
            changed_fields(CHANGES[change], fields(ground, "O000"), bare, "case")
    with pytest.raises(UnchangeableError, match="leaves this record as it is"):
        changed_fields(lambda one, *_: dict(one), empty, ground, "case")


def test_a_twin_is_a_full_stop_in_a_text_and_a_blank_elsewhere(ground: Ground) -> None:
    before = fields(ground, "O001")
    text = changed_fields(CHANGES["typo"], before, ground, "case")
    assert twin_fields(before, text, ground) == {**before, "note": "by truck 1."}
    unit = changed_fields(CHANGES["unit"], before, ground, "case")
    twin = twin_fields(before, unit, ground)
    assert twin == {**before, "weight": "7.500,5 ", "unit": "KG ", "price": "1,50 "}


@pytest.mark.parametrize("change", BLIND_TO)
def test_each_change_catches_the_agent_that_is_blind_to_it(tmp_path: Path, change: str) -> None:
    agent = BLIND_TO[change]
    pilot = order_pilot(tmp_path, [agent])
    write_suite(pilot, relation_cases(change))
    found = MAKER.make(pilot, read_dataset(pilot), quietly(agent)).tables["relations"].set_index("change")
    assert found.loc[change, "is_fragile"], found
    assert found.loc[change, "twin_moved"] <= found.loc[change, "broken"] / 4


def test_no_change_accuses_an_exact_agent(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path)
    write_suite(pilot, [one for change in BLIND_TO for one in relation_cases(change, 40)])
    found = MAKER.make(pilot, read_dataset(pilot), quietly()).tables["relations"]
    assert sorted(found["change"]) == sorted(BLIND_TO)
    assert found["cases"].min() >= 15
    assert found[["broken", "twin_moved"]].to_numpy().sum() == 0


def test_an_agent_that_flips_at_random_does_not_look_fragile(tmp_path: Path) -> None:
    pilot = order_pilot(tmp_path, ["flips"])
    write_suite(pilot, [one for change in BLIND_TO for one in relation_cases(change, N)])
    found = MAKER.make(pilot, read_dataset(pilot), quietly("flips")).tables["relations"]
    # a quarter of all answers is flipped: each change breaks, and each twin moves, 2 * 1/4 * 3/4 = 3/8 of the decisions
    shares = found[["broken", "twin_moved"]].to_numpy() / found[["cases"]].to_numpy()
    assert np.abs(shares.mean(axis=0) - 3 / 8).max() < 0.06
    # of 11 kinds none should differ from its twins beyond chance but at 5% each
    assert found["is_fragile"].sum() <= 2
