from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest

from recorder.diagnose.incidents import Disturbance, Disturbances
from recorder.model import CUT, TOLD, Failure, Headers, Note, Record, Response
from tests.wire import URL, Message, Wire, body, chained, done

BROWSER: Headers = (("Cookie", "JSESSIONID=1; BAYEUX_BROWSER=b1"),)


def found(wire: Wire) -> list[Disturbance]:
    disturbances = Disturbances()
    for record in wire.records:
        disturbances.feed(record)
    return list(disturbances.found())


def texts(wire: Wire) -> list[str]:
    return [f"{kind}: {text}" for kind, _, text in found(wire)]


def notes(wire: Wire, kind: str = "gap") -> None:
    at = wire.records[-1].t if wire.records else 0
    wire.records.append(Note(len(wire.records), at, kind, "the upstream cannot be reached: refused"))


def refusal(error: str = "402::session_unknown") -> list[Message]:
    advice = {"reconnect": "handshake"}
    return [{"channel": "/meta/connect", "successful": False, "error": error, "advice": advice}]


def test_a_quiet_session_has_none() -> None:
    wire = Wire()
    desk = wire.desk(headers=BROWSER)
    desk.asks(chained(7, "r1"), done(7, "r1"))
    desk.polls()

    assert found(wire) == []


# The upstream


def test_a_gap_lasts_from_the_first_sign_to_the_next_answer() -> None:
    wire = Wire()
    desk = wire.desk()
    first = len(wire.records) + 2
    post, poll = desk.post(chained(7)), desk.polls()
    wire.fail(poll, "server closed connection")
    wire.wait(2.5)
    notes(wire)
    wire.fail(post, "[Errno 111] Connect call failed")
    wire.wait(1)
    wire.ack(desk.post(chained(8)))

    gap, *others = found(wire)
    assert gap == ("gap", f"record {first}", "the upstream could not be reached for 3.5 s; 2 requests failed")
    assert [kind for kind, _, _ in others] == ["upstream-hung-up", "poll-aborted"]


def test_an_upstream_that_never_comes_back_is_gone_to_the_end() -> None:
    wire = Wire()
    notes(wire)

    assert texts(wire) == ["gap: the upstream could not be reached to the end of the capture; 0 requests failed"]


def test_two_gaps_are_two() -> None:
    wire = Wire()
    desk = wire.desk()
    for _ in range(2):
        notes(wire)
        desk.hears()

    assert [kind for kind, _, _ in found(wire)] == ["gap", "gap"]


def test_a_connection_that_ends_is_no_gap() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(chained(7)), "server closed connection")
    desk.hears()

    assert texts(wire) == [
        "upstream-hung-up: the upstream ended 1 request without an answer: server closed connection (record 7)"
    ]


def test_a_request_that_the_client_gave_up_is_no_disturbance() -> None:
    wire = Wire()
    wire.fail(wire.desk().post(chained(7)))

    assert found(wire) == []


def test_other_notes_are_none() -> None:
    wire = Wire()
    notes(wire, "session")

    assert found(wire) == []


# Sessions


@pytest.mark.parametrize("error", ["402::session_unknown", "401:c1:Unknown client"])
def test_a_lost_session_is_named_with_the_handshake_after_it(error: str) -> None:
    wire = Wire()
    desk = wire.desk("c1")
    poll = desk.polls()
    wire.respond(poll, refusal(error))
    wire.wait(1.5)
    desk.shakes_hands()

    assert texts(wire) == [
        f"session-lost: the server no longer knew the client c1 ({error}); a client began a new session 1.5 s later"
    ]


def test_a_session_that_is_refused_again_and_again_is_lost_once() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    for _ in range(3):
        wire.respond(desk.polls(), refusal())

    assert texts(wire) == [
        "session-lost: the server no longer knew the client c1 (402::session_unknown); no client began a new session",
        "session-cycles: the server refused sessions 3 times",
    ]


def test_a_client_that_said_goodbye_loses_nothing() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    goodbye = {"channel": "/meta/disconnect", "clientId": "c1"}
    wire.respond(desk.bayeux(goodbye), [goodbye | {"successful": True}])
    wire.respond(desk.polls(), refusal("401:c1:Unknown client"))

    assert found(wire) == []


