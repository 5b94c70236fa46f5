"""Write a recording as a pytest module that plays the session against the stand-in: a start for tests of one's own."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..model import Headers, Recording, Triple
from ..printable import printable

_SENT = ("authorization", "content-type", "accept")  # headers that can change the response of a server

_HEAD = '''"""Written from a cassette by `recorder convert --to pytest`. Replace `Desktop` with your own client."""

from __future__ import annotations

import json
import time
from collections import Counter
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

import pytest

LIMIT = 10.0  # seconds to wait for events


class Desktop:
    """A client of the recorded server that sends requests and polls for events."""

    def __init__(self, url: str, bayeux: str, headers: dict[str, str]) -> None:
        self.url, self.bayeux, self.headers = url, bayeux, headers
        jar = CookieJar(DefaultCookiePolicy(strict_ns_domain=DefaultCookiePolicy.DomainLiberal))
        self.opener = build_opener(HTTPCookieProcessor(jar), ProxyHandler({}))
        self.waiting: list[tuple[str, Any]] = []
        (answer,) = self.says(channel="/meta/handshake", version="1.0", supportedConnectionTypes=["long-polling"])
        self.client_id = answer["clientId"]

    def asks(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> int:
        """Send a request and return the status of the response."""
        request = Request(self.url + path, body, self.headers | (headers or {}), method=method)
        try:
            with self.opener.open(request, timeout=LIMIT) as answer:
                return answer.status
        except HTTPError as refused:
            with refused:
                return refused.code

    def says(self, **message: Any) -> list[dict[str, Any]]:
        """Send a Bayeux message and return the replies; events in the response are kept in `waiting`."""
        headers = self.headers | {"Content-Type": "application/json"}
        request = Request(self.url + self.bayeux, json.dumps([message]).encode(), headers)
        with self.opener.open(request, timeout=LIMIT + 60) as answer:
            messages = json.load(answer)
        replies = [m for m in messages if m["channel"].startswith("/meta/") or "successful" in m]
        self.waiting += [(m["channel"], m.get("data")) for m in messages if m not in replies]
        return replies

    def subscribes(self, *channels: str) -> None:
        for channel in channels:
            self.says(channel="/meta/subscribe", clientId=self.client_id, subscription=channel)

    def publishes(self, channel: str, data: Any) -> bool:
        """Publish, and return whether the server accepted that."""
        (answer,) = self.says(channel=channel, clientId=self.client_id, data=data)
        return answer["successful"]

    def hears(self, *channels: str) -> list[Any]:
        """Poll until each of these channels has delivered an event; return the data, in the order of `channels`."""
        end = time.monotonic() + LIMIT
        while Counter(channels) - Counter(channel for channel, _ in self.waiting):
            assert time.monotonic() < end, f"waited for {channels}, got {self.waiting}"
            self.says(channel="/meta/connect", clientId=self.client_id, connectionType="long-polling")
        heard = []
        for channel in channels:
            found = next(event for event in self.waiting if event[0] == channel)
            self.waiting.remove(found)
            heard.append(found[1])
        return heard
'''


@dataclass(slots=True)
class _Session:
    """The channels of a session, in the order of their first events, and the first credentials that it shows."""

    credentials: dict[str, str] = field(default_factory=dict)
    channels: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Whole:
    sessions: dict[str | None, _Session] = field(default_factory=dict)
    is_answered: bool = True

    @classmethod
    def of(cls, triples: Iterable[Triple]) -> _Whole:
        """Collect what the begin of the module needs to know; exchanges of no session count where there is none."""
        whole, apart = cls(), _Session()
        for triple in triples:
            whole.is_answered &= triple.ack is not None
            own = apart if triple.session is None else whole.sessions.setdefault(triple.session, _Session())
            own.channels.update(dict.fromkeys(link.event.channel for link in triple.events))
            if not own.credentials:
                own.credentials = {n: v for n, v in _sent(triple.request.headers).items() if n == "Authorization"}
        return whole if whole.sessions else cls({None: apart}, whole.is_answered)


def _in_order(recording: Recording) -> Iterator[Triple]:
    return heapq.merge(recording.plain, recording.triples, key=lambda triple: triple.request.seq)


def skeleton(recording: Recording, cassette: str, bayeux: str) -> Iterator[str]:
    """Yield the text of the test module.

    Args:
        recording: The recording to play.
        cassette: Path of the cassette for the `cassette` marker.
        bayeux: Path of the Bayeux endpoint on the recorded server.
    """
    yield _HEAD
    whole = _Whole.of(_in_order(recording))
    sessions: list[str | None] = [*whole.sessions] or [None]
    names = {
        session: f"desktop{place}" if len(sessions) > 1 else "desktop" for place, session in enumerate(sessions, 1)
    }
    options = "" if whole.is_answered else ', unplayed="ignore"'
    options += ', rate="instant"' if len(sessions) > 1 else ""  # a virtual clock waits until all desktops poll
    yield f"\n\n@pytest.mark.cassette({_literal(cassette)}{options})\n"
    yield "def test_the_session(standin: Any) -> None:\n"
    for session, name in names.items():
        own = whole.sessions.get(session) or _Session()
        yield f"    {name} = Desktop(standin.url, {_literal(bayeux)}, {_literal(own.credentials)})\n"
        for channel in own.channels:
            yield f"    {name}.subscribes({_literal(channel)})\n"
    for triple in _in_order(recording):
        yield from _triple(triple, names.get(triple.session, names[sessions[0]]))


def _triple(triple: Triple, desktop: str) -> Iterator[str]:
    request = triple.request
    title = printable(f"{triple.n} {triple.operation}" if triple.n else "no operation")
    yield f"\n    # {title}\n"
    if triple.ack is None:
        yield f"    # left out: {printable(f'{request.method} {request.target}')} got no answer\n"
        return
    if request.message is not None:
        accepted = 200 <= triple.ack.status < 300
        data = f"json.loads({request.body.decode('utf-8', 'backslashreplace')!a})" if request.body else "None"
        yield f"    assert {desktop}.publishes({_literal(request.target)}, {data}) is {accepted}\n"
        yield from _events(triple, desktop)
        return
    parts = [_literal(request.method), _literal(request.target)]
    headers = {name: value for name, value in _sent(request.headers).items() if name.lower() != "authorization"}
    if request.body:
        parts.append(repr(request.body))
    if headers:
        parts.append(f"headers={_literal(headers)}")
    yield f"    assert {desktop}.asks({', '.join(parts)}) == {triple.ack.status}\n"
    yield from _events(triple, desktop)


def _events(triple: Triple, desktop: str) -> Iterator[str]:
    if triple.events:
        names = printable(", ".join(dict.fromkeys(link.name for link in triple.events)))
        channels = ", ".join(_literal(link.event.channel) for link in triple.events)
        yield f"    # {names}\n"
        yield f"    {desktop}.hears({channels})\n"


def _sent(headers: Headers) -> dict[str, str]:
    return {name.title(): value for name, value in headers if name.lower() in _SENT}


def _literal(value: str | dict[str, str]) -> str:
    """Return a Python literal in ASCII."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items()) + "}"
    plain = value.isascii() and value.isprintable()
    return json.dumps(value) if plain else ascii(value)
