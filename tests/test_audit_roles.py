"""Roles without a contract: the time in any usual writing, the partner and the source where there is no doubt."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from audit_tables import detected

from workbench.audit.questions.assessment import audit_file
from workbench.audit.table.roles import Roles, completed_roles
from workbench.pilot.contract import TableContract
from workbench.records.tables.moments import day_first, moments_of, read_times

DAY = datetime(2025, 12, 31)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-12-31T08:30:00Z", datetime(2025, 12, 31, 8, 30)),
        ("31.12.2025", DAY),
        ("31.12.25", DAY),
        ("31.12.2025 08:30", datetime(2025, 12, 31, 8, 30)),
        ("12/31/2025", DAY),
        ("31/12/2025", DAY),
        ("12/31/2025 8:30 PM", datetime(2025, 12, 31, 20, 30)),
        ("20251231", DAY),
        ("31. Dezember 2025", DAY),
        ("December 31, 2025", DAY),
        ("31-Dec-2025", DAY),
        ("1767182400", datetime(2025, 12, 31, 12)),
        ("1767182400123", datetime(2025, 12, 31, 12)),
        ("31.13.2025", None),
        ("4711", None),
        ("soon", None),
    ],
)
def test_a_moment_is_read_as_it_is_written(text: str, moment: datetime | None) -> None:
    assert moments_of([text]) == [moment]


def test_whether_the_day_stands_first_is_told_by_the_other_cells() -> None:
    assert moments_of(["03/04/2025", "17/04/2025"])[0] == datetime(2025, 4, 3)
    assert moments_of(["03/04/2025", "04/17/2025"])[0] == datetime(2025, 3, 4)
    assert moments_of(["03/04/2025"]) == [None]
    assert day_first(["17/04/2025", "04/17/2025"]) is None
    assert read_times(pd.Series(["03/04/2025", None, "2025-05-01"])).isna().tolist() == [True, True, False]


def table(path: Path, form: str, **more: object) -> Path:
    """Write 600 records over a year, twice as many and other ones in its second half, with the time in some writing."""
    rng = np.random.default_rng(4)
    late = rng.random(600) < 2 / 3
    days = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 182, 600) + 183 * late, unit="D")
    times = days + pd.to_timedelta(rng.integers(8, 18, 600), unit="h")
    written = (times.astype("int64") // 10**9).astype(str) if form == "epoch" else times.strftime(form)
    columns = {
        "received": written,
        "kind": np.where(rng.random(600) < np.where(late, 0.8, 0.2), "new", "old"),
        "amount": np.round(rng.uniform(5, 90, 600), 2),
        **more,
    }
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%d.%m.%Y %H:%M", "%m/%d/%Y", "%d/%m/%Y %H:%M", "%Y%m%d", "epoch"])
def test_a_time_in_any_writing_serves_volume_variation_and_drift(tmp_path: Path, form: str) -> None:
    audit = audit_file(table(tmp_path / "t.csv", form, received_by=np.repeat(["a", "b"], 300)))
    assert audit.subject.roles.time == "received"
    volume = audit.section("volume")
    assert volume.estimates["readable_time"].value == 1.0
    assert "2025-01-" in volume.answer
    assert "2025-12-" in volume.answer
    assert "Complete records by month" in audit.section("completeness").tables
    drifted = audit.section("variation").tables["Oldest against newest quarter of the records"]
    assert drifted.set_index("field").loc["kind", "has drifted"]


def test_the_time_is_when_a_record_came_in_not_a_birthday_or_a_due_date(tmp_path: Path) -> None:
    days = pd.Series(pd.date_range("2025-01-01", periods=600, freq="12h"))
    more = {"born": days.dt.strftime("%d.%m.1980"), "due_date": days.dt.strftime("%Y-%m-%d")}
    frame = pd.read_csv(table(tmp_path / "t.csv", "%d.%m.%Y"), dtype=str).assign(**more)
    frame[["born", "due_date", "received", "kind"]].to_csv(tmp_path / "o.csv", index=False)
    assert audit_file(tmp_path / "o.csv").subject.roles.time == "received"
    frame[["born", "kind", "amount"]].to_csv(tmp_path / "b.csv", index=False)
    assert audit_file(tmp_path / "b.csv").subject.roles.time is None


def test_partner_and_source_are_told_by_their_names(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    vendors = rng.integers(100, 110, 600).astype(str)
    missing = np.where((vendors == "103") & (rng.random(600) < 0.4), "", "x")
    more = {"vendor_name": "firm " + pd.Series(vendors), "vendor_id": vendors,
            "vendor_country": rng.choice(["DE", "FR"], 600), "source_system": rng.choice(["SAP", "EDI"], 600),
            "plant": missing}  # fmt: skip
    audit = audit_file(table(tmp_path / "t.csv", "%d.%m.%Y", **more))
    assert (audit.subject.roles.entity, audit.subject.roles.source) == ("vendor_id", "source_system")
    tables = audit.section("completeness").tables
    assert {"Complete records by source", "Complete records by month", "Complete records by entity"} <= set(tables)
    assert tables["Complete records by entity"].loc[0, "entity"] == "103"
    assert "entity 103" in audit.section("variation").facts["worse"]


def test_two_kinds_of_partner_are_no_entity_and_german_names_are_known(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    numbers = rng.integers(100, 130, 600).astype(str)
    both = table(tmp_path / "t.csv", "%d.%m.%Y", vendor_id=numbers, customer_id=rng.permutation(numbers))
    assert audit_file(both).subject.roles.entity is None
    german = table(tmp_path / "g.csv", "%d.%m.%Y", Kundennummer=numbers, Herkunft=rng.choice(["a", "b"], 600))
    roles = audit_file(german).subject.roles
    assert (roles.entity, roles.source) == ("Kundennummer", "Herkunft")


def test_a_contract_says_time_source_and_entity_of_any_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    more = {"shipped": pd.Series(pd.date_range("2025-03-01", periods=600, freq="6h")).dt.strftime("%d.%m.%Y"),
            "desk": rng.choice(["n", "s"], 600), "case_of": rng.choice(["u", "v", "w"], 600)}  # fmt: skip
    path = table(tmp_path / "t.csv", "%d.%m.%Y", **more)
    roles = audit_file(path, TableContract(time="shipped", source="desk", entity="case_of")).subject.roles
    assert (roles.time, roles.source, roles.entity) == ("shipped", "desk", "case_of")


def test_a_pilot_gets_the_id_and_the_source_that_its_columns_are_named_for():
    cells = {"title": [f"t{i}" for i in range(60)], "id": [f"x-{i}" for i in range(60)], "source": ["a", "b"] * 30}
    columns = detected(pd.DataFrame(cells)).columns
    found = completed_roles(Roles(text=("title",)), columns)
    assert (found.id, found.source, found.text, found.notes) == ("id", "source", ("title",), ())
    assert completed_roles(Roles(id="title", source="title"), columns) == Roles(id="title", source="title")
    assert completed_roles(Roles(entity="source"), columns).source is None, "it has another role"


def test_the_audit_says_why_a_column_named_source_is_none():
    one = detected(pd.DataFrame({"source": ["mail"] * 60, "n": [str(i) for i in range(60)]})).columns
    assert completed_roles(Roles(), one).notes == (
        "No column is taken as the source: 'source' has 1 value; one with 2 to 50 is.",
    )
    both = detected(pd.DataFrame({"source": ["a", "b"] * 30, "channel": ["c", "d"] * 30})).columns
    assert completed_roles(Roles(), both).notes == (
        "No column is taken as the source: 'source', 'channel' are all named so.",
    )
