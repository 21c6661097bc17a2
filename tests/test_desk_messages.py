"""Messages of the desk: within the documented limits of each format, harmless with hostile titles, links only."""

from __future__ import annotations

import email
import email.policy
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from commands import command_in
from desk_pages import MONDAY, SETTINGS, Clock, desk_at, item
from load_servers import coded_pilot

from workbench.desk import (
    AnswerKind,
    Desk,
    GivenAnswer,
    ReviewItem,
    open_desk,
    waiting_for_groups,
    waiting_for_people,
)
from workbench.desk.messages import (
    MessageKind,
    WaitingWork,
    email_message,
    slack_message,
    teams_message,
    write_messages,
)
from workbench.desk.posting import post_messages
from workbench.files import CheckedAddress, webhook_address
from workbench.pilot import QueueName
from workbench.words import InputError, RunError

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC).timestamp()
LINK = "https://desk.example/in/abc.def?x=1&y=2"
WORK = WaitingWork(
    "Karin Vogt", "vogt", {QueueName.ESCALATIONS: 4, QueueName.AUDIT: 1}, NOW + 3_600, NOW,
    ("Invoice R-104 of Stahlwerk Nord", "Invoice R-7", "Invoice R-9", "Invoice R-11"), LINK,
)  # fmt: skip
HOSTILE = (
    "<!channel> @here <https://evil.example|pay> *now* &amp; <@U123>",
    "[click](https://evil.example) **bold** {{DATE(2017-02-14T06:08:39Z)}} <at>all</at>",
    "<script>alert(1)</script>\r\nBcc: all@evil.example\r\n\r\n<a href='https://evil.example'>x</a>\u202eyap",
)
HOSTILE_WORK = replace(WORK, whom="Karin\r\nBcc: x@evil.example <b>", titles=HOSTILE, played="played <!here>\r\nX: 1")
LONG = replace(WORK, whom="N" * 500, titles=("t" * 5_000,) * 9, played="p" * 5_000)

# Slack, "Reference: blocks" and "composition objects": what a block must have, and the longest text of each.
SLACK_BLOCKS = {"header": {"type", "text"}, "section": {"type", "text"}, "actions": {"type", "elements"}}
SLACK_TEXT = {"header": 150, "section": 3_000}
SLACK_MOST_BLOCKS, SLACK_BUTTON, SLACK_URL = 50, 75, 3_000
# Adaptive Cards 1.5, "Schema Explorer": what each element must have.
ADAPTIVE = {"TextBlock": {"type", "text"}, "RichTextBlock": {"type", "inlines"}}
TEAMS_BYTES = 28 * 1024  # of a message to a webhook


