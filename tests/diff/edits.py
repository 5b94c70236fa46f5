"""A cassette changed in known ways: the shipped preview session, whose records are edited one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any, TypeAlias

from recorder.cassette.reader import read
from recorder.correlate.engine import correlate
from recorder.dialect.definition import shipped
from recorder.model import Failure, Note, Record, Recording, Request, Response

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
CASSETTE = read(PREVIEW)
DEVICE, OTHER_DEVICE = "c259da54-7c22-4a43-9440-77a92facc86b", "11111111-2222-4333-8444-555555555555"
OTHER_SERVER = "http://gws.example:8090"

Edit: TypeAlias = Callable[[list[Record]], list[Record]]


def recording(*edits: Edit) -> Recording:
    """What is derived of the session after some edits; they find records by what they were at first."""
    records = reduce(lambda done, edit: edit(done), edits, list(CASSETTE.records))
    numbered = [replace(record, seq=seq) for seq, record in enumerate(records)]
    upstream = OTHER_SERVER if again in edits else CASSETTE.header.upstream
    header = replace(CASSETTE.header, redaction="none", upstream=upstream)
    return correlate(numbered, shipped(header.dialect), header)


def again(records: list[Record]) -> list[Record]:
    """The same session recorded another time: other ids, cookies, clientIds, ports, times and measurements."""
    others = {
        b"desk-": b"tuesday-",
        DEVICE.encode(): OTHER_DEVICE.encode(),
        b"36b28d109ee787e2e6f223c52487b0a4e4c97df9": b"a-client-of-another-server",
        CASSETTE.header.upstream.encode(): OTHER_SERVER.encode(),
        b"1433915532887": b"1533915532999",
    }

    def renamed(text: bytes) -> bytes:
        return reduce(lambda done, pair: done.replace(*pair), others.items(), text)

    return [
        record if isinstance(record, Note | Failure) else replace(record, body=renamed(record.body), t=record.t * 3)
        for record in records
    ]


def json_of(seq: int, change: Callable[[Any], Any]) -> Edit:
    """The JSON body of a record is what `change` makes of it, or leaves of it."""

    def edit(records: list[Record]) -> list[Record]:
        return [_changed(record, change) if record.seq == seq else record for record in records]

    return edit


def status_of(seq: int, status: int) -> Edit:
    return lambda records: [
        replace(r, status=status) if isinstance(r, Response) and r.seq == seq else r for r in records
    ]


def later(seq: int, ms: int) -> Edit:
    """A record comes so much later, and all that follow with it."""
    return lambda records: [replace(r, t=r.t + ms * 1_000_000) if r.seq >= seq else r for r in records]


def swapped(one: int, other: int) -> Edit:
    """Two records change their bodies, as they stand then."""

    def edit(records: list[Record]) -> list[Record]:
        bodies = {r.seq: r.body for r in records if isinstance(r, Request | Response)}
        places = {one: bodies[other], other: bodies[one]}
        return [
            replace(r, body=places[r.seq]) if isinstance(r, Request | Response) and r.seq in places else r
            for r in records
        ]

    return edit


def in_turn(*edits: Edit) -> Edit:
    return lambda records: reduce(lambda done, edit: edit(done), edits, records)


def without(*seqs: int) -> Edit:
    return lambda records: [r for r in records if r.seq not in seqs]


def _changed(record: Record, change: Callable[[Any], Any]) -> Record:
    assert isinstance(record, Request | Response)
    value = json.loads(record.body)
    changed = change(value)
    return replace(record, body=json.dumps(value if changed is None else changed, separators=(",", ":")).encode())
