"""Read the leaves of what clients sent and what servers told them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final, NamedTuple, Protocol
from urllib.parse import unquote

from ....dialect.paths import Pair, pair_of, parse_json, path_of
from ....model import JSON, Headers
from ....requests.masks import BODY, MEMBER, PATH, QUERY, parameters_of
from ..plan import BAYEUX, CHANNEL, HEADER, Act
from ..texts.leaves import of_body, of_value
from ..texts.protocols import SUBPROTOCOLS
from ..words import words
from .places import Kind, Place
from .walk import Draft, TellingDraft

# What the client of a drive, or its front, sets by itself. RFC 9110 for the most part, and Fetch for `Sec-`.
_OF_FRONT = frozenset((
    "host", "connection", "user-agent", "origin", "referer", "cookie", "upgrade", "upgrade-insecure-requests",
    "te", "trailer", "transfer-encoding", "expect", "pragma", "cache-control", "dnt", "keep-alive",
    "proxy-connection", "priority", "date", "via", "forwarded", "x-forwarded-for", "x-forwarded-host",
    "x-forwarded-proto", "if-modified-since", "range", "last-event-id",
))  # fmt: skip
_OF_SERVER = frozenset((
    "date", "server", "connection", "keep-alive", "transfer-encoding", "vary", "via", "age", "expires",
    "pragma", "cache-control", "strict-transport-security", "alt-svc", "upgrade", "accept-ranges", "allow",
    "p3p", SUBPROTOCOLS,
))  # fmt: skip
_HEADERS = 1_000  # blocks that are remembered: clients and servers repeat them word for word
_PREFIXES = ("content-", "accept", "sec-", "access-control-")
_PLAIN = frozenset({"version", "minimumVersion", "supportedConnectionTypes", "channel", "advice"})  # of a handshake
_CALLBACK = frozenset({"jsonp", "message"})
_PUBLISHED = frozenset({"channel", "advice"})
_SINGLE = (str, int, float)
_INSIDE = ("{", "[", "<")
_REPLY = frozenset({"channel", "id", "successful", "version", "minimumVersion", "supportedConnectionTypes", "advice"})


class Leaf(NamedTuple):
    """A value in what was sent or told: its place, and the value as text."""

    place: Place
    text: str


class Wanted(Protocol):
    """The texts that are wanted, as a set has them."""

    def __contains__(self, text: object, /) -> bool: ...

    def isdisjoint(self, texts: Iterable[str], /) -> bool:
        """Return whether none of these texts is wanted."""


class _All:
    def __contains__(self, text: object, /) -> bool:
        return True

    def isdisjoint(self, _: Iterable[str], /) -> bool:
        return False


ALL: Final[Wanted] = _All()


def of_step(step: Draft, kind: Kind) -> list[Leaf]:
    """Return the leaves of what a client sent, as far as the client chose them."""
    request = step.request
    found: list[Leaf] = []
    if step.act is Act.MESSAGE:
        _of_body(step.payload or b"", (), kind, found, ALL)
    elif step.act in BAYEUX:
        _of_message(step, kind, found)
    elif step.act is not Act.CLOSE:
        root = kind.root(PATH)
        for number, segment in enumerate(path_of(request.target).split("/")):
            if segment:
                found.append(Leaf(root.at(number), unquote(segment)))
        _of_query(request.target, kind, found)
        found += _of_headers(request.headers, kind, _OF_FRONT)
        _of_body(request.body, request.headers, kind, found, ALL)
    return found


def _of_message(step: Draft, kind: Kind, found: list[Leaf]) -> None:
    # the request that carries a message shows who the client is, too; callback-polling has its messages in the query
    _of_query(step.request.target, kind, found, _CALLBACK)
    found += _of_headers(step.request.headers, kind, _OF_FRONT)
    message = step.message or {}
    about = _about(step.act, message)
    if about is not None:
        _of_channel(about, kind, found)
    left = _PUBLISHED if step.act is Act.PUBLISH else _PLAIN
    root = kind.root(MEMBER)
    for name, value in message.items():
        if name not in left and value is not about:
            of_json(value, root.at(name), found, ALL)


def of_told(told: TellingDraft, kind: Kind, wanted: Wanted = ALL) -> list[Leaf]:
    """Return the leaves of what a server told, at least those of which the text or a word is wanted."""
    found: list[Leaf] = []
    if told.response is not None:
        found += _of_headers(told.response.headers, kind, _OF_SERVER)
        _of_body(told.response.body, told.response.headers, kind, found, wanted)
    elif told.reply is not None:
        reply = {name: value for name, value in told.reply.items() if name not in _REPLY}
        of_json(reply, kind.root(MEMBER), found, wanted)
    elif told.event is not None:
        data = told.event.data
        of_json(data, kind.root(BODY if isinstance(data, str) else MEMBER), found, wanted)
        _of_channel(told.event.channel, kind, found)
    return found


def of_json(value: JSON, place: Place, found: list[Leaf], wanted: Wanted) -> None:
    """Collect the texts and numbers in a JSON value; those inside a text that is JSON, a form or XML too.

    This is no generator: it is called for each value of a cassette, and most are not wanted.

    Args:
        value: The value.
        place: Its place.
        found: Takes the leaves.
        wanted: The texts that are wanted.
    """
    kind = type(value)
    if kind is dict:
        for name, item in value.items():
            kind = type(item)
            if item is None or kind is bool or (kind is str and item.isalnum() and item not in wanted):
                continue
            of_json(item, place.at(name), found, wanted)
    elif kind is list:
        for number, item in enumerate(value):
            pair = pair_of(item) if type(item) is dict else None
            if pair is None:
                of_json(item, place.at(number), found, wanted)
            else:
                _of_pair(item, pair, place.at(number), found, wanted)
    elif kind is str and (value[:1] in _INSIDE or "=" in value):
        found += (Leaf(place.down(one.address), one.text) for one in of_value(value, place.address))
    elif kind in _SINGLE and value != "":
        text = value if kind is str else str(value) if kind is int else repr(value)
        if text in wanted or not (text.isalnum() or wanted.isdisjoint(words(text))):
            found.append(Leaf(place, text))


def _of_pair(value: dict[str, JSON], pair: Pair, place: Place, found: list[Leaf], wanted: Wanted) -> None:
    """Collect the leaves of an element of an array that is a pair of a name and a value."""
    for name, item in value.items():
        of_json(item, place.beside(pair) if name == pair.member else place.at(name), found, wanted)


def _about(act: Act, message: dict[str, JSON]) -> str | None:
    """Return the channel that a message is about; None for a handshake and the like."""
    about = message.get({Act.PUBLISH: "channel", Act.SUBSCRIBE: "subscription"}.get(act, "subscription"))
    return about if isinstance(about, str) else None


def _of_channel(channel: str, kind: Kind, found: list[Leaf]) -> None:
    root = kind.root(CHANNEL)
    for number, segment in enumerate(channel.split("/")):
        if segment:
            found.append(Leaf(root.at(number), segment))


def _of_body(body: bytes, headers: Headers, kind: Kind, found: list[Leaf], wanted: Wanted) -> None:
    if not body:
        return
    value = parse_json(body, headers)
    if value is not None:
        of_json(value, kind.root(MEMBER), found, wanted)
    else:
        found += (Leaf(kind.at(one.address), one.text) for one in of_body(body, headers))


def _of_query(target: str, kind: Kind, found: list[Leaf], left: Collection[str] = ()) -> None:
    query = target.partition("?")[2]
    for name, number, value in parameters_of(query) if query else ():
        if name not in left:
            found += (Leaf(kind.at(one.address), one.text) for one in of_value(value, (QUERY, name, number)))


@lru_cache(_HEADERS)
def _of_headers(headers: Headers, kind: Kind, left: frozenset[str]) -> tuple[Leaf, ...]:
    found = []
    seen: dict[str, int] = {}
    root = kind.root(HEADER)
    for name, value in headers:
        small = name.lower()
        number = seen[small] = seen.get(small, -1) + 1
        if value and small not in left and (small == SUBPROTOCOLS or not small.startswith(_PREFIXES)):
            found.append(Leaf(root.at(small).at(number), value))
    return tuple(found)
