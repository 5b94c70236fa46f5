"""The cassette beside other ways to keep the same records: bytes a triple, and how fast they are written and read.

    python -m benchmarks.format [--triples N | --quick] [--json | --blocks]

All in one process, on the same data, best of five; rates are ratios to the journal's, so that the machine cancels out.
Every form holds the records; the sealed ones hold the triples, an index and a checksum besides. Deriving the triples is
not measured. Reading gives records, checked, in every form; in MCAP they are encoded as in ours, so that the containers
are compared. MCAP is measured where it is installed. With --blocks: what an archive with larger blocks would take.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import import_module
from math import inf
from pathlib import Path
from typing import IO, Any, TypeAlias

from benchmarks import rows as report
from benchmarks.profiles import paragraph, profiled
from benchmarks.synthetic import HEADER, records
from recorder.cassette import blocks, codec
from recorder.cassette.codec import decode, encode
from recorder.cassette.frames import OVERHEAD, Frame, unframe
from recorder.cassette.journal import create
from recorder.cassette.reader import open_cassette
from recorder.cassette.sealed import SealedWriter
from recorder.correlate.engine import correlate
from recorder.dialect.definition import load
from recorder.library.index.rows import row_of
from recorder.model import Failure, Note, Record, Request, Response, Row, SocketMessage

_HEAD, _TAIL = 7, 5  # bytes of a frame around its body
_KINDS: dict[str, Callable[..., Record]] = {
    kind.__name__: kind for kind in (Request, Response, Failure, SocketMessage, Note)
}

Records: TypeAlias = Iterable[Record]


@dataclass(frozen=True, slots=True)
class Form:
    """A way to keep records in a file."""

    name: str
    write: Callable[[Path, Records], None]
    read: Callable[[Path], Records]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of a form; rates are ratios to those of the journal."""

    form: str
    bytes_a_triple: float
    size: float
    write: float
    read: float


def write_journal(path: Path, given: Records) -> None:
    journal = create(path, HEADER)
    for batch in _batches(map(encode, given)):
        journal.append(batch)
    journal.close()


def read_cassette(path: Path) -> Iterator[Record]:
    with open_cassette(path) as cassette:
        yield from cassette.records()


def sealing(profile: str, rows: list[Row]) -> Callable[[Path, Records], None]:
    """A writer of sealed cassettes with these triples."""

    def write(path: Path, given: Records) -> None:
        with path.open("wb") as file:
            writer = SealedWriter(file, replace(HEADER, profile=profile))
            for record in given:
                writer.fact(record)
            for row in rows:
                writer.row(row)
            writer.finish([], {"poll_timeout": None, "sessions": {}})
            writer.close()

    return write


def write_lines(path: Path, given: Records) -> None:
    with path.open("wb") as file:
        _write_lines(file, given)


def read_lines(path: Path) -> Iterator[Record]:
    with path.open("rb") as file:
        yield from map(_from_line, file)


def write_gzip(path: Path, given: Records) -> None:
    with gzip.open(path, "wb", compresslevel=6) as file:
        _write_lines(file, given)


def read_gzip(path: Path) -> Iterator[Record]:
    with gzip.open(path, "rb") as file:
        yield from map(_from_line, file)


def mcap_form() -> Form | None:
    """MCAP with zstd and its own chunk size, None where it is not installed."""
    try:
        reader, writing = import_module("mcap.reader"), import_module("mcap.writer")
    except ModuleNotFoundError:
        return None

    def write(path: Path, given: Records) -> None:
        with path.open("wb") as file:
            writer = writing.Writer(file, compression=writing.CompressionType.ZSTD, enable_data_crcs=True)
            writer.start()
            channels: dict[int, int] = {}
            for record in given:
                frame = encode(record)
                if frame[1] not in channels:
                    channels[frame[1]] = writer.register_channel(f"{frame[1]}", "msgpack", 0)
                writer.add_message(channels[frame[1]], record.t, frame[_HEAD:-_TAIL], record.t, record.seq)
            writer.finish()

    def read(path: Path) -> Iterator[Record]:
        with path.open("rb") as file:
            # in the order of the file: else it sorts by time, which costs it more
            for _, channel, message in reader.make_reader(file, validate_crcs=True).iter_messages(log_time_order=False):
                found = decode(Frame(0, int(channel.topic), message.data), path="")
                if found is not None:
                    yield found

    return Form("MCAP, zstd", write, read)


def forms(rows: list[Row]) -> list[Form]:
    """What is compared; the first one is what the others are measured by."""
    other = mcap_form()
    return [
        Form("journal", write_journal, read_cassette),
        Form("sealed", sealing("sealed", rows), read_cassette),
        Form("archive", sealing("archive", rows), read_cassette),
        Form("JSON lines", write_lines, read_lines),
        Form("JSON lines, gzip", write_gzip, read_gzip),
        *([] if other is None else [other]),
    ]


def derived(given: Records) -> list[Row]:
    return [row_of(triple) for triple in correlate(given, load(), HEADER).triples]


