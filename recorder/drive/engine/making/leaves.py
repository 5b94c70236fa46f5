"""Read the leaves of what clients sent and what servers told them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

from ....dialect.paths import pair_of, parse_json, path_of
from ....model import JSON, Headers
from ....requests.masks import BODY, FORM, MEMBER, PATH, QUERY, Address, parameters_of
from ..plan import BAYEUX, CHANNEL, HEADER, Act
from ..texts.leaves import INSIDE, of_body, of_value
from ..texts.protocols import SUBPROTOCOLS
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
    "p3p",
))  # fmt: skip
_PLACES = 20_000  # whose names are remembered
_HEADERS = 1_000  # blocks that are remembered: clients and servers repeat them word for word
_PREFIXES = ("content-", "accept", "sec-", "access-control-")
_PLAIN = frozenset({"version", "minimumVersion", "supportedConnectionTypes", "channel", "advice"})  # of a handshake
_CALLBACK = frozenset({"jsonp", "message"})
_PUBLISHED = frozenset({"channel", "advice"})
_INSIDE = ("{", "[", "<")
_REPLY = frozenset({"channel", "id", "successful", "version", "minimumVersion", "supportedConnectionTypes", "advice"})


Wants: TypeAlias = Callable[[str], bool]


class Leaf(NamedTuple):
    """A value in what was sent or told.

    Attributes:
        address: Its place.
        text: The value as text.
        path: By which a dialect finds it: other than the address for a value beside its name, as in
            `{"key": "ref", "value": "r1"}`.
    """

    address: Address
    text: str
    path: Address


def _any(_: str) -> bool:
    return True


def of_step(step: Draft) -> list[Leaf]:
    """Return the leaves of what a client sent, as far as the client chose them."""
    request = step.request
    found: list[Leaf] = []
    if step.act is Act.MESSAGE:
        _of_body(step.payload or b"", (), found, _any)
    elif step.act in BAYEUX:
        _of_message(step, found)
    elif step.act is not Act.CLOSE:
        for number, segment in enumerate(path_of(request.target).split("/")):
            if segment:
                found.append(_leaf((PATH, number), unquote(segment)))
        found += _of_query(request.target)
        found += _of_headers(request.headers)
        _of_body(request.body, request.headers, found, _any)
    return found


def _of_message(step: Draft, found: list[Leaf]) -> None:
    # the request that carries a message shows who the client is, too; callback-polling has its messages in the query
    found += (leaf for leaf in _of_query(step.request.target) if leaf.address[1] not in _CALLBACK)
    found += _of_headers(step.request.headers)
    message = step.message or {}
    about = _about(step.act, message)
    if about is not None:
        found += _of_channel(about)
    left = _PUBLISHED if step.act is Act.PUBLISH else _PLAIN
    for name, value in message.items():
        if name not in left and value is not about:
            address = MEMBER, name
            of_json(value, address, address, found, _any)


def of_told(told: TellingDraft, wants: Wants = _any) -> list[Leaf]:
    """Return the leaves of what a server told; `wants` tells which texts are wanted, at least."""
    found: list[Leaf] = []
    root = (MEMBER,)
    if told.response is not None:
        found += _told_in(told.response.headers)
        _of_body(told.response.body, told.response.headers, found, wants)
    elif told.reply is not None:
        of_json({name: value for name, value in told.reply.items() if name not in _REPLY}, root, root, found, wants)
    elif told.event is not None:
        data = told.event.data
        root = (BODY,) if isinstance(data, str) else root
        of_json(data, root, root, found, wants)
        found += _of_channel(told.event.channel)
    return found


def of_json(value: JSON, address: Address, path: Address, found: list[Leaf], wants: Wants) -> None:
    """Collect the texts and numbers in a JSON value; those inside a text that is JSON, a form or XML too.

    This is no generator: it is called for each value of a cassette, and most are not wanted.

    Args:
        value: The value.
        address: Its place.
        path: The place as a dialect finds it.
        found: Takes the leaves.
        wants: Whether a text is wanted.
    """
    kind = type(value)
    if kind is dict:
        for name, item in value.items():
            if item is None or item is True or item is False:
                continue
            inner = (*address, name)
            of_json(item, inner, inner if path is address else (*path, name), found, wants)
    elif kind is str:
        if value[:1] in _INSIDE or "=" in value:
            leaves = (_leaf(one.address, one.text) for one in of_value(value, address))
            found += (Leaf(address, value, path) if one.address == address else one for one in leaves)
        elif value and wants(value):
            found.append(Leaf(address, value, path))
    elif kind is list:
        for number, item in enumerate(value):
            _of_item(item, (*address, number), path, number, found, wants)
    elif kind is int or kind is float:
        text = str(value) if kind is int else repr(value)
        if wants(text):
            found.append(Leaf(address, text, path))


def _of_item(  # noqa: PLR0917  # called as often as `of_json`
    item: JSON, address: Address, path: Address, number: int, found: list[Leaf], wants: Wants
) -> None:
    """Collect the leaves of an element of an array, which may be a pair of a name and a value."""
    pair = pair_of(item) if type(item) is dict else None
    if pair is None:
        of_json(item, address, (*path, number), found, wants)
        return
    for name, inner in item.items():
        place = (*path, *pair.names) if name == pair.member else (*path, number, name)
        of_json(inner, (*address, name), place, found, wants)


def _about(act: Act, message: dict[str, JSON]) -> str | None:
    """Return the channel that a message is about; None for a handshake and the like."""
    about = message.get({Act.PUBLISH: "channel", Act.SUBSCRIBE: "subscription"}.get(act, "subscription"))
    return about if isinstance(about, str) else None


def _of_channel(channel: str) -> Iterator[Leaf]:
    for number, segment in enumerate(channel.split("/")):
        if segment:
            yield _leaf((CHANNEL, number), segment)


def _leaf(address: Address, text: str) -> Leaf:
    return Leaf(address, text, address)


def _of_body(body: bytes, headers: Headers, found: list[Leaf], wants: Wants) -> None:
    if not body:
        return
    value, root = parse_json(body, headers), (MEMBER,)
    if value is not None:
        of_json(value, root, root, found, wants)
    else:
        found += (_leaf(one.address, one.text) for one in of_body(body, headers))


def _of_query(target: str) -> Iterator[Leaf]:
    query = target.partition("?")[2]
    for name, number, value in parameters_of(query) if query else ():
        for one in of_value(value, (QUERY, name, number)):
            yield _leaf(one.address, one.text)


@lru_cache(_HEADERS)
def _of_headers(headers: Headers) -> tuple[Leaf, ...]:
    named = ((address, text, str(address[1])) for address, text in _named(headers) if text)
    return tuple(
        _leaf(address, text)
        for address, text, name in named
        if name not in _OF_FRONT and (name == SUBPROTOCOLS or not name.startswith(_PREFIXES))
    )


@lru_cache(_HEADERS)
def _told_in(headers: Headers) -> tuple[Leaf, ...]:
    named = ((address, text, str(address[1])) for address, text in _named(headers))
    return tuple(
        _leaf(address, text)
        for address, text, name in named
        if name not in _OF_SERVER and not name.startswith(_PREFIXES)
    )


def _named(headers: Headers) -> Iterator[tuple[Address, str]]:
    seen: dict[str, int] = {}
    for name, value in headers:
        small = name.lower()
        number = seen[small] = seen.get(small, -1) + 1
        yield (HEADER, small, number), value


@lru_cache(_PLACES)
def last_name(path: Address) -> str:
    """Return the last name of a place; "" for a segment of a path or channel, which has none."""
    if path[0] in (QUERY, FORM, HEADER) and len(path) <= 3:
        return str(path[1])
    names = (part for part in reversed(path[1:]) if isinstance(part, str) and part != INSIDE and part[:1] != "#")
    return next(names, "").removeprefix("@")


@lru_cache(_PLACES)
def compared(name: str) -> str:
    """Return a name as it is compared: case, hyphens and underscores do not count."""
    return name.replace("_", "").replace("-", "").lower()
