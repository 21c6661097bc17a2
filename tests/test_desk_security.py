"""What a stranger, another site, another person or a hostile record can do at the review desk's page: nothing."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from desk_pages import REASONS, SECRET, Clock, desk_at, item, links_of, served
from harmless_pages import steering_signs

from workbench.desk import Card, Desk, DeskPlace, Links, ShownField
from workbench.desk.guarding import LARGEST_BODY
from workbench.words import InputError

PUBLIC = "https://desk.example.com"


@dataclass(frozen=True)
class Answered:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass
class Door:
    """A served desk, asked without the help of a browser."""

    desk: Desk
    address: str
    clock: Clock

    @property
    def host(self) -> str:
        return urlsplit(self.address).netloc

    def asked(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Mapping[str, str] | None = None
    ) -> Answered:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        given = dict(headers or {})
        sent = None if body is None else urlencode(body)
        if sent is not None:
            given.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection.request(method, path, sent, given)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return Answered(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)

    def ticket(self, person: str = "ada", links: Links | None = None) -> str:
        return (links or links_of()).link_for(person, self.address, self.clock()).rpartition("/")[2]

    def cookie(self, person: str = "ada") -> dict[str, str]:
        answer = self.asked("GET", f"/in/{self.ticket(person)}")
        assert answer.status == 303
        return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}

    def form(self, cookie: Mapping[str, str]) -> dict[str, str]:
        """Return the form by which a person approves the card in front."""
        page = self.asked("GET", "/", cookie).body
        return {**dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)), "kind": "approve"}


def door_at(folder: Path, place: DeskPlace | None = None) -> Iterator[Door]:
    clock = Clock()
    with desk_at(folder, now=clock) as desk, served(desk, links_of(), place, clock) as address:
        desk.put([item("1"), item("2")])
        yield Door(desk, address, clock)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    yield from door_at(tmp_path)


def test_every_answer_says_what_a_browser_may_do(door: Door) -> None:
    cookie = door.cookie()
    style = re.findall(r'href="(/static/[^"]+)"', door.asked("GET", "/", cookie).body)[0]
    asked = [
        door.asked("GET", "/", cookie), door.asked("GET", "/"), door.asked("GET", "/nowhere"),
        door.asked("GET", "/state", cookie), door.asked("GET", style), door.asked("POST", "/answer", cookie, {}),
        door.asked("GET", "/in/nonsense"), door.asked("GET", "/", {"Host": "evil.example"}),
        door.asked("GET", f"/in/{door.ticket()}"),
    ]  # fmt: skip
    assert [one.status for one in asked] == [200, 403, 404, 200, 200, 403, 403, 421, 303]
    for one in asked:
        policy = one.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert one.headers["x-frame-options"] == "DENY"
        assert one.headers["x-content-type-options"] == "nosniff"
        assert one.headers["referrer-policy"] == "no-referrer"
        assert "server" not in one.headers
    kept = {one.headers["cache-control"] for one in asked}
    assert kept == {"no-store", "public, max-age=31536000, immutable"}
    assert asked[4].headers["cache-control"] != "no-store", "only what names its content by digest is kept"


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("127.0.0.1", True),
        ("localhost:80", True),
        ("LOCALHOST", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost@evil.example", False),
        ("[::1", False),
        ("", False),
        ("desk.example.com", False),
    ],
)
def test_another_site_s_name_that_leads_here_is_refused(door: Door, host: str, is_known: bool) -> None:
    answer = door.asked("GET", "/", {**door.cookie(), "Host": host})
    assert answer.status == (200 if is_known else 421)
    assert is_known or "not an address of the desk" in answer.body


@pytest.mark.parametrize(
    ("headers", "is_let_in"),
    [
        ({}, True),  # no browser: the token decides
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),  # a form of a page without a referrer
        ({"Origin": "OWN"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "OWN"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://127.0.0.1:1"}, False),
        ({"Origin": "https://desk.example.com"}, False),
        ({"Origin": "http://evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}, False),
    ],
)
def test_another_site_changes_nothing(door: Door, headers: dict[str, str], is_let_in: bool) -> None:
    cookie = door.cookie()
    sent = {name: value.replace("OWN", door.address) for name, value in headers.items()}
    for path, kind in (("/feedback", "case"), ("/answer", "approve"), ("/undo", "")):
        before = door.desk.head()
        answer = door.asked("POST", path, {**cookie, **sent}, {**door.form(cookie), "kind": kind})
        assert answer.status == (200 if is_let_in else 403)
        assert (door.desk.head() != before) is is_let_in


def test_a_form_counts_only_with_the_token_of_its_own_person(door: Door) -> None:
    ada, bo = door.cookie("ada"), door.cookie("bo")
    form, before = door.form(ada), door.desk.head()
    for token in ("", "0" * 32, door.form(bo)["token"], "\u00e4"):
        assert door.asked("POST", "/answer", ada, {**form, "token": token}).status == 403
    assert door.asked("POST", "/answer", bo, form).status == 403
    assert door.asked("POST", "/answer", None, form).status == 403
    assert door.desk.head() == before
    assert door.asked("POST", "/answer", ada, form).status == 200


def test_nobody_decides_a_card_that_another_has_in_front(door: Door) -> None:
    ada, bo = door.cookie("ada"), door.cookie("bo")
    theirs, own = door.form(ada), door.form(bo)
    stolen = {**own, "item": theirs["item"], "shown": theirs["shown"]}
    assert door.asked("POST", "/answer", bo, stolen).status == 409
    assert door.desk.answers().empty


def test_nothing_that_is_only_opened_changes_anything(door: Door) -> None:
    cookie = door.cookie()
    form = urlencode(door.form(cookie))
    before = door.desk.head()
    for path in ("/", "/queue/audit", "/state", f"/in/{door.ticket()}", "/answer", "/undo", "/feedback"):
        for method in ("GET", "HEAD"):
            assert door.asked(method, f"{path}?{form}", cookie).status in (200, 303)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert door.asked(method, "/answer", {**cookie, "Content-Length": "0"}).status == 405
    assert door.desk.head() == before
    assert door.desk.answers().empty


def test_a_link_lets_in_one_person_of_one_desk_for_its_time(door: Door) -> None:
    for ticket in ("", "x", door.ticket()[:-1], door.ticket(links=links_of("another")), door.ticket("nobody")):
        answer = door.asked("GET", f"/in/{ticket}")
        assert answer.status in (403, 404)
        assert "set-cookie" not in answer.headers
    other = Links(SECRET[::-1], "invoices")
    assert door.asked("GET", f"/in/{door.ticket(links=other)}").status == 403
    cookie = door.cookie()
    door.clock.at += 3600 * 73
    for late in (door.asked("GET", "/", cookie), door.asked("GET", f"/in/{cookie['Cookie'].partition('=')[2]}")):
        assert late.status == 403
        assert "Your link has expired." in late.body
        assert "Ask whoever opened this desk for a new link" in late.body


def test_a_cookie_is_for_this_desk_and_no_script(door: Door, tmp_path: Path) -> None:
    set_here = door.asked("GET", f"/in/{door.ticket()}").headers["set-cookie"]
    assert re.match(r"desk-[0-9a-f]{8}=", set_here)
    assert {part.strip().lower() for part in set_here.split(";")[1:]} == {
        "httponly", "max-age=259200", "path=/", "samesite=lax",
    }  # fmt: skip
    for public in door_at(tmp_path / "public", DeskPlace(public_url=PUBLIC)):
        secure = public.asked("GET", f"/in/{public.ticket()}", {"Host": "desk.example.com"})
        assert secure.status == 303
        assert secure.headers["location"] == "/"
        assert secure.headers["set-cookie"].startswith("__Host-desk-")
        assert "; secure" in secure.headers["set-cookie"].lower()


def test_behind_a_proxy_the_public_name_is_known_and_what_the_proxy_says_of_others_is_not_believed(
    tmp_path: Path,
) -> None:
    for door in door_at(tmp_path, DeskPlace(public_url=PUBLIC)):
        cookie = door.cookie()
        proxied = {**cookie, "Host": "desk.example.com", "Origin": PUBLIC, "Sec-Fetch-Site": "same-origin"}
        form = door.form(cookie)
        for header in ("X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP"):
            assert door.asked("GET", "/", {**cookie, "Host": "evil.example", header: "desk.example.com"}).status == 421
        assert door.asked("POST", "/answer", {**proxied, "Origin": "https://evil.example"}, form).status == 403
        assert door.asked("POST", "/answer", proxied, form).status == 200


@pytest.mark.parametrize(
    ("host", "public", "is_fine"),
    [
        ("127.0.0.1", None, True),
        ("127.0.0.2", None, True),
        ("::1", None, True),
        ("localhost", None, True),
        ("0.0.0.0", None, False),
        ("::", None, False),
        ("desk.internal", None, False),
        ("0.0.0.0", PUBLIC, True),
        ("127.0.0.1", f"{PUBLIC}/", True),
        ("127.0.0.1", f"{PUBLIC}:8443", True),
        ("127.0.0.1", "http://desk.example.com", False),
        ("127.0.0.1", f"{PUBLIC}/desk", False),
        ("127.0.0.1", "https://ada:word@desk.example.com", False),
        ("127.0.0.1", "https://", False),
        ("127.0.0.1", "desk.example.com", False),
    ],
)
def test_beyond_this_machine_the_desk_is_served_over_tls_only(host: str, public: str | None, is_fine: bool) -> None:
    if is_fine:
        assert DeskPlace(host, public).is_secure is (public is not None)
    else:
        with pytest.raises(InputError, match=r"over TLS only|public address"):
            DeskPlace(host, public)


def test_more_than_a_form_is_refused_before_it_is_read(door: Door) -> None:
    cookie, before = door.cookie(), door.desk.head()
    form = door.form(cookie)
    assert door.asked("POST", "/answer", cookie, {**form, "note": "x" * LARGEST_BODY}).status == 413
    assert door.asked("POST", "/answer", {**cookie, "Transfer-Encoding": "chunked"}, {}).status in (400, 413)
    many = door.asked("POST", "/answer", cookie, {**form, **{f"f{number}": "1" for number in range(50)}})
    assert many.status == 400
    assert "no form of the desk" in many.body
    assert door.desk.head() == before


@pytest.mark.parametrize(
    "path", ["/static/x/desk.css", "/static/x/..%2f..%2fstore.py", "/static//desk.js", "/store.py"]
)
def test_only_the_two_files_are_served(door: Door, path: str) -> None:
    assert door.asked("GET", path).status == 404


HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' autofocus onfocus=alert(1) x='",
    "</textarea></table></main><form action=https://evil.example>",
    "{{ 7 * 7 }} {% raw %} ${7*7}",
    "javascript:alert(1)",
    "gpj.\u202eexe\u2066 \u200f\u061c",
    "a\x00b\x1b[2J\x07",
    "zero\u200bwidth\ufeff",
    "\U000e0041 tag",
    "note " * 400,
    "x" * 2000,
    "\u0661\u0662 \u05d0\u05d1\u05d2",
    "line\nbreak\r\n\u2028end",
)  # fmt: skip


class Elements(HTMLParser):
    """Collects the elements of a page and its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def dangerous(page: str) -> list[str]:
    """Return what of a page would run, load or send anything that is not the desk's own."""
    found = []
    for tag, attributes in Elements(page).found:
        found += [f"<{tag} {name}>" for name in attributes if name.startswith("on") or name == "style"]
        for name in ("src", "href", "action", "formaction", "srcset", "data"):
            value = attributes.get(name)
            if value is not None and not re.match(r"/(?!/)|#main$|data:,$", value):
                found.append(f"<{tag} {name}={value}>")
        if tag in ("iframe", "object", "embed", "img", "base", "style", "meta") and "http-equiv" in attributes:
            found.append(f"<{tag}>")
        if tag in ("iframe", "object", "embed", "img", "base", "style", "template", "math"):
            found.append(f"<{tag}>")
        if tag == "script" and not (attributes.get("src") or "").startswith("/static/"):
            found.append("<script>")
    return found


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_record_is_text_wherever_it_stands(door: Door, text: str) -> None:
    card = Card(
        title=text, assessment=text, actions=(text, "pay"), recommended=text, confidence=0.5, threshold=0.9,
        evidence=(ShownField(text, text, text),), reasoning=text, rule=text, trace=(text, text),
    )  # fmt: skip
    for is_blind in (False, True):
        name = f"{text[:40]}{is_blind}"
        own = replace(item(name, card=card), card=card, is_blind=is_blind, group="leads")
        door.desk.put([own])
        cookie = door.cookie("cy")
        page = door.asked("GET", "/", cookie).body
        assert dangerous(page) == []
        assert steering_signs(page) == set()
        assert not {"\ufeff", "\u200b"} & set(page)
        said = {**door.form(cookie), "kind": "reject", "reason": REASONS[0], "note": text[:1000]}
        assert door.asked("POST", "/answer", cookie, {**said, "item": "<script>"}).status == 400
        assert door.asked("POST", "/answer", cookie, said).status == 200
        assert door.desk.answers()["item"].iloc[-1] == name


