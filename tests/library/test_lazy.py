"""A cassette that is opened lazily is the recording that is derived from its facts, in every field."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import fields, is_dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.api.cassette import Cassette
from recorder.cassette import codec, sealed
from recorder.cassette.codec import encode, encode_header, encode_value
from recorder.cassette.frames import read_frame, unframe
from recorder.cassette.reader import open_cassette, read
from recorder.dialect.definition import parse as parse_dialect
from recorder.errors import CassetteError
from recorder.library.index.check import IndexCheck, tables_astray
from recorder.library.index.details import Told, details_of, recording_of
from recorder.library.index.making import maker_of
from recorder.library.lazy import open_recording, open_stored, summary_of
from recorder.library.recording import derive, joined
from recorder.library.sealing import seal
from recorder.library.sequences import mapped
from recorder.model import RULES, Entries, Record, Recording, Triple, Unsolicited
from recorder.redaction.carried import carrying
from tests.answers import ANSWERS, publish, result, yes
from tests.wire import HEADER, Desk, Wire, chained, done, record_event

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "cassettes").glob("*.cassette"))
KEYS = 'reference = ["data.requestId", "body.requestId"]'
DIALECT = parse_dialect(ANSWERS.replace(KEYS, f'zone = ["data.zone", "body.zone"]\n{KEYS}'), path="answers.toml")
HEAD = carrying(replace(HEADER, dialect="answers"), DIALECT)
LINES = (("Content-Type", "application/x-ndjson"),)
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [1, 1.0, "a", "\ud800", None, [], {"b": [2**70, -0.0]}, {"é": {"": "\x00"}}]
)
ODD = b'[{"channel":"/odd","data":[1e400,NaN,-Infinity,123456789012345678901234567890,"\\ud800"],"id":1.0,"id":2}]'


def whole(value: Any) -> Any:
    """All of a value, with what `==` leaves out: some fields, the order of keys, the kinds of numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        own = [(f.name, whole(getattr(value, f.name))) for f in fields(value) if f.name not in ("index", "file")]
        return type(value).__name__, own
    if isinstance(value, dict):
        return {"keys": [(name, whole(item)) for name, item in value.items()]}
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        return repr(value)
    return [whole(item) for item in (sorted(value) if isinstance(value, frozenset) else value)]


def entries(table: Entries) -> list[bytes]:
    return [table[place] for place in range(len(table))]


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
    """The lazy recording of a cassette in a form is the derived one, in any order."""
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
    wire.respond(
        desk.bayeux(plain), [{"channel": "/chat", "id": 7, "successful": False, "error": "403::no", "x": value}]
    )
    wire.respond(
        desk.bayeux(plain | {"id": 8}), [{"channel": "/chat", "id": 8, "successful": True, "ext": {"y": value}}]
    )
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


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    wire = Wire()
    desks = [wire.desk(headers=(("Cookie", "BAYEUX_BROWSER=0"),))]
    for act in (published, another, refused, streamed, socketed, odd, published):
        act(wire, desks, 1)
    return write(tmp_path / "j.cassette", wire.records)


def resealed(data: bytes, change: Callable[[int, Any], Any]) -> bytes:
    """A sealed file with other values in its frames, by their type, and a checksum that fits.

    Bytes move only if `change` makes frames longer: it must not.
    """
    out = b""
    for frame in unframe(data):
        value = msgpack.unpackb(frame.body, raw=False, strict_map_key=False)
        if frame.kind == codec.END:
            value = value[:8] + sha256(out).digest()
        changed = change(frame.kind, value)
        out += (
            codec.reframe(frame) if changed == value and frame.kind != codec.END else encode_value(frame.kind, changed)
        )
    return out