def told(node: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object of a JSON value."""
    if isinstance(node, Mapping):
        yield node
    for one in node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ():
        yield from told(one)


@pytest.mark.parametrize("work", [WORK, HOSTILE_WORK, LONG])
def test_a_slack_message_keeps_to_the_blocks_and_limits_that_slack_documents(work: WaitingWork) -> None:
    message = slack_message(work)
    assert set(message) == {"text", "blocks"}
    assert 0 < len(message["blocks"]) <= SLACK_MOST_BLOCKS
    for block in message["blocks"]:
        assert SLACK_BLOCKS[block["type"]] <= set(block)
        if block["type"] in SLACK_TEXT:
            assert block["text"]["type"] == "plain_text"
            assert 0 < len(block["text"]["text"]) <= SLACK_TEXT[block["type"]]
    (button,) = message["blocks"][-1]["elements"]
    assert button["type"] == "button"
    assert len(button["text"]["text"]) <= SLACK_BUTTON
    assert len(button["url"]) <= SLACK_URL


@pytest.mark.parametrize("work", [WORK, HOSTILE_WORK, LONG])
def test_a_teams_message_is_an_adaptive_card_of_version_1_5_within_its_size(work: WaitingWork) -> None:
    message = teams_message(work)
    (attached,) = message["attachments"]
    card = attached["content"]
    assert (message["type"], attached["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.5")
    assert card["$schema"] == "http://adaptivecards.io/schemas/adaptive-card.json"
    for element in card["body"]:
        assert ADAPTIVE[element["type"]] <= set(element)
        assert all({"type", "text"} <= set(run) and run["text"] for run in element.get("inlines", ()))
    assert len(json.dumps(message).encode()) < TEAMS_BYTES


@pytest.mark.parametrize("made", [slack_message, teams_message])
def test_nothing_can_be_done_from_a_message_but_opening_the_link(made: Any) -> None:
    message = made(HOSTILE_WORK)
    kinds = [str(one["type"]) for one in told(message) if "type" in one]
    assert [one for one in kinds if one.startswith("Action") or one == "button"] in (["Action.OpenUrl"], ["button"])
    assert {one["url"] for one in told(message) if "url" in one} == {LINK}
    assert not {"value", "selectAction", "accessory", "data", "method"} & {
        name for one in told(message) for name in one
    }


def test_a_message_says_what_waits_how_much_until_when_and_the_first_three_titles() -> None:
    for text in (json.dumps(slack_message(WORK)), json.dumps(teams_message(WORK)), str(email_message(WORK))):
        said = text.replace("=\n", "")
        assert "5 items wait for a decision, the first by 2026-12-01 10:00 UTC" in said
        assert "4 decisions handed over, 1 sample for audit" in said
        assert "Invoice R-9" in said
        assert "Invoice R-11" not in said
        assert "and 2 more" in said
    late = replace(WORK, now=NOW + 7_200, by_queue={QueueName.CASES: 1}, titles=())
    assert late.subject == "1 item waits for a decision, the first was due 2026-12-01 10:00 UTC"
    assert late.more == ""


def test_hostile_titles_mention_nobody_and_link_nowhere_in_slack() -> None:
    message = slack_message(HOSTILE_WORK)
    texts = [one["text"] for one in told(message["blocks"]) if one.get("type") == "plain_text"]
    assert not [one for one in texts if "<" in one or ">" in one]
    assert "mrkdwn" not in json.dumps(message)
    assert "&lt;!channel&gt; @here &lt;https://evil.example|pay&gt; *now* &amp;amp; &lt;@U123&gt;" in texts
    assert message["text"] == HOSTILE_WORK.subject, "the text that Slack reads as markup has nothing from a record"


def test_hostile_titles_are_no_markup_in_an_adaptive_card() -> None:
    (attached,) = teams_message(HOSTILE_WORK)["attachments"]
    blocks = [one["text"] for one in attached["content"]["body"] if one["type"] == "TextBlock"]
    assert blocks == [HOSTILE_WORK.subject], "only text runs, which read no markup, have what comes from a record"
    assert "msteams" not in attached["content"], "without entities nothing is a mention"
    assert attached["content"]["fallbackText"] == HOSTILE_WORK.subject


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.hrefs: list[str | None] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.hrefs += [value for name, value in attrs if name in ("href", "src", "action", "style")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_mail_has_text_and_html_and_hostile_titles_make_neither_headers_nor_tags() -> None:
    mail = email.message_from_bytes(email_message(HOSTILE_WORK).as_bytes(), policy=email.policy.default)
    expected = ["Subject", "To", "Date", "X-Unsent", "MIME-Version", "Content-Type"]
    assert sorted(mail.keys()) == sorted(expected)
    assert (mail.get_content_type(), mail["Subject"]) == ("multipart/alternative", HOSTILE_WORK.subject)
    assert not mail["To"].addresses, "whoever sends it adds the address"
    plain, page = (part.get_content() for part in mail.iter_parts())
    assert LINK in plain
    assert "\nBcc" not in plain
    assert "\u202e" not in plain + page
    read = Tags()
    read.feed(page)
    assert read.tags == {"html", "head", "meta", "title", "body", "p", "strong", "ul", "li", "a"}
    assert read.hrefs == [LINK]
    assert "<script>alert(1)</script>" in read.text
    assert "Played, not decided by people: played <!here> X: 1" in read.text


def test_messages_are_written_a_file_each(tmp_path: Path) -> None:
    works = [WORK, replace(WORK, whom="clerks", file="group-clerks")]
    assert [one.name for one in write_messages(MessageKind.TEAMS, works, tmp_path)] == [
        "vogt.json",
        "group-clerks.json",
    ]
    assert json.loads((tmp_path / "vogt.json").read_text(encoding="utf-8")) == teams_message(WORK)
    (path,) = write_messages(MessageKind.EMAIL, [WORK], tmp_path)
    assert email.message_from_bytes(path.read_bytes())["Subject"] == WORK.subject


@pytest.mark.parametrize(
    "address",
    [
        "http://93.184.216.34/hook",  # not encrypted
        "https://u:p@93.184.216.34/hook",
        "https://127.0.0.1/hook",
        "https://[::ffff:127.0.0.1]/hook",
        "https://169.254.169.254/latest",  # where clouds give their credentials
        "https://0.0.0.0/hook",
        "https://[fe80::1]/hook",
        "https://224.0.0.1/hook",
        "https://chat.invalid/hook",  # RFC 6761: resolves to nothing
        "https://a:x/hook",
        "https://93.184.216.34/ho\r\nok",
    ],
)
def test_a_webhook_is_encrypted_and_neither_on_this_machine_nor_link_local(address: str) -> None:
    with pytest.raises(InputError, match=r"webhook"):
        webhook_address(address)


def test_a_webhook_outside_or_on_a_private_network_may_be_posted_to() -> None:
    assert webhook_address("https://93.184.216.34/hook?sig=1").ip == "93.184.216.34"
    assert webhook_address("https://10.1.2.3:8443/hook").port == 8443


class Chat(BaseHTTPRequestHandler):
    """A chat's webhook: takes what is posted, or answers as its path says."""

    taken: list[tuple[str, str, Any]]

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.path, self.headers["Host"], json.loads(content)))
        status = 200 if self.path.startswith("/take") else int(self.path[1:4])
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/take/elsewhere")
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"no room")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def chat(folder: Path, named: str) -> Iterator[tuple[list[Any], int, ssl.SSLContext]]:
    """Give what a webhook under a name has taken, its port on this machine, and what trusts its certificate."""
    certificate(folder, named)
    Chat.taken = []
    server = HTTPServer(("127.0.0.1", 0), Chat)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    server.socket = own.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Chat.taken, server.server_port, ssl.create_default_context(cafile=str(folder / "certificate.pem"))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certificate(folder: Path, named: str) -> None:
    """Write a key and a certificate that it signed itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, named)])
    today, names = datetime.now(UTC), [x509.DNSName(named), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(today - timedelta(days=1)).not_valid_after(today + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password))


def here(url: str) -> CheckedAddress:
    """Give an address of this machine for a name, as if the name's server had said it."""
    port = int(url.rpartition(":")[2].split("/")[0])
    return CheckedAddress(url, "chat.example", port, "127.0.0.1")


