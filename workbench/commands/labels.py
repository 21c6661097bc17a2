"""The commands `workbench labels plan | disputed | adjudicate | apply PILOT`: labels that people look at again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.commands.completion import agents_like
from workbench.commands.options import (
    AS_AGREED,
    HERE,
    AsJson,
    EngineOptions,
    KeyFile,
    PilotName,
    Root,
    pilot_named,
    print_json,
    with_options,
)
from workbench.commands.screen import say
from workbench.commands.streams import stdout_to_stderr, stoppable
from workbench.words import percent, several

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workbench.evaluation import LabelsCompared
    from workbench.files import Provenance
    from workbench.pilot import Pilot
    from workbench.pilot.signing import SigningKey
    from workbench.records.splits import Dataset
    from workbench.review.labels import LabelPlan, WrittenLabels

Agent = Annotated[str, typer.Option(help="An agent of pilot.yaml.", autocompletion=agents_like)]
MINUTES = 60

app = typer.Typer(
    help="Have people look at disputed labels again, blind, and correct them on both sides.", no_args_is_help=True
)


@app.command(epilog="Example: workbench labels plan invoice_matching --agent policy_rules")
@with_options
def plan(
    pilot: PilotName, agent: Agent, asked: EngineOptions = AS_AGREED, root: Root = HERE, as_json: AsJson = False
) -> None:
    """Say how many labels people must look at so that the charter's accuracy can be proved; hands nothing out."""
    from workbench.evaluation import decided_alone
    from workbench.records.splits import read_dataset
    from workbench.review.labels import plan_labels
    from workbench.runs import RunRequest

    opened, choice = pilot_named(pilot, root), asked.choice()
    with stoppable(), stdout_to_stderr():
        dataset = read_dataset(opened)
        found = plan_labels(opened, dataset, decided_alone(opened, dataset, agent, RunRequest(engine=choice)))
    if as_json:
        print_json({"pilot": pilot, "agent": agent, "splits": [_split_json(found, one) for one in found.splits]})
        return
    for line in _plan_lines(found):
        say(line, "  ")


