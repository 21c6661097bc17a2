"""The command `workbench optimise`: a reflecting model rewrites a prompt, unseen development records judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.options import (
    AS_AGREED,
    HERE,
    AsJson,
    EngineOptions,
    PilotName,
    Root,
    pilot_named,
    print_json,
    with_options,
)
from workbench.commands.screen import say
from workbench.commands.streams import stdout_to_stderr, stoppable

if TYPE_CHECKING:
    from workbench.evaluation.optimiser import Optimised


@with_options
def optimise_prompt(
    pilot: PilotName,
    version: Annotated[str, typer.Option("--from", metavar="VERSION", help="Prompt to start from, such as v4.")],
    reflection_base_url: Annotated[
        str, typer.Option(metavar="URL", help="OpenAI-compatible server of the model that rewrites the prompt.")
    ],
    reflection_model: Annotated[str, typer.Option(metavar="NAME", help="The model's name on that server.")],
    reflection_key_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="Environment variable with that server's key; without it none.")
    ] = None,
    max_calls: Annotated[
        int, typer.Option("--max-calls", metavar="N", min=1, help="Decisions that the search may look at.")
    ] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the search.")] = 0,
    asked: EngineOptions = AS_AGREED,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Let a model rewrite a prompt from its mistakes, write the best version and judge it on unseen dev records."""
    from workbench.evaluation.optimiser import OptimiserRequest, ReflectionServer
    from workbench.evaluation.optimiser import optimise as optimised
    from workbench.records.splits import read_dataset

    opened = pilot_named(pilot, root)
    server = ReflectionServer(reflection_base_url, reflection_model, reflection_key_env)
    with stoppable(), stdout_to_stderr():
        found = optimised(
            opened, read_dataset(opened), OptimiserRequest(version, server, max_calls, seed, asked.choice())
        )
    if as_json:
        print_json({"pilot": pilot, **found.as_json()})
    else:
        _print(pilot, found)


def _print(pilot: str, found: Optimised) -> None:
    for one in found.candidates:
        what = " and ".join(one.changed) if one.number else f"{found.parent} as it is"
        end = "no better where it was made" if one.validated is None else f"{one.validated:.1%} of validation right"
        say(f"  {one.number:>3}  {what}: {one.refused or end}", "     ")
    say(found.in_words())
    say(
        f"{found.n_looked_at:,} decisions looked at and {found.n_reflections:,} answers of the reflecting model, "
        f"{found.n_kept:,} of them from an earlier start: {found.folder}"
    )
    if found.winner is not None:
        name = found.winner.name
        print(f"Written: {found.winner.path}")
        say(f"Read it, lint it (workbench prompts lint {pilot} --prompt {name}), then add it to agents in pilot.yaml:")
        print(f"  {name}: {{prompt: {name}}}")
