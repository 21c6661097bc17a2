"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HERE = Path()
PilotName = Annotated[str, typer.Argument(metavar="PILOT", help="Name of a pilot; `workbench pilots` lists them.")]
Root = Annotated[Path, typer.Option("--root", help="Folder with datasets/, eval_suites/ and mlruns/.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output and nothing else.")]
EngineName = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="What answers prompts: pocket, server, vllm or ray; without it what pilot.yaml says.",
    ),
]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", metavar="URL", help="Address of an OpenAI-compatible server.")
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="server: the model's name there; vllm: a folder, the id on a hub, or pocket; pocket: a folder.",
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option("--ray-address", metavar="ADDRESS", help="Ray cluster to run on; without it one is started here."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key", metavar="FILE", help="Private key; without it WORKBENCH_SIGNING_KEY, else this user's own key."
    ),
]
