"""What is missing for a proof, in words: records, a better version, or the answer that nobody can tell yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from workbench.metrics.escalation import threshold_text
from workbench.stats import (
    BoundSource,
    CertificateOutlook,
    Certification,
    Clustering,
    CorrelationBound,
    ErrorCluster,
    Outlook,
    Prospect,
)
from workbench.words import percent, several


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
    ahead, clustering = certification.outlook, certification.clustering
    if clustering is not None and clustering.contradicted is not None:
        return _contradiction(clustering)
    said = _prospect(certification)
    if ahead.lost_at is not None and ahead.prospect is not Prospect.LOST:
        return f"{said}; {_lost(certification, ahead.lost_at)}"
    if ahead.within_reach is None or ahead.within_reach_needs is None:
        return said
    return f"{said}; for {ahead.within_reach:.0%} automation {_more(certification, ahead.within_reach_needs)} would do"


def entities(name: str, n: int) -> str:
    """Return a number of entities in words, from the name of their column.

    Examples
    --------
    >>> entities("vendor_id", 1_200), entities("company", 2), entities("vendor", 1)
    ('1,200 vendors', '2 companies', '1 vendor')
    """
    word = name.lower().removesuffix("_id").removesuffix("_no").replace("_", " ")
    plural = f"{word[:-1]}ies" if word.endswith("y") else word if word.endswith("s") else f"{word}s"
    return f"{n:,} {word if n == 1 else plural}"


def assumptions(clustering: Clustering) -> str:
    """Return in words what a certificate with clusters assumes, and what speaks against it."""
    word = entities(clustering.entity, 1).removeprefix("1 ")
    sizes = f"its error rate not to depend on its number of records ({_sizes(clustering)})"
    said = f"{assumed_bound(word, clustering.bound)}, and {sizes}"
    if not clustering.n_on_both_sides:
        return said
    both = f"{entities(clustering.entity, clustering.n_on_both_sides)} of {clustering.n_clusters:,}"
    return f"{said}; {both} also have development records, so this says little of a new {word}"


def assumed_bound(word: str, bound: CorrelationBound) -> str:
    """Return in words what a bound assumes of errors within one entity, and where it comes from."""
    match bound.source:
        case BoundSource.NONE:
            return f"nothing bounds how errors of one {word} correlate, so one may be wholly wrong"
        case BoundSource.STATED:
            return (
                f"errors of one {word} are assumed to correlate by at most {bound.at_most:.2g}, as the charter states"
            )
        case BoundSource.DEVELOPMENT:
            limit = f"at most {bound.at_most:.2g}, the upper limit in development records"
            return f"errors of one {word} are assumed to correlate by {limit}"
        case _:
            assert_never(bound.source)


def before_opening_text(ahead: CertificateOutlook) -> str:
    """Return in one sentence what a certificate on unopened records may have, what is likely, and the chance.

    Examples
    --------
    >>> import numpy as np
    >>> from workbench.stats import AccuracyClaim, Decided, UnopenedRecords, certificate_outlook
    >>> wrong = np.arange(4_000) % 55 == 0
    >>> seen = Decided(np.full(4_000, 0.9), ~wrong)
    >>> said = before_opening_text(certificate_outlook(seen, UnopenedRecords(1_600), AccuracyClaim(0.992, 0.05), None))
    >>> said.partition(";")[0]
    'The certificate may have 6 errors in about 1,600'
    >>> said.partition("; ")[2]
    'development makes 29 likely (chance to be certified below 1%).'
    """
    if not ahead.n_development:
        return "Nothing can be certified: development records have no decision that can be automated."
    if ahead.contradicted is not None and ahead.bound is not None:
        bound = f"the bound of {ahead.bound.at_most:.2g} does not hold"
        return (
            f"Nothing can be certified: {bound}, errors on development records correlate by {ahead.contradicted:.2g}."
        )
    about = f"about {ahead.n_automated:,}"
    if ahead.allowed is None:
        return f"Not even without an error would {about} be certified."
    may = f"The certificate may have {several(ahead.allowed, 'error')} in {about}"
    likely = f"development makes {likely_errors(ahead)} likely"
    return f"{may}; {likely} (chance to be certified {chance_text(ahead.chance)}){_short_of_aim(ahead)}."


def chance_text(chance: float) -> str:
    """Return a chance in whole percent, and at the ends on which side of it.

    Examples
    --------
    >>> chance_text(0.004), chance_text(0.34), chance_text(0.9991)
    ('below 1%', 'about 34%', 'above 99%')
    """
    if chance < 0.01:
        return "below 1%"
    return "above 99%" if chance > 0.99 else f"about {100 * chance:.0f}%"


def likely_errors(ahead: CertificateOutlook) -> str:
    """Return how many errors development makes likely: in tenths below ten, where a half matters."""
    if ahead.expected >= 9.95:
        return f"{ahead.expected:,.0f}"
    return f"{ahead.expected:.1f}".removesuffix(".0")


def _short_of_aim(ahead: CertificateOutlook) -> str:
    """Return in words that fewer than aimed at can be automated at all, empty where enough can."""
    if ahead.aim is None or ahead.reaches_aim > 0.99:
        return ""
    can = f"{percent(ahead.aim)} of {ahead.n:,} can be automated at all"
    return f"; the chance that {can} is {chance_text(ahead.reaches_aim)}"


def undeclared_warning(clustered: Sequence[ErrorCluster]) -> str:
    """Return in words that errors cluster on columns that are no declared entity."""
    columns = " and ".join(f"`{one.column}` (correlation about {one.correlation:.2g})" for one in clustered)
    return f"errors cluster on {columns}: declare it as entity in contract.yaml, the certificate may be wrong"


def certification_note(
    certification: Certification, otherwise: str, clustered: Sequence[ErrorCluster], mark: str
) -> str:
    """Return in words what the holdout proves; otherwise: where the threshold comes from when it proves nothing."""
    target = f"{certification.target:g}{mark}"
    level, of = f"{certification.confidence_level:.2%} confidence", f"{certification.n:,} holdout records"
    ends = [*_assumed(certification), *_warned(clustered)]
    if certification.threshold is not None:
        proved = f"right in at least {certification.accuracy_lower:.2%} of automated decisions at {level}"
        automated = f"automating {certification.automation_rate:.1%}"
        said = f"Threshold {threshold_text(certification.threshold)}, certified on {of}: {proved}, {automated}"
        return "; ".join((said, *([f"its target is {target}"] if mark else []), *ends))
    missing = what_would_do(certification)
    said = "; ".join((f"Nothing can be certified for {target} on {of} at {level}", missing, *ends))
    return f"{said}. {otherwise}"


def outlook_json(certification: Certification, clustered: Sequence[ErrorCluster]) -> dict[str, Any]:
    """Return what more records could prove as JSON values, and in words; what the proof assumes, what warns of it."""
    return {
        **certification.outlook.as_json(),
        "says": what_would_do(certification),
        "assumes": "; ".join(_assumed(certification)),
        "warns": "; ".join(_warned(clustered)),
    }


def _assumed(certification: Certification) -> list[str]:
    """Return in words what a proof assumes of dependence."""
    return [] if certification.clustering is None else [assumptions(certification.clustering)]


def _warned(clustered: Sequence[ErrorCluster]) -> list[str]:
    """Return in words that a proof may be wrong, as errors cluster on a column that is not declared."""
    return [undeclared_warning(clustered)] if clustered else []


def _sizes(clustering: Clustering) -> str:
    return f"{entities(clustering.entity, clustering.n_clusters)}, the largest with {clustering.largest:,}"


def _more(certification: Certification, records: int) -> str:
    """Return so many more records in words, as entities where records come in clusters."""
    clustering = certification.clustering
    if clustering is None or clustering.mean_size <= 1.0 or certification.claim.clusters is None:
        return f"about {records:,} more"
    n = max(round(records * clustering.n_clusters / certification.n), 1)
    count, _, word = entities(clustering.entity, n).partition(" ")
    return f"about {count} more {word} ({records:,} records)"


def _contradiction(clustering: Clustering) -> str:
    word = entities(clustering.entity, 1).removeprefix("1 ")
    seen = f"errors of one {word} correlate by {clustering.contradicted:.2g} or more (99% confidence)"
    return f"the bound of {clustering.bound.at_most:.2g} does not hold: {seen}, so a higher one must be stated"


def _lost(certification: Certification, share: float) -> str:
    failed = certification.steps
    if not len(failed.threshold):
        return f"for {share:.0%} automation these records are enough, but none of the tests planned came that far"
    test = f"{failed.n_wrong[-1]:,} of {failed.n_automated[-1]:,} were wrong"
    return f"for {share:.0%} automation as many new records as these would do, but the first test failed ({test})"


def _prospect(certification: Certification) -> str:
    ahead, target = certification.outlook, certification.target
    match ahead.prospect:
        case Prospect.PROVED:
            return "nothing is missing"
        case Prospect.MORE_RECORDS:
            assert ahead.records_needed is not None
            more = _more(certification, ahead.records_needed)
            return f"{more}{'' if more.endswith(')') else ' labelled records'} give an 80% chance"
        case Prospect.LOST:
            return _lost(certification, ahead.aim or ahead.lost_at or 1.0)
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
