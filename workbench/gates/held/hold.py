"""A gate held from end to end: signatures first, then evidence, decision, report, notebook, bundle and MLflow."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.agents.callables import only_answered
from workbench.engines import EngineChoice
from workbench.evidence import BundleContent, file_digest, files_under, results_folder, write_bundle
from workbench.files import provenance, write_atomically
from workbench.gates import GATE_NUMBERS, GateDecision, GateFacts, decide, read_facts, read_gates
from workbench.gates.freshness import NotebookInputs
from workbench.gates.held.contents import bundle_files, check_signed_first, digests_of, subject_of, told_of
from workbench.gates.held.shown import DECISION_FILE
from workbench.gates.held.work import GATE, Worked, answered_evidence, judged_evidence, own_notebook, present
from workbench.gates.junit import junit_xml
from workbench.gates.page import gate_page
from workbench.gates.tracked import log_gate
from workbench.notebooks import OnCell, packaged_notebook
from workbench.pilot import Pilot
from workbench.pilot.charter import require_signatures
from workbench.pilot.signing import ChosenKey, SignatureStatus, chosen_key
from workbench.records.ledger import check_continues, read_ledger
from workbench.records.splits import evidence_folder, ledger_path, read_dataset
from workbench.runs.journal import digest_of
from workbench.tracking import Link
from workbench.words import InputError, RunError

REPORT_FILE, JUNIT_FILE = "report.html", "junit.xml"


@dataclass(frozen=True, slots=True)
class GateRequest:
    """How to hold a gate.

    Parameters
    ----------
    engine : EngineChoice
        What answers prompts in the notebooks that must run.
    key : Path, optional
        File with the key that signs openings and bundle; without it what the environment says, else this user's own.
    is_answered : bool
        Whether everything was run and answered elsewhere, by `answer_gate`: then nothing is run or asked for here.
    """

    engine: EngineChoice = field(default_factory=EngineChoice)
    key: Path | None = None
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What holding a gate came to.

    Parameters
    ----------
    bundle : Path
        The signed evidence; `is_new` says whether this call wrote it or an earlier one with the same content.
    link : Link, optional
        Where the decision is in MLflow; None when it could not be logged, and `log_error` says why.
    """

    decision: GateDecision
    bundle: Path
    is_new: bool
    key: ChosenKey
    worked: Worked
    link: Link | None
    log_error: RunError | None

    def as_json(self) -> dict[str, Any]:
        """Return the decision and where its evidence is as JSON values."""
        return {
            **self.decision.as_json(),
            "bundle": str(self.bundle),
            "report": str(self.bundle / REPORT_FILE),
            "is_new": self.is_new,
            "public_key": str(self.key.public_key),
            "ran": list(self.worked.ran),
            "kept": list(self.worked.kept),
            "mlflow_run": None if self.link is None else self.link.run_id,
        }


def answer_gate(pilot: Pilot, number: int, engine: EngineChoice, on_cell: OnCell | None = None) -> Worked:
    """Run what a gate needs run and asked, without any key and without a label of the holdout; nothing is judged.

    Raises
    ------
    SignatureError
        The charter is not signed by everyone who must, and nothing was started.
    InputError
        The pilot, its gates or its records do not fit.
    RunError
        Something did not reach its end; what is done stands.
    """
    _check_number(number)
    require_signatures(pilot.suite, pilot.charter)
    gates = read_gates(pilot)
    inputs = NotebookInputs(pilot, read_dataset(pilot), engine, pilot.settings.compare, is_packaged=True)
    return answered_evidence(inputs, gates.gates[number].notebooks, on_cell)


def hold_gate(pilot: Pilot, number: int, request: GateRequest, on_cell: OnCell | None = None) -> Held:
    """Hold a gate: run what is stale and let the holdout be answered, then open, decide, and leave signed evidence.

    The pilot's code runs in other processes, and only before the holdout is opened; whatever would run it later, or ask
    for a further decision, is refused.

    Raises
    ------
    SignatureError
        The charter is not signed by everyone who must, and nothing was started; or it was signed too late.
    InputError
        The pilot, its gates, its records or the key do not fit.
    RunError
        The evidence could not be made or written, or something is not answered; there is no verdict and no bundle then.
    """
    _check_number(number)
    signatures = require_signatures(pilot.suite, pilot.charter)
    gates = read_gates(pilot)
    key = chosen_key(request.key)
    _check_writable(evidence_folder(pilot) / f"gate-{number}")
    read_ledger(ledger_path(pilot))
    check_continues(ledger_path(pilot), evidence_folder(pilot))
    notebooks = gates.gates[number].notebooks
    inputs = NotebookInputs(pilot, read_dataset(pilot), request.engine, pilot.settings.compare, is_packaged=True)
    ran = None if request.is_answered else answered_evidence(inputs, notebooks, on_cell).ran
    with only_answered():
        worked = judged_evidence(inputs, notebooks, key.key, ran, on_cell)
        told = told_of(pilot, number)
        facts = read_facts(pilot, datetime.now(UTC).date(), worked.agent, told, inputs.dataset, number)
        return _decided(pilot, (facts, number), (key, signatures), worked, on_cell)


