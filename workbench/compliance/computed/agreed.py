"""What is computed of documents and signatures: thresholds before results, tests on the record, risks, architecture."""

from __future__ import annotations

from datetime import datetime

from workbench.compliance.computed.telling import command_of, exhibit_or_why, not_evidenced, standing_of
from workbench.compliance.requirement import ComplianceGround, Computed
from workbench.evidence import LEDGER_FILE, MAKERS, Exhibit
from workbench.pilot.charter import CHARTER_FILE, charter_signatures
from workbench.records.ledger import Opening
from workbench.words import several, shown

TESTS = ("evaluation", "cases")


def thresholds_signed_before(ground: ComplianceGround) -> Computed:
    """Return whether everybody signed targets and thresholds before the holdout was opened for the judged version."""
    status = charter_signatures(ground.pilot.suite, ground.pilot.charter, ground.pilot.name)
    evidence = ((CHARTER_FILE, "signatures"), (LEDGER_FILE, "openings"))
    n, signed = len(status.required), status.last_signed_at
    if signed is None:
        lacking = [*status.missing, *status.invalid]
        said = f"{len(status.valid)} of {n} signatures of charter.yaml hold; {shown(lacking) or 'nobody'} must sign"
        return not_evidenced(said, evidence)
    openings = _openings(ground)
    if isinstance(openings, Computed):
        return openings
    first = min(openings, key=lambda one: datetime.fromisoformat(one.time))
    is_first = signed <= datetime.fromisoformat(first.time)
    said = (
        f"{n} of {n} signatures of charter.yaml were given by {signed.isoformat()}, {'before' if is_first else 'after'}"
        f" opening {first.number} of the holdout at {first.time}."
    )
    return standing_of(said, evidence, is_met=is_first)


def tested_before_use(ground: ComplianceGround) -> Computed:
    """Return whether holdout and test cases were tried, each dated by the day that is asked, the opening signed."""
    made = {}
    for name in TESTS:
        found = exhibit_or_why(ground, name, command_of(ground, name))
        if isinstance(found, Computed):
            return found
        made[name] = found
    openings = _openings(ground)
    if isinstance(openings, Computed):
        return openings
    evidence = (*((name, "made") for name in TESTS), (LEDGER_FILE, "openings"))
    late = [name for name, one in made.items() if datetime.fromisoformat(one.made.time).date() > ground.today]
    unsigned = sum(not (one.signature and one.key) for one in openings)
    if unsigned:
        return not_evidenced(f"{unsigned} of {len(openings)} openings of the holdout are not signed", evidence)
    dated = ", ".join(f"{name} on {one.made.time[:10]} by {one.made.who}" for name, one in made.items())
    said = (
        f"{len(TESTS) - len(late)} of {len(TESTS)} tests are on the record by {ground.today}: {dated}; signed openings"
    )
    return standing_of(f"{said}: {len(openings)}.", evidence, is_met=not late)


def risk_management(ground: ComplianceGround) -> Computed:
    """Return whether each risk of the charter is met by something, and what tests that is there."""
    risks, evidence = ground.pilot.charter.risks, ((CHARTER_FILE, "risks"),)
    if not risks:
        return not_evidenced("0 risks are named; charter.yaml lists them in risks", evidence)
    unmet = [one.id for one in risks if not (one.mitigation and one.owner)]
    if unmet:
        said = f"{len(unmet)} of {len(risks)} risks have no mitigation or no owner: {shown(unmet)}."
        return standing_of(said, evidence, is_met=False)
    untested = [one.id for one in risks if not one.tested_by]
    if untested:
        said = f"{len(untested)} of {len(risks)} risks name no test: {shown(untested)}; tested_by in charter.yaml"
        return not_evidenced(said, evidence)
    named = dict.fromkeys(name for one in risks for name in one.tested_by)
    absent = [name for name in named if not _is_tested(ground, name)]
    rests = (*evidence, *((name.partition("/")[0], name.partition("/")[2] or "answer") for name in named))
    if absent:
        said = f"{len(absent)} of {len(named)} tests that risks name have no present evidence: {shown(absent)}"
        return not_evidenced(said, rests)
    return standing_of(f"{len(risks)} of {len(risks)} risks have a mitigation, an owner and a present test.", rests)


def technical_documentation(ground: ComplianceGround) -> Computed:
    """Return whether the architecture document has its eight parts and says nothing that evidence contradicts."""
    gaps, evidence = ground.gaps, (("architecture.md", "all parts"),)
    if gaps is None:
        return not_evidenced("there is no architecture document; workbench init writes a skeleton", evidence)
    if gaps:
        return standing_of(
            f"{several(len(gaps), 'gap')} in the architecture document: {shown(list(gaps))}.", evidence, is_met=False
        )
    return standing_of("0 gaps in the 8 parts of the architecture document.", evidence)


def _openings(ground: ComplianceGround) -> tuple[Opening, ...] | Computed:
    """Return the openings of the holdout for the judged version."""
    found = exhibit_or_why(ground, "evaluation", command_of(ground, "evaluation"))
    if isinstance(found, Computed):
        return found
    version = found.about.get("agent"), found.about["records"]
    openings = tuple(
        one for one in ground.openings if (one.purpose.agent_digest, one.purpose.dataset_digest) == version
    )
    if not openings:
        return not_evidenced(
            "0 openings of the holdout for this version are on the ledger", ((LEDGER_FILE, "openings"),)
        )
    return openings


def _is_tested(ground: ComplianceGround, name: str) -> bool:
    """Return whether what a risk names is there: a maker's exhibit, or one of its estimates with a value."""
    maker, _, metric = name.partition("/")
    exhibit: Exhibit | None = ground.exhibits.get(maker) if maker in MAKERS or maker in ground.exhibits else None
    if exhibit is None:
        return False
    return not metric or (metric in exhibit.estimates and exhibit.estimates[metric].value is not None)
