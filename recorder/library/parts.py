"""Read the parts of one capture as the one recording that they are.

A capture that goes on in new files says in each header which part it is (`model.Part`). Each part but the first begins
with records that repeat what is still open, so that it can be played alone; with the part before it they are left out.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, Self
from weakref import finalize

from ..cassette.codec import JOURNAL, encode, encode_header
from ..cassette.reader import OpenCassette, Whole, open_cassette
from ..dialect.carried import are_same
from ..errors import RecorderError, TornTail
from ..model import CUT, Header, Note, Part, Record
from ..system.opening import read_at
from ..temporary import temporary

_NAMED = 4  # parts whose names are printed
_CUT = re.compile(r"record ([0-9]{1,18}) ")  # how the text of a note about a cut body begins


class Rotated(Whole):
    """The path of the first of several parts, by which all of them are read as one journal."""

    _file: IO[bytes] | None = None
    _torn: TornTail | None = None

    @classmethod
    def of(cls, files: Sequence[Path]) -> Self:
        """Return the path of parts that follow each other, in their order."""
        found = cls(files[0])
        found.files = tuple(files)
        return found

    def __str__(self) -> str:
        return str(self.files[0]) if self.files else super().__str__()  # that of a URL is another than its path's

    def opened(self) -> OpenCassette:
        """Return the parts as one open cassette; `torn` is the tail of the first part that has one.

        Raises:
            CassetteError: If a part cannot be read or is damaged.
        """
        if self._file is None:
            self._file, self._torn = _written(self.files)
            finalize(self, self._file.close)
        found = OpenCassette(BufferedReader(Shared(self._file)), str(self))
        found.torn = self._torn
        return found


def gathered(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Return paths in which the parts of a capture are one path, and a line about each capture that is not whole.

    The first part that is given stands for the capture. Files that cannot be read, or are no parts, stay as they are.
    """
    parts: dict[str, list[tuple[Part, Path]]] = defaultdict(list)
    order: list[Path | str] = []
    for path in paths:
        part = _part(path)
        if part is None or any(part.number == known.number for known, _ in parts[part.capture]):
            order.append(path)
            continue
        if not parts[part.capture]:
            order.append(part.capture)
        parts[part.capture].append((part, path))
    found: list[Path] = []
    told: list[str] = []
    for one in order:
        if isinstance(one, Path):
            found.append(one)
            continue
        told += _told(parts[one])
        found += _runs([path for _, path in sorted(parts[one], key=_number)])
    return found, told


def _part(path: Path) -> Part | None:
    with suppress(RecorderError), open_cassette(path) as cassette:
        return cassette.header.part
    return None


def _number(part: tuple[Part, Path]) -> int:
    return part[0].number


def _told(parts: Sequence[tuple[Part, Path]]) -> Iterator[str]:
    """Yield a line about parts of one capture that are given in another order, and one about those that are missing."""
    numbers = [part.number for part, _ in parts]
    every = [str(path) for _, path in sorted(parts, key=_number)]
    names = ", ".join(every if len(every) <= _NAMED else [every[0], "…", every[-1]])
    if numbers != sorted(numbers):
        yield f"{names}: are read in this order, in which they were recorded"
    missing = sorted(set(range(1, max(numbers))) - set(numbers)) if len(parts) > 1 else []
    if missing:
        lacking = f"part {missing[0]} is" if len(missing) == 1 else f"parts {', '.join(map(str, missing))} are"
        yield f"{names}: {lacking} missing of this capture; events that it caused stay without a cause"


def _runs(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield a path for each run of parts that follow each other and are read and redacted alike."""
    run: list[Path] = []
    last: Header | None = None
    for path in paths:
        with open_cassette(path) as cassette:
            header = cassette.header
        if last is not None and not _follows(header, last):
            yield _whole(run)
            run = []
        run.append(path)
        last = header
    yield _whole(run)


def _whole(run: Sequence[Path]) -> Path:
    return Rotated.of(run) if len(run) > 1 else run[0]


def _follows(header: Header, last: Header) -> bool:
    is_next = header.part is not None and last.part is not None and header.part.number == last.part.number + 1
    return is_next and header.redaction == last.redaction and are_same(header, last)


def joined_records(parts: Sequence[OpenCassette]) -> Iterator[Record]:
    """Yield the records of parts that follow each other, numbered and timed as in one file, none twice."""
    count, start = 0, 0
    for place, cassette in enumerate(parts):
        part = cassette.header.part
        repeated = part.repeated if part is not None and place else 0
        start += part.after if part is not None and place else 0
        shift = count - repeated
        for record in cassette.records():
            if record.seq >= repeated:
                yield _moved(record, shift, start)
                count = record.seq + shift + 1


def _moved(record: Record, shift: int, start: int) -> Record:
    moved = replace(record, seq=record.seq + shift, t=record.t + start)
    if shift and isinstance(moved, Note) and moved.kind == CUT:
        return replace(moved, text=_CUT.sub(lambda found: f"record {int(found[1]) + shift} ", moved.text, count=1))
    return moved


def _written(files: Sequence[Path]) -> tuple[IO[bytes], TornTail | None]:
    """Write parts as one journal into a temporary file; return it, and the tail of the first part that is torn."""
    whole = temporary()  # it lives as long as the path that leads to it
    try:
        with ExitStack() as opened:
            parts = [opened.enter_context(open_cassette(file)) for file in files]
            whole.write(encode_header(replace(parts[0].header, profile=JOURNAL, part=None)))
            whole.writelines(map(encode, joined_records(parts)))
        whole.flush()
    except BaseException:
        whole.close()
        raise
    return whole, next((part.torn for part in parts if part.torn is not None), None)


class Shared(RawIOBase):
    """A file that several read at once, each from its own position."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}
        self._at = offset + (base[whence] if whence in base else os.fstat(self._file.fileno()).st_size)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer is one
        found = read_at(self._file.fileno(), len(buffer), self._at)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)
