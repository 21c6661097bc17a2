"""The commands `workbench review PILOT` and `workbench review links PILOT`: the desk, and who has which link."""

from __future__ import annotations

import sys
import time
import webbrowser
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.commands.options import HERE, AsJson, FirstByDefault, PilotName, Root, pilot_named, print_json
from workbench.commands.review_cards import review_cards
from workbench.commands.review_fill import carry_back, fill_desk, review_report
from workbench.commands.screen import say

if TYPE_CHECKING:
    from workbench.desk import Links
    from workbench.pilot import ReviewSettings

PORT = 8940
PublicUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Where people reach the desk through a TLS proxy: https://desk.example.com."),
]


app = typer.Typer(cls=FirstByDefault, help="Where people decide what the agent must not.", no_args_is_help=True)


@app.command("serve", epilog="Example: workbench review serve invoice_matching --port 8940")
def serve_desk(
    pilot: PilotName,
    host: Annotated[
        str, typer.Option(help="Address to listen at; one beyond this machine needs --public-url.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = PORT,
    public_url: PublicUrl = None,
    browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the first person's link in a browser.")
    ] = False,
    root: Root = HERE,
) -> None:
    """Serve the desk and print each person's own link, until Ctrl-C; `serve` before PILOT may be left out."""
    from workbench.desk import DeskPlace, Links, links_secret, listening_socket, open_desk, run_desk

    opened, place = pilot_named(pilot, root), DeskPlace(host, public_url)
    with open_desk(opened) as desk, listening_socket(place, port) as listening:
        links = Links(links_secret(), opened.name, desk.settings.link_hours)
        given = _links(links, desk.settings, place.address(listening.getsockname()[1]))
        _print(pilot, desk.settings, given)
        say("Ctrl-C ends the desk; links and decisions stay.")
        sys.stdout.flush()
        if browser:
            webbrowser.open(given[0]["link"])
        run_desk(desk, desk.settings, links, opened.settings.title, place, listening)


@app.command("links", epilog="Example: workbench review links invoice_matching --public-url https://desk.example.com")
def review_links(
    pilot: PilotName,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine where the desk is served.")] = PORT,
    public_url: PublicUrl = None,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Print a new link for each person; those given out before stay valid until their time is over."""
    from workbench.desk import DeskPlace, Links, links_secret, open_desk

    opened, place = pilot_named(pilot, root), DeskPlace(public_url=public_url)
    with open_desk(opened) as desk:
        settings = desk.settings
    given = _links(Links(links_secret(), opened.name, settings.link_hours), settings, place.address(port))
    if as_json:
        print_json({"pilot": pilot, "played": settings.played, "links": given})
        return
    _print(pilot, settings, given)


app.command("cards", epilog="Example: workbench review cards invoice_matching --kind email --to messages")(review_cards)


def _links(links: Links, settings: ReviewSettings, address: str) -> list[dict[str, str]]:
    """Return of each person the name, the link, and until when it is valid."""
    now = time.time()
    until = datetime.fromtimestamp(now + 3600 * settings.link_hours, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return [
        {"person": one.id, "name": one.name, "link": links.link_for(one.id, address, now), "valid_until": until}
        for one in settings.people
    ]


def _print(pilot: str, settings: ReviewSettings, given: list[dict[str, str]]) -> None:
    from workbench.pilot import NOT_PEOPLE

    if settings.played is not None:
        say(f"{NOT_PEOPLE.capitalize()}: {settings.played}")
    say(f"The desk of {pilot}: each link is one person's own and valid until {given[0]['valid_until']}.")
    for one in given:
        print(f"  {one['name']}: {one['link']}")


app.command("fill", epilog="Example: workbench review fill invoice_matching --agent acting")(fill_desk)
app.command("carry-out", epilog="Example: workbench review carry-out invoice_matching")(carry_back)
app.command("report", epilog="Example: workbench review report invoice_matching")(review_report)
