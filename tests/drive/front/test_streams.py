import asyncio
from dataclasses import replace

import pytest
from aiohttp import web

from recorder.drive.engine.allowing import Allowed
from recorder.drive.engine.plan import Act, Connection, Told
from recorder.drive.front.requests import opened_again
from recorder.model import Event

from .world import Script, out, plan, played, step

SSE = {"Content-Type": "text/event-stream"}


def told(number, connection, exchanges):
    event = Event(0, 0, 0, number % exchanges, "", "message", number)
    return Told(number, "s1", connection, (0, 0), 0, None, event=event)


def play(server, *steps, events=0, recorded=0, exchanges=1, protocol="sse", **more):
    connection = Connection("f1", "s1", protocol, "/feed", protocol == "websocket", ("v1",) * (protocol != "sse"))
    script = Script(*map(out, steps), events=events)
    heard = tuple(told(number, "f1", exchanges) for number in range(recorded))
    tape = asyncio.run(played(server, script, plan(*steps, connections=(connection,), told=heard), **more))
    return script, tape


def stream(number=0):
    return step(number, Act.STREAM, "GET", "/feed", connection="f1")


class Feed:
    """A server of events: each connection gets the next of these texts, and is then closed, held or cut."""

    def __init__(self, *parts, end="hold"):
        self.parts, self.end, self.asked = list(parts), end, []

    async def __call__(self, request):
        self.asked.append(request.headers.get("Last-Event-ID"))
        if not self.parts:
            return web.Response(status=204)
        answer = web.StreamResponse(headers=SSE)
        await answer.prepare(request)
        await answer.write(self.parts.pop(0))
        if self.end == "cut":
            request.transport.abort()
        elif self.end == "hold":
            await asyncio.Event().wait()
        return answer


def test_events_of_a_stream_are_heard():
    script, tape = play(Feed(b"id: 1\nevent: hi\ndata: 1\n\n: beat\n\ndata: 2\n\n"), stream(), events=3, recorded=3)

    assert script.answers[0].status == 200
    assert script.events == [("f1", "hi", 1), ("f1", ":", "beat"), ("f1", "message", 2)]
    assert script.said == []
    assert tape.lines[-1][0] == "closed"


@pytest.mark.parametrize("end", ["close", "cut"])
def test_a_stream_that_ends_too_early_is_asked_for_again_from_the_last_event_on(end):
    feed = Feed(b"retry: 1\nid: 7\ndata: 1\n\n", b"data: 2\n\n", end=end)

    script, _ = play(feed, stream(), events=2, recorded=2)

    assert [event[2] for event in script.events] == [1, 2]
    assert feed.asked[:2] == [None, "7"]
    assert script.said[0][:2] == ("lost", "f1")


def test_a_stream_that_was_asked_for_again_is_so_without_a_word():
    feed = Feed(b"retry: 1\nid: 7\ndata: 1\n\n", b"data: 2\n\n", end="close")

    script, _ = play(feed, stream(), events=2, recorded=2, exchanges=2)

    assert (script.said, feed.asked[:2]) == ([], [None, "7"])


def test_a_stream_that_ends_as_recorded_is_not_asked_for_again():
    feed = Feed(b"retry: 1\ndata: 1\n\n", b"data: 2\n\n", end="close")

    script, _ = play(feed, stream(), events=1, recorded=1)

    assert (script.said, feed.asked) == ([], [None])


def test_a_stream_that_does_not_come_back_is_gone():
    feed = Feed(b"retry: 1\ndata: 1\n\n", end="cut")

    script, _ = play(feed, stream(), events=2, recorded=2, patience=0.05)

    assert [line[0] for line in script.said] == ["lost", "gone"]
    assert "status 204" in script.said[1][2]


def test_an_answer_that_is_no_stream_is_an_answer():
    async def refuse(request):
        return web.Response(status=401, text="who?")

    script, tape = play(refuse, stream())

    assert (script.answers[0].status, script.answers[0].body) == (401, b"who?")
    assert [line[0] for line in tape.lines] == ["request", "response"]


def test_a_client_ends_its_stream():
    feed = Feed(b"data: 1\n\n")

    _, tape = play(feed, stream(), step(1, Act.CLOSE, "GET", "/feed", connection="f1"), recorded=9)

    assert tape.lines[-1] == ("closed", "0", "the client closed the connection")


