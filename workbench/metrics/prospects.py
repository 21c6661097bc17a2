"""What is missing for a proof, in words: records, a better version, or the answer that nobody can tell yet."""

from __future__ import annotations

from typing import assert_never

from workbench.stats import Certification, Outlook, Prospect


def what_would_do(certification: Certification) -> str:
    """Return in words what is missing for a proof, from the errors that were seen.

    Examples
    --------
    >>> import numpy as np
    >>> from workbench.stats import certify_threshold
    >>> few = certify_threshold(np.linspace(0, 1, 300), np.ones(300), target=0.992, automation_target=0.8)
    >>> what_would_do(few)
    'about 909 more labelled records give an 80% chance'
    """
    ahead = certification.outlook
    said = _prospect(ahead, certification.target)
    if ahead.within_reach is None or ahead.within_reach_needs is None:
        return said
    return f"{said}; for {ahead.within_reach:.0%} automation about {ahead.within_reach_needs:,} more would do"


def _prospect(ahead: Outlook, target: float) -> str:
    match ahead.prospect:
        case Prospect.PROVED:
            return "nothing is missing"
        case Prospect.MORE_RECORDS:
            return f"about {ahead.records_needed:,} more labelled records give an 80% chance"
        case Prospect.TOO_FEW_AUTOMATABLE:
            can = f"{ahead.n_automatable:,} of {ahead.n:,} decisions can be automated at all"
            if not ahead.n_automatable:
                return f"none of {ahead.n:,} decisions can be automated at all"
            return f"only {can}, so more records do not help"
        case Prospect.TOO_MANY_ERRORS:
            wanted = "" if ahead.aim is None else f" prove {ahead.aim:.0%} automation"
            return f"at the errors seen more records would not{wanted or ' help'}: {_seen(ahead, target)}"
        case Prospect.OPEN:
            return f"how many more records would do cannot be told: {_seen(ahead, target)}, inside that interval"
        case _:
            assert_never(ahead.prospect)


def _seen(ahead: Outlook, target: float) -> str:
    rate = f"{ahead.n_wrong / ahead.n_automated:.2%}, 95% interval {ahead.lower:.2%} to {ahead.upper:.2%}"
    verb = "is" if ahead.n_wrong == 1 else "are"
    wrong = f"{ahead.n_wrong:,} of the {ahead.n_automated:,} surest decisions {verb} wrong"
    return f"{wrong} ({rate}), and {1 - target:.2%} may be"
