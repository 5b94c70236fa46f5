"""Whatever clients do in whatever order, what a stand-in sends them is causal, whole, and their own.

A state machine drives a stand-in with a drawn recording and up to three clients, beside a simple model of what each of
them is owed. Replies may be late, lost, or answered long after they were asked for.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from recorder.correlate.anchors import anchors
from recorder.dialect.definition import load
from recorder.model import Headers, Recording, Triple
from recorder.replay.engine.http import HttpRequest, HttpResponse
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import ACK_PATIENCE, INSTANT
from tests.replay.recordings import marker_of, recordings
from tests.wire import URL, body

GWS = load()
CLIENTS = st.integers(0, 2)
EPSILON = 1e-6


@dataclass
class Post:
    """A live request that was sent: which recorded one it plays, and what the client calls it."""

    place: int | None
    reference: Any
    at: float
    late: bool = False  # the front overslept since
    answered: bool = False


@dataclass
class Client:
    """What a client did, and what reached it."""

    name: str
    client_id: str = ""
    cookie: str = ""
    poll: int | None = None  # held, or answered and not yet known to have arrived
    posts: dict[int, Post] = field(default_factory=dict)
    played: list[int] = field(default_factory=list)
    follows: str | None = None
    got: list[int] = field(default_factory=list)  # markers of events, as they left and did not come back
    gone: bool = False


class Interleavings(RuleBasedStateMachine):
    """The rules are what clients, the network and the clock may do."""

    @initialize(
        recording=recordings(),
        rate=st.sampled_from([1.0, 10.0, INSTANT]),
        shows=st.sampled_from(["cookie", "user", "line"]),
        ready=st.integers(1, 3),
    )
    def start(self, recording: Recording, rate: float, shows: str, ready: int) -> None:
        ids = count(1)
        self.recording, self.rate, self.shows = recording, rate, shows
        self.standin = ReplayEngine(recording, GWS, new_id=lambda: f"id{next(ids)}", rate=rate)
        self.now = 50.0
        self.numbers = count(1)
        self.clients = [Client(f"client{n}") for n in range(3)]
        self.owners: dict[int, Client] = {}
        self.lost: set[int] = set()
        self.flying: dict[int, list[int]] = {}  # replies under way, and the markers in them
        self.at_start: dict[str, list[int]] = defaultdict(list)
        self.after: dict[int, list[int]] = defaultdict(list)
        for pushed, anchor in zip(recording.unsolicited, anchors(recording), strict=True):
            owed = self.at_start[pushed.session or ""] if anchor.place is None else self.after[anchor.number]
            owed.append(_marker(pushed.event))
        for client in self.clients[:ready]:
            self._handshake(client)

    # What clients do

    @rule(which=CLIENTS)
    def shakes_hands(self, which: int) -> None:
        if not self.clients[which].client_id:
            self._handshake(self.clients[which])

    @rule(which=CLIENTS, pumped=st.booleans())
    def polls(self, which: int, *, pumped: bool) -> None:
        client = self.clients[which]
        if not client.client_id or client.poll is not None or client.gone:
            return
        client.poll = self._send(
            client, URL, [{"channel": "/meta/connect", "clientId": client.client_id}], pumped=pumped
        )

    @rule(
        which=CLIENTS,
        what=st.integers(0, 5),
        reference=st.sampled_from(["text", "number", "none"]),
        pumped=st.booleans(),
    )
    def posts(self, which: int, what: int, reference: str, *, pumped: bool) -> None:
        client = self.clients[which]
        if not client.client_id and self.shows != "user":
            return  # others cannot be known before they shook hands
        wanted = self.recording.triples[what % len(self.recording.triples)]
        if client.gone and (self.shows == "line" or self._expected(client, wanted) is None):
            return  # who left may still log out, if he can be told from others; to ask again is to begin anew
        self._post(client, wanted, reference, pumped=pumped)

    @rule(which=CLIENTS)
    def disconnects(self, which: int) -> None:
        client = self.clients[which]
        if not client.client_id or client.gone or client.poll in self.flying:
            return
        self._send(client, URL, [{"channel": "/meta/disconnect", "clientId": client.client_id}])
        client.gone = True

    # What the network and the clock do

    @rule(which=CLIENTS)
    def a_reply_arrives(self, which: int) -> None:
        for number in [n for n in self.flying if self.owners[n] is self.clients[which]]:
            self._arrive(number)

    @rule(which=CLIENTS)
    def a_poll_is_lost(self, which: int) -> None:
        client = self.clients[which]
        if client.poll is None or client.gone:
            return
        number, client.poll = client.poll, None
        for marker in self.flying.pop(number, []):
            client.got.remove(marker)
        self._lose(number)

    @rule(which=CLIENTS)
    def a_request_is_given_up(self, which: int) -> None:
        client = self.clients[which]
        waiting = [n for n, post in client.posts.items() if not post.answered]
        if waiting:
            client.posts[waiting[0]].answered = True
            self._lose(waiting[0])

    @rule(which=CLIENTS)
    def the_server_forgets(self, which: int) -> None:
        client = self.clients[which]
        if not client.client_id or client.gone or client.poll in self.flying:
            return
        self.standin.forget(client.client_id)
        self._driver()
        if client.poll is not None:
            self._arrive(client.poll)
        self._handshake(client)

    @rule(which=CLIENTS)
    def a_client_comes_back(self, which: int) -> None:
        client = self.clients[which]
        if client.client_id and not client.gone and client.poll is None and self.shows == "cookie":
            self._handshake(client)

    @rule(which=CLIENTS, what=st.integers(0, 5))
    def an_exchange_goes_well(self, which: int, what: int) -> None:
        self.polls(which, pumped=True)
        self.posts(which, what, "text", pumped=True)
        self._wait(0.1)

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.3, 1.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self._wait(seconds)

    @rule(seconds=st.sampled_from([0.2, 1.5]))
    def the_front_oversleeps(self, seconds: float) -> None:
        self.now += seconds
        for client in self.clients:
            for post in client.posts.values():
                post.late = True
        self._driver()

    # What must hold in the end

    def teardown(self) -> None:
        for client in self.clients:
            if not client.client_id:
                self._handshake(client)
        for _ in range(40):
            for number in list(self.flying):
                self._arrive(number)
            for client in self.clients:
                if client.poll is None and not client.gone:
                    self.polls(self.clients.index(client), pumped=True)
            self._wait(1.0)
        for client in self.clients:
            owed = self._owed(client)
            assert all(post.answered for post in client.posts.values())
            assert client.gone or sorted(client.got) == sorted(owed), "each owed event came, and once"

    # The model

    def _owed(self, client: Client) -> list[int]:
        """Markers of all events a client caused, or that are pushed unasked to whoever follows its session."""
        triples = [self.recording.triples[place] for place in client.played]
        caused = [marker for triple in triples for marker in _markers(triple)]
        pushed = [marker for triple in triples for marker in self.after.get(triple.n, [])]
        return [*caused, *pushed, *self.at_start.get(client.follows or "", [])]

    def _expected(self, client: Client, wanted: Triple) -> int | None:
        """The recorded request a live one plays: the next equal one, of the followed session before others."""
        equal = [
            place
            for place, triple in enumerate(self.recording.triples)
            if (triple.request.target, triple.operation) == (wanted.request.target, wanted.operation)
            and place not in client.played
        ]
        own = [p for p in equal if client.follows in (None, self.recording.triples[p].session)]
        return next(iter(own or equal), None)

    def _post(self, client: Client, wanted: Triple, kind: str, *, pumped: bool) -> None:
        place = self._expected(client, wanted)
        number = next(self.numbers)
        reference = {"text": f"live-{client.name}-{number}", "number": 900_000 + number, "none": None}[kind]
        content = json.loads(wanted.request.body)
        content.pop("referenceId", None)
        content |= {"devicePath": f"/devices/live-{client.name}"}
        content |= {} if reference is None else {"referenceId": reference}
        client.posts[number] = Post(place, reference, self.now)
        if place is not None:
            client.played.append(place)
            client.follows = client.follows or self.recording.triples[place].session
        self._send(client, wanted.request.target, content, number=number, pumped=pumped)

    # The front

    def _handshake(self, client: Client) -> None:
        number = self._send(client, URL, [{"channel": "/meta/handshake"}])
        assert client.client_id, number
        if len(self.recording.session_starts) == 1:
            client.follows = next(iter(self.recording.session_starts))
        connect = {"channel": "/meta/connect", "clientId": client.client_id}
        subscribe = {"channel": "/meta/subscribe", "clientId": client.client_id, "subscription": "/**"}
        self._arrive(self._send(client, URL, [connect]))
        self._arrive(self._send(client, URL, [subscribe]))

    def _send(
        self, client: Client, target: str, content: Any, *, number: int | None = None, pumped: bool = True
    ) -> int:
        number = next(self.numbers) if number is None else number
        self.owners[number] = client
        shown: Headers = {
            "cookie": (("Cookie", f"BAYEUX_BROWSER={client.cookie}"),) if client.cookie else (),
            "user": (("Authorization", client.name),),
            "line": (),
        }[self.shows]
        connection = client.name if self.shows == "line" else f"connection{number}"
        self.standin.receive(HttpRequest(number, connection, "POST", target, shown, body(content)), self.now)
        if pumped:
            self._driver()
        return number

    def _wait(self, seconds: float) -> None:
        end = self.now + seconds
        self._driver()
        while (deadline := self.standin.deadline()) is not None and deadline <= end:
            assert deadline > self.now, "a front would spin"
            self.now = deadline
            self._driver()
        self.now = end
        self._driver()

    def _driver(self) -> None:
        for reply in self.standin.replies(self.now):
            if reply.number in self.lost:  # nobody waits for it any more, as the server finds out too
                self.standin.abort(reply.number)
            else:
                self._leaves(reply)

    def _leaves(self, reply: HttpResponse) -> None:
        """A reply is written: it must be causal, whole and the client's own."""
        client = self.owners[reply.number]
        assert b"recorded" not in reply.body.replace(b"recorded request", b"").replace(b"recorded without", b"") or (
            reply.status == 470
        )
        if reply.number in client.posts:
            self._acknowledges(client, client.posts[reply.number], reply)
            return
        messages = json.loads(reply.body)
        if messages[0]["channel"] == "/meta/handshake":
            client.client_id = messages[0]["clientId"]
            client.cookie = dict(reply.headers)["Set-Cookie"].partition("=")[2].partition(";")[0]
        events = [message for message in messages if not message["channel"].startswith("/meta/")]
        for event in events:
            self._pushes(client, event)
        self.flying[reply.number] = [marker_of(event) for event in events]

    def _pushes(self, client: Client, event: dict[str, Any]) -> None:
        marker = marker_of(event)
        assert marker in self._owed(client), "no event before its cause, and none of another session"
        assert marker not in client.got, "no event twice"
        client.got.append(marker)
        for post in client.posts.values():
            if post.place is None or marker not in _markers(self.recording.triples[post.place]):
                continue
            triple = self.recording.triples[post.place]
            before = _markers(triple)[: _markers(triple).index(marker)]
            assert set(before) <= set(client.got), "the order inside a triple is the recorded one"
            assert post.answered or marker in _early(triple), "the ack is one element of this order"
            assert event["data"].get("referenceId") == (post.reference if _has_reference(triple, marker) else None), (
                "the id is the live one, or was not there"
            )

    def _acknowledges(self, client: Client, post: Post, reply: HttpResponse) -> None:
        assert not post.answered, "one answer a request"
        post.answered = True
        if post.place is None:
            assert reply.status == 470
            return
        triple = self.recording.triples[post.place]
        waited = self.now - post.at
        if triple.ack is None:
            assert reply.status == 504
        else:
            assert json.loads(reply.body) == json.loads(triple.ack.body), "it is the ack of the right triple"
            last = max(waited_for(triple), 0.0) / self.rate
            assert waited >= last - EPSILON
            assert post.late or waited <= last + ACK_PATIENCE + EPSILON, "nobody waits for long"
        if not set(_early(triple)) <= set(client.got):
            assert waited >= ACK_PATIENCE - EPSILON or client.gone, "events before the ack leave before it"

    def _lose(self, number: int) -> None:
        self.lost.add(number)
        self.standin.abort(number)
        self._driver()

    def _arrive(self, number: int) -> None:
        client = self.owners[number]
        self.flying.pop(number)
        client.poll = None if client.poll == number else client.poll
        self.standin.sent(number)


def waited_for(triple: Triple) -> float:
    """Seconds from a recorded request to its ack."""
    assert triple.ack is not None
    return (triple.ack.t - triple.request.t) / 1e9


def _marker(event: Any) -> int:
    return marker_of({"data": event.data})


def _markers(triple: Triple) -> list[int]:
    return [_marker(link.event) for link in triple.events]


def _early(triple: Triple) -> list[int]:
    """Markers of the events that leave before the ack; without an end, it comes last."""
    end = triple.ack or triple.failure
    return [_marker(link.event) for link in triple.events if end is None or link.event.seq < end.seq]


def _has_reference(triple: Triple, marker: int) -> bool:
    return any("referenceId" in link.event.data for link in triple.events if _marker(link.event) == marker)


TestInterleavings = pytest.mark.once(Interleavings.TestCase)  # our own code alone, and many examples of it
TestInterleavings.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # drawing a recording takes its time on a busy machine
)
