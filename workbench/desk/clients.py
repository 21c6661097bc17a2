"""A scripted person that works at the desk through its page alone, as a browser without scripts would."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote, urljoin, urlsplit

from workbench.desk.items import AnswerKind
from workbench.words import RunError

AGAIN_S = 0.05
VOID = frozenset({"meta", "link", "input", "br", "wbr", "hr", "img", "rect", "line"})


@dataclass(frozen=True, slots=True)
class SeenCard:
    """One card as its page shows it.

    Parameters
    ----------
    actions : tuple of str
        Those that can be chosen instead of the recommended one, or at all where none is shown.
    evidence : mapping
        Values by name; several values of one name are those of the last.
    reasons : tuple of str
        Those that the page offers.
    """

    item: str
    title: str
    recommended: str | None
    actions: tuple[str, ...]
    evidence: Mapping[str, str]
    reasons: tuple[str, ...]
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeenForm:
    """A form of a page: where it goes, its hidden fields, what can be chosen in it."""

    address: str
    hidden: Mapping[str, str]
    choices: Mapping[str, tuple[str, ...]]


class PageReviewer:
    """A person at the desk: `async with PageReviewer(link) as page: card = await page.next()`.

    Each of `next`, `answer`, `undo` and `feedback` is one request; one that got no answer, as the server had ended, is
    sent again as it was until `patience_s` is over.

    Parameters
    ----------
    link : str
        The person's own link.
    patience_s : float
        How long a server may be away.

    Attributes
    ----------
    bodies : list of str
        Every page that was given, as it came.
    statuses : list of int
        Its status.
    sent : int
        Requests that were answered, without the one by which the person came in.
    said : str
        What the last page says of the tap before.
    """

    def __init__(self, link: str, patience_s: float = 30.0) -> None:
        self._link, self._patience_s = link, patience_s
        self.bodies: list[str] = []
        self.statuses: list[int] = []
        self.sent = 0
        self.said = ""
        self.card: SeenCard | None = None
        self._forms: tuple[SeenForm, ...] = ()
        self._session: Any = None

    async def __aenter__(self) -> Self:
        import aiohttp

        # A desk on this machine has an address of digits, for which cookies are kept only when it is asked for.
        jar = aiohttp.CookieJar(unsafe=True)
        self._session = aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(self._patience_s))
        try:
            status, text = await self._asked("GET", self._link, allow_redirects=False)
        except BaseException:
            await self._session.close()
            raise
        if status != 303:
            await self._session.close()
            raise RunError("the desk does not let this person in", got=f"status {status}: {_heading(text)}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._session.close()

    async def next(self, queue: str | None = None) -> SeenCard | None:
        """Return the card in front of the person, None where nothing waits."""
        return await self._page("GET", "/" if queue is None else f"/queue/{queue}", {})

    async def answer(
        self, kind: AnswerKind, action: str | None = None, reason: str = "", note: str = ""
    ) -> SeenCard | None:
        """Decide the card in front of the person and return the next one.

        Raises
        ------
        RunError
            The page has no such button, action or reason.
        """
        form = self.form("/answer", kind)
        given = dict(form.hidden) | {"kind": kind.value, "note": note}
        if action is not None:
            _held("action", action, form.choices.get("action", ()))
            given["action"] = quote(action, safe=" ", errors="surrogatepass")
        if reason and "reason" in form.choices:
            _held("reason", reason, form.choices["reason"])
            given["reason"] = quote(reason, safe=" ", errors="surrogatepass")
        elif reason:
            given["said"] = reason
        return await self._page("POST", form.address, given)

    async def undo(self) -> SeenCard | None:
        """Take the last answer back and return its card."""
        form = self.form("/undo")
        return await self._page("POST", form.address, form.hidden)

    async def feedback(
        self, text: str = "", kind: str = "", what: str = "issue", severity: str = "medium"
    ) -> SeenCard | None:
        """Say something about the card; `kind` is one of the buttons `case` and `dispute`."""
        form = self.form("/feedback")
        return await self._page(
            "POST", form.address, {**form.hidden, "kind": kind, "what": what, "severity": severity, "text": text}
        )

    async def send(self, path: str, form: Mapping[str, str] | None = None) -> SeenCard | None:
        """Send a form as it is given, or open an address without one; return the card that the page has."""
        return await self._page("GET" if form is None else "POST", path, form or {})

    def form(self, address: str, kind: AnswerKind | None = None) -> SeenForm:
        """Return a form of the page, for answers the one with that answer's button. Raises RunError without one."""
        for form in self._forms:
            if form.address == address and (kind is None or kind.value in form.choices.get("kind", ())):
                return form
        raise RunError("the page has no such form", got=f"{address} {kind or ''}".strip())

    async def _page(self, method: str, path: str, form: Mapping[str, str]) -> SeenCard | None:
        status, text = await self._asked(method, urljoin(self._link, path), data=form or None)
        self.bodies.append(text)
        self.statuses.append(status)
        self.sent += 1
        seen = _PageReader()
        seen.feed(text)
        self._forms, self.said, self.card = tuple(seen.forms), seen.text_of("said"), seen.card()
        return self.card

    async def _asked(self, method: str, address: str, **given: Any) -> tuple[int, str]:
        """Send a request until it is answered. Raises RunError where the server stays away."""
        import aiohttp

        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience_s
        headers = {"Origin": "{0.scheme}://{0.netloc}".format(urlsplit(self._link))} if method == "POST" else {}
        while True:
            try:
                async with self._session.request(method, address, headers=headers, **given) as answer:
                    return answer.status, await answer.text()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                if loop.time() > until:
                    raise RunError("the desk does not answer", where=address, got=str(error) or None) from None
                await asyncio.sleep(AGAIN_S)


