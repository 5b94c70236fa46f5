"""Makes the conformance vectors of format 2: `python -m tests.vectors.make FOLDER`.

Those in `v1/` and `v2/` are released: a file there is never made again, only new ones are added. Each cassette stands
beside a JSON file that says what a reader must see in it (see `seen.py`), and which keys to look up. `v1/` also holds
what the formats have in common: long files, large frames, repeated bodies, bytes that are damaged.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from unittest.mock import patch

import msgpack

from recorder.cassette.codec import (
    CONTENTS,
    END,
    SUMMARY,
    encode,
    encode_header,
    encode_row,
    encode_rules,
    encode_value,
)
from recorder.cassette.frames import frame
from recorder.cassette.migrate import migrate
from recorder.cassette.repair.recover import recover
from recorder.cassette.sealed import SealedWriter
from recorder.correlate.engine import Correlator
from recorder.dialect.definition import DEFAULT, shipped
from recorder.library.sealing import write_sealed
from recorder.model import Chunk, Failure, Header, Note, Part, Record, Request, Response, Row, SocketMessage, Value
from recorder.redaction.carried import carrying
from tests.answers import DIALECT, publish, result, yes
from tests.vectors.seen import seen
from tests.wire import Wire, chained, done, get_me, preview, record_event, state_event, twin

DIALECT_TEXT = 'name = "gws-outbound" # Zoë\n'
HEADER = Header(
    1_753_000_000_000_000, "http://gws.example:8090", "gws-outbound", "default",
    dialect_text=DIALECT_TEXT, policy_text='name = "default"\n',
)  # fmt: skip
V1 = Path(__file__).parent / "v1"
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
HEARD = b'id: 1\nevent: told\ndata: {"topicName":"v2.users.me","eventBody":{"message":"WebSocket Heartbeat"}}\n\n'
STREAMS: tuple[Record, ...] = (
    Request(0, 1_000, 0, "c1", "GET", "/events", (("Accept", "text/event-stream"),), b""),
    Response(1, 2_000, 0, 200, (("Content-Type", "text/event-stream"),), b"", streamed=True),
    Chunk(2, 3_000, 0, b": hello\n\n" + HEARD),
    Request(3, 4_000, 1, "c2", "GET", "/socket", (("Upgrade", "websocket"),), b""),
    Response(4, 5_000, 1, 101, (), b""),
    Chunk(5, 6_000, 0, HEARD),
    SocketMessage(6, 7_000, 1, from_client=False, body=b"text", is_text=False),
    SocketMessage(7, 8_000, 1, from_client=True, body=b"\x00\xff", is_text=False),
    SocketMessage(8, 9_000, 1, from_client=True, body=b"text"),
    Chunk(9, 10_000, 0, HEARD),
    Chunk(10, 11_000, 0, b"data: \xff\n\n"),
    Chunk(11, 12_000, 0, b"", is_last=True),
    Failure(12, 13_000, 1, "websocket closed by server, code 1001: going away"),
    Request(13, 14_000, 2, "c1", "GET", "/lines", (), b""),
    Response(14, 15_000, 2, 200, (("Content-Type", "application/x-ndjson"),), b"", streamed=True),
    Chunk(15, 16_000, 2, b'{"n":1}\n{"n":2}\n', is_last=True),
    Request(16, 17_000, 3, "c1", "GET", "/events", (), b""),
    Response(17, 18_000, 3, 200, (("Content-Type", "text/event-stream"),), b"", streamed=True),
    Failure(18, 19_000, 3, "Client disconnected."),
    Note(19, 20_000, "close", "the capture ended cleanly"),
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


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def unknown(kind: int, body: object) -> bytes:
    return frame(kind, msgpack.packb(body))


def raw_vectors() -> dict[str, tuple[str, bytes]]:
    whole, head = journal(ONE_OF_EACH), journal(())
    frames = [encode(record) for record in ONE_OF_EACH]
    newer = frame(1, msgpack.packb({"cassette": 3, "a new field": [1]}))
    rules = encode_rules("mine", 'name = "mine"\n')
    awaits = encode_header(HEADER, rules_follow=True)
    notes = [encode(Note(n, n, "", "")) for n in range(4001)]
    plain = {"cassette": 2, "dialect": "a", "profile": "journal", "redaction": "b", "started": 0, "upstream": ""}
    long = plain | {"dialect_text": "#" * (1 << 17) + "#", "policy_text": ""}
    return {
        "empty": ("a journal with no record yet", head),
        "records": ("one record of each type", whole),
        "bytes": ("bodies that are empty or no text, text that is no UTF-8", journal(BYTES)),
        "part": (
            "the second part of a capture, whose first record repeats one of the first part",
            journal(ONE_OF_EACH[:2], replace(HEADER, part=Part("5d41402abc4b2a76", 2, 7_000_000_000, 1))),
        ),
        "no-texts": ("a header of format 2 that names dialect and policy only", journal((), _named_only())),
        "text-missing": ("a header of format 2 without a field: no cassette", frame(1, msgpack.packb(plain))),
        "text-long": ("a dialect of more than 131,072 bytes: no cassette", frame(1, msgpack.packb(long))),
        "torn-body": ("cut inside the body of the last frame", whole[:-20]),
        "torn-header": ("cut inside its header: no cassette", head[:-1]),
        "damaged": ("one bit of the third record is wrong", flipped(whole, len(head + frames[0] + frames[1]) + 30)),
        "rules": ("the dialect follows the first records", awaits + frames[0] + frames[1] + rules + frames[2]),
        "rules-to-come": ("the dialect is announced and not there yet", awaits + frames[0]),
        "rules-torn": ("cut inside the dialect that follows", awaits + frames[0] + rules[:-3]),
        "rules-damaged": ("the dialect that follows is damaged", awaits + frames[0] + flipped(rules, 12) + frames[1]),
        "rules-twice": (
            "two dialects follow: the first counts",
            awaits + rules + encode_rules("other", "") + frames[0],
        ),
        "rules-unannounced": ("a dialect that the header does not announce: to be skipped", head + rules + frames[0]),
        "rules-late": ("behind 4,000 frames: to be skipped", awaits + b"".join(notes[:4000]) + rules + notes[4000]),
        "rules-last": ("the last place for a dialect", awaits + b"".join(notes[:3999]) + rules + notes[3999]),
        "ancillary": ("types above 0x3F that are unknown: to be skipped", _between(0x7F, frames, head)),
        "chunk": ("another type above 0x3F that is unknown: to be skipped", _between(0x43, frames, head)),
        "streams": ("responses in chunks, binary messages on a WebSocket", journal(STREAMS)),
        "streams-torn": ("cut inside a chunk", journal(STREAMS[:6])[:-20]),
        "streams-flag": ("a flag that is no bool: to be refused", head + frames[0] + _with_flag(1)),
        "streams-false": ("flags that say no", head + frames[0] + _with_flag(value=False)),
        "streams-sealed": ("sealed, chunks that name the body of an earlier one", stream_sealed("sealed")),
        "streams-archive": ("the same, compressed", stream_sealed("archive")),
        "critical": ("a type up to 0x3F that is unknown: to be refused", _between(0x3E, frames, head)),
        "newer": ("written in format 3: to be refused", newer + b"".join(frames)),
        "unknown-field": ("a field that is unknown: to be left alone", head + _with_field(frames[0]) + frames[1]),
        "several-values": ("sealed, keys with several values", with_keys({"id": ("a", "b", "é"), "one": "a"})),
        "several-none": ("sealed, a key with no value: to be refused", with_keys({"id": ()})),
    }


def _named_only() -> Header:
    return replace(HEADER, dialect_text="", policy_text="")


def _between(kind: int, frames: list[bytes], head: bytes) -> bytes:
    return head + frames[0] + unknown(kind, {"from": "the future"}) + frames[1]


def _with_field(encoded: bytes) -> bytes:
    body = msgpack.unpackb(encoded[7:-5])
    return frame(encoded[1], msgpack.packb(body | {"zz": [None, True, 1.5]}))


def _with_flag(value: object) -> bytes:
    body = msgpack.unpackb(encode(ONE_OF_EACH[1])[7:-5])
    return frame(3, msgpack.packb(body | {"st": value}))


def stream_sealed(profile: str) -> bytes:
    file = BytesIO()
    writer = SealedWriter(file, replace(HEADER, profile=profile))
    for record in STREAMS:
        writer.fact(record)
    writer.finish([], {"poll_timeout": None, "sessions": {}})
    writer.close()
    return file.getvalue()


def with_keys(keys: dict[str, Value]) -> bytes:
    """A sealed cassette of two triples, the first with these keys."""
    rows = (
        Row(1, "X", keys, None, "aborted", 0, None, None, ()),
        Row(2, "X", {"id": "b"}, None, "aborted", 2, None, None, ()),
    )
    data = encode_header(replace(HEADER, profile="sealed")) + b"".join(map(encode, ONE_OF_EACH))
    data += b"".join(map(encode_row, rows)) + encode_value(SUMMARY, {"poll_timeout": None, "sessions": {}})
    return data + encode_value(END, bytes(8) + hashlib.sha256(data).digest())


def with_tables(data: bytes) -> bytes:
    """An archive whose index has a table more, as a later writer may give it, and summary and records more fields."""
    at = int.from_bytes(data[-45:-37], "big")  # in the body of the end frame
    contents = msgpack.unpackb(data[at + 7 : -54 - 5])
    data = data[:at] + encode_value(CONTENTS, contents | {"requests": [[[0, at]]]})
    return data + encode_value(END, at.to_bytes(8, "big") + hashlib.sha256(data).digest())


def written(records: Iterable[Record], *, archive: bool = False) -> bytes:
    """A sealed cassette or an archive of records."""
    file, header = BytesIO(), replace(HEADER, profile="archive" if archive else "sealed")
    write_sealed(file, header, iter(records), Correlator(shipped(DEFAULT)))
    return file.getvalue()


def bare(records: Iterable[Record]) -> bytes:
    """An archive without details, as it was written before there were any."""
    with patch("recorder.library.sealing.details_of", lambda *_: []):
        return written(records, archive=True)


def detailed() -> bytes:
    """An archive with details of each kind: publishes, windows, refusals, a stream, a WebSocket, a lost poll."""
    wire = Wire()
    first = wire.desk(cookies=(("Set-Cookie", "BAYEUX_BROWSER=one"),), headers=(("Cookie", "BAYEUX_BROWSER=one"),))
    second = wire.desk(headers=(("Cookie", "BAYEUX_BROWSER=one"),))
    wire.respond(first.bayeux(publish(first, "r1")), [result("r1", 2.5), yes(publish(first, "r1"))])
    wire.fail(second.polls())
    chat = {"channel": "/chat", "clientId": second.client_id, "id": "1"}
    wire.respond(second.bayeux(chat | {"data": {"é": 2**70}}), [chat | {"successful": False, "error": "403::no"}])
    wire.respond(second.bayeux(chat | {"data": None}), [chat | {"successful": True}])
    stream = wire.streams()
    wire.sends(stream, {"tick": 1}, id="7")
    wire.ends(stream)
    socket = wire.upgrades(subprotocol="v1")
    wire.says(socket, "hello", from_client=True)
    wire.says(socket, b"\xff\x00", is_text=False)
    wire.closes(socket, 4000, "bye")
    wire.respond(wire.request("GET", "/me", b""), {})
    file, header = BytesIO(), replace(HEADER, profile="archive", dialect="answers")
    write_sealed(file, carrying(header, DIALECT), iter(wire.records), Correlator(DIALECT))
    return file.getvalue()


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
    talk = ["handle=7", "handle=8", "reference=32", "operation=GetChainedRecord", "channel=/me/internal", "handle=nil"]
    keys = dict.fromkeys(("sealed", "archive", "tables", "migrated", "migrated-archive"), talk)
    keys["several-values"] = ["id=a", "id=b", "id=é", "one=a", "id=c"]
    sealed, archive = written(conversation()), bare(conversation())
    vectors = raw_vectors() | {
        "sealed": ("sealed, without an index", sealed),
        "sealed-empty": ("sealed, nothing in it", written([])),
        "sealed-cut": ("sealed, its end is missing", sealed[:-54]),
        "publishes": ("sealed, triples whose requests are Bayeux publishes", publishes()),
        "archive": ("compressed, with an index", archive),
        "details": ("compressed, with details and the tables that go with them", detailed()),
        "tables": ("compressed, with a table of the index that is unknown: to be left alone", with_tables(archive)),
    }
    for name, (_, data) in vectors.items():
        (folder / f"{name}.cassette").write_bytes(data)
    about = {name: text for name, (text, _) in vectors.items()}
    recover(folder / "rules.cassette", folder / "recovered.cassette", force=True)
    about["recovered"] = "what recover makes of `rules`: the header has the dialect"
    for name, old in (("migrated", "sealed"), ("migrated-journal", "records"), ("migrated-archive", "archive")):
        migrate(V1 / f"{old}.cassette", folder / f"{name}.cassette")
        about[name] = f"what migrate makes of `{old}` of format 1"
    for name, text in about.items():
        found = {"about": text, "keys": keys.get(name, [])} | seen(folder / f"{name}.cassette", keys.get(name, []))
        content = json.dumps(found, indent=1, ensure_ascii=False)
        (folder / f"{name}.json").write_text(content + "\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