def test_an_error_of_another_kind_loses_no_session() -> None:
    wire = Wire()
    wire.respond(wire.desk().polls(), [refusal("403::denied")[0] | {"advice": {"reconnect": "retry"}}])

    assert found(wire) == []


# Polls


def test_polls_without_an_answer_are_told_by_who_ended_them() -> None:
    wire = Wire()
    desk = wire.desk()
    for reason in ("Client disconnected.", "Client disconnected.", "server closed connection"):
        wire.fail(desk.polls(), reason)

    assert texts(wire)[1] == (
        "poll-aborted: 3 polls ended without an answer, 2 of them closed by the client: "
        "events in these polls are lost and missing in their triples"
    )


def test_a_second_poll_is_told_with_what_became_of_the_first() -> None:
    wire = Wire()
    desk = wire.desk()
    old = desk.polls()
    desk.polls()
    wire.respond(old, b"", 500)
    desk.hears()
    desk.polls()

    assert texts(wire) == [
        "overlapping-polls: 1 poll began while another of the same client was open; the server ended 1 with an error"
    ]


def test_polls_of_two_clients_do_not_overlap() -> None:
    wire = Wire()
    wire.desk().polls()
    wire.desk().polls()

    assert found(wire) == []


# Tabs


def test_two_clients_of_one_browser_that_both_poll_are_two_tabs() -> None:
    wire = Wire()
    one, two = wire.desk(headers=BROWSER), wire.desk(headers=BROWSER)
    one.hears()
    two.hears()

    assert texts(wire) == ["two-tabs: 2 live sessions shared a browser cookie with another: two tabs, or windows"]


def test_a_client_that_comes_after_another_in_the_same_browser_is_no_second_tab() -> None:
    wire = Wire()
    one = wire.desk("c1", headers=BROWSER)
    goodbye = {"channel": "/meta/disconnect", "clientId": "c1"}
    wire.respond(one.bayeux(goodbye), [goodbye | {"successful": True}])
    two = wire.desk(headers=BROWSER)
    two.hears()
    two.hears()

    assert found(wire) == []


def test_two_browsers_are_not_two_tabs() -> None:
    wire = Wire()
    one, two = wire.desk(headers=BROWSER), wire.desk(headers=(("Cookie", "JSESSIONID=1; BAYEUX_BROWSER=b2"),))
    one.hears()
    two.hears()
    one.hears()

    assert found(wire) == []


def test_the_server_says_itself_that_there_are_two_tabs() -> None:
    wire = Wire()
    advice = {"multiple-clients": True, "reconnect": "retry", "interval": 2000}
    wire.respond(wire.desk().polls(), [{"channel": "/meta/connect", "successful": True, "advice": advice}])

    assert texts(wire) == ["two-tabs: 1 live sessions shared a browser cookie with another: two tabs, or windows"]


# Sockets and streams


@pytest.mark.parametrize(
    ("reason", "told"), [("server closed connection", ["stream-cut"]), ("Client disconnected.", [])]
)
def test_a_stream_that_breaks_was_answered(reason: str, told: list[str]) -> None:
    wire = Wire()
    opened = wire.request("GET", "/events", b"")
    wire.records.append(Response(1, 1, opened, 200, (), b"", streamed=True))
    wire.fail(opened, reason)

    assert [kind for kind, *_ in found(wire)] == told


def socket(wire: Wire) -> int:
    upgrade = wire.request("GET", "/api/v2/notifications", b"")
    wire.respond(upgrade, b"", status=101)
    return upgrade


@pytest.mark.parametrize("who", ["client", "server"])
def test_a_socket_that_is_cut_is_named_with_what_waited(who: str) -> None:
    wire = Wire()
    opened = socket(wire)
    wire.request("POST", "/api/v2/me", b"{}")
    wire.fail(opened, f"websocket closed by {who}, code 1006")

    assert found(wire) == [
        ("socket-cut", "record 3", f"a WebSocket was cut by the {who} (1006) while 1 request waited for an answer")
    ]