def _held(what: str, given: str, offered: tuple[str, ...]) -> None:
    if given not in offered:
        raise RunError(f"the page does not offer this {what}", got=repr(given), expected=", ".join(offered))


def _heading(text: str) -> str:
    seen = _PageReader()
    seen.feed(text)
    return seen.text_of("heading")


class _PageReader(HTMLParser):
    """Reads what a person sees of a page: its texts, and its forms with what can be chosen in them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[SeenForm] = []
        self._texts: dict[str, list[str]] = {}
        self._open: list[tuple[str, str]] = []  # elements that are not closed, and what their text is; "" for nothing
        self._hidden: dict[str, str] = {}
        self._choices: dict[str, tuple[str, ...]] = {}
        self._address = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._address, self._hidden, self._choices = given.get("action", ""), {}, {}
        elif tag in ("input", "button") and "name" in given:
            self._field(given)
        if tag in VOID:
            return
        what = self._what(tag, given)
        if what:
            self._texts.setdefault(what, []).append("")
        self._open.append((tag, what))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.forms.append(SeenForm(self._address, self._hidden, self._choices))
        while any(name == tag for name, _ in self._open):
            if self._open.pop()[0] == tag:
                return

    def handle_data(self, data: str) -> None:
        for what in {what for _, what in self._open if what}:
            self._texts[what][-1] += data

    def text_of(self, what: str) -> str:
        """Return the first text of a kind, "" where there is none."""
        return self._texts.get(what, [""])[0]

    def card(self) -> SeenCard | None:
        """Return the card of the page, None where there is none."""
        answers = [form for form in self.forms if form.address == "/answer"]
        if not answers:
            return None
        chosen = [form.choices for form in answers]
        actions = next((one["action"] for one in chosen if "action" in one), ())
        reasons = next((one["reason"] for one in chosen if "reason" in one), ())
        evidence = dict(zip(self._texts.get("name", ()), self._texts.get("value", ()), strict=True))
        recommended = self._texts.get("recommended", [None])[0]
        marks = tuple(self._texts.get("mark", ()))
        item = _decoded(answers[0].hidden["item"])
        return SeenCard(item, self.text_of("heading"), recommended, actions, evidence, reasons, marks)

    def _field(self, given: Mapping[str, str]) -> None:
        name, value = given["name"], given.get("value", "")
        is_hidden = given.get("type") == "hidden"
        if is_hidden:
            self._hidden[name] = value
        if not is_hidden or name == "kind":
            self._choices[name] = (*self._choices.get(name, ()), _decoded(value))

    def _what(self, tag: str, given: Mapping[str, str]) -> str:
        classes, inside = given.get("class", "").split(), [name for name, _ in self._open]
        if given.get("id") in ("heading", "said"):
            return given["id"]
        if tag == "bdi" and "th" in inside:
            return "" if any(what == "source" for _, what in self._open) else "name"
        if tag == "bdi" and "td" in inside:
            return "value" if "text" in classes else ""
        return next((one for one in classes if one in ("recommended", "mark", "source")), "")


def _decoded(value: str) -> str:
    return unquote(value, errors="surrogatepass")
