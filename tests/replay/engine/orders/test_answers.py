"""Which answers to requests that are no operations a schedule may move, and why not the others."""

from __future__ import annotations

import pytest

from recorder.model import Headers, Response
from recorder.replay.engine.orders.answers import Answers
from tests.wire import Wire


def answered(media: str, status: int = 200, target: str = "/calls") -> Answers:
    """One exchange whose answer has this type."""
    wire = Wire()
    exchange = wire.request("GET", target, b"")
    headers: Headers = (("Content-Type", media),) if media else ()
    wire.records.append(Response(len(wire.records), 1, exchange, status, headers, b"x"))
    return Answers(wire.recording())


@pytest.mark.parametrize("media", ["application/json", "text/plain; charset=utf-8", "", "application/xml"])
def test_an_answer_that_tells_of_a_state_may_be_moved(media: str) -> None:
    found = answered(media)

    assert found.has(1)
    assert found.why_not(1) == ""


@pytest.mark.parametrize("status", [404, 503, 204])
def test_an_answer_of_a_failure_may_be_moved(status: int) -> None:
    assert answered("application/json", status).has(1)


@pytest.mark.parametrize(
    "media", ["text/html", "TEXT/HTML; charset=utf-8", "text/css", "text/javascript", "image/svg+xml", "font/woff2"]
)
def test_what_belongs_to_a_page_keeps_its_place(media: str) -> None:
    found = answered(media)

    shown = media.partition(";")[0].lower()
    assert not found.has(1)
    assert found.why_not(1) == (
        f"answer p1 is no answer that may be moved: GET /calls belongs to a page ({shown}) (docs/races.md)"
    )


def test_redirects_streams_and_what_got_no_answer_keep_their_place() -> None:
    wire = Wire()
    wire.respond(wire.request("GET", "/old", b""), {}, status=301)
    wire.ends(wire.streams("/events"))
    wire.upgrades("/socket")
    wire.fail(wire.request("GET", "/gone", b""))
    answers = Answers(wire.recording())

    told = [answers.why_not(number).partition(": ")[2] for number in range(1, 5)]

    assert told == [
        "GET /old is a redirect or not modified, status 301 (docs/races.md)",
        "GET /events opens a stream (docs/races.md)",
        "GET /socket opens a stream (docs/races.md)",
        "GET /gone got no answer (docs/races.md)",
    ]
    assert not any(map(answers.has, range(1, 5)))


@pytest.mark.parametrize("number", [0, 2, 10**9])
def test_a_number_that_the_recording_lacks_is_told_with_those_it_has(number: int) -> None:
    found = answered("application/json")

    assert not found.has(number)
    assert found.why_not(number) == (
        f"the recording has no answer p{number}; it has 1 exchange without an operation, p1 (`recorder ls --all` "
        "shows their numbers)"
    )


def test_a_recording_of_operations_alone_says_so() -> None:
    assert Answers(Wire().recording()).why_not(1) == (
        "the recording has no answer p1: each of its requests starts an operation"
    )


def test_a_path_from_the_wire_is_cut_and_made_visible() -> None:
    told = answered("text/html", target=f"/\x1b{'a' * 500}").why_not(1)

    assert len(told) < 200
    assert "…" in told
