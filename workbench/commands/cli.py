"""The command `workbench`: what a person or CI calls; heavy imports wait until they are needed."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from workbench.commands import (
    acceptance,
    attack,
    audit,
    cases,
    charter,
    compliance,
    demo,
    documents,
    gates,
    init,
    integrations,
    iteration,
    keys,
    lab,
    labels,
    ledger,
    load,
    optimise,
    overview,
    process,
    prompts,
    review,
    salvage,
    sandbox,
    traces,
    verify,
)
from workbench.commands.completion import agents_like, notebooks_like, pilots_like
from workbench.commands.options import (
    AS_AGREED,
    HERE,
    AsJson,
    Details,
    EngineOptions,
    Limit,
    PilotName,
    Root,
    pilot_named,
    print_json,
    with_options,
)
from workbench.commands.screen import say
from workbench.commands.streams import escaped, escaped_output, stdout_to_stderr, stoppable
from workbench.files import without_secrets
from workbench.words import InputError, WorkbenchError

COULD_NOT_RUN, INTERRUPTED = 4, 130
GARBAGE = 50_000  # new objects before a search for cycles: imports make many, and all of them stay

app = typer.Typer(
    name="workbench",
    help="Takes an AI agent pilot from records to a decision with evidence.",
    epilog="Exit codes: 0 done or GO, 1 NO-GO, 2 bad input, 4 could not run.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Agents = Annotated[
    list[str] | None,
    typer.Option("--agent", help="An agent of pilot.yaml; may be given again.", autocompletion=agents_like),
]
Holdout = Annotated[
    bool, typer.Option("--holdout", help="With --limit: open the holdout too, for the one agent that is named.")
]


def data(
    pilot: PilotName,
    source: Annotated[
        Path | None, typer.Option("--from", help="Folder that has the files; else they are downloaded.")
    ] = None,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Obtain a pilot's records as its sources.yaml says, verified, with their licence beside them."""
    from workbench.records import obtain

    opened = pilot_named(pilot, root)
    obtained = obtain(opened.data, source)
    if as_json:
        files = [str(path) for path in obtained.files]
        print_json({"pilot": pilot, "files": files, "fetched": list(obtained.fetched)})
        return
    made = f"{len(obtained.fetched)} fetched" if obtained.fetched else "all were there already"
    say(f"Records of {pilot}: {len(obtained.files)} files verified against sources.yaml, {made}.")
    for path in (*obtained.files, obtained.attribution):
        print(f"  {path}")
    print(f"Next: workbench run {pilot}")


@with_options
def run(
    pilot: PilotName,
    notebook: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this notebook, by any part of its name, such as 02; may be given again.",
            autocompletion=notebooks_like,
        ),
    ] = None,
    agent: Agents = None,
    limit: Limit = None,
    holdout: Holdout = False,
    asked: EngineOptions = AS_AGREED,
    root: Root = HERE,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Run a pilot's notebooks: audit the records, compare agent versions on dev, evaluate the chosen one on holdout.

    A run with --limit is a trial: it stays on development records and chooses no version.
    """
    from workbench.commands.progress import CellProgress
    from workbench.commands.terminal import print_result, result_json
    from workbench.gates import NotebookInputs
    from workbench.gates.overview import write_index
    from workbench.gates.pipeline import PilotRun, notebooks_of, run_pilot
    from workbench.records.splits import read_dataset

    opened = pilot_named(pilot, root)
    what = PilotRun(tuple(agent or ()), limit, asked.choice(), opens_holdout=limit is None or holdout)
    notebooks = notebooks_of(what, tuple(notebook or ()))
    inputs = NotebookInputs(opened, read_dataset(opened), what.engine, what.agents or opened.settings.compare)
    inputs.everything()  # what does not fit is found before anything is started
    with stoppable(), CellProgress(opened.runs) as progress:
        result = run_pilot(opened, what, notebooks, progress, inputs)
    index = write_index(opened)
    if as_json:
        print_json({**result_json(opened, result), "index": str(index)})
    else:
        print_result(opened, result, details=details)
        say(f"At a glance: {index}")
        if not what.opens_holdout:
            say(f"\nA trial with --limit {limit} stays on development records: the holdout was not opened.")


@with_options
def evaluate_agent(
    pilot: PilotName,
    agent: Annotated[str, typer.Option(help="An agent of pilot.yaml.", autocompletion=agents_like)],
    split: Annotated[str, typer.Option(help="dev or holdout; holdout is opened on the ledger.")] = "dev",
    limit: Limit = None,
    asked: EngineOptions = AS_AGREED,
    root: Root = HERE,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Run one agent over a split, resuming what is there, and print its estimates."""
    from workbench.commands.reports import print_evaluation
    from workbench.evaluation import evaluate as evaluated
    from workbench.evaluation import kpi_results
    from workbench.evaluation.shown import audited_ceiling, conclusions
    from workbench.evaluation.versions import evaluation_as_shown
    from workbench.records.splits import Split, read_dataset
    from workbench.runs import RunRequest
    from workbench.tracking import log_versions, version_from

    if split not in list(Split):
        raise InputError("this is no split", got=repr(split), expected="dev or holdout")
    opened = pilot_named(pilot, root)
    request = RunRequest(Split(split), limit, asked.choice())
    with stoppable(), stdout_to_stderr():
        dataset = read_dataset(opened)
        evaluation = evaluated(opened, agent, request, dataset)
    accuracy = evaluation.estimates["accuracy"]
    found = conclusions(opened, dataset, evaluation, audited_ceiling(opened, dataset.digest, accuracy))
    if as_json:
        said = {name: conclusion.sentence for name, conclusion in found.items()}
        kpis = [one.as_json() for one in kpi_results(opened.charter, evaluation)]
        print_json({**evaluation.as_json(), "kpis": kpis, "conclusions": said})
    else:
        print_evaluation(evaluation, found.values(), details=details)
    sys.stdout.flush()
    written = evaluation_as_shown(opened, dataset, evaluation).write(opened.runs / "results" / "evaluate")
    (link,) = log_versions(opened, [version_from(written, {})])
    if not as_json:
        print(f"Decisions: {written.with_suffix('.csv')}\nMLflow: run {link.run_id} (workbench ui)")