def test_stored_triples_of_other_rules_are_derived_anew_and_that_is_told(journal: Path, tmp_path: Path) -> None:
    path = with_index(journal, tmp_path / "s")
    data = path.read_bytes()

    def other(key: str, value: Any) -> Callable[[int, Any], Any]:
        return lambda kind, old: old | {key: value} if kind == codec.SUMMARY else old

    for change, reason in (
        (other("rules", RULES + 1), "another version of the rules"),
        (other("dialect_sha256", bytes(range(128, 160))), "another dialect"),
    ):
        path.write_bytes(resealed(data, change))
        with open_recording(path) as opened:
            assert reason in opened.stale
            assert not opened.is_stored
            assert whole(opened.recording.triples) == whole(derive(read(journal)).triples)


def test_triples_that_do_not_tell_their_rules_are_derived_anew(journal: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recorder.library.sealing.details_of", lambda *_: [])  # as before there were details
        path = with_index(journal, tmp_path / "s")

    with open_recording(path) as opened:
        assert (opened.is_stored, opened.stale) == (False, "its stored triples have no version of the rules")


def test_another_dialect_of_the_command_line_derives_anew(journal: Path, tmp_path: Path) -> None:
    path = with_index(journal, tmp_path / "s")
    other = parse_dialect(DIALECT.text + "\n# a remark", path="answers.toml")

    with open_recording(path, DIALECT) as same, open_recording(path, other) as changed:
        assert (same.is_stored, same.stale) == (True, "")
        assert not changed.is_stored
        assert "another dialect" in changed.stale


def test_small_sealed_files_are_derived_without_a_word(journal: Path, tmp_path: Path) -> None:
    with open_recording(without(journal, tmp_path / "s")) as opened:
        assert (opened.is_stored, opened.stale) == (False, "")


def test_a_file_has_the_index_and_the_same_sections_as_one_of_before(journal: Path, tmp_path: Path) -> None:
    small, large = (list(unframe(form(journal, tmp_path / "s").read_bytes())) for form in (without, with_index))
    kinds = [frame.kind for frame in large]
    until = kinds.index(codec.SUMMARY)

    assert [frame.body for frame in small[: until + 1]][:-1] == [frame.body for frame in large[:until]]
    assert set(kinds[until + 1 :]) == {codec.PAGE, codec.DETAIL, codec.CONTENTS, codec.END}
    assert [frame.kind for frame in small[until:]] == [codec.SUMMARY, codec.END]
    old, new = (codec.decode_value(frames[until], path="") for frames in (small, large))
    assert set(new) - set(old) == {"rules", "dialect_sha256"}


def check_of(path: Path) -> list[tuple[str, str]]:
    with open_cassette(path) as cassette:
        told = Mock()
        check = IndexCheck(cassette, DIALECT, cassette.header, making=maker_of, told=told)
        for frame in cassette.frames():
            if frame.kind not in codec.FACTS:
                break
            check.placed(frame)
        for record in cassette.records():
            check.feed(record)
        for frame in cassette.frames():
            if frame.kind not in codec.FACTS:
                check.placed(frame)
        found = list(check.differences())
        check.close()
    with open_stored(path, DIALECT) or nullcontext() as stored:
        found += tables_astray(stored, DIALECT, making=maker_of) if stored is not None and not found else []
    return found + [("triples", "differ") for call in told.stored.call_args_list if not call.kwargs["is_equal"]]


@pytest.mark.parametrize("form", FORMS[2:])
def test_an_index_that_follows_from_the_facts_is_sound(journal: Path, tmp_path: Path, form: Form) -> None:
    assert check_of(form(journal, tmp_path / "s")) == []


@pytest.mark.parametrize("number", range(9))
def test_a_changed_table_is_found_and_not_believed(journal: Path, tmp_path: Path, number: int) -> None:
    path = with_index(journal, tmp_path / "s")
    pages = iter(range(100))

    def swap(kind: int, value: Any) -> Any:
        """In one page the last two entries change places; in one of a single width the last byte changes."""
        if kind != codec.PAGE or next(pages) != number:
            return value
        return value[:-1] + bytes([value[-1] ^ 1])

    path.write_bytes(resealed(path.read_bytes(), swap))

    assert check_of(path) != []


def test_changed_details_are_found(journal: Path, tmp_path: Path) -> None:
    path = with_index(journal, tmp_path / "s")
    change = lambda kind, value: [value[0], value[1].replace("client1", "client9")] if kind == codec.DETAIL else value  # noqa: E731  # one of many

    path.write_bytes(resealed(path.read_bytes(), change))

    assert ("details", "differ from those that follow from the facts") in check_of(path)


@pytest.mark.parametrize("form", FORMS[2:])
def test_no_changed_byte_of_a_sealed_file_gives_another_recording_in_silence(
    journal: Path, tmp_path: Path, form: Form
) -> None:
    path = form(journal, tmp_path / "s")
    data, base = path.read_bytes(), whole(derive(read(journal)))
    for at in range(0, len(data), 97):
        path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        try:
            with open_recording(path) as opened:
                found = whole(replace(opened.recording, header=derive(read(journal)).header))
                stale = opened.stale
        except CassetteError:
            continue
        assert found == base or stale


def test_opening_a_sealed_file_reads_its_details_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(400):
        message = publish(desk, f"r{number}", "x" * 200)
        wire.respond(desk.bayeux(message), [result(f"r{number}", "y" * 200), yes(message)])
    path = with_index(write(tmp_path / "j.cassette", wire.records), tmp_path / "s")
    read_bytes: list[int] = []

    def counting(*given: Any, **named: Any) -> Any:
        found = read_frame(*given, **named)
        read_bytes.append(len(found.body))
        return found

    monkeypatch.setattr("recorder.cassette.reader.read_frame", counting)
    with open_recording(path) as opened:
        assert len(opened.recording.triples) == 400
        assert sum(read_bytes) < path.stat().st_size / 8
        before = len(read_bytes)
        assert opened.recording.triples[399].operation == "/service/double"
        assert len(read_bytes) - before < 10


class Making:
    """Makes a table of the places of triples in order, and one of the targets of all, sorted, in the second pass."""

    def __init__(self) -> None:
        self.tables = {"places": (4, False), "targets": (8, True)}
        self.fed: list[tuple[str, int]] = []

    def feed(self, item: Triple | Unsolicited, place: int) -> Iterator[tuple[str, bytes]]:
        kind = "unsolicited" if isinstance(item, Unsolicited) else "triples" if item.n else "plain"
        self.fed.append((kind, place))
        if kind == "triples":
            yield "places", place.to_bytes(4, "big")

    def finish(self, recording: Recording) -> Iterator[tuple[str, bytes]]:
        for triple in (*recording.triples, *recording.plain):
            yield "targets", triple.request.target.encode("utf-8", "surrogatepass")[:8].ljust(8)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("form", FORMS)
def test_tables_for_a_replay_are_made_in_two_passes_and_read_back(
    journal: Path, tmp_path: Path, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Making] = []

    def making(*_: object) -> Making:
        made.append(Making())
        return made[-1]

    monkeypatch.setattr("recorder.library.sealing.maker_of", making)
    path, base = form(journal, tmp_path / "s"), derive(read(journal))
    with open_recording(path, making=making) as opened:
        index = opened.recording.index
        assert index is not None
        places, targets = index.table("places"), index.table("targets")

        assert entries(places) == [place.to_bytes(4, "big") for place in range(len(base.triples))]
        assert entries(targets) == sorted({entry for _, entry in Making().finish(base)})
        assert list(targets.starting(b"/service")) == [b"/service"]
        assert len(index.table("none")) == 0
    for kind, items in (("triples", base.triples), ("plain", base.plain), ("unsolicited", base.unsolicited)):
        assert [place for one, place in made[-1].fed if one == kind] == list(range(len(items)))
    with open_recording(path) as opened:
        assert opened.recording.index is not None
        assert bool(len(opened.recording.index.table("targets"))) == opened.is_stored
    # a sealed file without an index stores no tables, and making none costs nothing
    assert bool(made[0].fed) == (form is not without)


def test_joined_recordings_stay_lazy_and_are_those_of_before(journal: Path, tmp_path: Path) -> None:
    other = with_index(journal, tmp_path / "s")
    base = derive(read(journal))
    with open_recording(journal) as one, open_recording(other) as two:
        found, expected = joined([one.recording, two.recording]), joined([base, base])

        assert not isinstance(found.triples, tuple)
        assert isinstance(expected.triples, tuple)
        for name in ("triples", "plain", "unsolicited"):
            mine, its = getattr(found, name), getattr(expected, name)
            assert (len(mine), whole(mine)) == (len(its), whole(its))
            assert [mine[-1], mine[0], *mine[1:3]] == [its[-1], its[0], *its[1:3]]
            with pytest.raises(IndexError):
                mine[len(mine)]


def test_whoever_reads_all_stored_triples_is_told_of_a_wrong_checksum(journal: Path, tmp_path: Path) -> None:
    path = with_index(journal, tmp_path / "s")
    data = path.read_bytes()
    path.write_bytes(data[: -codec.END_SIZE] + encode_value(codec.END, data[-45:-37] + bytes(32)))

    with open_recording(path) as opened:
        assert opened.recording.triples[0].session == "s1"  # a single look-up does not compare that of the file
        for read_all in (lambda: list(opened.recording.triples), lambda: list(opened.rows()), opened.verify):
            with pytest.raises(CassetteError, match="checksum of the file"):
                read_all()
        iterated = iter(mapped(opened.recording.triples, lambda triple: triple.n))
        assert next(iterated) == 1


@pytest.mark.parametrize("form", FORMS[1:3])
def test_whoever_reads_a_sealed_file_through_is_told_of_a_wrong_checksum(
    journal: Path, tmp_path: Path, form: Form
) -> None:
    path = form(journal, tmp_path / "s")
    data = path.read_bytes()
    path.write_bytes(data[: -codec.END_SIZE] + encode_value(codec.END, data[-45:-37] + bytes(32)))

    with pytest.raises(CassetteError, match="checksum of the file is wrong"):
        read(path)


@pytest.mark.parametrize(
    "read", [lambda path: open_recording(path).recording.triples[0], lambda path: next(Cassette(path).triples())]
)
@pytest.mark.parametrize("is_sealed", [False, True])
def test_files_are_closed_with_what_reads_them(
    read: Callable[[Path], Triple], is_sealed: bool, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    path = SHIPPED[0]
    if is_sealed:
        path = tmp_path / "s.cassette"
        seal(SHIPPED[0], path)

    assert read(path).n == 1
    gc.collect()

    assert [warning for warning in recwarn if warning.category is ResourceWarning] == []


def test_a_summary_of_more_sessions_than_a_reader_takes_is_read_and_the_details_hold_all() -> None:
    starts = {f"s{number}": (number, number) for number in range(65_600)}
    bare = Recording(HEADER, (), (), (), starts, None)

    summary = encode_value(codec.SUMMARY, summary_of(bare, DIALECT))
    value = codec.decode_value(next(unframe(summary, path="")), path="")
    stored = list(details_of(bare, Told([], [], {}, {})))

    assert len(value["sessions"]) == 65_536
    assert recording_of(stored, replace(bare, session_starts={}), "")[0].session_starts == starts


def test_a_triple_that_no_sealed_cassette_can_hold_is_read_from_a_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec, "MOST_VALUES", 150)
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(chained(7, "r")))
    desk.hears(*[record_event("ChainedRecord", 7, "r")] * 10)
    desk.hears(done(8))
    path = tmp_path / "many.cassette"
    path.write_bytes(encode_header(HEADER) + b"".join(map(encode, wire.records)))

    with open_recording(path) as recording:
        assert len(recording.recording.triples[0].events) == 10
    with pytest.raises(CassetteError, match=r"many.cassette: triple 1 \(record 6\) has 10 events, more than a sealed"):
        seal(path, tmp_path / "sealed.cassette")
