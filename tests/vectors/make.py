"""Makes the conformance vectors of format 1: `python -m tests.vectors.make FOLDER`.

Those in `v1/` are released: a file there is never made again, only new ones are added. Each cassette stands beside a
JSON file that says what a reader must see in it (see `seen.py`), and which keys to look up.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import msgpack

from recorder.cassette.codec import END, SUMMARY, encode, encode_header, encode_row, encode_value
from recorder.cassette.frames import frame
from recorder.cassette.recover import recover
from recorder.correlate.engine import Correlator
from recorder.library.sealing import seal, write_sealed
from recorder.model import Failure, Header, Note, Record, Request, Response, Row, SocketMessage
from tests.answers import DIALECT, publish, result, yes
from tests.vectors.seen import seen
from tests.wire import Wire, chained, done, get_me, preview, record_event, state_event, twin

HEADER = Header(1_753_000_000_000_000, "http://gws.example:8090", "gws-outbound", "default")
JSON_TYPE = (("Content-Type", "application/json"),)
POST = "/api/v2/me/outbound-records/7"

ONE_OF_EACH: tuple[Record, ...] = (
    Request(0, 1_000, 0, "c1", "POST", POST + "?a=%20", JSON_TYPE, b'{"referenceId":"1","big":12345678901234567890}'),
    Response(1, 2_000, 0, 200, (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")), '{"name":"é\u2028"}'.encode()),
    Request(2, 70_000, 1, "c2", "GET", "/socket", (("Upgrade", "websocket"),), b""),
    Response(3, 5_000_000_000, 1, 101, (), b""),
    SocketMessage(4, 28_800_000_000_000, 1, from_client=True, body=b'[{"channel":"/meta/connect"}]'),
    SocketMessage(5, 28_800_000_000_001, 1, from_client=False, body=b"[]"),
    Failure(6, 28_800_000_000_002, 1, "Client disconnected."),
    Note(7, 28_800_000_000_003, "close", "the capture ended cleanly"),
)
BYTES: tuple[Record, ...] = (
    # text that is no UTF-8: a target and a header with bytes kept as halves of surrogate pairs
    Request(0, 1, 0, "c1", "P\udcffST", "/caf\udce9", (("X-\udc80", "ok"), ("Name", "caf\udce9")), b"\xff\xfe\x00"),
    Response(1, 2, 0, 200, (("X", "\xe9"),), b""),
    Request(2, 3, 1, "c1", "POST", "/", (), b"\xc3"),
    Response(3, 4, 1, 204, (), "\ud7ff\U0010ffff".encode()),
    SocketMessage(4, 5, 1, from_client=False, body=bytes(range(256))),
    Failure(5, 6, 1, "\ud800 alone"),
    Note(6, 7, "", ""),
)


def journal(records: Iterable[Record], header: Header = HEADER) -> bytes:
    return encode_header(header) + b"".join(map(encode, records))


def conversation() -> list[Record]:
    """Two desks: triples by each rule, an exchange that is no operation, an event nobody asked for."""
    wire = Wire()
    desk, other = wire.desk(), wire.desk()
    desk.asks(chained(7, "r1"), done(7, "r1"), twin("ChainedRecordsDataEnd"))
    other.asks(chained(8, 32), record_event("ChainedRecord", 8, 32), done(8, 32), early=1)
    me = desk.post(get_me())
    wire.respond(me, {"statusCode": 0, "user": {"userName": "Zoë"}})
    desk.hears(state_event())
    desk.asks(preview("r3"), record_event("PreviewRecord", 9, "r3"))
    wire.respond(other.post(chained(8)), {"statusCode": 4, "statusMessage": "no"}, status=500)
    desk.polls()
    desk.loses_poll()
    wire.fail(desk.post(chained(10, "r5")))
    return [*wire.records, Note(len(wire.records), wire.records[-1].t, "close", "the capture ended cleanly")]


def repeated(count: int, size: int) -> list[Record]:
    """Bodies that stand there before: at once, later, and when they are forgotten after 4096 others."""
    bodies = [f"{place:0{size}}".encode() for place in range(count)]
    again = [bodies[-1], bodies[0], bodies[0], bodies[1][: size - 1], bodies[1], bodies[2]]
    sent = [*bodies, *again]
    return [SocketMessage(n, n, 0, from_client=True, body=body) for n, body in enumerate(sent)]


def many(operations: int, notes: int) -> list[Record]:
    """More records than are indexed in memory, as short as they can be."""
    records: list[Record] = []
    for place in range(operations):
        target, body = f"/api/v2/me/outbound-records/{place % 100}", f'{{"operationName":"X","referenceId":{place}}}'
        records.append(Request(2 * place, place, place, "c", "POST", target, (), body.encode()))
        records.append(Response(2 * place + 1, place, place, 200, (), b"{}"))
    return [*records, *(Note(n, n, "", "") for n in range(2 * operations, 2 * operations + notes))]


def large() -> list[Record]:
    """Frames larger than a block fills: one is a block of its own, one packs so well that it must stand as it is."""
    chain = [hashlib.sha256(f"{place}".encode()).hexdigest() for place in range(1100)]
    bodies = [b"a" * 70, "".join(chain).encode(), b"c" * 70, b"b" * 70_000, b"a" * 70, "".join(chain).encode()]
    return [SocketMessage(n, n, 0, from_client=False, body=body) for n, body in enumerate(bodies)]


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def unknown(kind: int, body: object) -> bytes:
    return frame(kind, msgpack.packb(body))


def raw_vectors() -> dict[str, tuple[str, bytes]]:
    whole, head = journal(ONE_OF_EACH), journal(())
    frames = [encode(record) for record in ONE_OF_EACH]
    newer = frame(1, msgpack.packb({"cassette": 2, "a new field": [1]}))
    named = encode(SocketMessage(0, 0, 0, from_client=True, body=b""), same_body_as=7)
    return {
        "empty": ("a journal with no record yet", head),
        "records": ("one record of each type", whole),
        "bytes": ("bodies that are empty or no text, text that is no UTF-8", journal(BYTES)),
        "torn-body": ("cut inside the body of the last frame", whole[:-20]),
        "torn-head": ("cut inside the head of the last frame", whole[: -len(frames[-1]) + 5]),
        "torn-header": ("cut inside its header: no cassette", head[:-1]),
        "damaged": ("one bit of the third record is wrong", flipped(whole, len(head + frames[0] + frames[1]) + 30)),
        "damaged-length": ("a length that leaves the file no room", flipped(whole, len(head + frames[0]) + 3)),
        "missing": ("a record is missing, all bytes are sound", head + frames[0] + frames[2]),
        "ancillary": ("types above 0x3F that are unknown: to be skipped", _between(0x7F, frames, head)),
        "critical": ("a type up to 0x3F that is unknown: to be refused", _between(0x3E, frames, head)),
        "newer": ("written in format 2: to be refused", newer + b"".join(frames)),
        "no-cassette": ("another file", b"\x89PNG\r\n\x1a\n" + bytes(32)),
        "named-nowhere": ("names a body that is not there", head + named),
        "unknown-field": ("a field that is unknown: to be left alone", head + _with_field(frames[0]) + frames[1]),
    }


def _between(kind: int, frames: list[bytes], head: bytes) -> bytes:
    return head + frames[0] + unknown(kind, {"from": "the future"}) + frames[1]


def _with_field(encoded: bytes) -> bytes:
    body = msgpack.unpackb(encoded[7:-5])
    return frame(encoded[1], msgpack.packb(body | {"zz": [None, True, 1.5]}))


def with_triple(n: int) -> bytes:
    """A sealed cassette of one triple with this number."""
    row = Row(n, "X", {"handle": "7"}, None, "aborted", 0, None, None, ())
    data = encode_header(replace(HEADER, profile="sealed")) + encode(ONE_OF_EACH[0]) + encode_row(row)
    data += encode_value(SUMMARY, {"poll_timeout": None, "sessions": {}})
    return data + encode_value(END, bytes(8) + hashlib.sha256(data).digest())


def publishes() -> bytes:
    """A sealed cassette of publishes: two in one body, the first without a reply, and one on a WebSocket."""
    wire = Wire()
    desk = wire.desk()
    one, two = publish(desk, "r1"), publish(desk, "r2", 2)
    wire.respond(desk.bayeux(one, two), [result("r2", 4), yes(two)])
    socket = wire.request("GET", "/socket", b"")
    wire.respond(socket, b"", status=101)
    wire.frame(socket, publish(desk, "r3"), from_client=True)
    wire.frame(socket, result("r3"), yes(publish(desk, "r3")), from_client=False)
    file, header = BytesIO(), replace(HEADER, profile="sealed", dialect="answers")
    write_sealed(file, header, iter(wire.records), Correlator(DIALECT))
    return file.getvalue()


def make(folder: Path) -> None:
    """Write all vectors."""
    keys: dict[str, list[str]] = {}
    about: dict[str, str] = {}
    for name, (text, data) in raw_vectors().items():
        (folder / f"{name}.cassette").write_bytes(data)
        about[name] = text
    scratch = folder / "scratch"
    talk = ["handle=7", "handle=8", "reference=32", "operation=GetChainedRecord", "channel=/me/internal", "handle=nil"]
    numbers = ["handle=42", "reference=123", "operation=Y", "reference=none"]
    for name, text, records, archive, wanted in (
        ("sealed", "sealed, without an index", conversation(), False, talk),
        ("sealed-empty", "sealed, nothing in it", [], False, []),
        ("sealed-bytes", "sealed, text that is no UTF-8", BYTES, False, []),
        ("indexed", "sealed, with an index", many(300, 3500), False, numbers),
        ("repeated", "sealed, with repeated bodies", repeated(3, 64), False, []),
        ("archive", "compressed, with an index", conversation(), True, talk),
        ("archive-window", "compressed, bodies forgotten after 4096 others", repeated(4097, 64), True, []),
        ("archive-large", "compressed; a block of one large frame, a frame outside of blocks", large(), True, []),
        ("archive-indexed", "compressed, an index of several pages", many(200, 8000), True, numbers),
    ):
        scratch.write_bytes(journal(records))
        seal(scratch, folder / f"{name}.cassette", archive=archive)
        about[name], keys[name] = text, wanted
    sealed = (folder / "sealed.cassette").read_bytes()
    for name, text, data in (
        ("sealed-cut", "sealed, its end is missing", sealed[:-54]),
        ("sealed-torn", "sealed, cut inside a frame", sealed[:-60]),
        ("sealed-longer", "sealed, goes on after its end", sealed + encode_value(0x7F, None)),
        ("publishes", "sealed, triples whose requests are Bayeux publishes", publishes()),
        ("triple-number", "sealed, a triple has a number that is none", with_triple(1 << 32)),
    ):
        (folder / f"{name}.cassette").write_bytes(data)
        about[name] = text
    recover(folder / "damaged.cassette", folder / "lost.cassette", force=True)
    about["lost"] = "what recover makes of `damaged`: a note stands for the record that is gone"
    scratch.unlink()
    for name, text in about.items():
        found = {"about": text, "keys": keys.get(name, [])} | seen(folder / f"{name}.cassette", keys.get(name, []))
        content = json.dumps(found, indent=1, ensure_ascii=False)
        (folder / f"{name}.json").write_text(content + "\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
