"""A cassette that is opened lazily is the recording that is derived from its facts, in every field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette import codec, sealed
from recorder.cassette.codec import encode, encode_header, encode_value
from recorder.cassette.reader import open_cassette, parse, read
from recorder.dialect.definition import parse as parse_dialect
from recorder.errors import CassetteError
from recorder.library import details, lazy
from recorder.library.lazy import open_recording
from recorder.library.recording import derive, joined
from recorder.library.sealing import seal
from recorder.model import Record, Recording, Row, Unsolicited
from recorder.redaction.carried import carrying
from tests.answers import ANSWERS, publish, result, yes
from tests.wire import HEADER, Desk, Wire

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "cassettes").glob("*.cassette"))
KEYS = 'reference = ["data.requestId", "body.requestId"]'
DIALECT = parse_dialect(ANSWERS.replace(KEYS, f'zone = ["data.zone", "body.zone"]\n{KEYS}'), path="answers.toml")
HEAD = carrying(replace(HEADER, dialect="answers"), DIALECT)
LINES = (("Content-Type", "application/x-ndjson"),)
VALUES = st.sampled_from([1, 1.0, "a", "\ud800", None, [], {"b": [2**70, -0.0]}, {"é": {"": "\x00"}}])
ODD = b'[{"channel":"/odd","data":[1e400,NaN,-Infinity,123456789012345678901234567890,"\\ud800"],"id":1.0,"id":2,"ext":{}}]'


def whole(value: Any) -> Any:
    """All of a value, with what `==` leaves out: fields that are not compared, the order of keys, the kinds of numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        own = [(f.name, whole(getattr(value, f.name))) for f in fields(value) if f.name not in ("index", "file")]
        return type(value).__name__, own
    if isinstance(value, dict):
        return {"keys": [(name, whole(item)) for name, item in value.items()]}
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        return repr(value)
    return [whole(item) for item in (sorted(value) if isinstance(value, frozenset) else value)]


def write(path: Path, records: list[Record]) -> Path:
    path.write_bytes(encode_header(HEAD) + b"".join(map(encode, records)))
    return path


Form = Callable[[Path, Path], Path]


def with_index(source: Path, target: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed, "INDEX_FROM", 0)
        seal(source, target)
    return target


def without(source: Path, target: Path) -> Path:
    seal(source, target)
    return target


def archived(source: Path, target: Path) -> Path:
    seal(source, target, archive=True)
    return target


FORMS: list[Form] = [lambda source, _: source, without, with_index, archived]


def check(source: Path, folder: Path, form: Form) -> None:
    """The lazy recording of a cassette in a form is the derived one; items can be had in any order, and by their row."""
    base = derive(read(source))
    path = form(source, folder / "form.cassette")
    with open_recording(path) as opened:
        found = opened.recording
        assert opened.is_stored == (form in (with_index, archived))
        assert opened.stale == ""
        assert whole(replace(found, header=base.header)) == whole(base)
        for mine, its in ((found.triples, base.triples), (found.plain, base.plain)):
            assert [mine[place] for place in reversed(range(len(its)))] == list(reversed(its))
            assert [mine.request(place) for place in range(len(its))] == [one.request for one in its]  # type: ignore[attr-defined]
        assert list(opened.rows()) == [opened.row(one.n) for one in base.triples]
        for row in opened.rows():
            assert all(row.n in opened.find(*key) for key in row.index_keys())
        records = list(opened.cassette.records())
        assert [opened.records[seq] for seq in range(len(records))] == records
        for one in records:
            if hasattr(one, "exchange"):
                assert one in opened.records.of_exchange(one.exchange)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("source", SHIPPED, ids=lambda path: path.stem)
def test_shipped_cassettes_are_read_lazily_as_they_are_derived(source: Path, form: Form, tmp_path: Path) -> None:
    check(source, tmp_path, form)


Act = Callable[[Wire, list[Desk], Any], None]


def published(wire: Wire, desks: list[Desk], value: Any) -> None:
    """Two publishes in one body, of which the second one is answered first, beside its event."""
    desk = desks[-1]
    one, two = publish(desk, "r1", value, zone="z"), publish(desk, "r2", value, do="Twice")
    wire.respond(desk.bayeux(one, two), [result("r2", value) | {"id": 5, "ext": {"a": value}}, yes(two), yes(one)])
    desk.hears(result("r1"))


