from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.cassette import codec
from recorder.cassette.codec import ARCHIVE, SEALED, encode, encode_header, encode_row, encode_value
from recorder.cassette.frames import unframe
from recorder.cassette.reader import OpenCassette, open_cassette
from recorder.cassette.sealed import INDEX_FROM, SealedWriter
from recorder.cassette.tables import PAGE
from recorder.errors import CassetteError
from recorder.model import Note, Record, Row, RowEvent
from tests.cassette.records import HEADER, ONE_OF_EACH

LONG = b"a body that is long enough to be named the second time " * 3
EVENT = RowEvent(1, 0, "/v2/me/outbound", "Done", "reference", 1000, "because", (3,))
ROW = Row(1, "GetChainedRecord", {"handle": "7"}, "s1", "complete", 0, 1, None, (EVENT,))
MANY = tuple(Note(n, n, "n", "text") for n in range(INDEX_FROM + 1))


def sealed_bytes(records: tuple[Record, ...], rows: tuple[Row, ...], profile: str = SEALED) -> bytes:
    with TemporaryDirectory() as folder, (Path(folder) / "s").open("w+b") as file:
        with closing(SealedWriter(file, replace(HEADER, profile=profile))) as writer:
            for record in records:
                writer.fact(record)
            for row in rows:
                writer.row(row)
            writer.finish([], {})
        file.seek(0)
        return file.read()


def found_in(data: bytes, keys: list[tuple[str, str]]) -> list[list[int]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s"
        path.write_bytes(data)
        with open_cassette(path) as sealed:
            return [sealed.find(name, value) for name, value in keys]


def numbered(keys: list[dict[str, str]]) -> tuple[Row, ...]:
    return tuple(replace(ROW, n=n, keys=own) for n, own in enumerate(keys, 1))


@cache
def one(profile: str = SEALED, *, indexed: bool = False) -> bytes:
    return sealed_bytes(MANY if indexed else ONE_OF_EACH, (ROW,), profile)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[bytes], OpenCassette]]:
    """Open a file and read its index."""
    with ExitStack() as files:

        def opened(data: bytes) -> OpenCassette:
            path = tmp_path / "s.cassette"
            path.write_bytes(data)
            cassette = files.enter_context(open_cassette(path))
            assert len(cassette.checksum) == 32
            return cassette

        yield opened