@app.command(epilog="Example: workbench labels disputed invoice_matching --agent policy_rules")
@with_options
def disputed(
    pilot: PilotName,
    agent: Agent,
    split: Annotated[str, typer.Option(help="dev or holdout.")] = "dev",
    group: Annotated[
        str | None, typer.Option(help="Group of review.yaml that decides; without it the first with two people.")
    ] = None,
    asked: EngineOptions = AS_AGREED,
    key: KeyFile = None,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Put records whose label is disputed, and a sample of agreements among them, on the desk; nobody sees which.

    Of the holdout the agent's answers are held against sealed labels by code that gives a mixed list of records and
    nothing else. That is logged and charges no opening; once an opening has shown a result it is refused.
    """
    from workbench.desk import open_desk
    from workbench.evaluation import decided_alone
    from workbench.records.splits import Split, read_dataset
    from workbench.review.labels import draw_disputed, label_group, plan_of_split
    from workbench.runs import RunRequest

    opened, choice, side = pilot_named(pilot, root), asked.choice(), _split(split)
    with stoppable(), stdout_to_stderr(), open_desk(opened) as desk:
        decides, dataset = label_group(desk.settings, group), read_dataset(opened)
        on_dev = decided_alone(opened, dataset, agent, RunRequest(engine=choice))
        decided = on_dev if side is Split.DEV else decided_alone(opened, dataset, agent, RunRequest(side, None, choice))
        asks = plan_of_split(opened, dataset, on_dev, side, len(decided.actions))
        handed = draw_disputed(opened, dataset, decided, asks, (desk, decides, _by(opened, key)))
    if as_json:
        print_json({"pilot": pilot, "agent": agent, "group": decides, **asdict(handed)})
        return
    drawn = "drawn and logged now" if handed.is_drawn_now else "drawn before"
    say(
        f"{several(handed.n_records, f'{side.value} record')}, disputed ones and agreements mixed, {drawn}; "
        f"{handed.n_new:,} new on the desk of {decides}."
    )
    say(f"Next: workbench review {pilot}, then workbench labels adjudicate {pilot}")


@app.command(epilog="Example: workbench labels adjudicate invoice_matching")
def adjudicate(pilot: PilotName, root: Root = HERE, as_json: AsJson = False) -> None:
    """Say how far people are with the labels that they look at again; nothing is said by version."""
    from workbench.desk import open_desk
    from workbench.review.labels import label_standing

    opened = pilot_named(pilot, root)
    with open_desk(opened) as desk:
        found = label_standing(opened, desk)
    n, missing = len(found.open_ids), len(found.missing)
    if as_json:
        counts = {"waiting": found.n_waiting, "disagreed": found.n_disagreed, "without_a_label": found.n_without}
        print_json({"pilot": pilot, "records": n, "settled": n - missing, **counts})
        return
    if not n:
        say(f"No label waits for people. workbench labels disputed {pilot} --agent NAME hands records out.")
        return
    say(
        f"{n - missing:,} of {several(n, 'record')} settled; {found.n_waiting:,} for two people to decide, "
        f"{found.n_disagreed:,} for an adjudicator."
    )
    if found.n_without:
        say(f"To {found.n_without:,} nobody gave a label: a person must, before labels are applied.")
    if not missing:
        say(f"Next: workbench labels apply {pilot}")


@app.command("apply", epilog="Example: workbench labels apply invoice_matching")
def apply_labels(pilot: PilotName, key: KeyFile = None, root: Root = HERE, as_json: AsJson = False) -> None:
    """Write what people decided as the next label set, and name it in contract.yaml; all of it or nothing."""
    from workbench.desk import open_desk
    from workbench.records.splits import read_dataset
    from workbench.review.labels import write_label_set

    opened = pilot_named(pilot, root)
    with stoppable(), stdout_to_stderr(), open_desk(opened) as desk:
        dataset = read_dataset(opened)
        written = write_label_set(opened, dataset, desk, _by(opened, key))
        compared = {} if written.line else _compared(opened, dataset, pilot_named(pilot, root))
    if as_json:
        print_json({"pilot": pilot, **asdict(written), "dev": {name: one.as_json() for name, one in compared.items()}})
        return
    for line in _written_lines(written):
        say(line, "  ")
    for agent, one in compared.items():
        for line in _compared_lines(agent, one):
            say(line, "  ")


def _split(text: str) -> Any:
    from workbench.records.splits import Split
    from workbench.words import InputError

    names = [side.value for side in Split]
    if text not in names:
        raise InputError("there is no such split", got=repr(text), expected=" or ".join(names))
    return Split(text)


def _by(pilot: Pilot, key: Any) -> tuple[Provenance, Callable[[], SigningKey]]:
    from workbench.files import provenance
    from workbench.pilot.signing import chosen_key

    return provenance(pilot.root), lambda: chosen_key(key).key


def _split_json(found: LabelPlan, one: Any) -> dict[str, Any]:
    return {**asdict(one), "records": one.n_records, "minutes": found.minutes(one)}


def _plan_lines(found: LabelPlan) -> Iterator[str]:
    for one in found.splits:
        minutes = found.minutes(one)
        time = "" if minutes is None else f", {several(round(minutes / MINUTES), 'hour')} of people"
        is_dev = one.split.value == "dev"
        about, what = ("", "disputed") if is_dev else ("about ", "places for disputed ones")
        yield (
            f"{about.capitalize()}{several(one.n_records, f'{one.split.value} record')} to look at{time}: "
            f"{one.disputed:,} {what}, {one.agreements:,} agreements."
        )
        proves = f"prove {percent(one.target)}"
        if not one.is_provable:
            proves = f"bound wrong agreements to {percent(1.0 - one.target)} (so few decisions prove no more)"
        yield (
            f"  {one.needed:,} confirmed agreements among {about}{one.n_automated:,} automated decisions {proves} "
            f"at {percent(1.0 - one.level, 2)} confidence, if no decision stays wrong."
        )


def _written_lines(written: WrittenLabels) -> Iterator[str]:
    yield (
        f"{written.n_changed:,} of {several(written.n_looked, 'label')} changed by people ({written.label_set}); "
        f"an adjudicator decided {written.n_adjudicated:,}."
    )
    (changed, disputed_ones), (overturned, sample) = written.development.disputed, written.development.agreements
    yield (
        f"Of development records {changed:,} of {disputed_ones:,} disputed labels changed, and {overturned:,} of "
        f"{sample:,} agreements."
    )
    if written.line:
        yield f"Write this line into contract.yaml, or the labels do not count: {written.line}"
    yield "The next evaluation on the holdout is a new opening, as the labels are others."


def _compared(pilot: Pilot, dataset: Dataset, now: Pilot) -> dict[str, LabelsCompared]:
    """Return the versions whose development records were drawn, under both labels."""
    from workbench.evaluation import development_compared
    from workbench.records.label_sets import DrawnList, read_label_log
    from workbench.records.splits import read_dataset

    drawn = [one for one in read_label_log(pilot.data) if isinstance(one, DrawnList) and one.split == "dev"]
    after = now, read_dataset(now)
    found = {one.agent: development_compared((pilot, dataset), after, one.agent_digest) for one in drawn}
    return {agent: one for agent, one in found.items() if one is not None}


def _compared_lines(agent: str, compared: LabelsCompared) -> Iterator[str]:
    from workbench.metrics import estimate_text

    for metric, one in compared.after.items():
        before = estimate_text(metric, compared.before[metric])
        yield (
            f"{agent}, development records, {metric}: {before} with the labels in the records, "
            f"{estimate_text(metric, one)} with {compared.label_set}."
        )
    yield f"{compared.sentence}."
