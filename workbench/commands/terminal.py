"""What a person sees on the terminal: progress, tables and where to look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table

from workbench.commands.streams import escaped, raw_stdout
from workbench.words import UNDEFINED, several

if TYPE_CHECKING:
    import pandas as pd

    from workbench.evaluation import Evaluation
    from workbench.gates.pipeline import PilotResult
    from workbench.pages import Conclusion, LedgerView
    from workbench.pilot import Pilot
    from workbench.runs.journal import RunInfo
    from workbench.tracking import Link

DECIMALS = 2
PLAIN_WIDTH = 140
PAIR_COLUMNS = (
    "first", "second", "records", "only first right", "only second right", "difference in accuracy", "p corrected",
    "better",
)  # fmt: skip


class CellProgress:
    """A bar for each notebook on standard error."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = TextColumn("{task.description:<22}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn()
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._tasks: dict[Path, Any] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, notebook: Path, done: int, total: int) -> None:
        """Move a notebook's bar."""
        if notebook not in self._tasks:
            self._tasks[notebook] = self._progress.add_task(notebook.stem, total=total)
        self._progress.update(self._tasks[notebook], completed=done)


def print_result(pilot: Pilot, result: PilotResult) -> None:
    """Print the versions of a run, the notebooks' answers and where to look."""
    console = SafeConsole()
    if pilot.charter.placeholder_note:
        console.print(pilot.charter.placeholder_note, highlight=False, markup=False)
    if result.evaluations:
        console.print(_versions_table(pilot.settings.title, result.evaluations))
        _print_engines(console, [evaluation["identity"] for evaluation in result.evaluations])
        for evaluation in result.evaluations:
            of = f"{evaluation['agent']} on {evaluation['split']}"
            said = f"{evaluation['threshold_note']}{_escalation_note(evaluation['estimates'])}"
            for sentence in (said, *evaluation["remarks"]):
                console.print(f"{of}: {sentence}", highlight=False, markup=False)
    for name, answer in result.answers.items():
        console.print(f"\n[bold]{name}[/bold]  {escape(answer)}", highlight=False)
        notebook = result.notebooks[name].name
        console.print(
            f"  {result.pages[name]}  (executed notebook beside it: {notebook})", soft_wrap=True, highlight=False
        )
    if result.kept:
        why = "nothing they are made from has changed since they ran, nor what they left"
        console.print(f"\nKept: {', '.join(result.kept)}; {why}.", highlight=False)
    if result.links:
        _print_links(console, pilot, result.links)


def _print_links(console: Console, pilot: Pilot, links: Sequence[Link]) -> None:
    """Say how the versions are opened side by side in MLflow; trials on a part of the records are named apart."""
    trials = [f"{one.agent} on {one.split} ({one.part} records)" for one in links if one.part]
    if len(trials) < len(links):
        console.print(f"\n[bold]MLflow[/bold]  workbench ui {pilot.name}  (the versions side by side)", highlight=False)
    if trials:
        said = f"\n[bold]MLflow[/bold]  trials, left out of comparisons: {escape(', '.join(trials))}"
        console.print(said, highlight=False)


def result_json(pilot: Pilot, result: PilotResult) -> dict[str, Any]:
    """Return a run of a pilot as JSON values."""
    from workbench.tracking import store_uri

    return {
        "pilot": pilot.name,
        "answers": dict(result.answers),
        "notebooks": {name: str(path) for name, path in result.notebooks.items()},
        "pages": {name: str(path) for name, path in result.pages.items()},
        "kept": list(result.kept),
        "evaluations": [dict(evaluation) for evaluation in result.evaluations],
        "mlflow": {
            "store": store_uri(pilot.root),
            "runs": [{"agent": link.agent, "split": link.split, "run_id": link.run_id} for link in result.links],
        },
    }