def test_messages_are_posted_to_the_checked_address_under_the_name_of_the_webhook(tmp_path: Path) -> None:
    with chat(tmp_path, "chat.example") as (taken, port, trusted):
        url = f"https://chat.example:{port}/take/1?sig=a%2Fb"
        n = post_messages(MessageKind.SLACK, [WORK, WORK], url, (url,), checked=here, trusted=trusted)
    assert n == 2
    assert taken == [("/take/1?sig=a%2Fb", f"chat.example:{port}", slack_message(WORK))] * 2


@pytest.mark.parametrize(
    ("path", "said"), [("302", "302, a redirect, which is not followed"), ("500", "500 no room; 0 messages of 1")]
)
def test_a_webhook_that_refuses_or_sends_elsewhere_is_told_and_not_followed(
    tmp_path: Path, path: str, said: str
) -> None:
    with chat(tmp_path, "chat.example") as (taken, port, trusted):
        url = f"https://chat.example:{port}/{path}/secret"
        with pytest.raises(RunError, match=said) as raised:
            post_messages(MessageKind.TEAMS, [WORK], url, (url,), checked=here, trusted=trusted)
    assert len(taken) == 1
    assert "secret" not in str(raised.value), "the path of a webhook is what opens it"


def test_a_webhook_under_another_name_or_an_unknown_certificate_gets_nothing(tmp_path: Path) -> None:
    with chat(tmp_path, "other.example") as (taken, port, trusted):
        url = f"https://chat.example:{port}/take"
        for given in (trusted, None):
            with pytest.raises(RunError, match="did not take a message"):
                post_messages(MessageKind.SLACK, [WORK], url, (url,), checked=here, trusted=given)
    assert taken == []


