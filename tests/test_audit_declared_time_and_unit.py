"""What a contract says about time and unit changes what is flagged; what breaks a dependency is weighed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from audit_cases import cells_of, labels_of, subject_of
from audit_tables import detected, flagged

from workbench.audit.findings import Severity
from workbench.audit.questions.quality import decided_on, quality
from workbench.audit.questions.telling import columns_that_tell
from workbench.audit.questions.volume import seasonality
from workbench.audit.table.dependencies import discover
from workbench.audit.table.encoded import encode
from workbench.audit.table.subject import Roles
from workbench.pilot.contract import TableContract
from workbench.records.tables.database import table_from


def parcels(**cells: str) -> pd.DataFrame:
    """Return 100 parcels of 1 to 9 kg, some weights replaced by row."""
    rng = np.random.default_rng(2)
    weights = [f"{x:.2f}" for x in rng.uniform(1, 9, 100)]
    for row, value in cells.items():
        weights[int(row.removeprefix("r"))] = value
    return pd.DataFrame({"no": [f"P-{i:03d}" for i in range(100)], "weight": weights})


KILOGRAMS = TableContract.model_validate({"columns": {"weight": {"type": "number", "unit": "kg"}}})


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        ("2.5 kg", "format", "names its unit, 'kg', where the contract has numbers of kg alone"),
        ("2500 g", "format", "in 'g', where the contract has kg: 2.5 kg"),
        ("2 lbs", "format", "in 'lbs', where the contract has kg: 0.907185 kg"),
        ("3 bags", "format", "in 'bags', where the contract has kg"),
        ("3400", "out_of_range", "looks given in g, where the contract has kg: 3.4 kg"),
    ],
)
def test_a_value_in_another_unit_than_the_declared_one_is_flagged(value: str, kind: str, reason: str) -> None:
    cells = detected(parcels(r17=value), KILOGRAMS).cells
    assert cells[["row", "column", "kind", "reason"]].to_numpy().tolist() == [[17, "weight", kind, reason]]


def test_numbers_in_the_declared_unit_are_left_alone() -> None:
    assert flagged(parcels(r3="12.00"), KILOGRAMS) == {}


def reports() -> pd.DataFrame:
    """Return what five sites said of 20 parcels' hubs on five days; parcel 3 moved to another hub on day 4."""
    rows = [(site, f"P-{i}", f"2025-01-0{day}", f"hub {i % 7}", f"{i % 9} kg")
            for i in range(20) for day, site in enumerate("abcde", start=1)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["site", "parcel", "at", "hub", "weight"])
    rng = np.random.default_rng(8)
    frame.loc[rng.choice(100, 6, replace=False), "weight"] = "77 kg"
    frame.loc[(frame["parcel"] == "P-3") & (frame["at"] >= "2025-01-04"), "hub"] = "hub 6"
    frame.loc[50, "hub"] = "hub 5"
    return frame


def test_a_value_that_changed_in_time_is_no_conflict_once_the_time_is_declared() -> None:
    said = {"key": ["parcel"], "source": "site"}
    hubs = [cell for cell in flagged(reports(), TableContract.model_validate(said)) if cell[1] == "hub"]
    assert hubs == [(18, "hub"), (19, "hub"), (50, "hub")]
    timed = flagged(reports(), TableContract.model_validate({**said, "time": "at"}))
    assert [cell for cell in timed if cell[1] == "hub"] == [(50, "hub")]


def test_a_date_out_of_the_order_of_the_rows_is_flagged() -> None:
    days = pd.Series(pd.date_range("2024-02-01", periods=200, freq="D")).dt.strftime("%d.%m.%Y")
    frame = pd.DataFrame({"no": [f"N{i:04d}" for i in range(200)], "came": days})
    assert flagged(frame) == {}
    frame.loc[90, "came"] = "01.05.2023"
    assert flagged(frame) == {(90, "came"): "date_order"}


def test_a_value_that_stands_for_exceptions_breaks_no_dependency() -> None:
    rng = np.random.default_rng(4)
    terms = rng.choice(["30T", "14T", "60T", "N30", "N45", "N60"], 1_500)
    kind = np.where(np.char.startswith(terms, "N"), "INV", "RE")
    is_credit = rng.random(1_500) < 0.03
    frame = pd.DataFrame({"terms": terms, "kind": np.where(is_credit, np.where(kind == "RE", "GS", "CRM"), kind)})
    assert flagged(frame) == {}
    frame.loc[frame.index[frame["kind"] == "RE"][5], "kind"] = "INV"
    assert list(flagged(frame).values()) == ["dependency"]


