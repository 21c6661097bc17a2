"""The command `workbench review cards PILOT`: what waits, as messages for Slack, Teams and mail."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from workbench.commands.options import HERE, PilotName, Root, pilot_named
from workbench.commands.screen import say
from workbench.words import InputError, several


class CardKind(StrEnum):
    """What a message is for, as the command line names it."""

    SLACK = "slack"
    TEAMS = "teams"
    EMAIL = "email"


def review_cards(
    pilot: PilotName,
    kind: Annotated[CardKind, typer.Option(help="What the messages are for.")],
    to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a message a file: for each person, with the own link.")
    ] = None,
    post: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Post a message for each group to this webhook, which review.yaml must name."),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine where the desk is served.")] = 8940,
    public_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where people reach the desk through a TLS proxy: https://desk.example.com."),
    ] = None,
    root: Root = HERE,
) -> None:
    """Say to people and groups what waits for them: how much, until when, and where; nothing is decided from a message.

    A person's file has the person's own link and is for nobody else; what is posted has the desk's address alone.
    """
    from workbench.desk import (
        DeskPlace,
        Links,
        MessageKind,
        links_secret,
        open_desk,
        post_messages,
        waiting_for_groups,
        waiting_for_people,
        write_messages,
    )

    if (to is None) == (post is None):
        raise InputError("say where the messages go", expected="either --to FOLDER or --post URL")
    opened, asked, now = pilot_named(pilot, root), MessageKind(kind), time.time()
    address = DeskPlace(public_url=public_url).address(port)
    with open_desk(opened) as desk:
        if post is not None:
            n = post_messages(asked, list(waiting_for_groups(desk, address, now)), post, desk.settings.webhooks)
            say(f"Posted {several(n, 'message')}: one for each group for which something waits.")
            return
        links = Links(links_secret(), opened.name, desk.settings.link_hours)
        works = waiting_for_people(desk, lambda person: links.link_for(person, address, now), now)
        written = [] if to is None else write_messages(asked, works, to)
    say(f"Wrote {several(len(written), 'message')} to {to}: one for each person for whom something waits.")