def test_what_would_be_dangerous_on_a_page_is_found() -> None:
    page = (
        "<script>x</script><img src=//evil><a href='javascript:x'>y</a><p onclick=x style=y>z</p>"
        "<form action='https://evil.example'></form><base href='/x'>"
    )
    assert len(dangerous(page)) == 8
    assert dangerous('<a href="/queue/audit">x</a><script src="/static/0/desk.js"></script>') == []


def test_half_of_a_sign_in_a_form_stores_nothing_that_no_file_can_hold(door: Door) -> None:
    cookie = door.cookie()
    form = {**door.form(cookie), "kind": "reject", "reason": "%ED%A0%80", "note": "x"}
    assert door.asked("POST", "/answer", cookie, form).status == 400
    raw = urlencode({**form, "reason": REASONS[0]}).replace("note=x", "note=%ED%A0%80")
    connection = http.client.HTTPConnection(door.host, timeout=30)
    connection.request("POST", "/answer", raw, {**cookie, "Content-Type": "application/x-www-form-urlencoded"})
    assert connection.getresponse().status == 200
    connection.close()
    assert "\ud800" not in door.desk.answers()["note"].iloc[0]


def test_pages_of_mistakes_show_what_was_sent_as_text(door: Door) -> None:
    cookie = door.cookie()
    form = door.form(cookie)
    for given in (
        {"kind": "<script>"},
        {"queue": "<img onerror=x>"},
        {"item": "<b>"},
        {"kind": "modify", "action": "<i>", "reason": "x"},
    ):
        page = door.asked("POST", "/answer", cookie, {**form, **given})
        assert page.status == 400
        assert dangerous(page.body) == []
        assert re.search(r"&lt;(script|img|b|i)", page.body)