@pytest.mark.parametrize("code", [1000, 1001, 1005, 4001])
def test_a_socket_that_is_closed_in_form_is_no_disturbance(code: int) -> None:
    wire = Wire()
    wire.fail(socket(wire), f"websocket closed by server, code {code}")

    assert found(wire) == []


def test_a_session_on_a_socket_is_lost_like_any_other() -> None:
    wire = Wire()
    opened = socket(wire)
    wire.frame(opened, {"channel": "/meta/connect", "clientId": "c1"}, from_client=True)
    wire.frame(opened, *refusal(), from_client=False)

    assert texts(wire) == [
        "session-lost: the server no longer knew the client c1 (402::session_unknown); no client began a new session"
    ]


def test_records_that_fit_nothing_are_no_trouble() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7), done(7))
    alone: list[Record] = [replace(record, exchange=99) for record in wire.records if not isinstance(record, Note)]
    wire.records = [*alone[::-1], Failure(0, 0, 98, "odd")]

    assert [kind for kind, _, _ in found(wire)] == ["upstream-hung-up"]


def test_a_session_that_the_server_ended_is_told() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    poll = desk.polls()
    ended = [{"channel": "/meta/disconnect", "successful": True}]
    wire.respond(poll, [*ended, {"channel": "/meta/connect", "successful": True, "advice": {"reconnect": "none"}}])
    wire.wait(1.5)
    wire.desk("c2")

    assert texts(wire) == [
        "session-ended: the server ended the session of c1; a client began a new session 1.5 s later"
    ]


def test_a_session_that_its_client_ended_is_not() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    poll = desk.polls()
    goodbye = desk.bayeux({"channel": "/meta/disconnect", "clientId": "c1"})
    wire.respond(poll, [{"channel": "/meta/connect", "successful": True, "advice": {"reconnect": "none"}}])
    wire.respond(goodbye, [{"channel": "/meta/disconnect", "successful": True}])

    assert texts(wire) == []


def test_a_session_that_was_refused_behind_a_disconnect_is_lost() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    wire.respond(desk.polls(), [{"channel": "/meta/disconnect"}, *refusal("401::Authentication invalid")])

    lost = "the server no longer accepted the client c1 (401::Authentication invalid); no client began a new session"
    assert texts(wire) == [f"session-lost: {lost}"]


# How servers say that a session is gone

HANDSHAKE, NONE, RETRY = ({"reconnect": action, "interval": 0} for action in ("handshake", "none", "retry"))


def refused(channel: str, error: str, advice: Message | None = None) -> Message:
    told = {"channel": channel, "successful": False, "error": error, "id": "9"}
    return told if advice is None else told | {"advice": advice}


@pytest.mark.parametrize(
    ("error", "advice", "verb"),
    [
        ("402::Unknown client", HANDSHAKE, "knew"),
        ("402:c1:session_unknown", None, "knew"),
        ("403::Unknown client", HANDSHAKE, "knew"),
        ("403::Unknown client", None, "knew"),
        ("404::unknown_session", HANDSHAKE, "knew"),
        ("404::Unknown session", RETRY, "knew"),
        ("401:c1:Unknown client", HANDSHAKE, "knew"),
        ("401::Authentication invalid", HANDSHAKE, "accepted"),
        ("401::Authentication invalid", NONE, "accepted"),
        ("401::Request requires authentication", None, "accepted"),
        ("500::server going down", HANDSHAKE, "accepted"),
        ("", HANDSHAKE, "accepted"),
    ],
)
@pytest.mark.parametrize("channel", ["/meta/connect", "/meta/subscribe", "/a"])
def test_every_way_to_refuse_a_session_loses_it(channel: str, error: str, advice: Message | None, verb: str) -> None:
    wire = Wire()
    desk = wire.desk("c1")
    asked = desk.bayeux({"channel": channel, "clientId": "c1", "id": "9"})
    wire.respond(asked, [refused(channel, error, advice)])
    wire.wait(2)
    desk.shakes_hands()

    why = f" ({error})" if error else ""
    assert texts(wire) == [
        f"session-lost: the server no longer {verb} the client c1{why}; a client began a new session 2.0 s later"
    ]


