"""Rebuild the times that an archive lacks, so that no answer precedes what caused it. Sans-IO.

Known times stay, with one exception: a message with an event that holds the id of an operation cannot precede it.
What is rebuilt follows from the protocols: a client polls again after the answer of its poll, a held poll ends when an
event comes, and any other request is answered before the next one is sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from statistics import median
from typing import TypeAlias

from ..bayeux.messages import carried, is_event
from ..dialect.definition import Dialect
from ..dialect.paths import parse_json
from ..model import Chunk, Event, Failure, Keys, Request, Response, SocketMessage, values
from ..push.sse import EventStream
from .losses import Guess, Losses
from .spool import UNKNOWN, Item, Part, Spool

Exchange: TypeAlias = tuple[Item, ...]  # the request, then what came of it

MS = 1_000_000  # nanoseconds
_MESSAGES = frozenset({SocketMessage, Chunk})  # parts with times of their own, behind the head of their exchange
_US = 1_000
_SEVERAL = 3  # requests at one time that no client sends at one time
_ENOUGH = 3  # pairs of polls that a unit is taken from
_SHORTEST = 20 * MS  # nanoseconds between two polls; quicker ones say nothing about a unit
_UNITS = ((1_000, Guess.SECONDS, 1 / 2_200, 1 / 950), (1 / 1_000, Guess.MICROSECONDS, 450, 1_050))


def describe(item: Item, part: Part) -> None:
    """Note in the item of a part what the rebuilding needs: whether it is a poll, whether it brings events."""
    if isinstance(part, Request):
        messages = carried(part) or []
        found = (m for m in messages if m["channel"] == "/meta/connect" and _is_held(m))
        item.client = next((str(m.get("clientId", "")) for m in found), None)
    elif isinstance(part, Chunk):
        item.has_events = True
    elif isinstance(part, Response) or (isinstance(part, SocketMessage) and not part.from_client):
        item.has_events = any(map(is_event, carried(part) or []))


def _is_held(message: dict[str, object]) -> bool:
    advice = message.get("advice")
    return not (isinstance(advice, dict) and advice.get("timeout") == 0)


def rebuild(spool: Spool, losses: Losses, dialect: Dialect | None) -> None:
    """Give every item of a spool a time, and put events behind their causes.

    Args:
        spool: The parts; the items of one exchange follow one another, its request first.
        losses: Counts what was guessed.
        dialect: Says which ids of operations events repeat; None to trust all known times.
    """
    items = spool.items
    exchanges = list(_exchanges(items))
    _units(exchanges, losses)
    if _starts(exchanges, losses):
        for exchange in exchanges:
            for item in exchange[1:]:
                item.t = UNKNOWN
    for request, *rest in exchanges:
        if request.client is not None and rest and rest[0].t == request.t:
            rest[0].t = UNKNOWN  # a poll that took no time at all: tools write 0 for what they do not know
    unknown = [item for exchange in exchanges for item in exchange[1:] if item.t == UNKNOWN]
    if unknown:
        ends = sum(item.kind not in _MESSAGES for item in unknown)
        losses.guess(Guess.NO_END, ends)
        losses.guess(Guess.NO_MESSAGE_TIME, len(unknown) - ends)
        _ends(exchanges)
    elif not any(exchange[0].t % MS for exchange in exchanges):
        # times cut off at the millisecond: no event may seem older than the request that caused it
        for item in items:
            exact = item.kind in _MESSAGES and item.t % MS
            item.t += MS if item.has_events and not exact else 0
    for _, *rest in exchanges:
        for item in rest[1:]:
            item.t = max(item.t, rest[0].t + 1)  # no message precedes the upgrade
    if dialect is not None:
        _behind_causes(spool, exchanges, losses, dialect)


def _exchanges(items: Iterable[Item]) -> Iterator[Exchange]:
    for _, found in groupby(items, key=lambda item: item.exchange):
        yield tuple(found)  # there may be half a million: a tuple takes half the memory of a list


def _starts(exchanges: list[Exchange], losses: Losses) -> bool:
    """Give every request a time; return whether no time of the archive can be trusted."""
    requests = [exchange[0] for exchange in exchanges]
    missing = [request for request in requests if request.t == UNKNOWN]
    given = (request.t for request in requests if request.t != UNKNOWN)
    first = next(given, UNKNOWN)
    equal = len(requests) - len(missing) >= _SEVERAL and all(t == first for t in given)
    losses.guess(Guess.NO_START, len(missing))
    if equal:
        losses.guess(Guess.EQUAL_STARTS, len(requests) - len(missing))
        for place, request in enumerate(requests):
            request.t = first + place * MS
    elif missing:
        _between(exchanges, step=2 if first != UNKNOWN else MS)
    return equal or first == UNKNOWN


def _between(exchanges: list[Exchange], step: int) -> None:
    """Give requests without a time that of the latest request before them in the file, and a step more."""
    before = min((exchange[0].t for exchange in exchanges if exchange[0].t != UNKNOWN), default=MS) - 1
    for request, *rest in exchanges:
        if request.t == UNKNOWN:
            request.t = before + step
            for item in rest:  # an end without its start is the sum of nothing and a duration
                item.t = UNKNOWN
        before = max(before, request.t)


def _units(exchanges: list[Exchange], losses: Losses) -> None:
    """Correct durations in seconds or microseconds: they are compared with the time to the next poll of the client."""
    polls: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in exchanges:
        if exchange[0].client is not None and exchange[0].t != UNKNOWN:
            polls[exchange[0].client].append(exchange)
    shares = [
        (one[1].t - one[0].t) / gap
        for found in polls.values()
        for one, following in pairwise(sorted(found, key=lambda exchange: exchange[0].t))
        if len(one) > 1 and one[1].t > one[0].t and (gap := following[0].t - one[0].t) >= _SHORTEST
    ]
    if len(shares) < _ENOUGH:
        return
    middle = median(shares)
    for factor, guess, least, most in _UNITS:
        if least <= middle <= most:
            for exchange in exchanges:
                _scale(exchange, factor, guess, losses)


def _scale(exchange: Exchange, factor: float, guess: Guess, losses: Losses) -> None:
    start = exchange[0].t
    for item in exchange[1:]:
        if item.kind not in _MESSAGES and UNKNOWN not in (start, item.t):
            item.t = start + round((item.t - start) * factor)
            losses.guess(guess)


def _ends(exchanges: list[Exchange]) -> None:
    """Give every answer and message a time: a poll ends before the next one, anything else at once."""
    last = max((item.t for exchange in exchanges for item in exchange), default=0) + 2 * MS
    ordered = sorted(exchanges, key=lambda exchange: exchange[0].t)
    for one, following in pairwise(ordered):  # requests of one millisecond stay in the order of the file
        following[0].t = max(following[0].t, one[0].t + 2)
    next_poll: dict[str, int] = {}
    for exchange in reversed(ordered):
        request = exchange[0]
        end = request.t + 1
        if request.client is not None:
            end = next_poll.get(request.client, last) - 1
            next_poll[request.client] = request.t
        for item in exchange[1:]:
            item.t = max(end, request.t + 1) if item.t == UNKNOWN else item.t
            end = item.t + 1


def _behind_causes(spool: Spool, exchanges: list[Exchange], losses: Losses, dialect: Dialect) -> None:
    """Move events that hold an id of an operation behind the answer of the operation, if they stand before it."""
    causes = _causes(spool, exchanges, dialect)
    if not causes:
        return
    moved: set[int] = set()
    for exchange in sorted(exchanges, key=lambda exchange: exchange[0].t):
        latest = 0
        for item in exchange[1:]:
            if item.exchange in moved:  # the order within a socket is known
                item.t = max(item.t, latest + 1)
            if item.has_events:
                needed = [end for end, start in _caused(spool, item, causes, dialect) if start >= item.t]
                if needed:
                    item.t = max(needed) + 1
                    moved.add(item.exchange)
                    losses.guess(Guess.BEFORE_CAUSE)
            latest = item.t
    if moved:
        _polls_behind(exchanges, moved)


def _causes(spool: Spool, exchanges: list[Exchange], dialect: Dialect) -> dict[tuple[str, str], tuple[int, int]]:
    """Return the end and the start of the first operation with each id, by name and value of the id."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    if not dialect.per_operation or not any(item.has_events for item in spool.items):
        return found
    for request, *rest in sorted(exchanges, key=lambda exchange: exchange[0].t):
        part = spool.read(request)
        if not isinstance(part, Request) or not part.body or dialect.operation_of(part) is None:
            continue
        end = rest[0].t if rest and rest[0].kind in (Response, Failure) else request.t
        for key in _own(dialect.keys_of_request(part), dialect):
            found.setdefault(key, (end, request.t))
    return found


