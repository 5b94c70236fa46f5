import asyncio
from dataclasses import replace

import pytest
from aiohttp import web

from recorder.drive.engine.allowing import Allowed
from recorder.drive.engine.plan import Act, Connection

from .world import CLOSE, BayeuxServer, Script, ok, out, plan, played, step

UPGRADE = (("Upgrade", "websocket"),)
BOTH = pytest.mark.parametrize("is_socket", [False, True])


def handshake(*, is_socket=False, **more):
    message = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"], **more}
    headers = UPGRADE if is_socket else ()
    return step(0, Act.HANDSHAKE, "POST", "/cometd/handshake", message=message, connection="b1", headers=headers)


def said(number, act, **message):
    return step(number, act, "POST", "/cometd", message=message, connection="b1")


def subscribe(number, name="/a", **more):
    return said(number, Act.SUBSCRIBE, channel="/meta/subscribe", subscription=name, **more)


def publish(number, channel="/service/x", **data):
    return said(number, Act.PUBLISH, channel=channel, data=data)


def disconnect(number):
    return said(number, Act.DISCONNECT, channel="/meta/disconnect")


def play(server, *steps, events=0, is_socket=False, acknowledges=False, **more):
    connection = Connection("b1", "s1", "bayeux", "/cometd/handshake", is_socket, acknowledges=acknowledges)
    script = Script(*map(out, steps), events=events)
    tape = asyncio.run(played(server, script, plan(*steps, connections=(connection,)), **more))
    return script, tape


def unknown(message):
    return [ok(message, successful=False, error="402::session_unknown", advice={"reconnect": "handshake"})]


def once(answer):
    """Return an answer that is given one time only."""
    left = [answer]
    return lambda message: left.pop()(message) if left else None


@BOTH
def test_a_session_from_its_begin_to_its_end(is_socket):
    server = BayeuxServer()
    server.on["/service/x"] = lambda message: server.push("/a", 1)
    steps = handshake(is_socket=is_socket), subscribe(1), publish(2, n=1), disconnect(3)

    script, _ = play(server, *steps, events=1, is_socket=is_socket)

    assert {number: answer.status for number, answer in script.answers.items()} == {0: 200, 1: 200, 2: 200, 3: 200}
    assert script.events == [("b1", "/a", 1)]
    assert script.said == []
    assert len(server.sent_on("/meta/handshake")) == 1
    assert [message["data"] for message in server.sent_on("/service/x")] == [{"n": 1}]
    assert len({message["id"] for message in server.got}) == len(server.got)


@BOTH
def test_the_first_poll_holds_up_nothing(is_socket):
    server = BayeuxServer()

    play(server, handshake(is_socket=is_socket), subscribe(1), is_socket=is_socket)

    assert server.sent_on("/meta/connect")[0]["advice"] == {"timeout": 0}
    assert "advice" not in server.sent_on("/meta/connect")[-1] or len(server.sent_on("/meta/connect")) == 1


@BOTH
def test_what_was_not_ended_in_the_recording_is_ended(is_socket):
    server = BayeuxServer()

    play(server, handshake(is_socket=is_socket), subscribe(1), is_socket=is_socket)

    assert [message["channel"] for message in server.got][-1] == "/meta/disconnect"


def test_events_come_before_and_after_the_reply_as_on_the_wire():
    server = BayeuxServer()
    event = {"channel": "/a", "data": 1}
    server.on["/service/x"] = lambda message: [event, ok(message), event]

    script, _ = play(server, handshake(), publish(1), events=2)

    assert script.order[-3:] == ["event /a", "answer 1", "event /a"]


def test_members_beside_the_data_are_sent():
    server = BayeuxServer()
    steps = handshake(ext={"token": "t"}), subscribe(1, ext={"replay": -1}), publish(2)

    play(server, *steps)

    assert server.sent_on("/meta/handshake")[0]["ext"] == {"token": "t"}
    assert server.sent_on("/meta/subscribe")[0]["ext"] == {"replay": -1}
    assert server.sent_on("/service/x")[0]["clientId"] == "c1"


