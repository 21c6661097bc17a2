"""Arguments and options that several commands take."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from typer.core import TyperGroup

from workbench.commands.completion import pilots_like

if TYPE_CHECKING:
    from workbench.engines import EngineChoice
    from workbench.pilot import Pilot

HERE = Path()
PilotName = Annotated[
    str,
    typer.Argument(metavar="PILOT", help="Name of a pilot; `workbench pilots` lists them.", autocompletion=pilots_like),
]
Root = Annotated[Path, typer.Option("--root", help="Folder with datasets/, eval_suites/ and mlruns/.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output and nothing else.")]
Details = Annotated[bool, typer.Option("--details", help="Everything: all rows, columns and sentences.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many records of a split.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key", metavar="FILE", help="Private key; without it WORKBENCH_SIGNING_KEY, else this user's own key."
    ),
]


class FirstByDefault(TyperGroup):
    """A group of which the command that was registered first may be left out: `attack PILOT` is `attack run PILOT`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the first command before what begins with the name of a pilot."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Which engine answers prompts, as a command line says it; a command that takes it is made by `with_options`."""

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


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command of which a parameter that is a dataclass of options is an option for each of its fields."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    parameters: list[inspect.Parameter] = []
    for one in inspect.signature(command).parameters.values():
        if one.name in groups:
            options = get_type_hints(groups[one.name], include_extras=True)
            parameters += [
                inspect.Parameter(field.name, one.kind, default=field.default, annotation=options[field.name])
                for field in fields(groups[one.name])
            ]
        else:
            parameters.append(one.replace(annotation=hints[one.name]))

    @functools.wraps(command)
    def called(**given: Any) -> None:
        chosen = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **chosen)

    called.__dict__["__signature__"] = inspect.Signature(parameters)
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


def pilot_named(name: str, root: Path) -> Pilot:
    """Return a pilot. Raises InputError as `open_pilot`, which is imported when it is needed."""
    from workbench.pilot import open_pilot

    return open_pilot(name, root)


def print_json(content: Mapping[str, Any]) -> None:
    """Print what a command found for a program to read."""
    print(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
