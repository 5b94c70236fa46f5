"""A recording of several hosts: whose answer a request gets, and where links lead then."""

from __future__ import annotations

from typing import Any

import pytest

from recorder.model import Headers, Recording
from tests.replay.stage import Stage
from tests.wire import Wire

APP, LOGIN = "https://app.example", "https://login.example:8443"
HOST = {APP: "app.example", LOGIN: "login.example:8443"}


def recorded() -> Recording:
    """A sign-in on another host, with equal paths on both."""
    wire = Wire()

    def get(origin: str, target: str, content: Any = "", status: int = 200, headers: Headers = ()) -> None:
        exchange = wire.request("GET", target, b"", (("Host", HOST[origin]),))
        wire.respond(exchange, content, status, headers)

    get(APP, "/me", {"of": "app, before"}, 401)
    get(APP, "/", "", 302, (("Location", f"{LOGIN}/auth?back={APP}/cb"),))
    get(LOGIN, f"/auth?back={APP}/cb", {"home": f"{LOGIN}/", "app": f"{APP}/cb?code=1"})
    get(LOGIN, "/me", {"of": "login"})
    get(APP, "/cb?code=1", {"of": "app"})
    get(APP, "/me", {"of": "app"})
    get(LOGIN, "/only", {"of": "login"})
    return wire.recording()


def asked(stage: Stage, host: str, target: str) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers of the answer to a GET."""
    desk = stage.stranger(connection="c")
    desk.sends("GET", target, b"", (("Host", host),))
    (answer,) = desk.replies.values()
    return answer.status, answer.body.decode(), dict(answer.headers)


@pytest.fixture(params=[True, False], ids=["proxied", "called"])
def stage(request: pytest.FixtureRequest) -> Stage:
    return Stage(recorded(), proxied=request.param)


def test_each_host_gives_its_own_answers(stage: Stage) -> None:
    bodies = [asked(stage, host, "/me")[1] for host in ("login.example:8443", "APP.example:443", "app.example")]

    assert bodies == ['{"of":"login"}', '{"of":"app, before"}', '{"of":"app"}']
    assert '{"of":"login"}' in asked(stage, "login.example:8443", "/me")[1]  # once more, and still not the app's
    assert stage.misses == []


def test_by_the_address_of_the_stand_in_the_recorded_order_decides() -> None:
    stage = Stage(recorded())

    bodies = [asked(stage, "localhost:8090", "/me")[1] for _ in range(3)]

    assert bodies == ['{"of":"app, before"}', '{"of":"login"}', '{"of":"app"}']


def test_what_a_host_was_not_asked_for_is_a_miss_through_a_proxy() -> None:
    stage = Stage(recorded(), proxied=True)

    status, text, _ = asked(stage, "app.example", "/only")

    assert status == 470
    assert 'host differs: recorded "login.example:8443", live "app.example"' in text


def test_without_a_proxy_links_lead_all_hosts_to_one_address() -> None:
    stage = Stage(recorded())

    assert asked(stage, "app.example", "/only")[1] == '{"of":"login"}'


def test_through_a_proxy_links_to_the_other_hosts_stay() -> None:
    stage = Stage(recorded(), proxied=True)

    _, _, headers = asked(stage, "app.example", "/")
    _, page, _ = asked(stage, "login.example:8443", f"/auth?back={APP}/cb")

    assert headers["Location"] == f"{LOGIN}/auth?back=http://app.example/cb"
    assert page == '{"home":"http://login.example:8443/","app":"https://app.example/cb?code=1"}'


def test_by_the_address_of_the_stand_in_all_links_lead_there() -> None:
    stage, own = Stage(recorded()), "http://localhost:8090"

    _, _, headers = asked(stage, "localhost:8090", "/")
    _, page, _ = asked(stage, "localhost:8090", headers["Location"].removeprefix(own))

    assert headers["Location"] == f"{own}/auth?back={own}/cb"
    assert page == f'{{"home":"{own}/","app":"{own}/cb?code=1"}}'
    assert stage.misses == []


@pytest.mark.parametrize(
    ("hosts", "bodies"),
    [
        (["localhost:1", "app.example", "login.example:8443"], ["app, before", "app", "login"]),
        ([*["app.example"] * 3, "localhost:1"], ["app, before", "app", "app", "login"]),
        (["login.example:8443", "localhost:1", "localhost:1"], ["login", "app, before", "app"]),
    ],
)
def test_a_client_may_change_between_both_ways(hosts: list[str], bodies: list[str]) -> None:
    stage = Stage(recorded())

    assert [asked(stage, host, "/me")[1] for host in hosts] == [f'{{"of":"{body}"}}' for body in bodies]


def test_recorded_hosts_are_not_foreign(stage: Stage) -> None:
    assert list(stage.standin.foreign.lines()) == []
