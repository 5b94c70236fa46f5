import json
from dataclasses import dataclass, field

from recorder.drive.front.tap import Sending, Tap
from recorder.push.rules import PushRules

from .world import Tape

SSE = (("Content-Type", "text/event-stream"),)


@dataclass
class Seen:
    """A tap, and all that it told in order."""

    told: list = field(default_factory=list)

    def __post_init__(self):
        self.tape, self.time = Tape(), 0
        self.tap = Tap(PushRules(), self._tick, self.tape, self._hear, self._reply)

    def _tick(self):
        self.time += 1
        return self.time

    def _hear(self, connection, event):
        self.told.append((connection, event.channel, event.data))

    def _reply(self, connection, reply):
        self.told.append((connection, reply["channel"], reply["id"]))

    def exchange(self, asked, answer, connection="b1"):
        sending = Sending("s1", "POST", "/cometd", json.dumps(asked).encode(), connection)
        self.tap.request(sending, ())
        self.tap.response(sending, 200, (), json.dumps(answer).encode())


def test_events_and_replies_are_told_in_the_order_of_the_wire():
    seen = Seen()
    event = {"channel": "/a", "data": 1}
    reply = {"channel": "/a", "id": "1", "successful": True}

    seen.exchange([{"channel": "/a", "id": "1", "data": 1, "clientId": "c"}], [event, reply, event])

    assert seen.told == [("b1", "/a", 1), ("b1", "/a", "1"), ("b1", "/a", 1)]
    assert seen.tap.heard == {"b1": 2}


def test_an_event_that_is_sent_again_for_want_of_an_acknowledgement_is_told_once():
    seen = Seen()
    poll = {"channel": "/meta/connect", "clientId": "c", "id": "1", "ext": {"ack": -1}}
    event = {"channel": "/a", "data": 1}
    reply = {"channel": "/meta/connect", "id": "1", "successful": True, "ext": {"ack": 1}}

    seen.exchange([poll], [event, reply])
    seen.exchange([poll], [event, reply])

    assert [told for told in seen.told if told[1] == "/a"] == [("b1", "/a", 1)]


def test_what_belongs_to_no_connection_is_told_to_nobody():
    seen = Seen()

    seen.exchange([{"channel": "/a", "id": "1"}], [{"channel": "/a", "data": 1}], connection="")

    assert seen.told == []


def test_events_of_a_stream_are_told_when_they_are_whole():
    seen = Seen()
    sending = Sending("s1", "GET", "/feed", connection="f1")
    seen.tap.request(sending, SSE)
    chunks = seen.tap.stream(sending, 200, SSE, "text/event-stream")

    chunks.passes(b"data: 1\n\nda")
    before = list(seen.told)
    chunks.passes(b"ta: 2\n\n")
    chunks.end()
    seen.tap.ended(sending, "too late")

    assert before == [("f1", "message", 1)]
    assert seen.told == [("f1", "message", 1), ("f1", "message", 2)]
    assert [line[0] for line in seen.tape.lines] == ["request", "stream", "chunk", "chunk", "chunk"]


def test_a_stream_that_breaks_is_closed_once():
    seen = Seen()
    sending = Sending("s1", "GET", "/feed", connection="f1")
    seen.tap.request(sending, SSE)
    seen.tap.stream(sending, 200, SSE, "text/event-stream")

    seen.tap.ended(sending, "reset")
    seen.tap.ended(sending, "reset")

    assert [line[0] for line in seen.tape.lines] == ["request", "stream", "closed"]


def test_a_step_is_marked_once_when_its_bytes_leave():
    left = []
    seen = Seen()
    sending = Sending("s1", "GET", "/", left=lambda: left.append(len(seen.tape.lines)))

    seen.tap.request(sending, ())
    seen.tap.response(sending, 204, (), b"")

    assert left == [1]


def test_a_message_on_a_socket_that_is_not_open_is_not_recorded():
    seen = Seen()

    seen.tap.message(Sending("s1", "GET", "/ws"), b"x", from_client=False, is_text=True)

    assert seen.tape.lines == []
