"""A miss tells in its first line why nothing matched, then how far the client is and what to do."""

from __future__ import annotations

from collections import Counter

import pytest

from recorder.dialect.definition import load
from recorder.replay.engine.matching.matcher import Matcher
from recorder.replay.engine.miss import Miss, explain, no_session
from recorder.replay.engine.sessions.playhead import Playhead
from tests.wire import DEVICE, Ask, Wire, chained, complete, get_me, operation, preview

RECORDED = (preview("r1"), chained(7, "r2"), complete(7, "r3"))


def miss(live: Ask, *recorded: Ask, played: tuple[int, ...] = ()) -> Miss:
    """What is told of a request to a recording, some of which was played."""
    wire = Wire()
    desk = wire.desk()
    for ask in recorded:
        wire.ack(desk.post(ask))
    matcher = Matcher(wire.recording(), load())
    playhead = Playhead("p1", "cookie1", played=Counter(played))
    return explain(matcher.call(live.method, live.target, live.body), playhead, matcher)


PATH = "/api/v2/me/outbound-records/7"


@pytest.mark.parametrize(
    ("live", "nearest", "cause"),
    [
        (chained(8), 2, 'handle "8" is in no recorded GetChainedRecord; there is "7"'),
        (chained("x"), 2, 'handle "x" is in no recorded GetChainedRecord; there is "7"'),
        (Ask("/api/v2/records/7", chained().content), 2, f'path differs: recorded "{PATH}", live "/api/v2/records/7"'),
        (operation(PATH, "Reject"), 2, 'operation differs: recorded "GetChainedRecord", live "Reject"'),
        (complete(7, callResult="Answer"), 3, 'body.callResult differs: recorded nothing, live "Answer"'),
        (complete(7, callingList="List2"), 3, 'body.callingList differs: recorded "CallingList1", live "List2"'),
        (complete(7).without("callingList"), 3, 'body.callingList differs: recorded "CallingList1", live nothing'),
        (
            chained(7).without("devicePath"),
            2,
            f'body.devicePath differs: recorded "/devices/{DEVICE}", live nothing',
        ),
        (Ask(PATH, chained().content, "PUT"), 2, 'method differs: recorded "POST", live "PUT"'),
        (Ask(PATH, b"", "GET"), 2, 'method differs: recorded "POST", live "GET"'),
        (Ask("/api/v2/you", b"", "GET"), 0, 'path differs: recorded "/api/v2/me", live "/api/v2/you"'),
    ],
)
def test_the_first_line_names_the_nearest_and_the_cause(live: Ask, nearest: int, cause: str) -> None:
    named = {
        0: "GET /api/v2/me",
        2: f"triple 2, POST {PATH} (GetChainedRecord)",
        3: f"triple 3, POST {PATH} (CompleteRecord)",
    }

    assert miss(live, *RECORDED, get_me()).summary.partition(": nearest is ")[2] == f"{named[nearest]}: {cause}"


def test_the_first_line_says_that_a_body_is_no_json() -> None:
    found = miss(Ask(chained(7).target, b"operationName GetChainedRecord"), *RECORDED, get_me())

    assert found.summary.startswith(
        "no recorded request matches POST /api/v2/me/outbound-records/7: nearest is triple 2,"
    )
    assert "body (live: no JSON object) differs: " in found.summary
    assert found.summary.endswith('live "operationName GetChainedRecord"')


def test_the_first_line_says_that_it_was_played() -> None:
    assert miss(chained(7, "live"), *RECORDED, played=(1,)).summary == (
        "no recorded request matches POST /api/v2/me/outbound-records/7 (GetChainedRecord): played already: "
        "triple 2, POST /api/v2/me/outbound-records/7 (GetChainedRecord) was requested more often than "
        "it was recorded"
    )


def test_the_first_line_says_that_there_is_nothing() -> None:
    assert miss(chained(7)).summary.endswith(": the cassette holds no request at all")


def test_the_text_is_the_whole_explanation() -> None:
    found = miss(chained(8, callResult="Answer"), *RECORDED, played=(0,))

    assert found.call == "POST /api/v2/me/outbound-records/8 (GetChainedRecord)"
    assert found.text == (
        f"{found.summary}\n"
        '  also: body.callResult differs: recorded nothing, live "Answer"\n'
        "played so far: 1\n"
        "expected next: triple 2, POST /api/v2/me/outbound-records/7 (GetChainedRecord)\n"
        "what to do: if the client is right, record again; if not, the first difference above is where it went wrong\n"
    )


def test_at_most_five_more_differences_are_told() -> None:
    live = chained(7, **{f"field{n}": n for n in range(9)})

    assert miss(live, *RECORDED).text.count("  also: ") == 5


def test_progress_counts_triples_and_not_other_exchanges() -> None:
    found = miss(chained(8), get_me(), *RECORDED, played=(0, 1, 2, 3))

    assert "played so far: 1, 2, 3\nexpected next: nothing, all was played\n" in found.text


def test_nothing_was_played_at_first() -> None:
    assert "played so far: nothing\nexpected next: triple 1, " in miss(chained(8), *RECORDED).text


def test_of_several_sessions_the_one_that_is_meant_cannot_be_told() -> None:
    wire = Wire()
    live = Matcher(wire.recording(), load()).call("POST", chained(7).target, chained(7).body)

    found = no_session(live, 3)

    assert found.summary.endswith(": 3 sessions are live, and this request does not show its own")
    assert "BAYEUX_BROWSER" in found.text


@pytest.mark.parametrize(
    "live",
    [
        Ask("/a%0d%0aSet-Cookie:%20x=1", chained(7).content),
        Ask("/a", {"operationName": "x\r\ny"}),
        Ask("/a", {"operationName": "x\u2028y"}),
        Ask("/a", b'{"operationName": "x\\ud800"}'),
        Ask("/a", b'{"operationName": "GetChainedRecord", "a\\nb": "\\u001b[31m"}'),
        Ask("/a", b"\x1b]0;title\x07\xff"),
    ],
)
def test_whatever_was_sent_the_first_line_is_one_line_that_can_be_printed(live: Ask) -> None:
    found = miss(live, *RECORDED)

    assert found.summary.isprintable()
    assert found.summary.encode()
    assert found.text.splitlines()[0] == found.summary
    assert all(line.isprintable() for line in found.text.splitlines())