def print_evaluation(evaluation: Evaluation, conclusions: Iterable[Conclusion] = ()) -> None:
    """Print every estimate of one evaluation, with its denominator and what was left out, and what follows from it."""
    from workbench.metrics import value_text

    console, info = SafeConsole(), evaluation.info
    console.print(_counts_line(info))
    if evaluation.is_partial:
        part = f"{info.planned:,} of {evaluation.n_split:,} {evaluation.split.value} records"
        console.print(f"A trial on {part}: it chooses no version, and no gate passes on it", highlight=False)
    _print_engines(console, [evaluation.identity])
    for remark in evaluation.remarks:
        console.print(remark, highlight=False, markup=False)
    if evaluation.session.n_unmatched:
        console.print(f"{evaluation.session.n_unmatched:,} answers belonged to no open record and were dropped")
    title = f"{evaluation.agent} on {evaluation.split.value}"
    table = headed_table(title, "estimate", ">value", "interval", ">n", "left out", "method")
    for name, estimate in evaluation.estimates.items():
        left_out = ", ".join(f"{cause} {n:,}" for cause, n in estimate.excluded.items())
        content = estimate.as_json()
        row = (
            name,
            value_text(name, estimate.value, DECIMALS),
            interval(name, content),
            f"{estimate.n:,}",
            left_out,
            estimate.method,
        )
        table.add_row(*row)
    console.print(table)
    console.print(evaluation.threshold_note, highlight=False)
    for conclusion in conclusions:
        console.print(conclusion.sentence, highlight=False, markup=False)


def print_comparison(pilot: Pilot, evaluations: Sequence[Evaluation], pairs: pd.DataFrame, n_tried: int) -> None:
    """Print versions side by side, and for each pair where one is right and the other is not.

    `n_tried` is how many versions were ever tried on these records.
    """
    from workbench.evaluation.shown import pairs_table

    console = SafeConsole()
    console.print(_versions_table(pilot.settings.title, [evaluation.as_json() for evaluation in evaluations]))
    _print_engines(console, [evaluation.identity for evaluation in evaluations])
    if pairs.empty:
        return
    shown = pairs_table(pairs)[list(PAIR_COLUMNS)]
    named = (column if column in ("first", "second", "better") else f">{column}" for column in shown.columns)
    table = headed_table("Pairs, on the records both were asked", *named)
    for row in shown.itertuples(index=False):
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row))
    console.print(table)
    console.print(
        f"Corrected (Holm) for every pair of the {several(n_tried, 'version')} ever tried on development records of "
        "this pilot.",
        highlight=False,
    )


def print_audit(findings: Mapping[str, Any], folder: Path) -> None:
    """Print an audit's answers, what must be fixed first, and where the report is."""
    console = SafeConsole()
    console.print(findings["answer"], highlight=False, markup=False)
    console.print()
    for section in findings["sections"].values():
        console.print(f"{section['title']}: {section['answer']}", highlight=False, markup=False)
    first = [one for one in findings["findings"] if one["id"] in findings["must_fix"]]
    if first:
        table = headed_table("To be fixed first", "severity", "finding", "remedy", "cost", "owner")
        for one in first:
            cells = (one["severity"], one["title"], one["remediation"], one["effort"], one["owner"] or "nobody yet")
            table.add_row(*(escape(cell) for cell in cells))
        console.print(table)
    console.print(f"Report: {folder / 'report.html'}", soft_wrap=True, highlight=False, markup=False)


def print_status(pilot: Pilot, records: int, runs: Sequence[RunInfo]) -> None:
    """Print every run with its counts."""
    console = SafeConsole()
    columns = ("agent", "split", ">planned", ">ok", ">invalid", ">failed", ">skipped", ">not asked yet", "causes")
    table = headed_table(f"{pilot.name}: {records:,} records", *columns)
    for info in runs:
        counts = (info.planned, info.ok, info.invalid, info.failed, info.skipped, info.pending)
        causes = ", ".join(f"{cause} {n:,}" for cause, n in info.causes.items())
        table.add_row(info.agent, info.split, *(f"{n:,}" for n in counts), causes)
    console.print(table if runs else f"{pilot.name}: {records:,} records, no run yet")


def print_ledger(pilot: Pilot, view: LedgerView) -> None:
    """Print every opening of the holdout, what each gate has left, and how new records refresh it."""
    from workbench.pages import budgets_table, openings_table, refresh_note, remarks

    console = SafeConsole()
    openings = openings_table(view.openings)
    if openings.empty:
        console.print(f"{pilot.name}: no opening of the holdout yet", highlight=False)
    else:
        console.print(_plain_table(f"{pilot.name}: openings of the sealed holdout", openings))
    title = f"Left of the significance level, on the {view.n_records:,} holdout records of today"
    console.print(_plain_table(title, budgets_table(view)))
    for remark in (*remarks(view), refresh_note(view)):
        console.print(remark, highlight=False, markup=False)
    console.print(f"Ledger: {view.path}", soft_wrap=True, highlight=False, markup=False)