def refused(wire: Wire, desks: list[Desk], value: Any) -> None:
    """A publish that is refused, one whose exchange fails, and one that no operation is."""
    desk = desks[0]
    wire.respond(desk.bayeux(publish(desk, "r3", value)), {"error": value}, status=500)
    wire.fail(desk.bayeux(publish(desk, "r4", value)))
    plain = {"channel": "/chat", "clientId": desk.client_id, "id": 7, "data": value}
    wire.respond(desk.bayeux(plain), [{"channel": "/chat", "id": 7, "successful": False, "error": "403::no", "x": value}])
    wire.respond(desk.bayeux(plain | {"id": 8}), [{"channel": "/chat", "id": 8, "successful": True, "ext": {"y": value}}])
    desk.hears({"channel": "/chat", "data": value, "id": "echo"})


def another(wire: Wire, desks: list[Desk], value: Any) -> None:
    """Another window, which gets an event before its handshake in one answer, and goes on while the first one does."""
    cookie = (("Cookie", f"BAYEUX_BROWSER={len(desks) % 2}"),)
    desk = Desk(wire, f"w{len(desks)}", cookie)
    poll = desks[0].polls()
    hands = {"channel": "/meta/handshake", "successful": True, "clientId": desk.client_id, "version": "1.0"}
    wire.respond(poll, [result("x", value), hands, result("y", value)])
    desk.shakes_hands((("Set-Cookie", f"BAYEUX_BROWSER={len(desks) % 2}"),))
    desks.append(desk)
    desks[0].hears(result("z"))
    desk.loses_poll()


def streamed(wire: Wire, _: list[Desk], value: Any) -> None:
    """Streams of events, of lines, and of Bayeux, one within the other; one is open at the end."""
    events = wire.streams()
    lines = wire.request("POST", "/lines", b'{"do":"Lines","requestId":"r5","zone":"z"}')
    wire.head(lines, LINES)
    wire.sends(events, value, id="1", event="tick")
    wire.sends(lines, b'{"a":1}\n')
    wire.sends(events, b": beat\n\nretry: 5\n\ndata: x\ndata: y\n\n")
    wire.sends(lines, b'{"b":2}\n', is_last=True)
    bayeux = wire.request("POST", "/api/v2/notifications", b'[{"channel":"/meta/connect","clientId":"client1"}]')
    wire.head(bayeux, LINES)
    wire.sends(bayeux, b'[{"channel":"/result","data":{"requestId":"r5"}}]\n', is_last=True)
    wire.sends(events, b"\xef\xbb\xbfdata: 1\r\n\r\n")
    wire.ends(events)
    wire.head(wire.request("POST", "/lines", b'{"do":"Lines"}'), LINES)


def socketed(wire: Wire, desks: list[Desk], value: Any) -> None:
    """A WebSocket of Bayeux, and one without, on which what looks like Bayeux is said later."""
    desk = desks[0]
    bayeux, plain = wire.upgrades("/api/v2/notifications/ws"), wire.upgrades(subprotocol="v1")
    wire.says(plain, {"type": "x", "value": value}, from_client=True)
    wire.frame(bayeux, publish(desk, "r6", value), from_client=True)
    wire.frame(bayeux, result("r6"), yes(publish(desk, "r6")), from_client=False)
    wire.frame(plain, publish(desk, "r7", value), from_client=True)
    wire.frame(plain, result("r7"), from_client=False)
    wire.says(plain, b"\xff\x00", is_text=False)
    wire.closes(plain, 4000, "bye")
    wire.upgrades("/silent")


def odd(wire: Wire, desks: list[Desk], value: Any) -> None:
    """Bodies that JSON barely allows, and exchanges that are no operations."""
    wire.respond(desks[0].polls(), ODD)
    desks[0].hears({"channel": "/odd", "data": value, "beside": value})
    wire.respond(wire.request("GET", "/me", b""), value)
    wire.fail(wire.request("GET", "/\ud800", b""))


@st.composite
def wires(draw: st.DrawFn) -> Wire:
    """Talks of several clients: publishes, windows, streams, WebSockets, and what comes of them."""
    wire = Wire()
    desks = [wire.desk(headers=(("Cookie", "BAYEUX_BROWSER=0"),))]
    for act in draw(st.lists(st.sampled_from([published, refused, another, streamed, socketed, odd]), max_size=7)):
        act(wire, desks, draw(VALUES))
    return wire


@given(wires(), st.sampled_from(FORMS))
def test_drawn_talks_are_read_lazily_as_they_are_derived(
    tmp_path_factory: pytest.TempPathFactory, wire: Wire, form: Form
) -> None:
    folder = tmp_path_factory.mktemp("lazy")
    check(write(folder / "j.cassette", wire.records), folder, form)
