"""What each kind of flagged cell does to an agent, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.audit.findings import Effort, Remedy, Severity


@dataclass(frozen=True, slots=True)
class Issue:
    """A kind of flagged cell: what it is called, how bad it is, what it does and what to do.

    `when_optional` is the severity in a column that the contract does not require.
    """

    name: str
    severity: Severity
    consequence: str
    remedy: Remedy
    when_optional: Severity | None = None


def _none_left(what: str) -> str:
    return f"the next audit finds no {what} in these columns"


ISSUES: Mapping[str, Issue] = {
    "missing": Issue(
        "missing values",
        Severity.HIGH,
        "the agent decides without the field, or has to pass the record to a person",
        Remedy("fill the field at its source, or let the agent escalate when it is empty", Effort.DAYS,
               "share of missing cells in these columns at most a tenth of today's"),
        Severity.LOW,
    ),
    "placeholder": Issue(
        "placeholders instead of values",
        Severity.HIGH,
        "the agent takes the placeholder for a value and decides on it",
        Remedy("turn placeholders into empty cells on import, and fill them at the source", Effort.HOURS,
               _none_left("placeholder")),
        Severity.MEDIUM,
    ),
    "format": Issue(
        "values in another format than the rest of their column",
        Severity.MEDIUM,
        "the agent may misread the value, such as a day for a month or a comma for a point",
        Remedy("convert on import to the format that the contract declares", Effort.HOURS,
               _none_left("value in a second format")),
    ),
    "type": Issue(
        "values of another type than their column",
        Severity.HIGH,
        "arithmetic and comparisons on the field fail or are wrong",
        Remedy("correct the cells at the source and refuse the type on import", Effort.HOURS,
               _none_left("value of another type")),
    ),
    "out_of_range": Issue(
        "values out of range",
        Severity.HIGH,
        "limits and tolerances are checked against a wrong number",
        Remedy("correct the values; declare the range in contract.yaml so that import refuses others", Effort.DAYS,
               _none_left("value out of range")),
    ),
    "not_allowed": Issue(
        "values that the contract does not allow",
        Severity.MEDIUM,
        "rules that name the allowed values do not apply to the record",
        Remedy("map the values to allowed ones, or allow them in contract.yaml", Effort.HOURS,
               _none_left("value outside the list")),
    ),
    "typo": Issue(
        "misspelt values",
        Severity.MEDIUM,
        "a record is taken for a category, vendor or place of its own",
        Remedy("map the spellings to the frequent one, with a check list at entry", Effort.HOURS,
               _none_left("misspelling")),
    ),
    "checksum": Issue(
        "identifiers with a wrong check digit",
        Severity.HIGH,
        "payments, tax checks and look-ups go to the wrong party or nowhere",
        Remedy("check digits when they are entered; ask the partner for the right identifier", Effort.DAYS,
               _none_left("identifier with a wrong check digit")),
    ),
    "dependency": Issue(
        "values that contradict what another column determines",
        Severity.HIGH,
        "one of the two fields is wrong, and the agent does not know which",
        Remedy("take the value from the master data, and correct the records that differ", Effort.DAYS,
               "every value of the determining column has one value in the other"),
    ),
    "cross_field": Issue(
        "fields that contradict each other",
        Severity.HIGH,
        "the agent checks the rule and escalates, or decides on the wrong one of the fields",
        Remedy("find which field is wrong at the source; check the rule on import", Effort.DAYS,
               "the rule holds on every record"),
    ),
    "entity_conflict": Issue(
        "sources that disagree about the same thing",
        Severity.HIGH,
        "the answer depends on which source happens to be asked",
        Remedy("name the leading source for each field and take its value", Effort.DAYS,
               "one value for each entity and field"),
    ),
    "duplicate": Issue(
        "repeated records",
        Severity.MEDIUM,
        "one case is decided and counted more than once, and accuracy is measured on fewer cases than it seems",
        Remedy("keep one of each, and make its key unique at the source", Effort.HOURS, _none_left("repeated record")),
    ),
    "near_duplicate": Issue(
        "records that differ from another in almost nothing",
        Severity.MEDIUM,
        "cases count twice, and may be on both sides of the split",
        Remedy("merge those that are the same case; keep copies on one side of the split", Effort.DAYS,
               _none_left("pair that a person calls the same case")),
    ),
    "outlier": Issue(
        "values far from all others",
        Severity.LOW,
        "limits are tested on values that may be slips of a decimal point",
        Remedy("have a person look at the rows; correct slips, keep true extremes", Effort.HOURS,
               "every value far out was looked at"),
    ),
    "whitespace": Issue(
        "stray spaces",
        Severity.LOW,
        "values that are the same do not compare as the same",
        Remedy("strip and collapse spaces on import", Effort.HOURS, _none_left("stray space")),
    ),
    "encoding": Issue(
        "damaged characters",
        Severity.MEDIUM,
        "names and texts are not recognised, and the model reads what nobody wrote",
        Remedy("read the source in its own encoding and load it again", Effort.HOURS, _none_left("damaged character")),
    ),
    "orphan": Issue(
        "references to records that are not there",
        Severity.HIGH,
        "the agent cannot look up what the record refers to",
        Remedy("load the missing records, or mark the reference as closed", Effort.DAYS, _none_left("open reference")),
    ),
    "date_order": Issue(
        "dates in an order that cannot be",
        Severity.MEDIUM,
        "deadlines and terms are computed from a wrong date",
        Remedy("correct the date at the source; check the order on entry", Effort.DAYS, _none_left("impossible order")),
    ),
}  # fmt: skip