def interval(name: str, estimate: Mapping[str, Any]) -> str:
    """Return an estimate's interval, empty when the method gives none."""
    from workbench.metrics import value_text

    if estimate["lower"] is None and estimate["upper"] is None:
        return ""
    lower, upper = (value_text(name, estimate[bound], DECIMALS) for bound in ("lower", "upper"))
    return f"[{lower}, {upper}]".replace(UNDEFINED, "?")


def headed_table(title: str, *columns: str, overflow: Literal["ellipsis", "fold"] = "ellipsis") -> Table:
    """Return a table without rows; cells stand right in a column whose name is given with a `>` in front."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        side: Literal["left", "right"] = "right" if column.startswith(">") else "left"
        table.add_column(column.removeprefix(">"), justify=side, overflow=overflow)
    return table


def _plain_table(title: str, frame: pd.DataFrame) -> Table:
    """Return a table of text; numbers stand right."""
    import pandas as pd

    marks = (">" if pd.api.types.is_numeric_dtype(kind) else "" for kind in frame.dtypes)
    table = headed_table(
        title, *(f"{mark}{name}" for mark, name in zip(marks, frame.columns, strict=True)), overflow="fold"
    )
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{value:,}" if isinstance(value, int) else escape(str(value)) for value in row))
    return table


class SafeConsole(Console):
    """A console on standard output whose texts are escaped and whose own escape codes are not."""

    def __init__(self) -> None:
        output = raw_stdout()
        super().__init__(file=output, width=None if output.isatty() else PLAIN_WIDTH)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield what is shown, texts escaped."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=escaped(segment.text))


def _print_engines(console: Console, identities: Sequence[Mapping[str, Any]]) -> None:
    """Say what answered the prompts, where there are any."""
    from workbench.engines import answered_by

    if any("engine" in identity for identity in identities):
        console.print(answered_by(identities), highlight=False, markup=False)


def _versions_table(title: str, evaluations: Sequence[Mapping[str, Any]]) -> Table:
    from workbench.metrics import value_text

    rates = (">accuracy (95% interval)", ">automation rate", ">selective accuracy", ">latency p95", ">no decision")
    table = headed_table(title, "version", "split", ">records", *rates)
    for evaluation in evaluations:
        estimates, counts = evaluation["estimates"], evaluation["counts"]
        accuracy, selective = estimates["accuracy"], estimates["selective_accuracy"]
        table.add_row(
            evaluation["agent"],
            evaluation["split"],
            f"{counts['planned']:,}",
            f"{value_text('accuracy', accuracy['value'], DECIMALS)} {interval('accuracy', accuracy)}",
            value_text("automation_rate", estimates["automation_rate"]["value"], DECIMALS),
            _with_n("selective_accuracy", selective),
            value_text("latency_p95_s", estimates["latency_p95_s"]["value"], DECIMALS),
            f"{counts['invalid'] + counts['failed'] + counts['skipped']:,}",
        )
    return table


def _escalation_note(estimates: Mapping[str, Any]) -> str:
    """Return what was decided alone though wrong, and given to a person though right; empty without a threshold."""
    if estimates["automation_rate"]["value"] is None:
        return ""
    named = {"missed escalation": "missed_escalation", "over-escalation": "over_escalation"}
    listed = [f"{title} {_with_n(name, estimates[name])}" for title, name in named.items() if estimates[name]["n"]]
    return f". {', '.join(listed).capitalize()}" if listed else ". Nothing wrong is decided alone, nothing escalated"


def _with_n(name: str, estimate: Mapping[str, Any]) -> str:
    from workbench.metrics import value_text

    return (
        UNDEFINED
        if estimate["value"] is None
        else f"{value_text(name, estimate['value'], DECIMALS)} of {estimate['n']:,}"
    )


def _counts_line(info: RunInfo) -> str:
    counts = f"{info.planned:,} planned = {info.ok:,} ok + {info.invalid:,} invalid + {info.failed:,} failed"
    causes = "".join(f"\n  {cause}: {n:,}" for cause, n in info.causes.items())
    return f"{counts} + {info.skipped:,} skipped{causes}"
