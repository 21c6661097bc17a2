"""Arguments and options that several commands take."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from workbench.engines import EngineChoice

HERE = Path()
PilotName = Annotated[str, typer.Argument(metavar="PILOT", help="Name of a pilot; `workbench pilots` lists them.")]
Root = Annotated[Path, typer.Option("--root", help="Folder with datasets/, eval_suites/ and mlruns/.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output and nothing else.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key", metavar="FILE", help="Private key; without it WORKBENCH_SIGNING_KEY, else this user's own key."
    ),
]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Which engine answers prompts, as a command line says it; a command that takes it is made by `asks_engine`."""

    engine: Annotated[
        str | None,
        typer.Option(
            "--engine",
            metavar="NAME",
            help="What answers prompts: pocket, server, vllm or ray; without it what pilot.yaml says.",
        ),
    ] = None
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="Address of an OpenAI-compatible server.")
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="server: the model's name there; vllm: a folder, the id on a hub, or pocket; pocket: a folder.",
        ),
    ] = None
    ray_address: Annotated[
        str | None,
        typer.Option("--ray-address", metavar="ADDRESS", help="Ray cluster to run on; without it one is started here."),
    ] = None

    def choice(self) -> EngineChoice:
        """Return the choice of an engine. Raises InputError where there is none of that name."""
        from workbench.engines import EngineChoice

        return EngineChoice(**asdict(self))


AS_AGREED = EngineOptions()  # what pilot.yaml says


def asks_engine(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command whose parameter of the type EngineOptions is an option for each of its fields."""
    hints, options = get_type_hints(command, include_extras=True), get_type_hints(EngineOptions, include_extras=True)
    (group,) = (name for name, hint in hints.items() if hint is EngineOptions)
    parameters: list[inspect.Parameter] = []
    for one in inspect.signature(command).parameters.values():
        if one.name == group:
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            parameters += [inspect.Parameter(name, kind, default=None, annotation=options[name]) for name in options]
        else:
            parameters.append(one.replace(annotation=hints[one.name]))

    @functools.wraps(command)
    def called(**given: Any) -> None:
        chosen = EngineOptions(**{field.name: given.pop(field.name) for field in fields(EngineOptions)})
        command(**given, **{group: chosen})

    called.__dict__["__signature__"] = inspect.Signature(parameters)
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called
