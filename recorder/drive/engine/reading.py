"""Read the leaves of what clients sent and servers told: one reader for the plan, the driver and the filling."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeAlias

from ...dialect.paths import parse_json
from ...model import JSON, Event, Headers, Response
from ...requests.masks import BODY, FORM, MEMBER, PATH, QUERY, Address
from .plan import BAYEUX, CHANNEL, HEADER, Act, Answer, Source, Step, Told
from .texts.leaves import INSIDE, Leaf, of_body, of_json, of_text, of_value
from .texts.sites import field_sites, structure_of
from .texts.spelling import Spelling, decoded
from .words import word_at

__all__ = ["Leaf", "channel_member", "last_name", "own_name", "sent_leaves", "shown", "told_leaves", "told_value"]

ServerSaid: TypeAlias = Told | Answer | Response | Event | dict[str, JSON]


def sent_leaves(step: Step) -> Iterator[Leaf]:
    """Yield the leaves of what a client sent in a step: of a message its own, of a handshake those of its request too.

    Each header is one leaf; empty texts, true, false and null are none.
    """
    if step.act in BAYEUX:
        yield from _of_message(step)
        if step.act is Act.HANDSHAKE:
            yield from _of_query(step.request.target)
            yield from _of_headers(step.request.headers)
        return
    if step.payload is not None:
        yield from of_body(step.payload, ())
        return
    path = step.request.target.partition("?")[0]
    for number, segment in enumerate(path.split("/")):
        if segment:
            yield Leaf((PATH, number), decoded(Spelling.PERCENT, segment))
    yield from _of_query(step.request.target)
    yield from _of_headers(step.request.headers)
    yield from of_body(step.request.body, step.request.headers)


def told_leaves(said: ServerSaid) -> Iterator[Leaf]:
    """Yield the leaves of what a server told: of an answer its headers and body, of a reply or an event its members."""
    match said:
        case Told(reply=dict() as reply) | Answer(reply=dict() as reply):
            yield from of_json(reply, (MEMBER,))
        case Told(event=Event() as event):
            yield from told_leaves(event)
        case Told(response=Response() as response):
            yield from told_leaves(response)
        case Answer() | Response():
            yield from _of_headers(said.headers)
            yield from of_body(said.body, said.headers)
        case Event():
            yield from _of_channel(said.channel)
            yield from of_json(said.data, (BODY,) if isinstance(said.data, str) else (MEMBER,))
        case dict():
            yield from of_json(said, (MEMBER,))


def told_value(source: Source, said: ServerSaid) -> str | None:
    """Return the live value at a source in what a live server told; None if it is not there."""
    text = _text_at(source.place, said)
    return text if text is None or source.word is None else word_at(text, source.word)


def last_name(address: Address) -> str:
    """Return the last name of the place of a leaf, without indices: `handle` of a member, `x-csrf` of a header.

    A place without names is called by its kind, such as `path`.
    """
    return own_name(address) or str(address[0])


def own_name(address: Address) -> str:
    """Return the last name of the place of a leaf as `last_name` does; "" for a place without names."""
    names = (part for part in reversed(address[1:]) if isinstance(part, str) and part != INSIDE and part[:1] != "#")
    return next(names, "").removeprefix("@")


def shown(address: Address) -> str:
    """Return the place of a leaf for people, e.g. `body.device.handle`, `path 3`, `header x-csrf`."""
    kind, *place = address
    if kind not in (MEMBER, BODY, FORM):
        inner = ".".join(str(part) for part in _names(str(kind), place[1:]) if part != 0)
        return " ".join([str(kind), *(str(part) for part in place[:1] if part != ""), *([inner] if inner else [])])
    return "body" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in _names(str(kind), place))


def channel_member(message: dict[str, JSON], act: Act) -> str:
    """Return the member of a message of Bayeux that holds the channel that it is about."""
    is_about = act in (Act.SUBSCRIBE, Act.UNSUBSCRIBE) and isinstance(message.get("subscription"), str)
    return "subscription" if is_about else "channel"


def _names(kind: str, place: list[str | int]) -> Iterator[str | int]:
    """Yield the parts of a place that say something: no marks or kinds of inner texts, no first numbers of names."""
    before: str | int = 0
    for part in place:
        if before == INSIDE:
            kind = str(part)
        elif part != INSIDE and (kind == MEMBER or part != 0 or isinstance(before, int)):
            yield part
        before = part


def _of_message(step: Step) -> Iterator[Leaf]:
    message = step.message or {}
    about = channel_member(message, step.act)
    for name, value in message.items():
        if name == about and isinstance(value, str):
            yield from _of_channel(value)
        elif name != "channel":
            yield from of_json(value, (MEMBER, name))


def _of_query(target: str) -> Iterator[Leaf]:
    query = target.partition("?")[2]
    for site in field_sites(query, QUERY) if query else ():
        yield from of_value(decoded(site.spelling, query[site.start : site.end]), site.address)


def _of_channel(channel: str) -> Iterator[Leaf]:
    for number, segment in enumerate(channel.split("/")):
        if segment:
            yield Leaf((CHANNEL, number), segment)


def _of_headers(headers: Headers) -> Iterator[Leaf]:
    seen: dict[str, int] = {}
    for name, value in headers:
        lower = name.lower()
        number = seen[lower] = seen.get(lower, -1) + 1
        if value:
            yield Leaf((HEADER, lower, number), value)


def _text_at(address: Address, said: ServerSaid) -> str | None:
    """Return the text of a leaf; read directly where no text has to be parsed again."""
    match said:
        case Told(reply=dict() as root) | Answer(reply=dict() as root) | Event(data=root) if address[0] == MEMBER:
            return _at(root, address)
        case Answer(body=body, headers=headers) | Response(body=body, headers=headers) if address[0] == MEMBER:
            found = _at(parse_json(body, headers), address, exact=True)
            if found is not None:
                return found
    return next((leaf.text for leaf in told_leaves(said) if leaf.address == address), None)


def _at(value: JSON, address: Address, *, exact: bool = False) -> str | None:
    """Return the text at a place in a parsed value.

    Args:
        value: The value.
        address: The place.
        exact: Whether only those texts are returned that the parser kept as they were written.
    """
    for number, part in enumerate(address[1:], 1):
        if isinstance(value, str) and part == INSIDE:
            return _inside(value, address[number + 1 :])
        if isinstance(value, dict) and isinstance(part, str):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    match value:
        case bool() | None | dict() | list():
            return None
        case str():
            return value or None
        case int():
            return str(value) if value else None if exact else "0"
    return None if exact else json.dumps(value)


def _inside(text: str, address: Address) -> str | None:
    structure = structure_of(text)
    found = of_text(text, structure) if structure is not None else ()
    return next((leaf.text for leaf in found if leaf.address == address), None)
