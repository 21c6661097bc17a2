"""Links to the desk: one person, one pilot, some hours; anything else is refused with its reason."""

from pathlib import Path

import pytest
from desks import HOUR_S, START_S

from workbench.desk import LinkElsewhereError, LinkExpiredError, Links, LinkTamperedError, links_secret
from workbench.words import InputError, RunError

SECRET = bytes(range(32))
BASE = "https://desk.example"


def token_of(link: str) -> str:
    return link.removeprefix(f"{BASE}/in/")


@pytest.fixture
def links() -> Links:
    return Links(SECRET, "invoices", hours=2.0)


def test_a_link_is_for_one_person_until_its_time_is_over(links: Links) -> None:
    token = token_of(links.link_for("anna", f"{BASE}/", START_S))
    assert "/" not in token
    assert links.person_of(token, START_S) == "anna"
    assert links.person_of(token, START_S + 2 * HOUR_S - 1) == "anna"
    with pytest.raises(LinkExpiredError, match="has run out"):
        links.person_of(token, START_S + 2 * HOUR_S)


def test_another_pilots_link_is_refused(links: Links) -> None:
    token = token_of(Links(SECRET, "loans").link_for("anna", BASE, START_S))
    with pytest.raises(LinkElsewhereError, match="another pilot"):
        links.person_of(token, START_S)


def test_a_link_that_was_changed_is_refused_at_every_sign(links: Links) -> None:
    token = token_of(links.link_for("anna", BASE, START_S))
    payload, _, signature = token.rpartition(".")
    for place, sign in enumerate(payload):
        edited = f"{payload[:place]}{'A' if sign != 'A' else 'B'}{payload[place + 1 :]}.{signature}"
        with pytest.raises(LinkTamperedError, match="not made here"):
            links.person_of(edited, START_S)
    other = token_of(Links(SECRET[::-1], "invoices").link_for("anna", BASE, START_S))
    for edited in (other, "", ".", "a.b", "\ud800", "ä" * 40, payload, f"{payload}.", f"{token}{token}", token[:-1]):
        with pytest.raises(LinkTamperedError, match="not made here"):
            links.person_of(edited, START_S)


def test_every_refusal_is_a_users_mistake_with_a_way_out() -> None:
    for kind in (LinkElsewhereError, LinkExpiredError, LinkTamperedError):
        assert issubclass(kind, InputError)
    with pytest.raises(LinkTamperedError) as refused:
        Links(SECRET, "invoices").person_of("x", START_S)
    assert refused.value.facts() == {"do": "ask whoever runs the desk for a new link"}


def test_the_secret_is_this_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    secret = links_secret()
    (path,) = (tmp_path / "config").rglob("*.key")
    assert len(secret) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert links_secret() == secret == path.read_bytes()
    assert [other.name for other in path.parent.iterdir()] == [path.name], "no draft is left"
    path.write_bytes(b"short")
    with pytest.raises(InputError, match="not what links are signed with"):
        links_secret()
    path.unlink()
    assert links_secret() != secret


def test_a_secret_that_cannot_be_kept_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(RunError, match="cannot be kept"):
        links_secret()