def test_only_a_webhook_of_review_yaml_is_posted_to() -> None:
    agreed = ("https://chat.example/hooks/1",)
    for asked in ("https://chat.example/hooks/2", "https://chat.example/hooks/1/", "https://CHAT.example/hooks/1"):
        with pytest.raises(InputError, match=r"does not stand in review\.yaml"):
            post_messages(MessageKind.SLACK, [WORK], asked, agreed)
    with pytest.raises(InputError, match="a mail is not posted"):
        post_messages(MessageKind.EMAIL, [WORK], agreed[0], agreed)
    with pytest.raises(InputError, match="may not be reached"):
        post_messages(MessageKind.SLACK, [WORK], "https://127.0.0.1/h", ("https://127.0.0.1/h",))


def opened_with(folder: Path, *items: ReviewItem) -> Desk:
    desk = desk_at(folder, now=Clock())
    desk.put(items)
    return desk


def test_people_are_told_what_waits_for_them_and_nothing_beyond_their_authority(tmp_path: Path) -> None:
    small = SETTINGS.people[0].model_copy(update={"at_most": 100.0})
    settings = SETTINGS.model_copy(update={"people": (small, *SETTINGS.people[1:])})
    with desk_at(tmp_path, settings, Clock()) as desk:
        desk.put([item("1", amount=50.0), item("2", amount=500.0), item("3", QueueName.AUDIT)])
        works = {one.file: one for one in waiting_for_people(desk, lambda person: f"https://d/in/{person}", MONDAY)}
        assert set(works) == {"ada", "bo"}, "nothing waits for the lead"
        assert works["ada"].by_queue == {QueueName.ESCALATIONS: 1, QueueName.AUDIT: 1}
        assert sorted(works["ada"].titles) == ["Invoice 1", "Invoice 3"]
        assert (works["bo"].n, works["bo"].link, works["bo"].due) == (3, "https://d/in/bo", MONDAY + 8 * 3_600)


def test_what_a_person_has_decided_waits_for_that_person_no_more(tmp_path: Path) -> None:
    with opened_with(tmp_path, item("1", needs=2)) as desk:
        claim = desk.claim("ada")
        assert claim is not None
        desk.answer("ada", claim.item, GivenAnswer(AnswerKind.APPROVE), claim.shown_digest)
        works = [one.file for one in waiting_for_people(desk, str, MONDAY)]
        assert works == ["bo"]


def test_a_group_is_told_where_the_desk_is_and_gets_no_link_of_a_person(tmp_path: Path) -> None:
    with opened_with(tmp_path, item("1"), item("2")) as desk:
        (work,) = waiting_for_groups(desk, "https://desk.example", MONDAY)
    assert (work.whom, work.file, work.n, work.link) == ("clerks", "group-clerks", 2, "https://desk.example")
    assert work.titles == ("Invoice 1", "Invoice 2") or work.titles == ("Invoice 2", "Invoice 1")


@pytest.mark.parametrize("kind", list(MessageKind))
def test_the_command_writes_a_message_for_each_person(
    tmp_path: Path, kind: MessageKind, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pilot = coded_pilot(tmp_path)
    content = {**SETTINGS.model_dump(mode="json"), "webhooks": ["https://127.0.0.1/hook"]}
    (pilot.suite / "review.yaml").write_text(json.dumps(content), encoding="utf-8")
    with open_desk(pilot) as desk:
        desk.put([item("1")])
    run = command_in(pilot.root, monkeypatch, capsys)
    code, out, _ = run("review", "cards", pilot.name, "--kind", kind.value, "--to", str(tmp_path / "to"))
    assert (code, out.startswith("Wrote 2 messages to ")) == (0, True)
    ending = "eml" if kind is MessageKind.EMAIL else "json"
    assert sorted(one.name for one in (tmp_path / "to").iterdir()) == [f"ada.{ending}", f"bo.{ending}"]
    assert "/in/" in (tmp_path / "to" / f"ada.{ending}").read_text(encoding="utf-8").replace("=\n", "")
    ours = "https://127.0.0.1/hook"
    for wrong in ((), ("--to", "x", "--post", "y"), ("--post", "https://chat.example/"), ("--post", ours)):
        assert run("review", "cards", pilot.name, "--kind", kind.value, *wrong)[0] == 2
