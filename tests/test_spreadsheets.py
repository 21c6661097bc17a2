"""Tables that a spreadsheet opens safely read back exactly."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from workbench.records.tables.spreadsheets import safe_for_spreadsheets, unmarked

AWKWARD = ["=1+1", "+49 30", "-approve", "@home", "\ttab", "\rreturn", "'quoted", "''twice", "'=both", "plain", "a=b"]


@pytest.mark.parametrize("text", AWKWARD)
def test_a_text_that_begins_like_a_formula_comes_back_as_it_was(text: str) -> None:
    frame = pd.DataFrame({"record_id": pd.Series([text, "x"], dtype=object), "n": [1.5, -3.0]})
    written = safe_for_spreadsheets(frame).to_csv(index=False)
    assert written.splitlines()[1].strip('"')[:1] not in tuple("=+-@\t\r")
    read = pd.read_csv(io.StringIO(written, newline=""), dtype={"record_id": object}, lineterminator="\n")
    assert read["record_id"].map(unmarked).tolist() == [text, "x"]
    assert read["n"].tolist() == [1.5, -3.0]
