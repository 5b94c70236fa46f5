"""Which process has the session of a request, and what becomes of one that came to another."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from recorder.dialect.definition import load
from recorder.model import Headers
from recorder.replay.engine.http import HttpRequest
from recorder.replay.server.affinity import Shared, headers_of, merged, of_process, process_of
from tests.wire import URL, Wire, body

ID = "0123456789abcdef" * 2


def cookie(text: str) -> Headers:
    return (("cookie", text),)


@pytest.mark.parametrize(
    ("shown", "process"),
    [
        ("BAYEUX_BROWSER={}-2", 2),
        ("a=b; JSESSIONID={}-1", 1),
        ("JSESSIONID={}-1; BAYEUX_BROWSER={}-2", 2),  # which the last handshake set
        ('JSESSIONID="{}-1"', 1),
        ("JSESSIONID={}-7", None),  # of a run with more processes
        ("JSESSIONID={}", None),
        ("JSESSIONID={}-1.node0", None),
    ],
)
def test_a_cookie_names_its_process(shown: str, process: int | None) -> None:
    assert process_of(cookie(shown.replace("{}", ID)), 3) == process


def test_ids_name_the_process_they_come_from() -> None:
    assert process_of(cookie(f"X={of_process(1, lambda: ID)()}"), 2) == 1


def test_the_same_authorization_is_always_of_the_same_process() -> None:
    users = [(("Authorization", f"Basic {n}"),) for n in range(100)]

    assert [process_of(user, 2) for user in users] == [process_of(user, 2) for user in users]
    assert {process_of(user, 2) for user in users} == {0, 1}
    assert process_of((("AUTHORIZATION", "Basic YWdlbnQx"),), 2) == 1  # in whatever run, on whatever machine


def test_a_cookie_outweighs_an_authorization_that_was_renewed() -> None:
    users = [((*cookie(f"X={ID}-1"), ("Authorization", f"Bearer {n}"))) for n in range(10)]

    assert {process_of(user, 2) for user in users} == {1}


def test_who_shows_nothing_may_be_anybody() -> None:
    assert process_of((("Host", "gws"),), 2) is None


def test_a_head_is_read_as_far_as_it_goes() -> None:
    head = b"POST / HTTP/1.1\r\nHost: gws\r\nCookie:a=b\r\nX: \xff\r\n\r\nCookie: body"

    assert headers_of(head) == (("Host", "gws"), ("Cookie", "a=b"), ("X", "ÿ"))
    assert headers_of(b"") == ()


def shared(number: int) -> Shared:
    ids = count(1)
    standin = Shared(Wire().recording(), load(), new_id=of_process(number, lambda: f"{next(ids):032x}"))
    standin.number, standin.processes = number, 2
    return standin


def asked(standin: Shared, headers: Headers) -> Any:
    message = body([{"channel": "/meta/handshake", "version": "1.0"}])
    standin.receive(HttpRequest(1, "c1", "POST", URL, headers, message), 0.0)
    return standin.replies(0.0)[0]


@pytest.mark.parametrize("headers", [(), cookie(f"X={ID}-1"), (("Authorization", "Basic YWdlbnQx"),)])
def test_a_request_of_its_own_or_of_anybodys_is_answered(headers: Headers) -> None:
    standin = shared(1)

    assert asked(standin, headers).status == 200
    assert standin.misdirected == 0


@pytest.mark.parametrize("headers", [cookie(f"X={ID}-1"), (("Authorization", "Basic YWdlbnQx"),)])
def test_a_request_of_another_process_is_refused_and_ends_the_connection(headers: Headers) -> None:
    standin = shared(0)

    refused = asked(standin, headers)

    assert (refused.status, dict(refused.headers)["Connection"]) == (421, "close")
    assert standin.report()["misdirected"] == 1


def report(**own: Any) -> dict[str, Any]:
    none = {"played": {}, "unplayed": [], "misses": [], "faults": [], "missed": 0, "misdirected": 0}
    return none | own


def test_reports_are_merged() -> None:
    fault = "http 500 once"
    first = report(played={"p1": [1]}, unplayed=[2, 3], misses=["a"], missed=1, faults=[{"fault": fault, "hit": 1}])
    second = report(played={"p1": [2]}, unplayed=[1, 3], misdirected=2, faults=[{"fault": fault, "hit": 2}])

    assert merged([first, second]) == {
        "played": {"0/p1": [1], "1/p1": [2]},
        "unplayed": [3],  # nobody asked for it, in any process
        "misses": ["a"],
        "faults": [{"fault": fault, "hit": 3}],
        "missed": 1,
        "misdirected": 2,
    }
