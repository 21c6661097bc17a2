"""The commands `workbench prompts ...`: lint, registry and aliases of a pilot's prompt documents."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from workbench.commands.options import HERE, AsJson, Details, PilotName, Root, pilot_named, print_json
from workbench.commands.screen import say
from workbench.commands.tables import TextColumn, TextTable, of_names, of_numbers, show_table
from workbench.words import several

PROMPTS = (
    of_names("prompt"),
    of_names("alias", 1),
    of_names("newest run"),
    TextColumn("asked on", rank=2),
    of_names("made from", 3),
)
MOST_FINDINGS = 8
REGISTERED = of_names("prompt"), of_numbers("version"), of_names("content", 1), TextColumn("registered")

app = typer.Typer(help="Lint, register and promote prompt documents.", no_args_is_help=True)


@app.command(epilog="Example: workbench prompts lint invoice_matching --prompt v6")
def lint(
    pilot: PilotName,
    prompt: Annotated[list[str] | None, typer.Option("--prompt", help="A prompt; may be given again.")] = None,
    root: Root = HERE,
    details: Details = False,
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
        errors = [finding for finding in findings if finding.level is LintLevel.ERROR]
        warnings = [finding for finding in findings if finding.level is LintLevel.WARNING]
        shown = findings if details else (*errors, *warnings[: max(0, MOST_FINDINGS - len(errors))])
        for finding in shown:
            said = f"{finding.where}: {finding.level.value} ({finding.rule}): {finding.problem}"
            say(f"{said}\n    do: {finding.remedy}", "  ")
        more = f"; {len(findings) - len(shown):,} not shown: --details" if len(shown) < len(findings) else ""
        say(", ".join(several(n, level) for level, n in counts.items()) + more)
    if counts[LintLevel.ERROR.value]:
        sys.stdout.flush()
        raise typer.Exit(2)


@app.command("list", epilog="Example: workbench prompts list invoice_matching")
def list_prompts(pilot: PilotName, root: Root = HERE, details: Details = False, as_json: AsJson = False) -> None:
    """List a pilot's prompt documents, the finished runs that may speak for each, and which alias stands on which."""
    from workbench.agents.prompts import read_prompts
    from workbench.tracking import current_promotions, runs_by_prompt

    opened = pilot_named(pilot, root)
    prompts = read_prompts(opened.suite / "prompts", opened.prompt_fields)
    promotions, runs = current_promotions(opened), runs_by_prompt(opened)
    rows: list[dict[str, Any]] = [
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
    show_table(f"{pilot}: prompts", TextTable(PROMPTS, tuple(map(_listed, rows))), details=details)
    if details:
        for row in rows:
            say(f"{row['prompt']}  {row['hash'][:12]}: {row['change_note']}", "  ")
            for one in row["runs"]:
                say(f"  run {one['run']}: {one['agent']} on {one['split']}, {one['records']:,} records", "  ")
    else:
        say("What each changed, and all its runs: --details")
    for promotion in promotions.values():
        say(_told(promotion))


@app.command(epilog="Example: workbench prompts register invoice_matching")
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
    listed = [(r.prompt.name, str(r.version), r.prompt.hash[:12], "now" if r.is_new else "before") for r in registered]
    show_table(f"{pilot}: prompts in MLflow's registry", TextTable(REGISTERED, tuple(listed)))


@app.command(
    "promote",
    epilog="Example: workbench prompts promote claims v3 --alias candidate --evidence 2c0739c524adc7fa",
)
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
    from workbench.records.splits import read_dataset
    from workbench.tracking import promote as promoted

    opened = pilot_named(pilot, root)
    promotion = promoted(opened, prompt, alias, evidence, read_dataset(opened).digest)
    if as_json:
        print_json(asdict(promotion))
    else:
        say(_told(promotion))


def _listed(row: dict[str, Any]) -> tuple[str, ...]:
    """Return a prompt's row: where it stands, and the newest run that may speak for it."""
    newest = row["runs"][0] if row["runs"] else None
    run = ("none yet", "") if newest is None else (newest["run"], f"{newest['split']}, {newest['records']:,} records")
    return (row["prompt"], ", ".join(row["aliases"]), *run, row["parent"] or "nothing")


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
