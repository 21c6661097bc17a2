"""The commands `workbench prompts ...`: lint, registry and aliases of a pilot's prompt documents."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from workbench.commands.options import HERE, AsJson, PilotName, Root, pilot_named, print_json

app = typer.Typer(help="Lint, register and promote prompt documents.", no_args_is_help=True, add_completion=False)


@app.command()
def lint(
    pilot: PilotName,
    prompt: Annotated[list[str] | None, typer.Option("--prompt", help="A prompt; may be given again.")] = None,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Find what would spoil answers or evidence in prompt documents; exit code 2 where there is an error."""
    from workbench.agents.prompts import LintLevel, lint_prompts
    from workbench.records.splits import read_dataset

    opened = pilot_named(pilot, root)
    findings = lint_prompts(opened, read_dataset(opened), tuple(prompt or ()))
    counts = {level.value: sum(finding.level is level for finding in findings) for level in LintLevel}
    if as_json:
        print_json({"pilot": pilot, "counts": counts, "findings": [finding.as_json() for finding in findings]})
    else:
        for finding in findings:
            print(
                f"{finding.where}: {finding.level.value} ({finding.rule}): {finding.problem}\n    do: {finding.remedy}"
            )
        print(", ".join(f"{n} {level}{'' if n == 1 else 's'}" for level, n in counts.items()))
    if counts[LintLevel.ERROR.value]:
        sys.stdout.flush()
        raise typer.Exit(2)


@app.command("list")
def list_prompts(pilot: PilotName, root: Root = HERE, as_json: AsJson = False) -> None:
    """List a pilot's prompt documents, the finished runs that may speak for each, and which alias stands on which."""
    from workbench.agents.prompts import read_prompts
    from workbench.tracking import current_promotions, runs_by_prompt

    opened = pilot_named(pilot, root)
    prompts = read_prompts(opened.suite / "prompts", opened.prompt_fields)
    promotions, runs = current_promotions(opened), runs_by_prompt(opened)
    rows = [
        {
            "prompt": prompt.name,
            "hash": prompt.hash,
            "parent": prompt.parent,
            "change_note": prompt.change_note,
            "aliases": [alias for alias, promotion in promotions.items() if promotion.hash == prompt.hash],
            "runs": [
                {"run": entry.run, "agent": entry.agent, "split": entry.split, "records": entry.planned}
                for entry in runs.get(prompt.hash, ())
            ],
        }
        for prompt in prompts.values()
    ]
    if as_json:
        aliases = {alias: asdict(promotion) for alias, promotion in promotions.items()}
        print_json({"pilot": pilot, "prompts": rows, "aliases": aliases})
        return
    for prompt, row in zip(prompts.values(), rows, strict=True):
        marks = f"  [{', '.join(map(str, row['aliases']))}]" if row["aliases"] else ""
        print(f"{prompt.name}  {prompt.hash[:12]}  from {prompt.parent or 'nothing'}{marks}: {prompt.change_note}")
        for entry in runs.get(prompt.hash, ()):
            print(f"    run {entry.run}: {entry.agent} on {entry.split}, {entry.planned:,} records")
    for promotion in promotions.values():
        print(_told(promotion))


@app.command()
def register(pilot: PilotName, root: Root = HERE, as_json: AsJson = False) -> None:
    """Register every prompt document whose content MLflow's prompt registry does not have yet."""
    from workbench.tracking import register_prompts

    registered = register_prompts(pilot_named(pilot, root))
    if as_json:
        rows = [
            {
                "prompt": one.prompt.name,
                "hash": one.prompt.hash,
                "name": one.name,
                "version": one.version,
                "new": one.is_new,
            }
            for one in registered
        ]
        print_json({"pilot": pilot, "prompts": rows})
        return
    for one in registered:
        is_new = "  new" if one.is_new else ""
        print(f"{one.prompt.name}  {one.name} version {one.version}  {one.prompt.hash[:12]}{is_new}")


@app.command("promote")
def promote_prompt(
    pilot: PilotName,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="Name of a prompt document, such as v3.")],
    alias: Annotated[
        str, typer.Option(help="candidate, gate-N or production; the last two need a run on the holdout.")
    ],
    evidence: Annotated[str, typer.Option(metavar="RUN", help="The finished run that speaks for it.")],
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Move an alias to a prompt, on the evidence of a finished run of exactly this prompt."""
    from workbench.tracking import promote as promoted

    promotion = promoted(pilot_named(pilot, root), prompt, alias, evidence)
    if as_json:
        print_json(asdict(promotion))
    else:
        print(_told(promotion))


def _told(promotion: Any) -> str:
    """Return one move of an alias in a sentence."""
    counts = ", ".join(f"{n:,} {name}" for name, n in promotion.counts.items())
    before = f", instead of {promotion.replaces}" if promotion.replaces not in (None, promotion.prompt) else ""
    commit = f" at commit {promotion.commit[:12]}" if promotion.commit else ""
    return (
        f"{promotion.alias} is {promotion.prompt} ({promotion.hash[:12]}, version {promotion.version}){before}, since "
        f"{promotion.time} by {promotion.who}{commit}. Evidence: run {promotion.run} on {promotion.split}, "
        f"{promotion.engine or 'engine unknown'}: {counts}."
    )
