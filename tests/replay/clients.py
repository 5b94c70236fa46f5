"""Live clients of a replay that do what the recorded ones did, with ids of operations of their own; without sockets.

heard = play(recording, dialect, ["s1", "s1"])       # two clients, both as the recorded session s1
heard[0].early, heard[0].lost, heard[0].strange      # [], [], []
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from recorder.dialect.definition import Dialect
from recorder.model import Event, Headers, Recording, Request, values
from tests.replay.stage import Desk, Stage
from tests.wire import Message

_LOGIN = "/token"  # ends the path of a login whose answer would have to be read


@dataclass
class Heard:
    """What was wrong with the events that a client got: each as its channel and data."""

    early: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)  # doubled, or with an id that is not its own
    count: int = 0


class Client:
    """One live client: sends the requests of a recorded session in their order, under other ids."""

    def __init__(self, stage: Stage, recording: Recording, dialect: Dialect, session: str, number: int) -> None:
        self._start = recording.session_starts[session][0]
        triples = [t for t in (*recording.triples, *recording.plain) if t.session in {session, None}]
        requests = sorted((t.request for t in triples), key=lambda one: (one.seq, one.message or 0))
        self.requests = [one for one in requests if not one.target.partition("?")[0].endswith(_LOGIN)]
        made = {
            text
            for one in self.requests
            for name, value in dialect.keys_of_request(one).items()
            if name in dialect.per_operation
            for text in values(value)
        }
        # a digit: a made-up value may be a telephone number
        self._own = {text: f"{text}{number}" for text in sorted(made, key=len, reverse=True)}
        links = [link for t in triples for link in t.events]
        self._expected: Counter[str] = Counter()
        self._cause: dict[str, int] = {}
        for link in links:
            event = self._named(link.event.channel, link.event.data)
            self._expected[event] += 1
            self._cause.setdefault(event, self._place(link.request, link.message))
        for one in recording.unsolicited:
            if one.session == session:
                self._expected[self._named(one.event.channel, one.event.data)] += 1
        self._desk: Desk = stage.stranger(_identity(self.requests, number))
        self._listens = False
        self._heard: list[tuple[int, str]] = []
        self._seen = 0

    def acts(self, step: int) -> None:
        """Send the request of a step, and take the events that have come."""
        request = self.requests[step]
        if not self._listens and request.seq > self._start:
            self._desk.handshakes()
            self._desk.listens()
            self._listens = True
        content = self._translated(request.body.decode()).encode()
        if request.message is None:
            named = [header for header in request.headers if header[0].lower() == "content-type"]
            self._desk.sends(request.method, self._translated(request.target), content, tuple(named))
        else:
            data = {"channel": request.target, "clientId": self._desk.client_id, "id": str(step)}
            self._desk.bayeux(data | ({"data": json.loads(content)} if content else {}))

    def takes(self, step: int) -> None:
        """Note the events that have come since the last call, at a step."""
        new = self._desk.events[self._seen :]
        self._seen += len(new)
        self._heard += [(step, _text(message)) for message in new]

    def verdict(self) -> Heard:
        """Return what was wrong."""
        got = Counter(text for _, text in self._heard)
        early = [text for step, text in self._heard if step < self._cause.get(text, 0)]
        lost, strange = self._expected - got, got - self._expected
        return Heard(early, [*lost.elements()], [*strange.elements()], got.total())

    def _place(self, seq: int, message: int | None) -> int:
        return next(n for n, one in enumerate(self.requests) if (one.seq, one.message) == (seq, message))

    def _named(self, channel: str, data: object) -> str:
        return self._translated(_text({"channel": channel, "data": data}))

    def _translated(self, text: str) -> str:
        for recorded, own in self._own.items():
            text = text.replace(recorded, own)
        return text


def play(recording: Recording, dialect: Dialect, sessions: Sequence[str], *, pause: float = 1.0) -> list[Heard]:
    """Replay a recording to a client for each of the recorded sessions, who act in turns.

    Raises:
        AssertionError: If a request was a miss.
    """
    stage = Stage(recording, dialect=dialect)
    clients = [Client(stage, recording, dialect, session, number) for number, session in enumerate(sessions, 1)]
    for step in range(max(len(client.requests) for client in clients)):
        for client in clients:
            if step < len(client.requests):
                client.acts(step)
                for one in clients:
                    one.takes(step if one is client or step < len(one.requests) else len(one.requests))
                stage.wait(pause)
                for one in clients:
                    one.takes(step)
    assert not stage.misses, stage.misses
    return [client.verdict() for client in clients]


def events_of(recording: Recording) -> list[Event]:
    """Return all events of a recording, in their order."""
    links = [link.event for triple in (*recording.triples, *recording.plain) for link in triple.events]
    return sorted([*links, *(one.event for one in recording.unsolicited)], key=lambda one: (one.seq, one.index))


def _identity(requests: Sequence[Request], number: int) -> Headers:
    shown = {name.lower() for one in requests for name, _ in one.headers}
    return (("Authorization", f"Bearer live-token-{number}"),) if "authorization" in shown else ()


def _text(message: Message) -> str:
    return json.dumps([message["channel"], message["data"]], sort_keys=True)
