"""The command `workbench audit`: a pilot's records, or any table, looked at before anything is decided on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from workbench.commands.completion import pilots_like
from workbench.commands.options import HERE, AsJson, Details, Root, pilot_named, print_json, with_options
from workbench.commands.reading import AS_FOUND, ReadingOptions
from workbench.commands.streams import stdout_to_stderr, stoppable
from workbench.words import InputError


@with_options
def audit(
    pilot: Annotated[
        str | None, typer.Argument(metavar="[PILOT]", help="Name of a pilot.", autocompletion=pilots_like)
    ] = None,
    records: Annotated[
        str | None, typer.Option(help="Any table instead of a pilot: CSV, TSV, JSON lines or array, Parquet.")
    ] = None,
    contract: Annotated[
        Path | None, typer.Option(help="With --records: what is agreed about the table, written as contract.yaml.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="With --records: folder for the report and its files.")] = None,
    spark: Annotated[
        Path | None,
        typer.Option(
            metavar="SUITE",
            help="With --records, a path or URL that Spark reads: hold an audit's expectations.json against all of it.",
        ),
    ] = None,
    compare: Annotated[
        str | None, typer.Option(metavar="RUN", help="An earlier audit to compare with; `latest` is the newest.")
    ] = None,
    findings: Annotated[
        bool, typer.Option("--findings", help="Run nothing: where each finding of all audits stands, and whose it is.")
    ] = False,
    read: ReadingOptions = AS_FOUND,
    root: Root = HERE,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Audit records: what is wrong with them, whom it hits, and what must be fixed first."""
    if findings:
        _say_followed(pilot, records, root, details=details, as_json=as_json)
        return
    given = {"out": out, "contract": contract, "compare": compare, "spark": spark}
    _check_fits(pilot, records, given, is_told=read != AS_FOUND)
    link = None
    if records is None:
        folder, found, link = _audit_pilot(str(pilot), root, compare)
    elif out is None:
        raise InputError("--records needs --out, a folder for the report")
    elif spark is not None:
        _validate_on_spark(spark, records, out, as_json)
    else:
        folder, found = _audit_file(Path(records), contract, out, read)
    if as_json:
        summary = {key: found[key] for key in ("pilot", "run", "answer", "must_fix", "n_records")}
        print_json({**summary, "folder": str(folder), "mlflow_run": link})
    else:
        _print(found, folder, link, details=details)


def _say_followed(pilot: str | None, records: str | None, root: Path, *, details: bool, as_json: bool) -> None:
    """Print where each finding of a pilot's audits stands, who owns it, since when, and until when."""
    from workbench.audit import follow_pilot
    from workbench.commands.reports import print_followed

    if pilot is None or records is not None:
        raise InputError("--findings needs a pilot; files have no history", got="--records" if records else "neither")
    rows = follow_pilot(pilot_named(pilot, root), datetime.now(UTC).date())
    if as_json:
        print_json({"pilot": pilot, "findings": [one.as_json() for one in rows]})
    else:
        print_followed(rows, details=details)


def _check_fits(pilot: str | None, records: str | None, given: Mapping[str, object], *, is_told: bool) -> None:
    """Refuse options that belong to the other subject; `is_told` says whether anything is said of reading."""
    if (pilot is None) == (records is None):
        raise InputError("name a pilot, or a file with --records", got="both" if pilot else "neither")
    if records is None:
        faults = {
            "--out belongs to --records; a pilot's audits are in mlruns/PILOT/audit": given["out"],
            "--contract belongs to --records; a pilot's is datasets/PILOT/contract.yaml": given["contract"],
            "--spark needs --records, a path or URL that Spark reads": given["spark"],
            "how a pilot's records are read is in datasets/PILOT/contract.yaml; this belongs to --records": is_told,
        }
    else:
        faults = {
            "--compare belongs to a pilot; two files have no history": given["compare"],
            "with --spark the suite says what is expected, and Spark reads the records": given["spark"]
            and (given["contract"] or is_told),
        }
    for problem, is_given in faults.items():
        if is_given:
            raise InputError(problem)


def _validate_on_spark(suite: Path, records: str, out: Path, as_json: bool) -> NoReturn:
    """Hold a suite against records on Spark, leave `validation.json` in the folder, and exit as its rules came out."""
    from workbench.audit import counts_text, exit_code_of, validate_records
    from workbench.audit.published import VALIDATION_FILE

    with stdout_to_stderr():
        counts = validate_records(suite, records, out / VALIDATION_FILE)
    print(json.dumps({"results": str(out / VALIDATION_FILE), **counts}) if as_json else counts_text(out, counts))
    raise typer.Exit(exit_code_of(counts))


def _audit_pilot(name: str, root: Path, compare: str | None) -> tuple[Path, dict[str, Any], str]:
    """Run the audit's notebook, log what it left, and return folder, findings and the run in MLflow."""
    from workbench.commands.progress import CellProgress
    from workbench.commands.tracked import log_exhibit
    from workbench.evidence import FINDINGS_FILE, earlier_findings, exhibit_folder, read_exhibit, read_findings
    from workbench.gates.pipeline import run_audit

    opened = pilot_named(name, root)
    earlier = "" if compare is None else str(earlier_findings(opened, compare)["run"])
    with stoppable(), stdout_to_stderr(), CellProgress(opened.runs) as progress:
        result = run_audit(opened, earlier, progress)
    folder = Path(str(result.values["folder"]))
    findings = read_findings(folder / FINDINGS_FILE)
    exhibit = read_exhibit(exhibit_folder(opened, "audit"))
    assert exhibit is not None, "the notebook writes it"
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    return folder, findings, log_exhibit(opened, exhibit, files).run_id


def _audit_file(records: Path, contract: Path | None, out: Path, read: ReadingOptions) -> tuple[Path, dict[str, Any]]:
    """Audit a file and write its report."""
    from tqdm.auto import tqdm

    from workbench.audit import STEPS, audit_file
    from workbench.audit.published import publish
    from workbench.pilot import TableContract, read_table_contract

    agreed = TableContract() if contract is None else read_table_contract(contract)
    agreed = agreed.model_copy(update={"reading": agreed.reading.model_copy(update=read.reading())})
    with stoppable(), stdout_to_stderr(), tqdm(total=len(STEPS), unit="step", leave=False, disable=None) as bar:

        def on_step(name: str) -> None:
            bar.set_description(name)
            bar.update()

        found = audit_file(records, agreed, read.hints(), on_step)
        publish(found, out, complete=True)
    return out, found.as_json()


def _print(findings: Mapping[str, Any], folder: Path, link: str | None, *, details: bool) -> None:
    """Print the answer, what must be fixed first, and where everything is."""
    from workbench.commands.reports import print_audit

    print_audit(findings, folder, details=details)
    if link is not None:
        print(f"MLflow: run {link} (workbench ui)")