@BOTH
def test_a_session_that_the_server_lost_is_begun_again_as_recorded(is_socket):
    server = BayeuxServer()
    steps = handshake(is_socket=is_socket, ext={"token": "t"}), subscribe(1, ext={"replay": -1}), publish(2)

    def lose(message):
        server.on["/meta/connect"] = once(unknown)
        server.push("/b", 0)

    server.on["/service/x"] = lose
    server.on["/meta/subscribe"] = lambda message: server.push("/a", 1) if message["clientId"] == "c2" else None
    script, _ = play(server, *steps, events=2, is_socket=is_socket)

    assert [message["ext"] for message in server.sent_on("/meta/handshake")] == [{"token": "t"}] * 2
    assert [(one["clientId"], one["ext"]) for one in server.sent_on("/meta/subscribe")] == [
        ("c1", {"replay": -1}),
        ("c2", {"replay": -1}),
    ]
    assert [line[:2] for line in script.said] == [("lost", "b1")]
    assert "402::session_unknown" in script.said[0][2]
    assert len(server.sent_on("/service/x")) == 1


@BOTH
def test_a_handshake_ends_the_session_whose_place_it_takes(is_socket):
    """As after a page is loaded again: the old session polls no more, and says nothing."""
    server = BayeuxServer()
    server.on["/service/x"] = lambda message: server.push("/a", 1)
    connections = tuple(
        Connection(key, "s1", "bayeux", "/cometd", is_socket, replaces=before)
        for key, before in (("b1", ""), ("b2", "b1"))
    )
    again = [replace(one, connection="b2") for one in (handshake(is_socket=is_socket), subscribe(1), publish(2))]
    steps = [handshake(is_socket=is_socket), subscribe(1), *(replace(one, number=one.number + 2) for one in again)]
    script = Script(*map(out, steps), events=1)

    asyncio.run(played(server, script, plan(*steps, connections=connections)))

    assert [answer.status for answer in script.answers.values()] == [200] * 5
    assert script.events == [("b2", "/a", 1)]
    assert script.said == []
    begun = max(at for at, message in enumerate(server.got) if message["channel"] == "/meta/handshake")
    assert {message["clientId"] for message in server.got[begun + 1 :]} == {"c2"}


@BOTH
def test_another_window_shakes_hands_once_the_first_one_polls(is_socket):
    """A server may take who shakes hands again, and does not poll, for a page that was loaded again."""
    server = BayeuxServer()
    connections = tuple(Connection(key, "s1", "bayeux", "/cometd", is_socket) for key in ("b1", "b2"))
    steps = [handshake(is_socket=is_socket), replace(handshake(is_socket=is_socket), number=1, connection="b2")]

    asyncio.run(played(server, Script(*map(out, steps)), plan(*steps, connections=connections)))

    before = server.got[: max(at for at, one in enumerate(server.got) if one["channel"] == "/meta/handshake")]
    assert [one for one in before if one["channel"] == "/meta/connect" and "advice" not in one] != []


def test_a_window_that_was_refused_holds_up_no_other_one():
    server = BayeuxServer()
    server.on["/meta/handshake"] = once(lambda message: [ok(message, successful=False, error="403::no", clientId=None)])
    connections = tuple(Connection(key, "s1", "bayeux", "/cometd") for key in ("b1", "b2"))
    steps = [handshake(), replace(handshake(), number=1, connection="b2")]
    script = Script(*map(out, steps))

    asyncio.run(played(server, script, plan(*steps, connections=connections), patience=60.0))

    assert {number: answer.status for number, answer in script.answers.items()} == {0: 403, 1: 200}


def test_a_session_that_the_server_does_not_want_again_is_gone():
    server = BayeuxServer()

    def lose(message):
        refusal = {"successful": False, "error": "403::no", "advice": {"reconnect": "none"}}
        server.on["/meta/connect"] = lambda poll: [ok(poll, **refusal)]
        server.push("/b", 0)

    server.on["/service/x"] = lose
    script, _ = play(server, handshake(), publish(1), events=9)

    assert ("gone", "b1") in [line[:2] for line in script.said]


def test_a_publish_on_a_socket_that_breaks_is_not_written_again():
    server = BayeuxServer()
    server.on["/service/x"] = lambda message: CLOSE
    steps = handshake(is_socket=True), publish(1), subscribe(2)

    script, _ = play(server, *steps, is_socket=True)

    assert len(server.sent_on("/service/x")) == 1
    assert script.answers[1].status is None
    assert "closed" in script.answers[1].failure
    assert script.answers[2].status == 200
    assert [line[:2] for line in script.said] == [("lost", "b1")]