class Counting(BytesIO):
    """A file that counts what is read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


FORMS = [(SEALED, False), (SEALED, True), (ARCHIVE, False), (ARCHIVE, True)]


@pytest.mark.parametrize(("profile", "indexed"), FORMS)
def test_records_and_triples_are_had_by_number(
    profile: str, indexed: bool, opened: Callable[[bytes], OpenCassette]
) -> None:
    records = MANY if indexed else ONE_OF_EACH
    with opened(one(profile, indexed=indexed)) as sealed:
        assert (sealed.count, sealed.stored) == (len(records), 1)
        assert [sealed.record(seq) for seq in range(len(records))] == list(records)
        assert sealed.row(1) == ROW
        sealed.verify()


@pytest.mark.parametrize(("profile", "indexed"), FORMS)
def test_a_triple_is_found_by_operation_key_and_channel(
    profile: str, indexed: bool, opened: Callable[[bytes], OpenCassette]
) -> None:
    with opened(one(profile, indexed=indexed)) as sealed:
        assert [sealed.find(*key) for key in ROW.index_keys()] == [[1], [1], [1]]
        assert sealed.find("handle", "8") == []


@pytest.mark.parametrize(("profile", "indexed"), FORMS)
@pytest.mark.parametrize("number", [-1, 2, 99_999, 2**63])
def test_a_number_that_is_not_there_is_refused(
    profile: str, indexed: bool, number: int, opened: Callable[[bytes], OpenCassette]
) -> None:
    with opened(one(profile, indexed=indexed)) as sealed:
        with pytest.raises(CassetteError, match="holds no entry"):
            sealed.row(number)
        with pytest.raises(CassetteError, match="holds no entry"):
            sealed.record(number + 100_000)


@pytest.mark.parametrize("profile", [SEALED, ARCHIVE])
def test_a_body_that_is_named_is_looked_up(profile: str, opened: Callable[[bytes], OpenCassette]) -> None:
    records = tuple(replace(ONE_OF_EACH[1], seq=seq, body=LONG) for seq in range(3))
    data = sealed_bytes(records, (), profile)

    with opened(data) as sealed:
        assert [sealed.record(seq) for seq in (2, 1, 0)] == [records[2], records[1], records[0]]
    assert profile == ARCHIVE or data.count(LONG) == 1


@pytest.mark.parametrize(("profile", "indexed"), FORMS)
def test_look_ups_do_not_disturb_the_stream(
    profile: str, indexed: bool, opened: Callable[[bytes], OpenCassette]
) -> None:
    records = MANY[:300] if indexed else ONE_OF_EACH

    with opened(sealed_bytes(records, (ROW,), profile)) as cassette:
        streamed = [record for record in cassette.records() if cassette.row(1) == ROW and cassette.record(0)]

    assert streamed == list(records)


@pytest.mark.parametrize("profile", [SEALED, ARCHIVE])
def test_a_look_up_in_a_large_cassette_reads_a_small_part_of_it(profile: str) -> None:
    records = tuple(replace(MANY[0], seq=n, t=n, text=f"{n * 7919 % 10_007:05} " * 20) for n in range(20_000))
    data = sealed_bytes(records, (ROW,), profile)
    file = Counting(data)

    cassette = OpenCassette(file, "s.cassette")

    assert (cassette.row(1), cassette.record(9_999)) == (ROW, records[9_999])
    assert file.count < len(data) / 4


def test_a_journal_stores_nothing_to_look_up(tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    path.write_bytes(encode_header(HEADER) + b"".join(map(encode, ONE_OF_EACH)))

    with open_cassette(path) as cassette:
        assert (cassette.is_sealed, cassette.stored) == (False, 0)
        with pytest.raises(CassetteError, match="is a journal"):
            cassette.record(0)


KEYS = st.dictionaries(st.sampled_from(["handle", "reference", "campaign"]), st.text(max_size=2), max_size=3)


@settings(max_examples=30)
@given(st.lists(KEYS, max_size=20))
def test_every_key_finds_its_triples_and_an_absent_one_none(keys: list[dict[str, str]]) -> None:
    rows = numbered(keys)
    asked = [*sorted({key for row in rows for key in row.index_keys()}), ("handle", "absent")]
    expected = [[row.n for row in rows if key in row.index_keys()] for key in asked]

    assert found_in(sealed_bytes(ONE_OF_EACH, rows), asked) == expected
    assert found_in(sealed_bytes(ONE_OF_EACH, rows, ARCHIVE), asked) == expected


@pytest.mark.parametrize("before", [0, 1, 8191])
def test_a_key_of_more_entries_than_a_page_is_found_whole_with_and_without_an_index(before: int) -> None:
    # keys are in the order of their hashes: `before` others make the common one begin anywhere in a page
    events = (replace(EVENT, channel="/x"),)
    rows = [Row(n, None, {"common": "1"}, None, "complete", 0, None, None, ()) for n in range(1, 9001)]
    rows += [
        Row(n, None, {"other": str(n)}, None, "complete", 0, None, None, events) for n in range(9001, 9001 + before)
    ]
    asked = [("common", "1"), ("channel", "/x"), ("other", "9001"), ("common", "2")]
    expected = [[row.n for row in rows if key in row.index_keys()] for key in asked]

    assert found_in(sealed_bytes(ONE_OF_EACH, tuple(rows)), asked) == expected
    assert found_in(sealed_bytes(MANY, tuple(rows)), asked) == expected


# Damaged and hostile


@pytest.mark.parametrize("data", [b"", b"x", encode_header(HEADER), encode_header(HEADER) + encode(ONE_OF_EACH[0])])
def test_in_what_is_not_sealed_nothing_is_looked_up(data: bytes, opened: Callable[[bytes], OpenCassette]) -> None:
    with pytest.raises(CassetteError):
        opened(data)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="No such file"):
        open_cassette(tmp_path / "none")


def test_a_checksum_that_does_not_fit_is_told(opened: Callable[[bytes], OpenCassette]) -> None:
    frames = [encode_value(frame.kind, codec.decode_value(frame, path="")) for frame in unframe(one())]

    with (
        opened(b"".join([frames[0], *frames[2:]])) as sealed,
        pytest.raises(CassetteError, match="checksum of the file"),
    ):
        sealed.verify()


def ending_in(contents: object, place: int | None = None, page: object = bytes(8)) -> bytes:
    """A file whose contents say what they like; `place` is where its end says they are."""
    start = encode_header(replace(HEADER, profile=SEALED)) + encode(ONE_OF_EACH[0]) + encode_value(codec.PAGE, page)
    at = len(start) if place is None else place
    return start + encode_value(codec.CONTENTS, contents) + encode_value(codec.END, at.to_bytes(8, "big") + bytes(32))


PAGES = [[[0, len(encode_header(replace(HEADER, profile=SEALED)) + encode(ONE_OF_EACH[0]))]]]
TABLES = {"keys": PAGES, "records": PAGES, "triples": PAGES}


@pytest.mark.parametrize("place", [1, 5, 10_000, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1])
def test_contents_that_are_nowhere_are_refused(place: int, opened: Callable[[bytes], OpenCassette]) -> None:
    with pytest.raises(CassetteError):
        opened(ending_in(TABLES, place))


@pytest.mark.parametrize(
    "contents",
    [None, 7, [], {}, {"keys": []}]
    + [TABLES | {"keys": [[pair]]} for pair in (7, None, [1], [1, -1], [-1, 1], ["a", "b"], [1, 2, 3])],
)
def test_contents_of_another_shape_are_refused(contents: object, opened: Callable[[bytes], OpenCassette]) -> None:
    with pytest.raises(CassetteError, match="the contents are damaged"):
        opened(ending_in(contents))


@pytest.mark.parametrize("place", [0, 3, 2**40, 2**63 - 1, 2**64 - 1])
def test_pages_that_are_nowhere_are_refused(place: int, opened: Callable[[bytes], OpenCassette]) -> None:
    with opened(ending_in({table: [[[0, place]]] for table in TABLES})) as sealed:
        for ask in (lambda: sealed.record(0), lambda: sealed.row(1), lambda: sealed.find("a", "b")):
            with pytest.raises(CassetteError):
                ask()


@pytest.mark.parametrize(
    "page", [b"", b"\xff", b"\xff" * 7, b"\xff" * 8, b"\xff" * 12, bytes(8), bytes(11), None, "x", 7]
)
def test_pages_of_another_shape_are_refused(page: object, opened: Callable[[bytes], OpenCassette]) -> None:
    with opened(ending_in(TABLES, page=page)) as sealed:
        for ask in (lambda: sealed.record(0), lambda: sealed.record(1), lambda: sealed.row(1), lambda: sealed.row(2)):
            with pytest.raises(CassetteError):
                ask()


@pytest.mark.parametrize("first", [0, 1, 2**32, 2**64 - 1])
def test_absurd_counts_cost_nothing(first: int, opened: Callable[[bytes], OpenCassette]) -> None:
    pages = [[[first, PAGES[0][0][1]]] * 3]
    with opened(ending_in(dict.fromkeys(TABLES, pages))) as sealed:
        assert sealed.count == 2 * PAGE + 1  # whatever number the pages say they begin with
        with pytest.raises(CassetteError):
            sealed.record(sealed.count - 1)


@pytest.mark.parametrize("names", [[1, 0], [0], [1, 2, 0]])
def test_bodies_that_name_each_other_in_a_circle_are_refused(
    names: list[int], opened: Callable[[bytes], OpenCassette]
) -> None:
    records = [encode(replace(ONE_OF_EACH[1], seq=seq), same_body_as=named) for seq, named in enumerate(names)]
    end = encode_value(codec.END, bytes(40))

    sealed = opened(encode_header(replace(HEADER, profile=SEALED)) + b"".join(records) + end)

    with sealed, pytest.raises(CassetteError, match="field 'b' is missing"):
        sealed.record(0)


def test_an_archive_without_an_index_is_not_taken_for_an_empty_one(opened: Callable[[bytes], OpenCassette]) -> None:
    end = encode_value(codec.END, bytes(40))

    with pytest.raises(CassetteError, match="is an archive without an index"):
        opened(encode_header(replace(HEADER, profile=ARCHIVE)) + encode(ONE_OF_EACH[0]) + end)


def test_a_triple_that_stands_elsewhere_is_not_taken_for_the_one_that_was_asked_for(
    opened: Callable[[bytes], OpenCassette],
) -> None:
    end = encode_value(codec.END, bytes(40))
    data = encode_header(replace(HEADER, profile=SEALED)) + encode(MANY[3]) + encode_row(replace(ROW, n=9)) + end

    with opened(data) as sealed:
        with pytest.raises(CassetteError, match="record 0 is not where the index says"):
            sealed.record(0)
        with pytest.raises(CassetteError, match="triple 1 is not where the index says"):
            sealed.row(1)


@pytest.mark.parametrize("n", [-1, 1 << 32, 1 << 63])
def test_a_number_that_no_triple_can_have_is_refused(n: int, opened: Callable[[bytes], OpenCassette]) -> None:
    end = encode_value(codec.END, bytes(40))
    data = encode_header(replace(HEADER, profile=SEALED)) + encode_row(replace(ROW, n=n)) + end

    with pytest.raises(CassetteError, match=rf"byte \d+: {n} is not a valid triple number"):
        opened(data)
