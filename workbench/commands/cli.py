"""The command `workbench`: what a person or CI calls; heavy imports wait until they are needed."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from workbench.commands import audit, charter, gates, init, iteration, keys, ledger, optimise, prompts, salvage, verify
from workbench.commands.options import (
    AS_AGREED,
    HERE,
    AsJson,
    EngineOptions,
    Limit,
    PilotName,
    Root,
    pilot_named,
    print_json,
    with_options,
)
from workbench.commands.streams import escaped, escaped_output, stdout_to_stderr, stoppable
from workbench.files import without_secrets
from workbench.words import InputError, WorkbenchError

COULD_NOT_RUN, INTERRUPTED = 4, 130
COUNTING = frozenset({"duckdb", "onnx", "xgrammar"})  # libraries that complain at the end of what is left of them
GARBAGE = 50_000  # new objects before a search for cycles: imports make many, and all of them stay

app = typer.Typer(
    name="workbench",
    help="Takes an AI agent pilot from records to a decision with evidence.",
    epilog="Exit codes: 0 done or GO, 1 NO-GO, 2 bad input, 4 could not run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Agents = Annotated[list[str] | None, typer.Option("--agent", help="An agent of pilot.yaml; may be given again.")]
Holdout = Annotated[
    bool, typer.Option("--holdout", help="With --limit: open the holdout too, for the one agent that is named.")
]


@app.command()
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
    print(f"Records of {pilot}: {len(obtained.files)} files verified against sources.yaml, {made}.")
    for path in (*obtained.files, obtained.attribution):
        print(f"  {path}")
    print(f"Next: workbench run {pilot}")


@app.command()
@with_options
def run(
    pilot: PilotName,
    notebook: Annotated[str | None, typer.Option(help="Only this notebook, such as 01_data_audit.")] = None,
    agent: Agents = None,
    limit: Limit = None,
    holdout: Holdout = False,
    asked: EngineOptions = AS_AGREED,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Run a pilot's notebooks: audit the records, compare agent versions on dev, evaluate the chosen one on holdout.

    A run with --limit is a trial: it stays on development records and chooses no version.
    """
    from workbench.commands.terminal import CellProgress, print_result, result_json
    from workbench.evidence import Inputs
    from workbench.gates.pipeline import PilotRun, notebooks_of, run_pilot
    from workbench.records.splits import read_dataset

    opened = pilot_named(pilot, root)
    what = PilotRun(tuple(agent or ()), limit, asked.choice(), opens_holdout=limit is None or holdout)
    notebooks = notebooks_of(what, notebook)
    inputs = Inputs(opened, read_dataset(opened), what.engine, what.agents or opened.settings.compare)
    inputs.everything()  # what does not fit is found before anything is started
    with stoppable(), CellProgress() as progress:
        result = run_pilot(opened, what, notebooks, progress, inputs)
    if as_json:
        print_json(result_json(opened, result))
    else:
        print_result(opened, result)
        if not what.opens_holdout:
            print(f"\nA trial with --limit {limit} stays on development records: the holdout was not opened.")


