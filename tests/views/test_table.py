"""What stands on the terminal: a line a triple, one triple in full, and nothing that steers the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from recorder.model import Recording, Triple
from recorder.views import table
from recorder.views.screen import Screen
from recorder.views.table import detail, line
from tests.wire import Wire, body, campaign_event, chained, complete, done, get_me, operation, record_event, state_event

SEED = json.loads((Path(__file__).parents[1] / "lab" / "seed.json").read_text())
WIDE = Screen(1000, color=False)
HOSTILE = "\x1b[2J\x1b]0;title\x07\r\n\u202e\u2028\x9b"


def overview(triples: Iterable[Triple], screen: Screen | None = None) -> str:
    return "".join(table.overview(triples, screen))


def unsolicited(recording: Recording, screen: Screen | None = None) -> str:
    return "".join(table.unsolicited(enumerate(recording.unsolicited, 1), screen))


def seed() -> Recording:
    """The exchange of the API page: the ack after 25 ms, both events after 1.5 s."""
    wire = Wire()
    desk = wire.desk()
    poll = desk.polls()
    post = wire.request("POST", SEED["request"]["path"], body(SEED["request"]["body"]))
    wire.wait(0.025)
    wire.respond(post, SEED["ack"]["body"])
    wire.wait(1.475)
    wire.respond(poll, SEED["cometd_response"])
    return wire.recording()


def test_the_seed_is_a_line() -> None:
    assert overview(seed().triples) == (
        "n  operation         handle  referenceId  session  state     ack           events (ms after the request)\n"
        "1  GetChainedRecord  7       123456789    s1       complete  200 in 25 ms  "
        "ChainedRecordsDataEnd +1500, ChainedRecordsDataEnd +1500\n"
    )


def test_the_seed_in_full() -> None:
    first, second = (json.dumps(message["data"]) for message in SEED["cometd_response"][:2])

    assert detail(seed().triples[0]) == (
        "triple 1  GetChainedRecord  complete  session s1\n"
        "  request  POST /api/v2/me/outbound-records/7\n"
        '           {"devicePath":"/devices/c259da54-7c22-4a43-9440-77a92facc86b","operationName":"GetChainedRecord",'
        '"applicationId":134,"campaignName":"Campaign1","referenceId":"123456789"}\n'
        '  ack      200 after 25.0 ms  {"statusCode":0}\n'
        "  event    +1500.0 ms  /v2/me/outbound  ChainedRecordsDataEnd\n"
        f"           {first}\n"
        "           linked by reference, confidence 1.0: reference '123456789' of request 7 stands in the event\n"
        "  event    +1500.0 ms  /me/internal  ChainedRecordsDataEnd\n"
        f"           {second}\n"
        "           linked by twin, confidence 0.95: repeats ChainedRecordsDataEnd of request 7 on another channel\n"
    )


def test_no_triples_are_the_heading_alone() -> None:
    assert overview([]) == "n  operation  handle  referenceId  session  state  ack  events (ms after the request)\n"


def test_columns_are_as_wide_as_their_widest_value() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "r" * 100), done(7, "r" * 100))
    desk.asks(complete(123_456, "r2"))
    heading, first, second = overview(wire.recording().triples).splitlines()

    assert heading.index("session") == first.index("s1") == second.index("s1")
    assert heading.index("handle") == first.index("7  ") == second.index("123456")


def test_what_is_not_known_has_a_sign() -> None:
    wire = Wire()
    wire.request("POST", "/api/v2/me", b'{"operationName":"X"}')

    assert overview(wire.recording().triples).splitlines()[1].split() == ["1", "X", "-", "-", "?", "aborted", "-", "-"]


def test_an_exchange_that_is_no_operation_is_shown_by_its_request() -> None:
    wire = Wire()
    wire.respond(wire.desk().post(get_me()), {})

    assert overview(wire.recording().plain).splitlines()[1].startswith("0  GET /api/v2/me  ")


def test_a_triple_without_an_ack_says_why() -> None:
    wire = Wire()
    wire.fail(wire.desk().post(chained(7)), "Client disconnected.")
    wire.desk().post(chained(8))
    aborted, open_ = wire.recording().triples

    assert "  no ack   Client disconnected.\n" in detail(aborted)
    assert "  no ack   the capture ended before the ack came\n" in detail(open_)


def test_a_body_that_is_null_is_shown() -> None:
    wire = Wire()
    wire.respond(wire.desk().post(chained(7)), b"null")

    assert "  ack      200 after 0.0 ms  null\n" in detail(wire.recording().triples[0])


def test_a_body_that_is_no_text_is_shown_escaped() -> None:
    wire = Wire()
    wire.respond(wire.desk().post(chained(7)), b"\x89PNG\xff")

    assert r"  \x89PNG\xff" in detail(wire.recording().triples[0])


def test_unsolicited_events_are_a_line_each() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.wait(2.5)
    desk.hears(state_event(), campaign_event("CampaignStarted"))

    assert unsolicited(wire.recording()) == (
        "unsolicited events (seconds after the start of the capture):\n"
        "    u1     2.500 s  s1    /v2/me/devices  /v2/me/devices\n"
        "    u2     2.500 s  s1    /v2/me/outbound  CampaignStarted\n"
    )


def test_no_unsolicited_events_are_the_heading_alone() -> None:
    assert unsolicited(Wire().recording()) == "unsolicited events (seconds after the start of the capture):\n"


def hostile() -> Recording:
    """Everything a stranger may choose holds characters that steer a terminal."""
    wire = Wire()
    desk = wire.desk()
    ask = operation(f"/{HOSTILE}", HOSTILE, f"r{HOSTILE}", recordHandle=HOSTILE)
    wire.respond(desk.post(ask), HOSTILE.encode())
    desk.hears(
        record_event(HOSTILE, HOSTILE, f"r{HOSTILE}") | {"channel": f"/{HOSTILE}"},
        record_event(HOSTILE) | {"channel": f"/{HOSTILE}"},
    )
    wire.fail(wire.request(HOSTILE, f"/{HOSTILE}", HOSTILE.encode()), HOSTILE)
    return wire.recording()


@pytest.mark.parametrize(
    "show",
    [
        lambda recording: overview(recording.triples),
        lambda recording: overview(recording.plain),
        lambda recording: detail(recording.triples[0]),
        lambda recording: detail(recording.plain[0]),
        unsolicited,
        lambda recording: line(recording.triples[0]),
        lambda recording: overview(recording.triples, WIDE),
        lambda recording: detail(recording.triples[0], WIDE),
        lambda recording: detail(recording.plain[0], WIDE),
        lambda recording: unsolicited(recording, WIDE),
    ],
)
def test_control_characters_are_escaped(show: Callable[[Recording], str]) -> None:
    text = show(hostile())

    assert r"\x1b[2J" in text
    assert all(line.isprintable() for line in text.split("\n"))


def test_on_a_wide_screen_events_have_their_names_and_on_a_narrow_one_they_are_counted() -> None:
    wide, narrow = (overview(seed().triples, Screen(width, color=False)) for width in (120, 80))

    assert "ChainedRecordsDataEnd +1500, Cha" in wide
    assert narrow.splitlines()[1].endswith("complete  200 25 ms  2 to +1500 ms")


def test_on_a_screen_a_body_has_a_line_for_each_of_its_values() -> None:
    shown = detail(seed().triples[0], Screen(80, color=False)).splitlines()

    assert '             "applicationId": 134,' in shown
    assert "  ack      200 after 25.0 ms" in shown


def test_a_triple_without_columns() -> None:
    assert line(seed().triples[0]) == "GetChainedRecord  7  123456789  s1  complete  200 in 25 ms  2 to +1500 ms"


def test_on_a_screen_a_body_that_is_empty_takes_no_line() -> None:
    wire = Wire()
    wire.desk().post(get_me())

    assert detail(wire.recording().plain[0], Screen(80, color=False)).splitlines()[1:] == [
        "  request  GET /api/v2/me",
        "  no ack   the capture ended before the ack came",
    ]
