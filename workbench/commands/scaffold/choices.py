"""What a user says about a new pilot's records; everything else is found in the records and can be overruled here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from workbench.pilot import ColumnType, RareLabels, Reading, Role, Unlabelled
from workbench.records.splits import SplitBy
from workbench.records.tables import Hints
from workbench.words import InputError, shown


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns a user names; the id, text and time column are found when they are not named, an entity never is.

    Parameters
    ----------
    label : str
        Column with the right decision.
    id, text, entity : str, optional
    escalate : str, optional
        The label that gives a record to a person.
    abstain : str, optional
        An answer that gives a record to a person and is no record's label.
    roles : mapping
        Role of any column by its name.
    types : mapping
        Type of any column by its name.
    """

    label: str
    id: str | None = None
    text: str | None = None
    entity: str | None = None
    escalate: str | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    abstain: str | None = None

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """Role and name of each column that is named for one."""
        single = (("label", self.label), ("id", self.id), ("text", self.text), ("entity", self.entity))
        return tuple((role, name) for role, name in single if name is not None)


@dataclass(frozen=True, slots=True)
class Choices:
    """How records are read and what becomes of those that do not fit.

    Parameters
    ----------
    reading : Reading
        Encoding, separator, header.
    hints : Hints
        Decimal sign and order of dates, for columns that do not tell.
    missing : tuple of str
        Further texts that stand for nothing, in the label's column too.
    aliases : mapping
        Spellings of labels and the label that each means.
    unlabelled, rare_labels : enum
        What becomes of rows without a label, and of labels with one record.
    bins : tuple of float
        Rising limits that cut a number to predict into labels.
    split : SplitBy, optional
        What draws the holdout; None keeps entities together where one is named.
    """

    reading: Reading = field(default_factory=Reading)
    hints: Hints = field(default_factory=Hints)
    missing: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    unlabelled: Unlabelled = Unlabelled.REFUSED
    rare_labels: RareLabels = RareLabels.REFUSED
    bins: tuple[float, ...] = ()
    split: SplitBy | None = None


def pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    """Return what an option that is given as NAME=VALUE, once or more, says.

    Raises
    ------
    InputError
        One has no equals sign, or names the same twice.
    """
    made: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.rpartition("=")
        if not sign or not name or not value:
            raise InputError(f"{option} is NAME=VALUE", got=repr(text), expected=f"{option} COLUMN=VALUE")
        if name in made:
            raise InputError(f"{option} names {name!r} twice", got=shown([made[name], value]))
        made[name] = value
    return made