def measure(folder: Path, triples: int, rounds: int) -> Iterator[Measured]:
    """Yield a row per form.

    Raises:
        SystemExit: If a form does not give back what was put in.
    """
    given = list(records(triples))
    compared = forms(derived(given))
    paths = {form.name: folder / str(place) for place, form in enumerate(compared)}
    writes, reads = ({form.name: inf for form in compared} for _ in range(2))
    for _ in range(rounds):  # one after the other, so that a busy moment is not one form's alone
        for form in compared:
            path = paths[form.name]
            path.unlink(missing_ok=True)
            writes[form.name] = min(writes[form.name], _seconds(partial(form.write, path, given)))
            reads[form.name] = min(reads[form.name], _seconds(partial(_count, form, path)))
    ours = compared[0].name
    for form in compared:
        if list(form.read(paths[form.name])) != given:
            raise SystemExit(f"{form.name} does not give back what was put in")
        size = paths[form.name].stat().st_size
        smaller = size / paths[ours].stat().st_size
        faster = (writes[ours] / writes[form.name], reads[ours] / reads[form.name])
        yield Measured(form.name, size / triples, smaller, *faster)


def rows(scale: report.Scale) -> list[report.Row]:
    """A row without a target: what a form takes."""
    triples, rounds = (20_000, 5) if scale is report.Scale.FULL else (500, 1)
    with tempfile.TemporaryDirectory() as folder:
        found = {row.form: row for row in measure(Path(folder), triples, rounds)}
        given = list(records(triples // 10))
        derived_rows = derived(given)
        _, shares = profiled(lambda: sealing("sealed", derived_rows)(Path(folder) / "profiled", given))
    archive, other = found["archive"], found["JSON lines, gzip"]
    facts = tuple(
        f"{form}: {row.bytes_a_triple:.0f} bytes a triple; {row.write:.2f} of the journal's write rate, "
        f"{row.read:.2f} of its read rate."
        for form, row in found.items()
    )
    return [
        report.Row(
            "bytes a triple of an archive, index included, against JSON lines with gzip, without one",
            "",
            f"{archive.bytes_a_triple:.0f}, {archive.bytes_a_triple / other.bytes_a_triple:.2f}×",
            None,
            "python -m benchmarks --only format",
            facts,
            paragraph(shares, "writing a sealed cassette"),
        )
    ]


def parts(folder: Path, triples: int) -> Iterator[tuple[int, dict[str, int]]]:
    """Yield the size of blocks (bytes) and what the parts of an archive take then (bytes)."""
    given, path, usual = list(records(triples)), folder / "file", blocks.RAW
    rows = derived(given)
    for size in (usual, 4 * usual, 16 * usual):
        blocks.RAW = size
        sealing("archive", rows)(path, given)
        found = dict.fromkeys(("records", "triples", "index"), 0)
        for frame in unframe(path.read_bytes()):
            kinds = {inner.kind for inner in blocks.inside(frame, path="")}
            part = "triples" if codec.TRIPLE in kinds else "records" if kinds & codec.FACTS else "index"
            found[part] += OVERHEAD + len(frame.body)
        yield size, found
    blocks.RAW = usual


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--triples", type=int, default=20_000)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, best of three: for CI")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    parser.add_argument("--blocks", action="store_true", help="what an archive takes, by the size of its blocks")
    options = parser.parse_args(arguments)
    triples, rounds = (options.triples // 10, 3) if options.quick else (options.triples, 5)
    with tempfile.TemporaryDirectory() as folder:
        if options.blocks:
            for size, found in parts(Path(folder), triples):
                text = ", ".join(f"{name} {taken / triples:.0f}" for name, taken in found.items())
                print(f"blocks of {size >> 10} KiB, bytes a triple: {text}; in all {sum(found.values()) / triples:.0f}")
            return 0
        rows = list(measure(Path(folder), triples, rounds))
    if not any(row.form.startswith("MCAP") for row in rows):
        print("left out: MCAP; pip install mcap", file=sys.stderr)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return 0
    print(f"{triples:,} triples; size, write and read rate as ratios to the journal's")
    print(f"{'form':18} {'bytes/triple':>12} {'size':>6} {'write':>6} {'read':>6}")
    for row in rows:
        print(f"{row.form:18} {row.bytes_a_triple:12.0f} {row.size:6.2f} {row.write:6.2f} {row.read:6.2f}")
    return 0


def _write_lines(file: IO[bytes] | gzip.GzipFile, given: Records) -> None:
    for record in given:
        file.write(json.dumps(_line(record), separators=(",", ":"), ensure_ascii=False).encode() + b"\n")


def _line(record: Record) -> dict[str, Any]:
    # __slots__ and not asdict(), which copies deeply: that would be measured, too
    line = {"record": type(record).__name__} | {name: getattr(record, name) for name in record.__slots__}
    line.pop("pieces", None)  # is derived
    if "body" in line:
        try:
            line["body"] = line["body"].decode()
        except UnicodeDecodeError:
            line["body"] = {"base64": base64.b64encode(line["body"]).decode()}
    return line


def _from_line(line: bytes) -> Record:
    fields = json.loads(line)
    kind = _KINDS[fields.pop("record")]
    if "body" in fields:
        body = fields["body"]
        fields["body"] = body.encode() if isinstance(body, str) else base64.b64decode(body["base64"])
    if "headers" in fields:
        fields["headers"] = tuple(map(tuple, fields["headers"]))
    return kind(**fields)


def _batches(frames: Iterable[bytes], size: int = 1000) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == size:
            yield batch
            batch = []
    yield batch


def _count(form: Form, path: Path) -> int:
    return sum(1 for _ in form.read(path))


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