@pytest.mark.parametrize(
    ("error", "advice"),
    [("403::denied", None), ("403::denied", RETRY), ("404::channel_unknown", None)],
)
def test_other_refusals_lose_no_session(error: str, advice: Message | None) -> None:
    wire = Wire()
    asked = wire.desk("c1").bayeux({"channel": "/meta/subscribe", "clientId": "c1", "subscription": "/a"})
    wire.respond(asked, [refused("/meta/subscribe", error, advice)])

    assert found(wire) == []


def test_a_session_that_was_ended_before_its_refusal_is_told_as_ended_once() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    desk.hears({"channel": "/meta/disconnect", "clientId": "c1"})
    wire.respond(desk.polls(), [refused("/meta/connect", "401::Authentication invalid", NONE)])

    assert texts(wire) == ["session-ended: the server ended the session of c1; no client began a new session"]


def test_a_session_that_is_told_to_stop_is_ended_for_the_reason_named() -> None:
    wire = Wire()
    wire.respond(wire.desk("c1").polls(), [refused("/meta/connect", "403::too_many_sessions", NONE)])

    assert texts(wire) == [
        "session-ended: the server ended the session of c1 (403::too_many_sessions); no client began a new session"
    ]


def test_a_client_that_is_about_to_leave_loses_nothing() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    poll = desk.polls()
    desk.bayeux({"channel": "/meta/disconnect", "clientId": "c1"})
    wire.respond(poll, [refused("/meta/connect", "402::session_unknown", HANDSHAKE)])

    assert found(wire) == []


@pytest.mark.parametrize("error", ["401::Authentication invalid", "403::Handshake denied", "402::Unknown client", ""])
@pytest.mark.parametrize("on_socket", [False, True])
def test_a_refused_handshake_is_no_lost_client(error: str, on_socket: bool) -> None:
    wire = Wire()
    shake, reply = {"channel": "/meta/handshake", "version": "1.0"}, refused("/meta/handshake", error, NONE)
    if on_socket:
        opened = socket(wire)
        wire.frame(opened, shake, from_client=True)
        wire.frame(opened, reply, from_client=False)
    else:
        wire.respond(wire.request("POST", "/cometd", body([shake])), [reply])
    seq = len(wire.records) - 1

    told = f"the server refused 1 handshake: {error or 'no error is named'} (record {seq}); none succeeded after that"
    assert found(wire) == [("handshake-refused", f"record {seq}", told)]


def test_a_handshake_that_succeeds_in_the_end_is_told_so() -> None:
    wire = Wire()
    shake = [{"channel": "/meta/handshake", "version": "1.0"}]
    for _ in range(3):
        wire.respond(
            wire.request("POST", "/cometd", body(shake)),
            [refused("/meta/handshake", "401::Authentication invalid", NONE)],
        )
    wire.desk()

    assert texts(wire) == [
        "handshake-refused: the server refused 3 handshakes: 401::Authentication invalid (3, from record 1 on)"
    ]


# What is answered by something else than the Bayeux server


def test_polls_that_got_no_messages_are_told_by_what_they_got() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    first = len(wire.records) + 1
    for _ in range(2):
        wire.respond(desk.polls(), b"<html/>", 503, (("Retry-After", "2"),))
    wire.respond(desk.polls(), b"<html><form>")

    told = (
        f"3 polls got no Bayeux messages: HTTP 503, Retry-After 2 (2, from record {first} on); "
        f"an HTML page with a form, as for a login (record {first + 4}); they brought no events"
    )
    assert found(wire) == [("poll-failed", f"record {first}", told)]


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ({"channel": "/meta/handshake", "version": "1.0"}, "handshake"),
        ({"channel": "/meta/subscribe", "clientId": "c1", "subscription": "/a"}, "subscribe"),
        ({"channel": "/service/a", "clientId": "c1", "data": {}}, "publish"),
        ({"channel": "/meta/disconnect", "clientId": "c1"}, "disconnect"),
    ],
)
def test_other_bayeux_requests_that_got_no_messages_are_told_by_their_name(message: Message, name: str) -> None:
    wire = Wire()
    wire.respond(wire.request("POST", "/cometd", body([message])), b"<html>please wait")

    told = f"1 Bayeux request that asked for no events got no Bayeux messages: {name} by an HTML page (record 1)"
    assert found(wire) == [("bayeux-failed", "record 1", told)]


