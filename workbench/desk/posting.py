"""Messages posted to a webhook of review.yaml: once, encrypted, to the address that was checked, followed nowhere."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from workbench.desk.messages import MessageKind, WaitingWork, chat_message
from workbench.files import CheckedAddress, webhook_address
from workbench.pilot import REVIEW_FILE
from workbench.words import InputError, RunError, several

if TYPE_CHECKING:
    import aiohttp

POST_S = 15.0  # for the whole of one post
LONGEST_SAID = 200  # characters of a refusal that are shown


def post_messages(
    kind: MessageKind,
    works: Iterable[WaitingWork],
    webhook: str,
    webhooks: Collection[str],
    *,
    checked: Callable[[str], CheckedAddress] = webhook_address,
    trusted: ssl.SSLContext | None = None,
) -> int:
    """Post messages to a webhook, one after another, and return how many.

    Parameters
    ----------
    webhook : str
        One of `webhooks`, letter by letter.
    webhooks : collection of str
        Those of review.yaml.
    checked : callable
        Gives where an address is, or raises InputError where it may not be posted to.
    trusted : SSLContext, optional
        Which certificates are trusted; None for those that this machine trusts.

    Raises
    ------
    InputError
        The webhook stands not in review.yaml, may not be reached, or is asked for a mail.
    RunError
        It did not take a message; the text says how many were taken before.
    """
    if kind is MessageKind.EMAIL:
        raise InputError("a mail is not posted to a webhook", remedy="write it as a file (--to FOLDER), and send it")
    if webhook not in webhooks:
        raise InputError(
            f"this webhook does not stand in {REVIEW_FILE}", got=_named(webhook),
            expected="one of `webhooks`, letter by letter", remedy="a webhook that is agreed is added there",
        )  # fmt: skip
    address = checked(webhook)
    contents = [json.dumps(chat_message(kind, work), ensure_ascii=False).encode() for work in works]
    return asyncio.run(_posted(address, contents, trusted or ssl.create_default_context()))


async def _posted(address: CheckedAddress, contents: list[bytes], trusted: ssl.SSLContext) -> int:
    import aiohttp

    connector = aiohttp.TCPConnector(ssl=trusted, force_close=True)
    timeout = aiohttp.ClientTimeout(total=POST_S)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout, trust_env=False
    ) as session:
        for taken, content in enumerate(contents):
            if (wrong := await _refusal(session, address, content)) is not None:
                got = f"{wrong}; {several(taken, 'message')} of {len(contents):,} were taken before"
                raise RunError("a webhook did not take a message", where=_named(address.url), got=got)
    return len(contents)


async def _refusal(session: aiohttp.ClientSession, address: CheckedAddress, content: bytes) -> str | None:
    """Post one message to the checked numeric address; return what went wrong, None where nothing did."""
    import aiohttp
    from yarl import URL

    parts = urlsplit(address.url)
    place = f"[{address.ip}]" if ":" in address.ip else address.ip
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Host": parts.netloc, "Content-Type": "application/json; charset=utf-8"}
    url = URL(f"https://{place}:{address.port}{path}", encoded=True)
    asked: dict[str, Any] = {"data": content, "headers": headers, "server_hostname": address.host}
    try:
        async with session.post(url, allow_redirects=False, **asked) as response:
            if 200 <= response.status < 300:
                return None
            if 300 <= response.status < 400:
                return f"{response.status}, a redirect, which is not followed"
            said = (await response.content.read(4 * LONGEST_SAID)).decode("utf-8", "replace")
            return f"{response.status} {' '.join(said.split())[:LONGEST_SAID]}".strip()
    except TimeoutError:
        return f"no answer within {POST_S:g} s"
    except (aiohttp.ClientError, OSError) as error:
        return f"{type(error).__name__}: {error}"


def _named(webhook: str) -> str:
    """Return where a webhook is without its path, which is a secret."""
    try:
        parts = urlsplit(webhook)
        return f"{parts.scheme}://{parts.hostname}/..." if parts.hostname else "no address"
    except ValueError:
        return "no address"
