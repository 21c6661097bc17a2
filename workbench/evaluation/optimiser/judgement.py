"""What unseen development records say of the winner against the version that it was made from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from workbench.agents.prompts import Prompt
from workbench.evaluation.optimiser.asking import PromptDesk
from workbench.evaluation.optimiser.parts import Parts
from workbench.evaluation.versions.pairs import compared_versions
from workbench.evaluation.versions.tried import rightness_of, tried_versions
from workbench.words import several


@dataclass(frozen=True, slots=True)
class Judgement:
    """The paired test of a winner against its parent, on development records that the search did not see.

    Parameters
    ----------
    n, both_right, only_winner, only_parent, neither : int
        Records, and on how many of them which version is right.
    difference, lower, upper : float
        Accuracy of the winner less that of its parent, with Tango's 95% interval for this pair alone.
    p, p_adjusted : float
        McNemar's mid-p, alone and adjusted by Holm over every pair of all versions ever tried.
    n_versions : int
        How many versions were ever tried on development records, every candidate that was asked among them.
    answer : str
        `better`, `worse` or `cannot tell apart`.
    """

    n: int
    both_right: int
    only_winner: int
    only_parent: int
    neither: int
    difference: float
    lower: float
    upper: float
    p: float
    p_adjusted: float
    n_versions: int
    answer: str

    def as_json(self) -> dict[str, Any]:
        """Return the test as JSON values."""
        return asdict(self)

    def in_words(self, winner: str, parent: str) -> str:
        """Return the test as a sentence that a sponsor understands."""
        right, before = self.both_right + self.only_winner, self.both_right + self.only_parent
        told = {
            "better": f"{winner} is better",
            "worse": f"{winner} is worse",
            "cannot tell apart": "these records cannot tell the two apart",
        }[self.answer]
        return (
            f"On {self.n:,} development records that the search did not see {winner} is right on {right:,}, {parent} "
            f"on {before:,}: {100 * self.difference:+.1f} points ({100 * self.lower:+.1f} to {100 * self.upper:+.1f}), "
            f"p {self.p:.2g}, corrected for all {several(self.n_versions, 'version')} ever tried "
            f"{self.p_adjusted:.2g}: {told}."
        )


def judged(desk: PromptDesk, parts: Parts, versions: tuple[tuple[Prompt, str], tuple[Prompt, str]]) -> Judgement:
    """Ask the winner and its parent about the records that judge, as far as they were not asked, and compare them.

    Parameters
    ----------
    versions : tuple
        Prompt and name in the journal, first of the winner, then of its parent.
    """
    right, names = {}, {}
    for prompt, name in versions:
        digest = desk.digest(prompt)
        right[digest] = rightness_of(desk.outcomes(prompt, name, parts.judging, show_progress=True))
        names[digest] = name
    tried = tried_versions(desk.pilot, desk.dataset, set(right))
    (row,) = compared_versions(names, right, tried).to_dict("records")
    answers = {versions[0][1]: "better", versions[1][1]: "worse", None: "cannot tell apart"}
    return Judgement(
        row["n"], row["both_right"], row["only_first"], row["only_second"], row["neither"], row["difference"],
        row["lower"], row["upper"], row["p"], row["p_adjusted"], tried.n_versions, answers[row["better"]],
    )  # fmt: skip
