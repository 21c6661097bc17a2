"""What is computed of personal data: where it must not be, what of it is shown, for what, and for how long."""

from __future__ import annotations

from datetime import date, datetime

from workbench.compliance.computed.telling import command_of, exhibit_or_why, not_evidenced, standing_of
from workbench.compliance.proof import SealFault
from workbench.compliance.requirement import ComplianceGround, Computed
from workbench.compliance.shown_columns import is_personal
from workbench.pilot import COMPLIANCE_FILE, PiiClass, assessment_of
from workbench.pilot.charter import CHARTER_FILE, charter_signatures
from workbench.words import shown

DAYS_A_YEAR = 365.25
LOOKED_FOR = "records_with_personal_data"  # an estimate of the audit
JOURNAL, EVIDENCE = "journal", "evidence"
NOBODY_LOOKED = "no decision shows which columns the agent is shown; run the agent, then workbench compliance {}"
KEPT_FOR = (("compliance.yaml", "retention"),)


def personal_data_kept_out(ground: ComplianceGround) -> Computed:
    """Return whether no prompt, output, trace, memory or detail of the journal holds personal data."""
    places = ground.personal
    if places is None or not places.loc[places["place"] != "prompts", "texts"].sum():
        return not_evidenced("no decision was looked at for personal data; run the agent, then the compliance check")
    n, bad = int(places["texts"].sum()), places[places["found"] > 0]
    evidence = (("compliance", "personal"), ("contract.yaml", "columns"))
    if not len(bad):
        return standing_of(f"0 of {n:,} texts hold personal data that is recognised; names are not.", evidence)
    where = ", ".join(f"{row.place} {row.found:,} of {row.texts:,} ({row.kinds})" for row in bad.itertuples())
    records = [one for row in bad["records"] for one in str(row).split(";") if one]
    return standing_of(f"{int(bad['found'].sum()):,} of {n:,} texts hold personal data: {where}.", evidence, records)


def minimisation(ground: ComplianceGround) -> Computed:
    """Return whether the agent is shown no personal column that neither prompt, rule, environment nor code names."""
    columns = ground.columns
    if columns is None:
        return not_evidenced(NOBODY_LOOKED.format(ground.pilot.name))
    evidence = (("compliance", "columns"), ("contract.yaml", "columns"))
    seen = columns[is_personal(columns) & columns["shown"]]
    if not len(seen):
        return _nothing_personal(ground, "shown to the agent")
    unused = seen.loc[seen["named_by"] == "", "column"].tolist()
    said = f"{len(unused)} of {len(seen)} personal columns that the agent is shown are named by nothing it works with"
    return standing_of(f"{said}{': ' + shown(unused) if unused else ''}.", evidence, is_met=not unused)


def purpose(ground: ComplianceGround) -> Computed:
    """Return whether the purpose is written down over signatures, and every personal column says what it is for."""
    charter = ground.pilot.charter
    evidence = ((CHARTER_FILE, "scope"), ("contract.yaml", "columns"))
    if not charter.process.strip() or not charter.scope.included:
        return not_evidenced("0 purposes are written down; charter.yaml names process and scope", evidence)
    if not charter_signatures(ground.pilot.suite, charter, ground.pilot.name).is_complete:
        return not_evidenced("the purpose in charter.yaml is not signed by everybody who must", evidence)
    named = ground.pilot.contract.columns
    personal = [name for name in ground.pilot.contract.shown if named[name].pii is not PiiClass.NONE]
    silent = [name for name in personal if not named[name].description.strip()]
    said = f"{len(personal) - len(silent)} of {len(personal)} personal columns say what they are for"
    return standing_of(f"{said}{'; not ' + shown(silent) if silent else ''}.", evidence, is_met=not silent)


