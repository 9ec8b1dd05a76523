"""What the Hub's routes do otherwise, each scripted: pages, crowds, links, redirects, limits; and as the Hub does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from shared_core.testing import HubLimited, HubQuirks, OfflineRouter

LIST = "/api/models"


@pytest.fixture
def ask(router: OfflineRouter) -> Iterator[Any]:
    with httpx2.Client(base_url=router.root, timeout=20) as client:

        def send(path: str, *quirks: Any) -> httpx2.Response:
            if quirks:
                router.queue(quirks, path=LIST + "*")
            return client.get(path)

        yield send


def following(reply: httpx2.Response) -> str:
    return reply.headers.get("link", "").partition(">")[0].removeprefix("<")


def test_a_page_is_as_long_as_the_limit_and_the_link_goes_on(ask: Any) -> None:
    first = ask(f"{LIST}?limit=3")
    assert len(first.json()) == 3
    second = ask(following(first))
    assert len(second.json()) == 3
    assert not {each["id"] for each in first.json()} & {each["id"] for each in second.json()}
    assert dict(parse_qsl(urlsplit(following(second)).query)) == {"limit": "3", "cursor": "6"}


def test_a_page_has_five_at_most_unless_it_is_said_otherwise(ask: Any) -> None:
    assert len(ask(f"{LIST}?limit=40").json()) == 5
    assert len(ask(f"{LIST}?limit=40", HubQuirks(page=100)).json()) == 40


def test_the_last_page_leads_nowhere(ask: Any) -> None:
    assert following(ask(f"{LIST}?author=offline&limit=1000", HubQuirks(page=1000))) == ""


def test_a_crowd_comes_last_and_can_be_filtered(ask: Any) -> None:
    found = ask(
        f"{LIST}?filter=license:mit&sort=downloads&expand[]=tags", HubQuirks(page=1000, crowd=9)
    ).json()
    ids = [each["id"] for each in found]
    assert ids[0] == "offline/json"
    assert ids[1:] == [f"offline/crowd-{number:04d}" for number in (1, 3, 5, 7, 9)]


@pytest.mark.parametrize(
    ("where", "begins"),
    [
        ("usual", "http://127.0.0.1:"),
        ("relative", "/api/models?"),
        ("elsewhere", "http://elsewhere.invalid/"),
    ],
)
def test_a_link_leads_where_it_is_told(ask: Any, where: str, begins: str) -> None:
    assert following(ask(LIST, HubQuirks(next=where))).startswith(begins)


def test_a_link_may_lead_to_its_own_page(ask: Any) -> None:
    assert urlsplit(following(ask(f"{LIST}?limit=3", HubQuirks(next="itself")))).query == "limit=3"


def test_names_may_redirect_to_each_other(ask: Any) -> None:
    reply = ask(f"{LIST}/offline/a", HubQuirks(moves=("offline/a", "offline/b")))
    assert (reply.status_code, reply.headers["location"]) == (307, "/api/models/offline/b")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{LIST}?expand[]=usedStorage", 400),
        (f"{LIST}?expand=likes,baseModels", 400),
        (f"{LIST}/offline/echo?expand[]=usedStorage", 200),
        (f"{LIST}/offline/echo?expand[]=colour", 400),
        (f"{LIST}?expand[]=likes", 200),
    ],
)
def test_what_the_hub_does_not_tell_is_refused(ask: Any, path: str, status: int) -> None:
    assert ask(path).status_code == status


def test_a_limit_says_when_its_window_ends(ask: Any) -> None:
    reply = ask(LIST, HubLimited(seconds=7, quota=500))
    assert reply.status_code == 429
    assert reply.headers["ratelimit"] == '"api";r=0;t=7'
    assert reply.headers["ratelimit-policy"] == '"fixed window";"api";q=500;w=300'
    assert "retry-after" not in reply.headers


@pytest.mark.parametrize("wrong", [{"page": 0}, {"crowd": -1}, {"next": "home"}], ids=str)
def test_quirks_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        HubQuirks(**wrong)
