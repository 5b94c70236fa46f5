from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.capture.pipeline import Pipeline
from recorder.cassette.codec import encode_header
from recorder.cassette.reader import Whole, open_cassette, read
from recorder.dialect.definition import shipped
from recorder.errors import CassetteError
from recorder.library.parts import gathered
from recorder.library.recording import load_recording
from recorder.library.sealing import seal
from recorder.model import CUT, Chunk, Failure, Note, Part, Record, Request, Response, SocketMessage
from tests.wire import HEADER, Wire, chained, done

ONE = Part("5d41402abc4b2a76", 1)
DIALECT = shipped(HEADER.dialect)


def session() -> list[Record]:
    """Records of two desktops whose operations overlap, of a stream of events, and of a WebSocket."""
    wire = Wire()
    desks = [wire.desk("c1"), wire.desk("c2")]
    stream, socket = wire.streams(), wire.upgrades()
    wire.head(stream)
    posts = [(desk, n, desk.post(chained(n, f"r{n}"))) for n, desk in enumerate((*desks, *desks), 1)]
    wire.wait(0.01)
    for desk, n, post in posts:
        desk.hears(done(n, f"r{n}"))
        wire.sends(stream, {"n": n}, id=str(n))
        wire.says(socket, {"n": n}, from_client=bool(n % 2))
        wire.wait(0.5)
        wire.ack(post)
    desks[0].loses_poll()
    wire.ends(stream)
    wire.closes(socket)
    return wire.records


class Capture:
    """What `capture/mitm/capture.py` does with parts, on records that are there already."""

    def __init__(self, cuts: Sequence[int], folder: Path) -> None:
        self.pipeline = Pipeline(None, 0)
        self.part, self.cuts, self.folder = ONE, cuts, folder
        self.paths: list[Path] = []

    def __call__(self, records: Sequence[Record]) -> list[Path]:
        frames = [self._header(self.part)]
        for n, record in enumerate(records):
            frames.append(self._taken(record))
            for _ in range(self.cuts.count(n)):
                self._written(frames)
                self.part = self.pipeline.following(self.part, record.t)
                frames = [self._header(self.part), *self.pipeline.next_part(record.t)]
        self._written(frames)
        return self.paths

    def _header(self, part: Part) -> bytes:
        return encode_header(replace(HEADER, dialect_text=DIALECT.text, part=part))

    def _written(self, frames: Sequence[bytes]) -> None:
        number = len(self.paths) + 1
        self.paths.append(self.folder / ("day.cassette" if number == 1 else f"day-{number}.cassette"))
        self.paths[-1].write_bytes(b"".join(frames))

    def _taken(self, record: Record) -> bytes:
        take, flow, t = self.pipeline, str(getattr(record, "exchange", "")), record.t
        match record:
            case Request(method=method, target=target, headers=headers, body=body, connection=connection):
                own = {"connection": connection, "method": method, "target": target, "headers": headers, "body": body}
                return take.request(flow, t, **own)  # type: ignore[arg-type]  # each has its own type
            case Response(streamed=True):
                return take.stream(flow, t, status=record.status, headers=record.headers)
            case Response():
                return take.response(flow, t, status=record.status, headers=record.headers, body=record.body)
            case Chunk():
                return take.chunk(flow, t, record.body, is_last=record.is_last)
            case SocketMessage():
                return take.message(flow, t, from_client=record.from_client, body=record.body, is_text=record.is_text)
            case Failure():
                return (take.failure if take.is_call(flow) else take.closed)(flow, t, record.reason)
            case Note():
                return take.note(t, record.kind, record.text)


RECORDS = session()


def captured(folder: Path, *cuts: int) -> list[Path]:
    return Capture(cuts, folder)(RECORDS)


