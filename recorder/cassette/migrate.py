"""Convert cassettes of older formats to the current one, one step per version. A released step is never changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, TypeAlias

from ..dialect.definition import names, source
from ..errors import CassetteError
from ..files import folder_of
from ..model import FORMAT
from ..output import replacing
from . import codec
from .reader import Facts, OpenCassette, open_cassette
from .sealed import SealedWriter

Step: TypeAlias = Callable[[OpenCassette, IO[bytes], Path | None], None]


def migrate(source: Path, target: Path) -> int:
    """Write `source` in the current format to `target`, and return the format of `source`.

    Nothing is written if `source` has the current format already. Facts and stored triples do not change.

    Raises:
        CassetteError: If `source` cannot be read, has a torn tail, or has a newer format than this version knows.
        OutputError: If `target` cannot be written; an old file is unchanged.
    """
    with open_cassette(source) as cassette:
        found = cassette.header.format
    for version in range(found, FORMAT):
        # the source is closed before its new form takes its place: Windows replaces no open file
        with replacing(target, force=True, like=[source]) as file, open_cassette(source) as cassette:
            STEPS[version](cassette, file, folder_of(target))
        source = target
    return found


def _from_1(cassette: OpenCassette, file: IO[bytes], folder: Path | None) -> None:
    """Write a cassette of format 1 as format 2: the header gets the text of the dialect, if it is a shipped one."""
    old = cassette.header
    new = replace(old, format=2, dialect_text=source(old.dialect) if old.dialect in names() else "")
    if cassette.is_sealed:
        _sealed_again(cassette, SealedWriter(file, new, folder))
        return
    file.write(codec.encode_header(new))
    for frame in cassette.frames():
        file.write(codec.reframe(frame))
    if cassette.torn is not None:
        raise CassetteError(cassette.path, "has a torn tail", offset=cassette.torn.offset, hint="recover it first")


def _sealed_again(cassette: OpenCassette, writer: SealedWriter) -> None:
    """Write records and stored triples anew: each place in the index moves with the size of the header."""
    try:
        facts, summary = Facts(cassette.path, sealed=True), {}
        for frame in cassette.frames():
            match frame.kind:
                case codec.TRIPLE | codec.PLAIN:
                    writer.row(codec.decode_row(frame, path=cassette.path))
                case codec.UNSOLICITED:
                    writer.unsolicited(codec.decode_value(frame, path=cassette.path))
                case codec.SUMMARY:
                    summary = codec.decode_value(frame, path=cassette.path)
                case _:
                    record = facts.record(frame)
                    if record is not None:
                        writer.fact(record)
        writer.finish([], summary)
    finally:
        writer.close()


STEPS: dict[int, Step] = {1: _from_1}  # format → conversion to the next format
