"""What a client sent and got, moment by moment: all that the judge sees of a run.

A moment is made by whoever plays the client, or of the records of a capture by `of_records`.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from recorder.model import Chunk, Failure, Record, Request, Response, SocketMessage
from recorder.push.pieces import joined

Message: TypeAlias = dict[str, Any]

FAYE = frozenset({"in-process", "cross-origin-long-polling"})  # connection types that no other server offers
_CALLBACK = re.compile(r"(?:/\*\*/)?[\w.$]+\((.*)\);?", re.DOTALL)  # around the messages of callback-polling


@dataclass(frozen=True, slots=True)
class Asks:
    """A request over HTTP that is not for Bayeux; `number` is shared with its answer, its pieces and its end."""

    client: str
    number: int
    at: float
    method: str
    target: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answers:
    """The answer to such a request, or its head if `more` follows."""

    client: str
    number: int
    at: float
    status: int
    body: bytes
    more: bool = False


@dataclass(frozen=True, slots=True)
class Pieces:
    """A piece of the body, or a message of a WebSocket without Bayeux; `ends` with the last one."""

    client: str
    number: int
    at: float
    body: bytes
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Says:
    """Bayeux messages of the client: the body of a request, or a frame; `number` is shared with the answer."""

    client: str
    number: int
    at: float
    messages: tuple[Message, ...]
    on_socket: bool = False
    transport: str = "long-polling"


@dataclass(frozen=True, slots=True)
class Hears:
    """Bayeux messages of the server: the answer to a request, or a frame, which may answer nothing (`number` is -1)."""

    client: str
    number: int
    at: float
    messages: tuple[Message, ...]
    status: int = 200


@dataclass(frozen=True, slots=True)
class Breaks:
    """The connection with a request broke, and what was to come by it does not; `by_client` if the client left."""

    client: str
    number: int
    at: float
    by_client: bool = False


Moment: TypeAlias = Asks | Answers | Pieces | Says | Hears | Breaks


def is_meta(message: Message) -> bool:
    """Whether a message is one of the protocol."""
    return str(message["channel"]).startswith("/meta/")


def is_event(message: Message) -> bool:
    """Whether a message that came is an event, not a reply."""
    return not is_meta(message) and "successful" not in message


def bayeux(body: bytes) -> tuple[Message, ...] | None:
    """The Bayeux messages of a body, None where there are none in it."""
    text = body.decode("utf-8", "replace").strip()
    if wrapped := _CALLBACK.fullmatch(text):
        text = wrapped[1]
    try:
        found = json.loads(text)
    except ValueError:
        return None
    found = [found] if isinstance(found, dict) else found
    if not isinstance(found, list) or not found:
        return None
    if all(isinstance(one, dict) and str(one.get("channel", "")).startswith("/") for one in found):
        return tuple(found)
    return None


@dataclass(slots=True)
class Reader:
    """Reads the events of one stream, or of a WebSocket without Bayeux, out of what came on it."""

    is_socket: bool
    left: bytes = b""

    def data(self, piece: bytes) -> list[Any]:
        """The data of the events that are whole now."""
        if self.is_socket:
            return [_json(piece)] if piece else []
        *blocks, self.left = re.split(rb"\r?\n\r?\n", self.left + piece)
        lines = [re.findall(rb"(?m)^data: ?(.*?)\r?$", block) for block in blocks]
        return [_json(b"\n".join(found)) for found in lines if found]


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return b64encode(content).decode()


@dataclass(slots=True)
class _Reading:
    client: Callable[[Request], str]
    bayeux: dict[int, str] = field(default_factory=dict)  # exchanges that carry Bayeux: their client
    plain: dict[int, str] = field(default_factory=dict)
    sockets: set[int] = field(default_factory=set)

    def request(self, record: Request) -> Iterator[Moment]:
        client, at = self.client(record), record.t / 1e9
        messages, transport = bayeux(record.body), "long-polling"
        if messages is None and "jsonp=" in record.target:
            sent = parse_qs(urlsplit(record.target).query).get("message", [""])[0]
            messages, transport = bayeux(sent.encode()), "callback-polling"
        if messages is not None:
            self.bayeux[record.exchange] = client
            yield Says(client, record.exchange, at, messages, transport=transport)
            return
        self.plain[record.exchange] = client
        yield Asks(client, record.exchange, at, record.method, record.target, record.body)

    def response(self, record: Response) -> Iterator[Moment]:
        at = record.t / 1e9
        if record.exchange in self.bayeux:
            messages = bayeux(record.body) or ()
            yield Hears(self.bayeux[record.exchange], record.exchange, at, messages, record.status)
        elif record.exchange in self.plain:
            client = self.plain[record.exchange]
            more = bool(record.pieces) or record.streamed or record.status == 101
            yield Answers(client, record.exchange, at, record.status, record.body, more)

    def frame(self, record: SocketMessage) -> Iterator[Moment]:
        at, messages = record.t / 1e9, bayeux(record.body)
        client = self.bayeux.get(record.exchange, self.plain.get(record.exchange, ""))
        if messages is None:
            yield Pieces(client, record.exchange, at, record.body)
        elif record.from_client:
            yield Says(client, record.exchange, at, messages, on_socket=True)
        else:
            yield Hears(client, -1, at, messages)


def of_records(
    records: Iterable[Record], client: Callable[[Request], str] = lambda _: "", *, joins: bool = True
) -> list[Moment]:
    """The moments of a capture; `client` names the client of a request."""
    reading, found = _Reading(client), list[Moment]()
    for record in joined(records) if joins else records:
        match record:
            case Request():
                found += reading.request(record)
            case Response():
                found += reading.response(record)
            case SocketMessage():
                found += reading.frame(record)
            case Chunk():
                by = reading.plain.get(record.exchange, "")
                found.append(Pieces(by, record.exchange, record.t / 1e9, record.body, record.is_last))
            case Failure() if record.exchange in reading.bayeux or record.exchange in reading.plain:
                by = reading.bayeux.get(record.exchange) or reading.plain.get(record.exchange, "")
                found.append(Breaks(by, record.exchange, record.t / 1e9, by_client=True))
    return found


def marks(moments: Iterable[Moment]) -> dict[str, bool]:
    """What the server of a capture is known by: faye by its connection types, Java's option by `x-messages`."""
    shaken = [
        one
        for moment in moments
        if isinstance(moment, Hears)
        for one in moment.messages
        if one["channel"] == "/meta/handshake"
    ]
    types = {str(name) for one in shaken for name in one.get("supportedConnectionTypes") or ()}
    return {"is_faye": not types.isdisjoint(FAYE), "on_handshake": any(one.get("x-messages") for one in shaken)}
