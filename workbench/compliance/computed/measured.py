"""What is computed of numbers that other makers measured: accuracy, robustness, attacks, access, the data."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.compliance.computed.telling import Evidence, command_of, exhibit_or_why, not_evidenced, standing_of
from workbench.compliance.requirement import ComplianceGround, Computed
from workbench.evidence import Exhibit
from workbench.metrics import CATALOGUE, Estimate, State, estimate_text, state_of, title_of, value_text
from workbench.pilot import Severity
from workbench.pilot.charter import CHARTER_FILE
from workbench.pilot.integrations import INTEGRATIONS_FILE
from workbench.words import number, several, shown

BLOCKING = (Severity.CRITICAL, Severity.HIGH)


def accuracy(ground: ComplianceGround) -> Computed:
    """Return whether every target of the charter that labels enter is reached by the whole interval on the holdout."""
    kpis = [kpi for kpi in ground.pilot.charter.kpis if CATALOGUE[kpi.metric].of_labels and not kpi.placeholder]
    if not kpis:
        return not_evidenced("0 targets of accuracy are agreed on; charter.yaml sets them in kpis")
    found = exhibit_or_why(ground, "evaluation", command_of(ground, "evaluation"))
    if isinstance(found, Computed):
        return found
    evidence = (*(("evaluation", kpi.metric) for kpi in kpis), (CHARTER_FILE, "kpis"))
    unknown = Estimate.undefined("not measured")
    estimates = {kpi.id: found.estimates.get(kpi.metric, unknown) for kpi in kpis}
    states = {kpi.id: state_of(kpi.operator, kpi.target, estimates[kpi.id]) for kpi in kpis}
    told = "; ".join(
        f"{title_of(kpi.metric)} {estimate_text(kpi.metric, estimates[kpi.id])} of {estimates[kpi.id].n:,}, wanted"
        f" {kpi.operator.value} {value_text(kpi.metric, kpi.target)}"
        for kpi in kpis
    )
    said = f"{sum(one is State.PASS for one in states.values())} of {len(kpis)} targets are reached: {told}."
    if State.FAIL not in states.values() and State.UNPROVEN in states.values():
        return not_evidenced(f"{said[:-1]}; more labelled records would show it", evidence)
    return standing_of(said, evidence, is_met=State.FAIL not in states.values())


def robustness(ground: ComplianceGround) -> Computed:
    """Return whether changes that mean nothing move no decision, and faults of systems lose or double none."""
    needed: dict[str, tuple[str, ...]] = {"cases": ("relations_violated",)}
    if (ground.pilot.suite / INTEGRATIONS_FILE).is_file():
        needed["faults"] = ("faults_lost", "faults_doubled", "faults_wrong", "faults_not_run")
    return _none_of(ground, needed, unless_zero=("faults_not_run",))


def resistance_to_attacks(ground: ComplianceGround) -> Computed:
    """Return whether no severe attack hit, of a library that is a lower bound, and all of it was run and reached."""
    left = ("attack_not_reached", "attack_errors", "attack_not_run")
    return _none_of(ground, {"attacks": ("attack_hits_severe", *left)}, unless_zero=left)


def access_as_granted(ground: ComplianceGround) -> Computed:
    """Return whether the agent's account gets at nothing it was not granted, and no key is too old."""
    metrics = ("access_violations", "access_unmeasured", "keys_too_old")
    return _none_of(ground, {"access": metrics}, unless_zero=("access_unmeasured",))


def data_governance(ground: ComplianceGround) -> Computed:
    """Return whether the audit of the data found nothing grave, and the rest has an owner and a remedy."""
    found = exhibit_or_why(ground, "audit", command_of(ground, "audit"))
    if isinstance(found, Computed):
        return found
    n, evidence = len(found.findings), (("audit", "findings"),)
    grave = [one.title for one in found.findings if one.severity in BLOCKING]
    nobody = [one.title for one in found.findings if not (one.owner and one.remedy)]
    records = found.facts.get("n_records", 0)
    said = f"{len(grave)} of {several(n, 'finding')} in {records:,} records are critical or high"
    said += f", {len(nobody)} have no owner or no remedy"
    return standing_of(
        f"{said}{': ' + shown(grave or nobody) if grave or nobody else ''}.", evidence, is_met=not grave + nobody
    )


def _none_of(ground: ComplianceGround, needed: dict[str, tuple[str, ...]], *, unless_zero: Sequence[str]) -> Computed:
    """Return met where every metric is 0, not met where one that counts faults is surely above, else not evidenced.

    `unless_zero` are metrics of what was left out: above 0 they prove nothing, for or against.
    """
    estimates: dict[str, tuple[str, Estimate]] = {}
    for name, metrics in needed.items():
        found = exhibit_or_why(ground, name, f"run the {name} test of {ground.pilot.name}")
        if isinstance(found, Computed):
            return found
        estimates |= {metric: (name, _of(found, metric)) for metric in metrics}
    evidence: Evidence = tuple((name, metric) for metric, (name, _) in estimates.items())
    told = "; ".join(_told(metric, one) for metric, (_, one) in estimates.items())
    values = {metric: one for metric, (_, one) in estimates.items()}
    counts = [metric for metric in values if metric not in unless_zero]
    if any((values[metric].lower or 0.0) > 0.0 for metric in counts):
        return standing_of(f"{told}.", evidence, is_met=False)
    if any(one.value is None or not one.n or one.value > 0.0 for one in values.values()):
        return not_evidenced(f"{told}; what is not 0 or not known must be measured again", evidence)
    return standing_of(f"{told}.", evidence)


def _of(exhibit: Exhibit, metric: str) -> Estimate:
    return exhibit.estimates.get(metric, Estimate.undefined("not measured"))


def _told(metric: str, estimate: Estimate) -> str:
    words = metric.replace("_", " ")
    if estimate.value is None:
        return f"{words} not known ({estimate.method})"
    is_bounded = estimate.upper is not None and estimate.upper > estimate.value
    upper = f", at most {number(estimate.upper)}" if is_bounded and estimate.upper is not None else ""
    return f"{words} {number(estimate.value)} of {estimate.n:,}{upper}"