def test_nothing_is_told_of_an_answer_that_was_not_kept() -> None:
    wire = Wire()
    wire.respond(wire.desk().polls(), b"")
    seq = len(wire.records) - 1
    wire.records.append(Note(seq + 1, 0, CUT, f"record {seq} is kept without its body: not valid 'br'"))

    assert found(wire) == []


def test_an_api_that_answers_a_page_is_no_bayeux_server() -> None:
    wire = Wire()
    wire.respond(wire.desk().post(chained(7)), b"<html><form>", 503)

    assert found(wire) == []


def test_a_websocket_that_is_refused_is_told() -> None:
    wire = Wire()
    upgrade = wire.request("GET", "/cometd", b"", (("Upgrade", "WebSocket"), ("Connection", "upgrade")))
    wire.respond(upgrade, b"", 403)

    assert texts(wire) == ["upgrade-refused: 1 request for a WebSocket got none: HTTP 403 (record 1)"]


# Requests without an answer


def test_requests_without_an_answer_are_counted_by_the_reason() -> None:
    wire = Wire()
    for reason in ("server closed connection", "HTTP/2 protocol error", "server closed connection"):
        wire.fail(wire.request("GET", "/a", b""), reason)
    wire.fail(wire.request("GET", "/a", b""), "stream reset by client (CANCEL)")

    why = "server closed connection (2, from record 1 on); HTTP/2 protocol error (record 3)"
    assert texts(wire) == [f"upstream-hung-up: the upstream ended 3 requests without an answer: {why}"]


@pytest.mark.parametrize(
    "reason",
    [
        "Certificate verify failed: self-signed certificate",
        "Certificate verify failed: unable to get local issuer certificate",
        "The remote server does not speak TLS.",
        "OpenSSL Error([('SSL routines', '', 'tlsv1 alert unknown ca')])",
    ],
)
def test_trouble_with_certificates_is_no_hang_up(reason: str) -> None:
    wire = Wire()
    wire.fail(wire.request("GET", "/a", b""), reason)
    wire.records.append(Note(2, 0, "gap", f"the upstream cannot be reached: {reason}"))

    kinds = [kind for kind, _, _ in found(wire)]

    assert kinds == ["certificate"]
    assert reason in texts(wire)[0]


# What the recorder told


@pytest.mark.parametrize("kind", sorted(TOLD))
def test_what_the_recorder_told_is_told_again_once_for_each_kind(kind: str) -> None:
    wire = Wire()
    for text in ("a", "b", "a", "c", "d", "e", "f", "g"):
        wire.records.append(Note(len(wire.records), 0, kind, text))

    assert found(wire) == [(kind, "record 0", "a; b; c; d; e; and 2 more")]


# Long captures


def test_a_capture_of_any_length_is_told_in_some_lines_and_watched_in_little_memory() -> None:
    disturbances = Disturbances()
    for number in range(10_500):
        wire = Wire()
        poll = b'[{"channel":"/meta/connect","clientId":"c%d"}]' % number
        asked = wire.request("POST", URL, poll, (("Cookie", f"BAYEUX_BROWSER=b{number}"),))
        wire.respond(asked, b"", 500 + number % 99)
        wire.respond(wire.request("POST", URL, poll), [refused("/meta/connect", "402::Unknown client", HANDSHAKE)])
        deque(map(disturbances.feed, wire.records), maxlen=0)
    told = list(disturbances.found())

    assert len(told) < 30
    assert ("session-lost", "all", "and 10480 times more") in told
    assert largest(disturbances) <= 10_000


def largest(value: object) -> int:
    """Return the length of the largest collection in an object."""
    if isinstance(value, dict | list | set):
        inner = value.values() if isinstance(value, dict) else value
        return max([len(value), *map(largest, inner)])
    slots = getattr(type(value), "__slots__", ())
    return max((largest(getattr(value, name)) for name in slots), default=0)