def test_a_publish_whose_answer_gets_lost_is_not_sent_again():
    server = BayeuxServer()

    async def losing(request):
        answer = await server(request)
        if b"/service/x" in await request.read():
            request.transport.abort()
        return answer

    script, tape = play(losing, handshake(), publish(1))

    assert len(server.sent_on("/service/x")) == 1
    assert script.answers[1].status is None
    assert "failure" in [line[0] for line in tape.lines]


def test_an_interval_is_in_milliseconds():
    server = BayeuxServer()
    server.advice |= {"interval": 20}
    server.on["/service/x"] = lambda message: server.push("/a", 1)

    script, _ = play(server, handshake(), publish(1), publish(2), events=1)

    assert script.events[0] == ("b1", "/a", 1)


@pytest.mark.parametrize(
    "advice", [None, "retry", {"interval": "x"}, {"interval": -1, "timeout": "y"}, {"interval": []}]
)
def test_advice_that_is_none_does_no_harm(advice):
    server = BayeuxServer()
    server.advice = advice
    server.on["/service/x"] = lambda message: server.push("/a", 1)

    script, _ = play(server, handshake(), publish(1), events=1)

    assert script.events == [("b1", "/a", 1)]


def test_deliveries_are_acknowledged_if_they_were():
    server, batches = BayeuxServer(), iter(range(5, 99))

    def numbered(message):
        events, server.events = server.events, []
        is_held = not events and message.get("advice") != {"timeout": 0}
        return None if is_held else [*events, ok(message, ext={"ack": next(batches)})]

    server.on["/meta/connect"] = numbered
    server.on["/service/x"] = lambda message: server.push("/a", 1)

    play(server, handshake(ext={"ack": True}), publish(1), events=1, acknowledges=True)

    acks = [message["ext"]["ack"] for message in server.sent_on("/meta/connect")]
    assert acks[:2] == [-1, 5]


@BOTH
def test_what_is_not_allowed_does_not_leave(is_socket):
    server = BayeuxServer()
    steps = handshake(is_socket=is_socket), subscribe(1), publish(2), publish(3, "/a")

    script, _ = play(server, *steps, is_socket=is_socket, allowed=Allowed(["PUBLISH /service/*"]))

    assert server.sent_on("/a") == []
    assert len(server.sent_on("/service/x")) == 1
    assert script.answers[3].failure == "it is not allowed, and was not sent"


@pytest.mark.parametrize("status", [401, 503, 200])
def test_an_answer_without_bayeux_is_told_with_its_status(status):
    async def other(request):
        return web.Response(status=status, text="<html>")

    script, _ = play(other, handshake(), publish(1))

    assert (script.answers[0].status, script.answers[0].body) == (status, b"<html>")
    assert script.answers[1].failure == "its client did not shake hands" or script.answers[1].status == status


def test_a_refusal_has_the_number_of_its_error():
    server = BayeuxServer()
    server.on["/meta/subscribe"] = lambda message: [ok(message, successful=False, error="403:/a:denied")]
    server.on["/service/x"] = lambda message: [ok(message, successful=False, error="no")]

    script, _ = play(server, handshake(), subscribe(1), publish(2))

    assert [script.answers[number].status for number in (1, 2)] == [403, 400]


def test_replies_without_ids_answer_the_oldest_message_of_their_channel():
    server = BayeuxServer()

    def bare(message):
        reply = ok(message)
        del reply["id"]
        return [reply]

    server.on["/service/x"] = bare

    script, _ = play(server, handshake(), publish(1), publish(2), patience=0.1)

    assert [script.answers[number].status for number in (1, 2)] == [200, 200]
    assert len(server.sent_on("/service/x")) == 2


def test_several_subscriptions_in_one_message():
    server = BayeuxServer()

    script, _ = play(server, handshake(), subscribe(1, ["/a", "/b"]))

    assert script.answers[1].status == 200
    assert server.sent_on("/meta/subscribe")[0]["subscription"] == ["/a", "/b"]


def test_events_that_come_while_the_client_disconnects_are_heard():
    server = BayeuxServer()
    server.on["/service/x"] = lambda message: server.is_polled()  # else no poll might be there when it disconnects
    server.on["/meta/disconnect"] = lambda message: server.push("/a", 1)

    script, _ = play(server, handshake(), subscribe(1), publish(2), disconnect(3), events=1)

    assert script.events == [("b1", "/a", 1)]
    assert len(server.sent_on("/meta/disconnect")) == 1
    assert len(server.sent_on("/meta/handshake")) == 1