@app.command("evaluate")
@with_options
def evaluate_agent(
    pilot: PilotName,
    agent: Annotated[str, typer.Option(help="An agent of pilot.yaml.")],
    split: Annotated[str, typer.Option(help="dev or holdout; holdout is opened on the ledger.")] = "dev",
    limit: Limit = None,
    asked: EngineOptions = AS_AGREED,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Run one agent over a split, resuming what is there, and print its estimates."""
    from workbench.commands.terminal import print_evaluation
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
        print_evaluation(evaluation, found.values())
    sys.stdout.flush()
    written = evaluation_as_shown(opened, dataset, evaluation).write(opened.runs / "results" / "evaluate")
    (link,) = log_versions(opened, [version_from(written, {})])
    if not as_json:
        print(f"Decisions: {written.with_suffix('.csv')}\nMLflow: run {link.run_id} (workbench ui)")


@app.command()
def compare(pilot: PilotName, root: Root = HERE, as_json: AsJson = False) -> None:
    """Compare the agents' last runs over all development records, from the journal: nothing is asked."""
    from workbench.commands.terminal import print_comparison
    from workbench.evaluation.versions import in_words, paired_differences, stored_runs, tried_versions
    from workbench.records.splits import read_dataset

    opened = pilot_named(pilot, root)
    dataset = read_dataset(opened)
    evaluations, left_out = stored_runs(opened, dataset)
    tried = tried_versions(opened, dataset, {one.info.agent_digest for one in evaluations})
    pairs = paired_differences(evaluations, tried)
    if as_json:
        versions = [evaluation.as_json() for evaluation in evaluations]
        content = {"versions": versions, "versions_tried": tried.n_versions, "pairs": pairs.to_dict("records")}
        print_json({"pilot": pilot, **content, "left_out": [asdict(one) for one in left_out]})
    else:
        print_comparison(opened, evaluations, pairs, tried.n_versions)
        if left_out:
            print(f"Left out, as only runs over all development records count: {in_words(left_out)}.")


@app.command()
def pilots(root: Root = HERE, as_json: AsJson = False) -> None:
    """List the pilots under the root."""
    from workbench.pilot import pilot_names

    opened = [pilot_named(name, root) for name in pilot_names(root.resolve())]
    if as_json:
        print_json({"pilots": [{"pilot": pilot.name, "title": pilot.settings.title} for pilot in opened]})
        return
    for pilot in opened:
        missing = [name for name in pilot.contract.records if not (pilot.data / name).is_file()]
        note = f"  (records not obtained yet: workbench data {pilot.name})" if missing else ""
        print(f"{pilot.name}: {pilot.settings.title}{note}")
    if not opened:
        print(f"No pilot under {root.resolve()}. Make one: workbench init NAME --records FILE --label COLUMN")


@app.command()
def status(pilot: PilotName, root: Root = HERE, as_json: AsJson = False) -> None:
    """Show every run of a pilot and how its planned decisions ended."""
    from workbench.commands.terminal import print_status
    from workbench.records.tables import read_raw_table
    from workbench.runs.journal import JOURNAL_FILE, Journal, RunInfo

    opened = pilot_named(pilot, root)
    records = sum(
        read_raw_table(opened.data / name, opened.contract.reading).n_rows for name in opened.contract.records
    )
    path = opened.runs / JOURNAL_FILE
    infos: tuple[RunInfo, ...] = ()
    if path.is_file():
        with Journal(path) as journal:
            infos = journal.runs()
    names = ("agent", "split", "planned", "ok", "invalid", "failed", "skipped", "finished")
    runs = [{name: getattr(info, name) for name in names} for info in infos]
    if as_json:
        print_json({"pilot": pilot, "records": records, "runs": runs})
    else:
        print_status(opened, records, infos)


@app.command("serve")
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


@app.command()
def lab(root: Root = HERE) -> None:
    """Open JupyterLab at your own copies of the notebooks; an edited copy is kept when the notebook changes."""
    from workbench.files import current_user
    from workbench.notebooks import working_copies

    here = root.resolve()
    copies = working_copies(here, current_user())
    print(f"Notebooks: {copies.folder} (your copies; runs and gates take those of notebooks/ or the package)")
    for path in copies.kept:
        print(f"Kept as you edited it, though the notebook has changed since: {path} (delete it for the new one)")
    sys.stdout.flush()
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={here}"]
    command += [f"--LabApp.default_url=/lab/tree/{copies.folder.relative_to(here).as_posix()}"]
    if os.geteuid() == 0:  # in a container there is no other user; the server stays on 127.0.0.1 behind its token
        command.append("--allow-root")
    _replaced_by(command)


@app.command()
def ui(
    pilot: Annotated[
        str | None, typer.Argument(metavar="[PILOT]", help="A pilot; without it the one that was last run.")
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


app.command("init")(init.init)
app.add_typer(prompts.app, name="prompts")
app.command("audit")(audit.audit)
app.command("repeat")(iteration.repeat)
app.command("record")(iteration.record)
app.command("optimise")(optimise.optimise_prompt)
app.command("ledger")(ledger.ledger)
app.command("salvage")(salvage.salvage)
app.add_typer(charter.app, name="charter")
app.add_typer(keys.app, name="keys")
app.command("sign")(charter.sign_pilot_document)
app.command("verify")(verify.verify)
app.command("gate")(gates.gate)
app.command("answer")(gates.answer)
app.command("waive")(gates.waive_criterion)
app.command("ci")(gates.ci)
app.command("gate-summary")(gates.gate_summary)
app.command("gates-file")(gates.gates_file)


def main() -> None:
    """Run the command; a user's mistake is one message and exit code 2, never a traceback.

    Exit code 1 is a NO-GO and nothing else: a fault of the program, a closed pipe or Ctrl-C is 4.
    """
    gc.set_threshold(GARBAGE)
    atexit.register(_leave_garbage)
    with escaped_output():
        sys.exit(_exit_code())


def _leave_garbage() -> None:
    """Spare the end of the process its search for cycles among all that was imported: a sixth of a command's time."""
    if not COUNTING & sys.modules.keys():
        gc.freeze()


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