def socket(number=0):
    return step(number, Act.SOCKET, "GET", "/feed", connection="f1")


def message(number, payload=b'{"type":"ask"}'):
    return step(number, Act.MESSAGE, "GET", "/feed", connection="f1", payload=payload)


async def echoing(request):
    answer = web.WebSocketResponse(protocols=["v1"])
    await answer.prepare(request)
    async for one in answer:
        if one.data == "bye":
            await answer.close(code=4000, message=b"as asked")
        else:
            await answer.send_str(one.data)
    return answer


def test_messages_of_a_websocket_are_sent_and_heard():
    script, tape = play(echoing, socket(), message(1), message(2), events=2, recorded=2, protocol="websocket")

    assert script.answers[0].status == 101
    assert ("Sec-WebSocket-Protocol", "v1") in script.answers[0].headers
    assert [event[:2] for event in script.events] == [("f1", "ask")] * 2
    assert script.said == []
    assert tape.lines[-1] == ("closed", "0", "websocket closed by client, code 1000")


def test_a_websocket_that_was_opened_again_is_opened_again_where_it_was():
    again = message(2)
    again = replace(again, request=replace(again.request, exchange=1, target="/feed?after=1"))
    steps = socket(), message(1, b"bye"), again

    script, tape = play(echoing, *steps, events=1, recorded=1, protocol="websocket")

    assert script.said == []
    assert script.events == [("f1", "ask", {"type": "ask"})]
    assert [line[3] for line in tape.lines if line[0] == "request"] == ["/feed", "/feed?after=1"]
    assert ("closed", "0", "websocket closed by server, code 4000: as asked") in tape.lines


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        ("/feed?token=new&after=0", "/feed?token=new&after=1"),  # not with the recorded token
        ("/feed?token=new&after=0&more", "/feed?token=new&after=0&more"),  # nobody knows which part is which
        ("/feed?token=old&after=0", "/feed?token=later&after=1"),
    ],
)
def test_a_websocket_is_opened_again_with_live_values(live, wanted):
    assert opened_again("/feed?token=old&after=0", live, "/feed?token=later&after=1") == wanted


def test_a_stream_that_may_write_is_not_asked_for_again():
    feed = Feed(b"retry: 1\ndata: 1\n\n", b"data: 2\n\n", end="cut")
    one = step(0, Act.STREAM, "POST", "/feed", connection="f1")

    script, tape = play(feed, one, events=2, recorded=2)

    assert [line[2] for line in tape.lines if line[0] == "request"] == ["POST"]
    assert [line[0] for line in script.said] == ["gone"]
    assert "is not sent again" in script.said[0][2]


def test_a_long_answer_that_is_no_stream_is_kept_in_part(monkeypatch):
    monkeypatch.setattr("recorder.drive.front.wire.KEPT", 100_000)

    async def long(request):
        return web.Response(text="x" * 300_000, content_type="text/plain")

    script, _ = play(long, stream())

    assert 0 < len(script.answers[0].body) <= 100_000


def test_a_websocket_that_does_not_come_back_is_gone():
    asked = []

    async def only_once(request):
        asked.append(request.path)
        return await echoing(request) if len(asked) == 1 else web.Response(status=410)

    script, _ = play(only_once, socket(), message(1, b"bye"), events=1, recorded=1, protocol="websocket")

    assert [line[0] for line in script.said] == ["lost", "gone"]
    assert "with code 4000" in script.said[0][2]
    assert len(asked) == 2


def test_a_websocket_that_ends_as_recorded_is_not_opened_again():
    script, tape = play(echoing, socket(), message(1), message(2, b"bye"), events=1, recorded=1, protocol="websocket")

    assert script.said == []
    assert len([line for line in tape.lines if line[0] == "request"]) == 1


def test_a_refused_websocket_is_told_with_its_status():
    async def refuse(request):
        return web.Response(status=403)

    script, _ = play(refuse, socket(), message(1), protocol="websocket")

    assert script.answers[0].status == 403


def test_a_message_that_is_not_allowed_does_not_leave():
    seen = []

    async def look(request):
        answer = web.WebSocketResponse(protocols=["v1"])
        await answer.prepare(request)
        seen.extend([one.data async for one in answer])
        return answer

    play(look, socket(), message(1), protocol="websocket", allowed=Allowed())

    assert seen == []