def test_a_server_that_takes_no_websocket_is_polled():
    server = BayeuxServer()

    async def without(request):
        if "Upgrade" in request.headers:
            return web.Response(status=404)
        return await server(request)

    script, _ = play(without, handshake(is_socket=True), subscribe(1), is_socket=True)

    assert script.answers[1].status == 200
    assert [line[:2] for line in script.said] == [("lost", "b1")]
    assert "WebSocket (404)" in script.said[0][2]


def test_a_handshake_by_polling_may_lead_to_a_websocket():
    server = BayeuxServer()

    script, tape = play(server, handshake(), subscribe(1), is_socket=True)

    assert script.answers[1].status == 200
    assert [line[0] for line in tape.lines][:5] == ["request", "response", "request", "response", "message"]


def test_an_event_with_an_id_is_no_reply():
    server = BayeuxServer()

    def publish_with_ids(message):
        server.push("/a", 1)
        polls = server.sent_on("/meta/connect")
        server.events[-1] |= {"id": polls[-1]["id"]} if polls else {}

    server.on["/service/x"] = publish_with_ids
    steps = [handshake(is_socket=True), *(publish(number) for number in range(1, 6))]

    script, _ = play(server, *steps, events=5, is_socket=True)

    assert script.said == []
    assert [script.answers[number].status for number in range(6)] == [200] * 6


@pytest.mark.parametrize(
    ("recorded", "sent"),
    [
        ("/cometd/handshake", "/cometd"),
        ("/cometd/", "/cometd/"),
        ("/api/connect", "/api/connect"),
        ("/c?jsonp=f&message=%5B%5D&x=1", "/c?x=1"),
        ("/handshake", "/"),
    ],
)
def test_messages_go_where_they_went(recorded, sent):
    server, paths = BayeuxServer(), set()

    async def look(request):
        paths.add(request.raw_path)
        return await server(request)

    first = handshake()
    first = replace(first, request=replace(first.request, target=recorded))
    play(look, first, subscribe(1))

    assert paths == {sent}


@BOTH
def test_a_server_that_answers_no_disconnect_holds_up_nothing(is_socket):
    server = BayeuxServer()

    async def silent(request):
        if b"/meta/disconnect" in await request.read():
            await asyncio.Event().wait()
        return await server(request)

    server.on["/meta/disconnect"] = lambda message: []

    script, _ = play(silent, handshake(is_socket=is_socket), subscribe(1), is_socket=is_socket)

    assert script.answers[1].status == 200


@BOTH
def test_a_server_that_forgets_each_session_is_not_asked_without_a_pause(is_socket):
    """An advice of no interval and of another handshake, for ever, would be followed a thousand times in a second."""
    server, begun = BayeuxServer(), []

    def forgets(message):
        now = asyncio.get_running_loop().time()
        begun.append(now)
        if now - begun[0] < 1.0:
            return [ok(message, successful=False, error="402::x", advice={"reconnect": "handshake", "interval": 0})]
        return [{"channel": "/a", "data": 1}, ok(message)]

    server.on["/meta/connect"] = forgets

    script, _ = play(server, handshake(is_socket=is_socket), is_socket=is_socket, events=1)

    assert script.events[0] == ("b1", "/a", 1)
    assert len(server.sent_on("/meta/handshake")) <= 15


@BOTH
def test_messages_of_odd_forms_end_nothing(is_socket):
    server = BayeuxServer()
    odd = [
        {"channel": "/x", "data": 1, "id": [1, 2]},
        {"channel": "/meta/connect", "id": {"a": 1}, "successful": "yes"},
        {"channel": "/meta/subscribe", "id": None, "subscription": [{"a": 1}]},
        {"channel": "/meta/handshake", "successful": True, "clientId": 7},
        {"channel": "/meta/connect", "advice": {"interval": 10**400, "timeout": 10**400, "reconnect": ["x"]}},
    ]
    server.on["/meta/subscribe"] = lambda message: [*odd, ok(message, subscription="/a"), {"channel": "/a", "data": 2}]

    script, _ = play(server, handshake(is_socket=is_socket), subscribe(1), is_socket=is_socket)

    assert script.answers[1].status == 200
