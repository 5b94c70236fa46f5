"""Build the rows of a page and its blocks from an open cassette: nothing but what is asked for is read from it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from ...model import Row
from ...push.rules import COMMENT
from ...replay.engine.orders.schedule import Kept
from ...views.orders.beside import orders
from ...views.orders.placing import with_orders
from ...views.pages import blocks, light
from ...views.pages.columns import Columns
from ...views.pages.light import Light, LightEvent, LightPushed
from ...views.pages.problems import INFO
from ...views.pages.reading import keys_of
from ...views.pages.rows import About, Pages, Place
from ...views.pages.rows import document as document_of
from ..answers import quick_bytes
from . import quickly
from .snapshot import Snapshot
from .wire import Wire

ITEMS = 64  # in a block


class Layout(NamedTuple):
    """The blocks of a recording: of each kind of items the number of the first block, and the number of items."""

    kinds: tuple[tuple[str, int, int], ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Layout:
        """Return the layout of an open cassette."""
        recording, first, kinds = snapshot.found.recording, 0, []
        for kind in ("triples", "plain", "unsolicited"):
            count = len(getattr(recording, kind))
            kinds.append((kind, first, count))
            first += -(-count // ITEMS)
        return cls(tuple(kinds))

    def first(self) -> dict[str, list[list[int]]]:
        """Return for each kind its blocks: the number of each, and the place of its first item."""
        return {
            kind: [[first + place // ITEMS, place] for place in range(0, count, ITEMS)]
            for kind, first, count in self.kinds
            if count
        }

    def items(self, k: int) -> tuple[str, range] | None:
        """Return the kind and the places of the items of block `k`; None if there is no such block."""
        for kind, first, count in self.kinds:
            begin = (k - first) * ITEMS
            if k >= first and begin < count:
                return kind, range(begin, min(begin + ITEMS, count))
        return None


def document(snapshot: Snapshot, title: str) -> bytes:
    """Return the rows of an open cassette as JSON.

    Raises:
        CassetteError: If the cassette is damaged.
    """
    wire = snapshot.wire()
    pages = Pages()
    pages.add(about(snapshot, title, wire), columns_of(snapshot, wire), Layout.of(snapshot).first(), Place())
    return quick_bytes(document_of(title, pages) | {"edition": snapshot.edition.name})


def ordered(snapshot: Snapshot, known: bytes, kept: Kept) -> bytes:
    """Return the rows of an open cassette with the order of a schedule beside the recorded one.

    Args:
        snapshot: The cassette.
        known: Its rows, as `document` returns them.
        kept: The schedule.

    Raises:
        CassetteError: If the cassette is damaged.
        UsageError: If the schedule is of another cassette.
    """
    found = orders(snapshot.found.recording, snapshot.dialect, kept)
    return quick_bytes(with_orders(json.loads(known), found))


def about(snapshot: Snapshot, title: str, wire: Wire) -> About:
    """Return what the rows tell of an open cassette beside its items."""
    found, recording = snapshot.found, snapshot.found.recording
    return About(
        name=title,
        header=recording.header,
        keys=keys_of(snapshot.dialect),
        sessions={label: t for label, (_, t) in recording.session_starts.items()},
        poll_timeout=recording.poll_timeout,
        polls=wire.polls(found.heard),
        notes=tuple(wire.notes),
        ended=wire.ended,
    )


def problems(snapshot: Snapshot) -> dict[str, int]:
    """Return how many problems of each severity but `info` the rows of an open cassette tell.

    Raises:
        CassetteError: If the cassette is damaged.
    """
    wire = snapshot.wire()
    polls = [(poll.opened // 1000, poll.failure) for poll in wire.polls(snapshot.found.heard)]
    found = columns_of(snapshot, wire).found(polls, wire.ended // 1000)
    return dict(Counter(one.problem.severity for one in found if one.problem.severity != INFO))


def columns_of(snapshot: Snapshot, wire: Wire) -> Columns:
    """Return the rows of an open cassette as columns.

    Raises:
        CassetteError: If the cassette is damaged.
    """
    columns = Columns()
    if snapshot.found.is_stored and wire.is_plain:
        quickly.add_triples(columns, snapshot.found, wire, partial(_triples, snapshot, wire))
    else:
        for item in _triples(snapshot, wire):
            columns.triples.add(item)
    for exchange in snapshot.found.recording.plain:
        columns.plain.add(light.light(exchange))
    for pushed in _pushed(snapshot, wire):
        columns.unsolicited.add(pushed)
    return columns


def block(snapshot: Snapshot, k: int) -> bytes | None:
    """Return block `k` as JSON, None if there is none.

    Raises:
        CassetteError: If the cassette is damaged.
    """
    wanted = Layout.of(snapshot).items(k)
    if wanted is None:
        return None
    kind, places = wanted
    recording = snapshot.found.recording
    if kind == "unsolicited":
        texts = [blocks.of_pushed(recording.unsolicited[place]) for place in places]
    else:
        items = recording.triples if kind == "triples" else recording.plain
        texts = [blocks.of_triple(items[place]) for place in places]
    return blocks.block(texts).encode("utf-8", "replace")


def _triples(snapshot: Snapshot, wire: Wire, numbers: Iterable[int] | None = None) -> Iterator[Light]:
    """Yield what the rows tell of the triples, or of some, by their stored form if it tells."""
    found, every = snapshot.found, snapshot.found.recording.triples
    if not wire.is_plain:
        yield from map(light.light, every)
        return
    for row in map(found.row, range(1, len(every) + 1) if numbers is None else numbers):
        yield _of_row(row, wire) if row.message is None else light.light(every[row.n - 1])


def _of_row(row: Row, wire: Wire) -> Light:
    times = wire.times
    method, target = wire.asked(row.request)
    end = row.ack if row.ack is not None else row.failure
    events = [
        LightEvent(event.name, event.channel, times[event.seq], event.rule, event.confidence, len(event.rivals))
        for event in row.events
    ]
    return Light(
        row.n,
        row.request,
        row.operation,
        row.keys,
        row.session,
        row.state,
        times[row.request],
        method,
        target,
        None if end is None else times[end],
        None if row.ack is None else wire.statuses[row.ack],
        None if row.failure is None else wire.reason(row.failure),
        tuple(events),
    )


def _pushed(snapshot: Snapshot, wire: Wire) -> Iterator[LightPushed]:
    if not wire.is_plain or snapshot.dialect.ignore:
        yield from map(light.pushed, snapshot.found.recording.unsolicited)
        return
    for seq, _, channel, name, session in snapshot.found.pushed():
        yield LightPushed(seq, name, channel, wire.times[seq], session, is_ignored=channel == COMMENT)