def test_columns_meant_to_be_compared_may_differ() -> None:
    rng = np.random.default_rng(5)
    agreed = rng.choice(["EUR", "USD", "CHF", "PLN"], 1_000)
    other = np.where(agreed == "EUR", "USD", "EUR")
    frame = pd.DataFrame({"agreed": agreed, "charged": np.where(rng.random(1_000) < 0.02, other, agreed)})
    assert flagged(frame) == {}


def test_the_same_number_in_two_writings_is_one_value() -> None:
    rng = np.random.default_rng(6)
    source = rng.choice(["DE", "US"], 800)
    fee = np.where(rng.random(800) < 0.05, "12{}50", "0{}00")
    written = [one.format("," if of == "DE" else ".") for one, of in zip(fee, source, strict=True)]
    frame = pd.DataFrame({"system": source, "fee": written})
    assert flagged(frame) == {}


def test_small_groups_agree_by_chance_and_make_no_dependency() -> None:
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(
        {"order": [f"B{i // 2}" for i in range(900)], "flag": np.where(rng.random(900) < 0.93, "n", "y")}
    )
    with table_from(frame) as table:
        encoded, profiles = encode(table), detected(frame).columns
    assert discover(encoded, profiles) == ()


def test_what_the_labels_decide_on_is_a_case_and_no_fault() -> None:
    rng = np.random.default_rng(9)
    is_odd = rng.random(600) < 0.05
    label = np.where(is_odd, "reject", np.where(rng.random(600) < 0.2, "reject", "approve"))
    subject = subject_of({"a": ["x"] * 600}, labels=labels_of(label.tolist()))
    said = decided_on(subject, np.flatnonzero(is_odd))
    assert said is not None
    assert said.startswith("100% of these development records are labelled other than 'approve'")
    assert decided_on(subject, rng.permutation(600)[:60]) is None
    [finding] = quality(subject, cells_of(*((int(row), "a", "checksum") for row in np.flatnonzero(is_odd)))).findings
    assert finding.severity is Severity.LOW


def test_columns_with_few_flagged_cells_share_a_finding_that_keeps_its_id() -> None:
    subject = subject_of({name: ["x"] * 1_000 for name in "abc"})
    many = [(row, "a", "format") for row in range(50)]
    found = quality(subject, cells_of(*many, (1, "b", "format"), (2, "c", "format"))).findings
    assert [one.columns for one in found] == [("a",), ("b", "c")]
    [_, later] = quality(subject, cells_of(*many, (2, "c", "format"))).findings
    assert later.id == found[1].id


def test_an_id_that_encodes_the_label_is_seen() -> None:
    rng = np.random.default_rng(3)
    label = rng.choice(["approve", "reject"], 300)
    ids = [f"{'RJ' if one == 'reject' else 'AP'}-{i:04d}" for i, one in enumerate(label)]
    labels = labels_of(label.tolist())
    telling = columns_that_tell(subject_of({"id": ids}).frame, Roles(id="id"), labels.dev).table
    assert telling.set_index("column")["tells"].to_dict() == {
        "id (its letters)": True, "id (before the first sign)": True, "id (last character)": False,
    }  # fmt: skip


def test_seasons_are_seen_in_weekdays_and_not_in_noise() -> None:
    rng = np.random.default_rng(1)
    days = pd.date_range("2024-01-01", periods=400)
    busy = np.repeat(days, np.where(days.dayofweek == 0, 12, 4) + rng.integers(0, 3, 400))
    table = seasonality(pd.Series(busy), has_hours=False).set_index("cycle")
    assert table.loc["day of the week", "busiest"] == "Monday"
    assert table.loc["day of the week", "p, Holm"] < 0.001
    even = seasonality(pd.Series(np.repeat(days, rng.integers(3, 9, 400))), has_hours=False)
    assert (even["p, Holm"] > 0.05).all()


def test_check_digits_of_national_tax_ids_are_tried() -> None:
    # check digits of German tax ids by ISO 7064, mod 11, 10 (BZSt); 36574261809 is the authority's example
    def made(ten: str) -> str:
        product = 10
        for sign in ten:
            total = (int(sign) + product) % 10 or 10
            product = total * 2 % 11
        return f"{ten}{(11 - product) % 10}"

    assert made("3657426180") == "36574261809"
    rng = np.random.default_rng(2)
    tens = ["".join(map(str, rng.permutation(10)[:9])) for _ in range(40)]
    ids = [made(nine[:4] + nine[0] + nine[4:]) for nine in tens if nine[0] != "0"]
    frame = pd.DataFrame({"town": [f"t{i % 4}" for i in range(120)], "tax_id": [ids[i % len(ids)] for i in range(120)]})
    wrong = frame.loc[33, "tax_id"][:-1] + str((int(frame.loc[33, "tax_id"][-1]) + 1) % 10)
    frame.loc[33, "tax_id"] = wrong
    assert flagged(frame)[33, "tax_id"] == "checksum"