def compare(pilot: PilotName, root: Root = HERE, details: Details = False, as_json: AsJson = False) -> None:
    """Compare the agents' last runs over all development records, from the journal: nothing is asked.

    Of the leading one it says how many errors a certificate on the holdout may have, and how likely it is.
    """
    from workbench.commands.reports import print_comparison
    from workbench.evaluation import certificate_before_opening
    from workbench.evaluation.versions import in_words, leading, paired_differences, stored_runs, tried_versions
    from workbench.records.splits import read_dataset

    opened = pilot_named(pilot, root)
    dataset = read_dataset(opened)
    evaluations, left_out = stored_runs(opened, dataset)
    tried = tried_versions(opened, dataset, {one.info.agent_digest for one in evaluations})
    pairs, ahead = paired_differences(evaluations, tried), leading(evaluations)
    before = certificate_before_opening(opened, dataset, ahead.outcomes)
    if as_json:
        versions = [evaluation.as_json() for evaluation in evaluations]
        content = {"versions": versions, "versions_tried": tried.n_versions, "pairs": pairs.to_dict("records")}
        certificate = None if before is None else {"agent": ahead.agent, **before.as_json()}
        content |= {"left_out": [asdict(one) for one in left_out], "certificate": certificate}
        print_json({"pilot": pilot, **content})
    else:
        print_comparison(opened, evaluations, pairs, tried.n_versions, details=details)
        if before is not None:
            say(f"{ahead.agent} on the holdout: {before}")
            for detail in before.details[1:] if details else ():
                say(detail, "  ")
        if left_out:
            say(f"Left out, as only runs over all development records count: {in_words(left_out)}.")


def serve_pilot(
    pilot: PilotName,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="A folder, the id on a hub, or pocket; without it what pilot.yaml says under vllm:, else pocket.",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen at; beyond this machine anyone may ask.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    root: Root = HERE,
) -> None:
    """Serve a model with vLLM for `--engine server`, until Ctrl-C."""
    from workbench.agents import serve as serve_model

    serve_model(pilot_named(pilot, root), model=_whole_path(model), host=host, port=port)


def ui(
    pilot: Annotated[
        str | None,
        typer.Argument(
            metavar="[PILOT]", help="A pilot; without it the one that was last run.", autocompletion=pilots_like
        ),
    ] = None,
    root: Root = HERE,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port on this machine; without it 5000, or a free one.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the address in a browser.")] = True,
) -> None:
    """Open MLflow on this machine, at the versions of a pilot side by side, until Ctrl-C."""
    from workbench.tracking import opening_page, serve_tracking

    name = "" if pilot is None else pilot_named(pilot, root).name
    page = opening_page(root.resolve(), name)
    serve_tracking(root.resolve(), page, port, opens_browser=browser)