@given(cuts=st.lists(st.integers(0, len(RECORDS) - 1), min_size=1, max_size=4))
def test_parts_read_as_the_whole(cuts: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    (whole,) = captured(tmp_path_factory.mktemp("whole"))
    parts = captured(tmp_path_factory.mktemp("parts"), *cuts)

    (path,), told = gathered(parts)

    assert told == []
    assert read(path).records == read(whole).records
    assert load_recording(path).triples == load_recording(whole).triples
    assert read(path).header.part is None


def test_a_cut_body_is_named_by_its_new_number(tmp_path: Path) -> None:
    pipeline = Pipeline(None, 0)
    asked = {"connection": "c", "method": "GET", "target": "/a", "headers": (), "body": b"x"}
    first = pipeline.request("f", 1, **asked)  # type: ignore[arg-type]  # each has its own type
    following = pipeline.following(ONE, 5)
    second = [*pipeline.next_part(5), pipeline.response("f", 9, status=200, headers=(), body=b"", lacks="all")]
    for name, part, frames in (("a", ONE, [first]), ("a-2", following, second)):
        (tmp_path / name).write_bytes(b"".join([encode_header(replace(HEADER, part=part)), *frames]))

    ((path,), _) = gathered([tmp_path / "a", tmp_path / "a-2"])

    assert [record.seq for record in read(path).records] == [0, 1, 2]
    assert read(path).records[2] == Note(2, 9, CUT, "record 1 is kept without its body: all")


def test_parts_are_put_in_order_and_that_is_said(tmp_path: Path) -> None:
    first, second, third = captured(tmp_path, 5, 9)

    (path,), told = gathered([third, second, first])

    assert isinstance(path, Whole)
    assert (str(path), path.files) == (str(first), (first, second, third))
    assert told == [f"{first}, {second}, {third}: are read in this order, in which they were recorded"]


def test_a_missing_part_is_told_and_what_follows_it_stands_alone(tmp_path: Path) -> None:
    first, second, third, fourth = captured(tmp_path, 5, 9, 12)

    paths, (told,) = gathered([first, third, fourth])

    assert paths == [first, third]
    assert "part 2 is missing" in told
    assert len(read(paths[1]).records) == len(read(third).records) + len(read(fourth).records) - _repeated(fourth)
    assert gathered([second])[1] == []


def test_a_part_given_twice_stands_alone(tmp_path: Path) -> None:
    first, second = captured(tmp_path, 5)
    sealed = tmp_path / "sealed.cassette"
    seal(second, sealed)

    assert gathered([first, second, sealed]) == ([first, sealed], [])
    assert read(gathered([first, sealed])[0][0]).records == read(gathered([first, second])[0][0]).records


def test_files_of_other_captures_stay_as_they_are(tmp_path: Path) -> None:
    first, second = captured(tmp_path, 5)
    other = tmp_path / "other.cassette"
    other.write_bytes(encode_header(HEADER))
    broken = tmp_path / "broken.cassette"
    broken.write_bytes(b"nothing")

    paths, told = gathered([other, second, broken, first])

    assert (paths, len(told)) == ([other, first, broken], 1)


def test_parts_that_are_redacted_otherwise_stay_apart(tmp_path: Path) -> None:
    first, second = captured(tmp_path, 5)
    data = second.read_bytes()
    header = read(second).header
    changed = encode_header(replace(header, redaction="other-1"))
    second.write_bytes(changed + data[len(encode_header(header)) :])

    assert gathered([first, second])[0] == [first, second]


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    first, second = captured(tmp_path, 5)
    data = bytearray(second.read_bytes())
    data[-20] ^= 1
    second.write_bytes(data)
    ((path,), _) = gathered([first, second])

    with pytest.raises(CassetteError, match=re.escape(str(second))):
        read(path)


def test_a_torn_part_is_told(tmp_path: Path) -> None:
    first, second = captured(tmp_path, 5)
    second.write_bytes(second.read_bytes()[:-3])
    ((path,), _) = gathered([first, second])

    torn = read(path).torn

    assert torn is not None
    assert torn.path == str(second)


def test_parts_can_be_open_more_than_once(tmp_path: Path) -> None:
    ((path,), _) = gathered(captured(tmp_path, 5))

    with open_cassette(path) as one, open_cassette(path) as other:
        pairs = list(zip(one.records(), other.records(), strict=True))

    assert all(mine == theirs for mine, theirs in pairs)
    assert len(pairs) == len(RECORDS)


def _repeated(path: Path) -> int:
    part = read(path).header.part
    assert part is not None
    return part.repeated