def storage_limits(ground: ComplianceGround) -> Computed:
    """Return whether personal data has an end, and nothing in the journal is older than that."""
    columns = ground.columns
    if columns is None:
        return not_evidenced(NOBODY_LOOKED.format(ground.pilot.name))
    if not (is_personal(columns) & columns["shown"]).any():
        return _nothing_personal(ground, "kept of a decision")
    most = next((one.at_most_years for one in ground.kept_for if one.what == JOURNAL), None)
    if most is None:
        return not_evidenced("no end is set for the journal; compliance.yaml says it in retention", KEPT_FOR)
    kept = ground.trail[ground.trail["stored"] != "undecided"] if len(ground.trail) else ground.trail
    without = int((kept["seal"] == SealFault.NO_LINE.value).sum()) if len(kept) else 0
    if not len(kept) or without:
        return not_evidenced(f"{without:,} of {len(kept):,} decisions have no moment, so that their age is not known")
    ages = kept["at"].map(lambda at: _years(at, ground.today))
    if ages.isna().any():
        return not_evidenced(f"{int(ages.isna().sum()):,} of {len(kept):,} decisions have no moment that can be read")
    old = kept[ages > most]
    said = f"{len(old):,} of {len(kept):,} decisions are older than the {most:g} years that are allowed."
    return standing_of(said, (*KEPT_FOR, ("compliance", "trail")), old["record_id"].astype(str))


def retention(ground: ComplianceGround) -> Computed:
    """Return whether journal and evidence are kept for as long as the charter says a trail must be."""
    asked = assessment_of(ground.pilot.charter, ground.pilot.suite).audit_trail
    years = None if asked is None else asked.retention_years
    evidence = (*KEPT_FOR, (COMPLIANCE_FILE, "audit_trail"))
    if years is None:
        return not_evidenced("compliance.yaml says in audit_trail no number of years to keep", evidence)
    least = {one.what: one.at_least_years for one in ground.kept_for}
    unsaid = [what for what in (JOURNAL, EVIDENCE) if least.get(what) is None]
    if unsaid:
        return not_evidenced(f"{len(unsaid)} of 2 have no time in compliance.yaml: {shown(unsaid)}", evidence)
    short = [f"{what} {least[what]:g}" for what in (JOURNAL, EVIDENCE) if (least[what] or 0.0) < years]
    if short:
        return standing_of(
            f"{len(short)} of 2 are kept for less than {years:g} years: {shown(short)}.", evidence, is_met=False
        )
    if not len(ground.trail):
        return not_evidenced("nothing is kept yet: there is no audit trail", evidence)
    lost = ground.trail[ground.trail["order"].str.contains("missing")]
    said = (
        f"2 of 2 are kept for {years:g} years or longer; lines are missing at {len(lost):,} of {len(ground.trail):,}."
    )
    return standing_of(said, (*evidence, ("compliance", "trail")), lost["record_id"].astype(str))


def _nothing_personal(ground: ComplianceGround, what: str) -> Computed:
    """Return that no column is declared as personal, where the audit found nothing else."""
    found = exhibit_or_why(ground, "audit", command_of(ground, "audit"))
    if isinstance(found, Computed):
        return found
    evidence = (("audit", "findings"), ("contract.yaml", "columns"))
    declared = ground.pilot.contract.columns
    if LOOKED_FOR not in found.estimates:
        return not_evidenced("the audit did not look for personal data; audit again", evidence)
    holding = {column for one in found.findings if one.kind == "personal_data" for column in one.where}
    undeclared = sorted(name for name in holding if name in declared and declared[name].pii is PiiClass.NONE)
    n = len(declared)
    if undeclared:
        said = f"{len(undeclared)} of {n} columns hold personal data undeclared: {shown(undeclared)}"
        return not_evidenced(said, evidence)
    return standing_of(f"0 of {n} columns are personal data {what}, and the audit found none undeclared.", evidence)


def _years(at: object, today: date) -> float | None:
    try:
        return (today - datetime.fromisoformat(str(at)).date()).days / DAYS_A_YEAR
    except ValueError:
        return None