BEGIN, DEVELOP, LOOK, DECIDE, EVIDENCE, SERVE = (
    "Begin", "Develop on development records", "Look", "Decide", "Evidence", "Serve, and CI",
)  # fmt: skip
# in the order of the help: name, what it does, its group, an example
COMMANDS: tuple[tuple[str, Callable[..., None], str, str], ...] = (
    ("init", init.init, BEGIN, "init claims --records claims.csv --label decision --id claim"),
    ("data", data, BEGIN, "data support_triage"),
    ("audit", audit.audit, BEGIN, "audit invoice_matching"),
    ("demo", demo.demo, BEGIN, "demo ~/workbench-demo"),
    (
        "sign",
        charter.sign_pilot_document,
        BEGIN,
        'sign claims process.yaml --name "Jana Ritter" --role "process owner"',
    ),
    ("run", run, DEVELOP, "run invoice_matching --notebook 02 --limit 200"),
    ("evaluate", evaluate_agent, DEVELOP, "evaluate invoice_matching --agent prompt_v6 --limit 100"),
    ("compare", compare, DEVELOP, "compare invoice_matching"),
    ("repeat", iteration.repeat, DEVELOP, "repeat invoice_matching --agent prompt_v6 --times 3 --limit 50"),
    ("load", load.load_test, DEVELOP, "load invoice_matching --agent acting --profile day"),
    ("compliance", compliance.compliance_report, DEVELOP, "compliance invoice_matching --as-of 2027-12-02"),
    (
        "optimise",
        optimise.optimise_prompt,
        DEVELOP,
        "optimise claims --from v4 --reflection-base-url http://127.0.0.1:8000/v1 --reflection-model large",
    ),
    ("pilots", overview.pilots, LOOK, "pilots"),
    ("status", overview.status, LOOK, "status invoice_matching"),
    ("record", iteration.record, LOOK, "record invoice_matching IM00001"),
    ("traces", traces.traces, LOOK, "traces invoice_matching --agent acting"),
    ("ledger", ledger.ledger, LOOK, "ledger invoice_matching"),
    ("lab", lab.lab, LOOK, "lab --port 8890 --no-browser"),
    ("ui", ui, LOOK, "ui invoice_matching --port 5001"),
    ("gate", gates.gate, DECIDE, "gate 2 invoice_matching"),
    ("answer", gates.answer, DECIDE, "answer 2 invoice_matching"),
    (
        "waive",
        gates.waive_criterion,
        DECIDE,
        'waive 3 claims load --why "no load yet" --until 2027-03-31 --name "Paul Behrend" --role sponsor',
    ),
    ("gates-file", gates.gates_file, DECIDE, "gates-file claims"),
    ("verify", verify.verify, EVIDENCE, "verify mlruns/evidence/claims/gate-2/ID --key gate.pub.pem"),
    ("salvage", salvage.salvage, EVIDENCE, "salvage claims"),
    ("serve", serve_pilot, SERVE, "serve invoice_matching --model pocket --port 8000"),
    ("sandbox", sandbox.sandbox, SERVE, "sandbox invoice_matching --port 8931"),
    ("ci", gates.ci, SERVE, "ci github --pilot invoice_matching --gate 2"),
    ("gate-summary", gates.gate_summary, SERVE, "gate-summary decision.json"),
)
for _name, _command, _group, _example in COMMANDS:
    app.command(_name, rich_help_panel=_group, epilog=f"Example: workbench {_example}")(_command)
app.add_typer(charter.app, name="charter", rich_help_panel=BEGIN)
app.add_typer(prompts.app, name="prompts", rich_help_panel=DEVELOP)
app.add_typer(cases.app, name="cases", rich_help_panel=DEVELOP)
app.add_typer(documents.app, name="documents", rich_help_panel=BEGIN)
app.add_typer(process.app, name="process", rich_help_panel=BEGIN)
app.add_typer(attack.app, name="attack", rich_help_panel=DEVELOP)
app.add_typer(integrations.app, name="integrations", rich_help_panel=DEVELOP)
app.add_typer(acceptance.app, name="acceptance", rich_help_panel=DECIDE)
app.add_typer(review.app, name="review", rich_help_panel=DECIDE)
app.add_typer(labels.app, name="labels", rich_help_panel=DEVELOP)
app.add_typer(keys.app, name="keys", rich_help_panel=EVIDENCE)


def _say_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        print(f"workbench {version('agent-workbench')}")
        raise typer.Exit


@app.callback()
def of_all(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take an AI agent pilot from records to a decision with evidence."""


def main() -> None:
    """Run the command; a user's mistake is one message and exit code 2, never a traceback.

    Exit code 1 is a NO-GO and nothing else: a fault of the program, a closed pipe or Ctrl-C is 4.
    """
    gc.set_threshold(GARBAGE)
    code = COULD_NOT_RUN
    atexit.register(lambda: _end(code))
    with escaped_output():
        code = _exit_code()
    sys.exit(code)


def _end(code: int) -> None:
    """End the process, its threads and exit functions done, without taking the interpreter apart.

    A library's own threads can outlive the interpreter, and abort the process then: rarely, Arrow's do (apache/arrow,
    issue 34314). It spares a sixth of a short command's time too.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or COULD_NOT_RUN
    os._exit(code)


def _exit_code() -> int:
    try:
        app(standalone_mode=True)
    except WorkbenchError as error:
        print(f"error: {escaped(str(error))}", file=sys.stderr)
        return error.exit_code
    except SystemExit as ended:
        is_cut = isinstance(ended.__context__, (typer.Abort, OSError)) or ended.code == INTERRUPTED
        return COULD_NOT_RUN if is_cut or not isinstance(ended.code, int) else ended.code
    except Exception:
        print(f"error: a fault of the workbench\n{escaped(traceback.format_exc())}", file=sys.stderr)
        return COULD_NOT_RUN
    return 0


def _whole_path(model: str | None) -> str | None:
    """Return a model's folder by its whole path, any other name as it is."""
    return str(Path(model).resolve()) if model is not None and Path(model).is_dir() else model


def _replaced_by(command: list[str]) -> None:
    """Become another program, so that its signals and exit code are its own; it gets no signing key."""
    environment = {"MLFLOW_DISABLE_TELEMETRY": "true", **without_secrets(os.environ)}
    os.execve(command[0], command, environment)
