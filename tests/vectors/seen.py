"""What a reader sees in a cassette, as JSON that a reader in any language can give too.

Maps are those of the frames (docs/format.md), with `type` beside them and bodies in place of references. Bytes that are
no text are `{"hex": …}`, long ones `{"size": …, "sha256": …}`. A large cassette is sampled: every `EVERY`th record and
triple stands for the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from recorder.cassette import codec
from recorder.cassette.reader import open_cassette
from recorder.errors import CassetteError
from recorder.model import Chunk, Failure, Header, Note, Part, Record, Request, Response, Row, RowEvent, SocketMessage

EVERY = 29
SAMPLED_FROM = 100
LONG = 1000  # bytes
_EVENT = [field.name for field in fields(RowEvent)]


def seen(path: Path, wanted: list[str]) -> dict[str, Any]:
    """All that stands in a cassette, up to its first error; `wanted` are the keys (`name=value`) to look up."""
    found: dict[str, Any] = {"header": None, "torn": None, "error": None, "records": [], "triples": []}
    found |= {"plain": [], "unsolicited": [], "summary": None, "counts": [0, 0], "find": {}}
    try:
        with open_cassette(path) as cassette:
            found["header"] = _header(cassette.header)
            for record in cassette.records():
                found["records"].append(as_json(record))
            found["torn"] = cassette.torn.offset if cassette.torn else None
            sealed = cassette.is_sealed
        if sealed:
            found |= _derived(path)
            found["find"] = {key: _find(path, *key.split("=", 1)) for key in wanted}
    except CassetteError as exc:
        found["error"] = {"offset": exc.offset}
    found["counts"] = [len(found["records"]), len(found["triples"])]
    for name in ("records", "triples"):
        found[name] = sampled(found[name])
    return found


def sampled(items: list[Any]) -> list[Any]:
    return items if len(items) < SAMPLED_FROM else items[::EVERY]


def as_json(record: Record) -> dict[str, Any]:
    """A record as the map of its frame."""
    common = {"n": record.seq, "t": record.t}
    match record:
        case Request():
            return {"type": codec.REQUEST} | common | {
                "x": record.exchange, "c": _text(record.connection), "m": _text(record.method),
                "u": _text(record.target), "h": _headers(record.headers), "b": _body(record.body),
            }  # fmt: skip
        case Response():
            own = {"x": record.exchange, "s": record.status, "h": _headers(record.headers), "b": _body(record.body)}
            return {"type": codec.RESPONSE} | common | own | ({"st": True} if record.streamed else {})
        case Chunk():
            own = {"x": record.exchange, "b": _body(record.body)} | ({"last": True} if record.is_last else {})
            return {"type": codec.CHUNK} | common | own
        case Failure():
            return {"type": codec.FAILURE} | common | {"x": record.exchange, "why": _text(record.reason)}
        case SocketMessage():
            own = {"x": record.exchange, "in": record.from_client, "b": _body(record.body)}
            return {"type": codec.SOCKET} | common | own | ({} if record.is_text else {"bin": True})
        case Note():
            return {"type": codec.NOTE} | common | {"kind": record.kind, "text": record.text}


def record_of(value: dict[str, Any]) -> Record:
    """A record from the map of its frame."""
    seq, t = value["n"], value["t"]
    match value["type"]:
        case codec.REQUEST:
            connection, method, target = (_from_text(value[key]) for key in ("c", "m", "u"))
            headers = _from_headers(value["h"])
            return Request(seq, t, value["x"], connection, method, target, headers, _from_body(value["b"]))
        case codec.RESPONSE:
            headers = _from_headers(value["h"])
            streamed = value.get("st", False)
            return Response(seq, t, value["x"], value["s"], headers, _from_body(value["b"]), streamed=streamed)
        case codec.CHUNK:
            return Chunk(seq, t, value["x"], _from_body(value["b"]), is_last=value.get("last", False))
        case codec.FAILURE:
            return Failure(seq, t, value["x"], _from_text(value["why"]))
        case codec.SOCKET:
            body, is_text = _from_body(value["b"]), not value.get("bin", False)
            return SocketMessage(seq, t, value["x"], from_client=value["in"], body=body, is_text=is_text)
        case _:
            return Note(seq, t, value["kind"], value["text"])


def header_of(value: dict[str, Any]) -> Header:
    fields = {"format" if key == "cassette" else key: item for key, item in value.items()}
    return Header(**fields | ({"part": Part(**fields["part"])} if "part" in fields else {}))


def row_of(value: dict[str, Any]) -> Row:
    events = tuple(RowEvent(**dict(zip(_EVENT, [*event[:7], tuple(event[7])], strict=True))) for event in value["ev"])
    keys = {name: tuple(held) if isinstance(held, list) else held for name, held in value["keys"].items()}
    return Row(
        value["n"], value["op"], keys, value["s"], value["st"], value["req"], value["ack"], value["fail"],
        events, value.get("pub"), value.get("rep"),
    )  # fmt: skip


_KEPT = codec.TRIPLE, codec.PLAIN, codec.UNSOLICITED, codec.SUMMARY, codec.DETAIL


def _derived(path: Path) -> dict[str, Any]:
    values: dict[int, list[Any]] = {kind: [] for kind in _KEPT}
    for kind, value in _values(path):
        if kind in values:
            values[kind].append(value)
    summary = values[codec.SUMMARY][0]
    if "dialect_sha256" in summary:
        summary["dialect_sha256"] = _body(codec.as_bytes(summary["dialect_sha256"]) or b"")
    return {
        "triples": values[codec.TRIPLE],
        "plain": values[codec.PLAIN],
        "unsolicited": values[codec.UNSOLICITED],
        "summary": summary,
    } | ({"details": values[codec.DETAIL]} if values[codec.DETAIL] else {})  # files of before have none


def _values(path: Path) -> Iterator[tuple[int, Any]]:
    with open_cassette(path) as cassette:
        for frame in cassette.frames():
            if frame.kind in (codec.TRIPLE, codec.PLAIN):
                codec.decode_row(frame, path=str(path))  # or it is refused
            yield frame.kind, codec.decode_value(frame, path=str(path))


def _find(path: Path, name: str, value: str) -> list[int]:
    with open_cassette(path) as sealed:
        sealed.verify()
        return [n for n in sealed.find(name, value) if (name, value) in sealed.row(n).index_keys()]


def _header(header: Header) -> dict[str, Any]:
    texts = {"dialect_text": _text(header.dialect_text), "policy_text": _text(header.policy_text)}
    return {"cassette": header.format, "dialect": header.dialect} | (texts if header.format > 1 else {}) | {
        "profile": header.profile, "redaction": header.redaction, "started": header.started,
        "upstream": header.upstream,
    } | ({"part": asdict(header.part)} if header.part else {})  # fmt: skip


def _body(body: bytes) -> Any:
    if len(body) > LONG:
        return {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    with suppress(UnicodeDecodeError):
        return body.decode()
    return {"hex": body.hex()}


def _text(text: str) -> Any:
    return _body(text.encode("utf-8", "surrogatepass"))


def _headers(headers: tuple[tuple[str, str], ...]) -> list[list[Any]]:
    return [[_text(name), _text(value)] for name, value in headers]


def _from_body(value: Any) -> bytes:
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else str(value).encode()


def _from_text(value: Any) -> str:
    return _from_body(value).decode("utf-8", "surrogatepass")


def _from_headers(pairs: list[list[Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((_from_text(name), _from_text(value)) for name, value in pairs)
