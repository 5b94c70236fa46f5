"""Seal a journal: write its facts and the triples derived from them to one canonical file, one record at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO

from ..cassette.codec import ARCHIVE, SEALED, encode_row
from ..cassette.reader import OpenCassette, open_cassette
from ..cassette.sealed import SealedWriter
from ..correlate.engine import Correlator
from ..dialect.carried import dialect_of
from ..dialect.definition import Dialect
from ..errors import CassetteError
from ..files import folder_of
from ..model import IN_CLEAR, Header, Record, Recording
from ..output import replacing
from ..redaction.carried import carrying
from .index.deriving import WIDTHS, Derivation
from .index.details import details_of
from .index.making import maker_of
from .lazy import Stored, lazily, summary_of


def seal(
    source: Path,
    target: Path,
    *,
    dialect: Dialect | None = None,
    archive: bool = False,
    watch: Callable[[Record], None] | None = None,
) -> None:
    """Write the sealed form of a cassette; equal facts and an equal dialect give equal bytes.

    Sealing a sealed cassette derives its triples anew. `target` is replaced only by a complete file.

    Args:
        source: A journal or a sealed cassette.
        target: The file to write; an existing file is replaced.
        dialect: Rules to derive the triples by, which the sealed cassette then holds; by default the cassette's own.
        archive: Write the compressed form (zstd), for storage, instead of the plain form, for git.
        watch: Is called with each record as it is read; None for nobody.

    Raises:
        CassetteError: If `source` cannot be read or has a torn tail.
        UsageError: If a recorder is writing `target`, `target` is no regular file, or zstd is not installed.
        OutputError: If `target` cannot be written, e.g. because the disk is full; the old file is unchanged.
        DialectError: If the cassette holds no dialect, and names one that is not shipped.
    """
    with open_cassette(source) as cassette:
        header = carrying(replace(cassette.header, profile=ARCHIVE if archive else SEALED), dialect)
    correlator = Correlator(dialect or dialect_of(header), file=str(source))
    is_private = header.redaction in IN_CLEAR

    # the source is closed before its sealed form takes its place: Windows replaces no open file
    with replacing(target, force=True, like=[source], private=is_private) as file, open_cassette(source) as cassette:
        records = cassette.records() if watch is None else _watched(cassette.records(), watch)
        write_sealed(file, header, records, correlator, folder_of(target))
        _whole(cassette, source)
        file.flush()
        _verify(Path(file.name))


def _watched(records: Iterator[Record], watch: Callable[[Record], None]) -> Iterator[Record]:
    for record in records:
        watch(record)
        yield record


def write_sealed(
    file: IO[bytes], header: Header, records: Iterator[Record], correlator: Correlator, folder: Path | None = None
) -> None:
    """Write a sealed cassette from records and the triples that a fresh correlator derives from them.

    Args:
        file: The file to write to: a named one, or one in memory.
        header: Header of the sealed cassette.
        records: All records, in order.
        correlator: Derives the triples.
        folder: Folder of the temporary files; None takes the system's.
    """
    writer = SealedWriter(file, header, folder)
    maker = maker_of(correlator.dialect, header, folder)
    derivation = Derivation(correlator, writer, maker, is_wanted=lambda: writer.has_index)
    try:
        for record in records:
            writer.fact(record)
            derivation.feed(record)
        bare = replace(derivation.finish(header), triples=(), plain=(), unsolicited=())
        summary = summary_of(bare, correlator.dialect)
        details = _details(bare, derivation) if writer.has_index else []
        if not details:
            writer.finish([], {name: summary[name] for name in ("poll_timeout", "sessions")})
            return
        writer.derived(summary)
        writer.index("keys", "records", "triples", "exchanges", "unsolicited", "digests", *WIDTHS)
        _make(file, writer, derivation, bare, correlator)
        for what, text in details:
            writer.detail([what, text])
        writer.index()
        writer.end()
    finally:
        writer.close()
        derivation.close()


def _details(bare: Recording, derivation: Derivation) -> list[tuple[str, str]]:
    """Return the details to store; none where one cannot be: then everything is derived again on reading."""
    try:
        return list(details_of(bare, derivation.told()))
    except (ValueError, RecursionError):
        return []


def _make(
    file: IO[bytes], writer: SealedWriter, derivation: Derivation, bare: Recording, correlator: Correlator
) -> None:
    """Let the maker of the tables of a replay read back what was written."""
    file.flush()
    with _readable(file) as again, OpenCassette.unfinished(again, bare.header.file, writer.pages) as cassette:
        derivation.made(lazily(cassette, Stored(cassette), bare, derivation.told(), correlator.dialect)[2])


def _readable(file: IO[bytes]) -> IO[bytes]:
    return BytesIO(file.getvalue()) if isinstance(file, BytesIO) else Path(file.name).open("rb")


def _verify(path: Path) -> None:
    with open_cassette(path) as written:
        written.verify()


def _whole(cassette: OpenCassette, source: Path) -> None:
    torn = cassette.torn
    if torn is not None:
        raise CassetteError(
            str(source), f"has a torn tail: {torn.problem}", offset=torn.offset, hint="recover it first"
        )


def fingerprints(path: Path) -> dict[int, bytes]:
    """Return an 8-byte hash of each stored triple, by number, to find changed triples; empty for a journal.

    Raises:
        CassetteError: If the file cannot be read or is damaged.
    """
    with open_cassette(path) as cassette:
        rows = (cassette.row(n) for n in range(1, cassette.stored + 1))
        return {row.n: sha256(encode_row(row)).digest()[:8] for row in rows}