def _caused(
    spool: Spool, item: Item, causes: dict[tuple[str, str], tuple[int, int]], dialect: Dialect
) -> Iterator[tuple[int, int]]:
    part = spool.read(item)
    if isinstance(part, Chunk):
        stream = (one for one in EventStream().feed(part.body) if one.data is not None)
        events = [Event(0, 0, 0, 0, "", one.event or "", parse_json((one.data or "").encode())) for one in stream]
    else:
        messages = carried(part) or [] if isinstance(part, Response | SocketMessage) else []
        events = [Event(0, 0, 0, 0, "", one["channel"], one.get("data")) for one in messages if is_event(one)]
    for event in events:
        yield from (causes[key] for key in _own(dialect.keys_of_event(event), dialect) if key in causes)


def _own(keys: Keys, dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Yield the keys that belong to one operation."""
    return ((name, text) for name in dialect.per_operation & keys.keys() for text in values(keys[name]))


def _polls_behind(exchanges: list[Exchange], moved: set[int]) -> None:
    """Let polls begin after the answer of the poll before, where that answer was moved."""
    last: dict[str, Item] = {}
    for exchange in sorted(exchanges, key=lambda exchange: exchange[0].t):
        request = exchange[0]
        if request.client is None:
            continue
        before = last.get(request.client)
        if before is not None and before.exchange in moved and request.t <= before.t:
            delay = before.t + 1 - request.t
            request.t += delay
            if len(exchange) > 1 and exchange[1].t <= request.t:
                exchange[1].t = request.t + 1
                moved.add(request.exchange)
        if len(exchange) > 1:
            last[request.client] = exchange[-1]
