"""The makers of evidence: what every one of them promises, and the registry; gates, bundles and MLflow know no other.

A maker is a folder of the package, a notebook and one line here. Third parties add theirs by the entry point
`workbench.makers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.evidence.checks import BETTER_VERSION, Answer, Check, Missing, unproven
from workbench.evidence.exhibit import Exhibit, exhibit_folder, read_exhibit
from workbench.evidence.facts import Facts
from workbench.metrics import Estimate, Unit, declare_units
from workbench.words import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.evidence.inputs import Inputs
    from workbench.pilot import Pilot
    from workbench.records.splits import Dataset

# By the name that stands in mlruns/PILOT/exhibits and in a bundle: where the maker is.
MAKERS = {
    "audit": "workbench.audit:MAKER",
    "evaluation": "workbench.evaluation:MAKER",
    "before_opening": "workbench.evaluation:BEFORE_OPENING",
    "repeats": "workbench.evaluation.repeats:MAKER",
    "cases": "workbench.cases:MAKER",
    "integrations": "workbench.integrations:MAKER",
    "faults": "workbench.integrations:FAULTS",
    "access": "workbench.integrations:ACCESS",
    "load": "workbench.load_testing:MAKER",
    "attacks": "workbench.attacks:MAKER",
    "review": "workbench.review:MAKER",
    "acceptance": "workbench.review:ACCEPTANCE",
    "compliance": "workbench.compliance:MAKER",
}
ENTRY_POINTS = "workbench.makers"


class Maker:
    """One maker of evidence; a maker's class says what is its own, the rest is as here.

    Parameters
    ----------
    name : str
        As in the registry.
    title : str
        What it makes, for a reader, such as "data audit".
    question : str
        What its exhibit answers.
    how : str
        What would make it, in words, such as "run the data audit".
    notebooks : tuple of str
        The notebook that makes it first, then others that look at the same.
    command : str
        The command that makes it, PILOT for the pilot's name.
    metrics : mapping of str to Unit
        Ids of the estimates that a criterion may name.
    checks : tuple of Check
        What a criterion may ask besides an estimate.
    takes_slices : bool
        Whether an estimate may be held to a part of the records.
    counted : str
        What more of would narrow its estimates.
    when_failed : (Missing, str)
        What is missing where an estimate fails, and that in words.
    rests_on_runs : bool
        Whether its notebooks change with the finished development runs.
    is_sealed : bool
        Whether it reads sealed labels: where a gate makes it, the package's own notebook does.
    believed : tuple of str
        What nothing in a bundle determines of its exhibit.
    rests_on : tuple of str
        Makers from whose exhibits it computes its own: a bundle holds those too, and its notebook runs after theirs.
    in_place_of : str
        The maker whose exhibit its own stands for: a gate that asks for that one looks at both.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    how: ClassVar[str]
    notebooks: ClassVar[tuple[str, ...]]
    command: ClassVar[str]
    metrics: ClassVar[Mapping[str, Unit]] = {}
    checks: ClassVar[tuple[Check, ...]] = ()
    takes_slices: ClassVar[bool] = False
    counted: ClassVar[str] = "records"
    when_failed: ClassVar[tuple[Missing, str]] = (Missing(version=True), BETTER_VERSION)
    rests_on_runs: ClassVar[bool] = False
    is_sealed: ClassVar[bool] = False
    believed: ClassVar[tuple[str, ...]] = ()
    rests_on: ClassVar[tuple[str, ...]] = ()
    in_place_of: ClassVar[str] = ""

    def present(self, pilot: Pilot, dataset: Dataset, agent: str | None) -> Exhibit | str:
        """Return the exhibit that counts now, else why there is none.

        Parameters
        ----------
        pilot : Pilot
        dataset : Dataset
            The pilot's present records.
        agent : str, optional
            Agent to judge; without it whichever the pilot's files speak for.

        Raises
        ------
        RunError
            What the maker left is damaged.
        """
        exhibit = read_exhibit(exhibit_folder(pilot, self.name))
        if exhibit is None:
            return f"no {self.title} has been run; {self.remedy(pilot)}"
        if exhibit.about.get("records") != dataset.digest:
            return f"the last {self.title} was of other records; {self.remedy(pilot)}"
        return exhibit

    def remedy(self, pilot: Pilot) -> str:
        """Return the command that makes it for a pilot."""
        return self.command.replace("PILOT", pilot.name)

    def depends(self, inputs: Inputs, notebook: str, chosen: str | None) -> Mapping[str, Any]:
        """Return what else than code, records, contract and charter makes a notebook of this maker another one."""
        return inputs.everything()

    def leaves(self, pilot: Pilot) -> Sequence[Path]:
        """Return the files and folders that making it leaves, results and executed notebook aside."""
        return (exhibit_folder(pilot, self.name),)

    def estimate(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Estimate:
        """Return an estimate of the present exhibit with one-sided bounds, each at a confidence level.

        Parameters
        ----------
        where : mapping
            Column to value: only the records that have it; empty for all.
        level : float
            In (0.5, 1).
        """
        raise NotImplementedError

    def when_absent(self, facts: Facts) -> Answer:
        """Return what a criterion comes to where there is no exhibit: why there is none, and what would make it."""
        return unproven(facts.absent[self.name], self.how)

    def charged_level(self, facts: Facts, metric: str, level: float) -> float | None:
        """Return a level raised by what looking at sealed labels is charged; None where none is looked at."""
        return None

    def would_prove(self, facts: Facts, metric: str, where: Mapping[str, str], level: float) -> Answer | None:
        """Return what would prove an estimate that is unproven, where that is not more records at the same rate."""
        return None

    def subject(self, facts: Facts) -> Mapping[str, Any]:
        """Return what a decision on the exhibit is about, as JSON values for its readers."""
        return {}

    def judged(self, facts: Facts) -> str:
        """Return in a few words the agent version that the exhibit is about, empty where it is about none."""
        return ""

    def remarks(self, facts: Facts) -> Sequence[str]:
        """Return what a reader of a verdict must know besides, the gravest first, one sentence each."""
        return ()

    def asides(self, facts: Facts) -> Sequence[str]:
        """Return what is merely odd, one sentence each; a verdict says it last."""
        return ()

    def opening(self, exhibit: Exhibit, facts: Facts) -> str:
        """Hold an exhibit against the opening of the holdout it rests on; return that in words, empty without one.

        Raises
        ------
        SignatureError
            The opening is of something else.
        """
        return ""

    def again(self, exhibit: Exhibit, facts: Facts) -> Exhibit:
        """Return the exhibit with every number computed again from its tables and from what was agreed.

        Raises
        ------
        SignatureError
            Something in it does not follow, beyond what its numbers show.
        """
        raise NotImplementedError


@cache
def maker(name: str) -> Maker:
    """Return a maker by its name. Raises InputError when there is none."""
    place = MAKERS.get(name) or next((one.value for one in entry_points(group=ENTRY_POINTS, name=name)), None)
    if place is None:
        raise InputError(f"there is no maker of evidence {name!r}", expected=", ".join(MAKERS))
    module, _, attribute = place.partition(":")
    found: Maker = getattr(import_module(module), attribute)
    declare_units(found.metrics)
    return found


@cache
def makers() -> tuple[Maker, ...]:
    """Return every maker, those of the package first."""
    return tuple(maker(name) for name in maker_names())


def maker_names() -> tuple[str, ...]:
    """Return the names of all makers, those of the package first; none is loaded."""
    return (*MAKERS, *sorted({one.name for one in entry_points(group=ENTRY_POINTS)} - set(MAKERS)))


def maker_of(metric: str) -> Maker:
    """Return the maker of a metric. Raises InputError when no maker has it."""
    for one in makers():
        if metric in one.metrics:
            return one
    raise InputError(f"no maker of evidence has an estimate {metric!r}")


def maker_by(notebook: str) -> Maker | None:
    """Return the maker that a notebook is of, None for one of the pilot's own."""
    return next((one for one in makers() if notebook in one.notebooks), None)


def of_one_version(found: Mapping[str, Exhibit | str], pilot: Pilot) -> dict[str, Exhibit | str]:
    """Return what was found, where an exhibit of another version than the first one's is replaced by a note of that."""
    first = next((one for one in found.values() if isinstance(one, Exhibit) and "agent" in one.about), None)
    return {name: one if first is None else _of_version(first, one, pilot) for name, one in found.items()}


def _of_version(first: Exhibit, one: Exhibit | str, pilot: Pilot) -> Exhibit | str:
    """Return an exhibit if it is of the first one's version or of none, else a note of that."""
    if isinstance(one, str) or one.about.get("agent") in (None, first.about["agent"]):
        return one
    made_by, agent = maker(one.maker), one.facts.get("agent")
    which = f" (of {agent})" if agent else ""
    return f"the last {made_by.title} was of another version{which}; {made_by.remedy(pilot)}"