def _decided(
    pilot: Pilot,
    asked: tuple[GateFacts, int],
    signed: tuple[ChosenKey, SignatureStatus],
    worked: Worked,
    on_cell: OnCell | None,
) -> Held:
    """Decide on the evidence as it is, and leave it signed."""
    (facts, number), (key, signatures) = asked, signed
    check_signed_first(pilot, facts, number, signatures)
    decision = decide(facts, number, subject_of(pilot, facts, number))
    known = _known_bundle(pilot, number, key, decision)
    if known is None:
        bundle = _written(pilot, (facts, decision), (key, signatures), on_cell)
        _remember(pilot, number, key, decision, bundle)
    else:
        bundle = known
    link, error = _logged(pilot, decision, bundle)
    return Held(decision, bundle, known is None, key, worked, link, error)


def _written(
    pilot: Pilot,
    decided: tuple[GateFacts, GateDecision],
    signed: tuple[ChosenKey, SignatureStatus],
    on_cell: OnCell | None,
) -> Path:
    """Write report and results, run the gate's own notebook over them, and return the bundle of it all."""
    facts, decision = decided
    number, (key, signatures) = decision.gate, signed
    folder = results_folder(pilot, own_notebook(number))
    signed_at = signatures.last_signed_at
    try:
        write_atomically(folder / DECISION_FILE, json.dumps(decision.as_json(), indent=1, ensure_ascii=False))
        write_atomically(folder / JUNIT_FILE, junit_xml(decision))
        present(pilot, number, on_cell)
        files = bundle_files(pilot, facts, decision)
        page = gate_page(facts, decision, tuple(files))
        write_atomically(folder / REPORT_FILE, page)
        files[REPORT_FILE] = page.encode()
    except OSError as error:
        raise RunError(
            "what the gate leaves cannot be written, so there is no verdict",
            where=str(error.filename or folder),
            got=error.strerror or str(error),
            remedy="make room or allow writing there, and run the gate again",
        ) from None
    content = BundleContent(
        pilot.name,
        number,
        decision.as_json(),
        files,
        digests_of(decision),
        provenance(pilot.root),
        ledger_path(pilot),
        None if signed_at is None else signed_at.isoformat(),
    )
    return write_bundle(content, pilot.root / "mlruns" / "evidence", key.key)


def _check_number(number: int) -> None:
    if number not in GATE_NUMBERS:
        raise InputError("there is no such gate", got=str(number), expected="1, 2 or 3")


def _check_writable(folder: Path) -> None:
    """Find out that evidence cannot be written before anything is run for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise RunError(
            "the evidence folder cannot be written, so the gate was not held",
            where=str(folder),
            got=error.strerror or str(error),
            remedy="allow writing there, or give another --root",
        ) from None


def _memory_file(pilot: Pilot, number: int) -> Path:
    return pilot.runs / "gates" / f"gate-{number}.json"


def _content_digest(pilot: Pilot, number: int, key: ChosenKey, decision: GateDecision) -> str:
    """Return the digest of what makes a bundle: decision, signing key and the notebook that presents it."""
    notebook = file_digest(packaged_notebook(GATE))
    return digest_of({"decision": decision.as_json(), "key": key.key.key_id, "notebook": notebook})


def _known_bundle(pilot: Pilot, number: int, key: ChosenKey, decision: GateDecision) -> Path | None:
    """Return the bundle that an earlier call wrote for the very same decision, if no byte of it has changed."""
    try:
        known = json.loads(_memory_file(pilot, number).read_text(encoding="utf-8"))
        bundle = pilot.root / known["bundle"]
        same = known["content"] == _content_digest(pilot, number, key, decision)
        return bundle if same and known["files"] and known["files"] == files_under(bundle) else None
    except (OSError, ValueError, KeyError, TypeError):  # not there or damaged: a new bundle is written
        return None


def _remember(pilot: Pilot, number: int, key: ChosenKey, decision: GateDecision, bundle: Path) -> None:
    content = {
        "content": _content_digest(pilot, number, key, decision),
        "bundle": str(bundle.relative_to(pilot.root)),
        "files": files_under(bundle),
    }
    write_atomically(_memory_file(pilot, number), json.dumps(content, indent=1))


def _logged(pilot: Pilot, decision: GateDecision, bundle: Path) -> tuple[Link | None, RunError | None]:
    """Log the decision to MLflow; a store that cannot be written takes nothing away from the verdict."""
    try:
        return log_gate(pilot, decision, bundle), None
    except RunError as error:
        return None, error
