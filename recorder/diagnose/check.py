"""Check a file as a container: all bytes are in intact frames, no record is missing, a sealed file is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ..cassette import codec
from ..cassette.blocks import inside
from ..cassette.bodies import Remembered
from ..cassette.codec import JOURNAL
from ..cassette.frames import Frame
from ..cassette.packing import Foreign
from ..cassette.reader import open_cassette
from ..cassette.repair.recover import LOST
from ..cassette.repair.salvage import Damage, FileBytes, salvage
from ..errors import CassetteError
from ..model import Record
from ..printable import counted


class Level(Enum):
    """How bad a finding is."""

    DAMAGE = "damage"  # bytes are wrong or missing
    PROBLEM = "problem"  # the content contradicts itself, or holds a secret
    REMARK = "remark"  # the cassette is sound; the reader of the report should know this fact


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about a cassette.

    Attributes:
        level: Its severity.
        kind: Its fixed name, for programs, such as "torn-tail".
        where: The place in the file, for people, such as "byte 512" or "record 7".
        text: One sentence, for people.
    """

    level: Level
    kind: str
    where: str
    text: str


class Checked:
    """Walks through a file in any state.

    Attributes:
        findings: The findings so far; complete once `records` was read to the end.
        lost: Number of notes that a recovery wrote in place of lost records.
    """

    def __init__(self, path: Path, watch: Callable[[Frame], None] = lambda _: None) -> None:
        """Take the path; `watch` is called with each intact frame behind the header, those in blocks too."""
        self._path, self._watch = path, watch
        self.findings: list[Finding] = []
        self.lost = 0
        self._profile = ""
        self._ended = False
        self._expected = 0
        self._bodies = Remembered(str(path))
        self._foreign = Foreign(str(path))

    def records(self) -> Iterator[Record]:
        """Yield every intact record, in order.

        Raises:
            CassetteError: If the file cannot be opened, is empty, or is too damaged to be searched.
        """
        with FileBytes(self._path) as data:
            size = len(data)
            for piece in salvage(data, path=str(self._path)):
                if isinstance(piece, Damage):
                    self._damage(piece, size)
                else:
                    yield from self._frame(piece)
        self._end()

    def add(self, level: Level, kind: str, where: str, text: str) -> None:
        """Append a finding to `findings`."""
        self.findings.append(Finding(level, kind, where, text))

    def _damage(self, piece: Damage, size: int) -> None:
        where = f"byte {piece.offset}"
        if piece.offset + piece.size == size and self._profile == JOURNAL:
            self.add(
                Level.DAMAGE,
                "torn-tail",
                where,
                f"at the end, {counted(piece.size, 'byte is', 'bytes are')} not a complete frame",
            )
        else:
            self.add(
                Level.DAMAGE, "damaged", where, f"{counted(piece.size, 'byte is', 'bytes are')} not an intact frame"
            )

    def _frame(self, frame: Frame) -> Iterator[Record]:
        try:
            if not self._profile:
                self._profile = codec.decode_header(frame, path=str(self._path)).profile
                return
            for found in inside(frame, path=str(self._path)):
                yield from self._fact(found)
        except CassetteError as exc:
            self._unreadable(frame, exc)

    def _fact(self, frame: Frame) -> Iterator[Record]:
        self._watch(frame)
        self._ended = frame.kind == codec.END
        try:
            record = codec.decode(frame, path=str(self._path), body_of=self._bodies.body)
        except CassetteError as exc:
            self._unreadable(frame, exc)
            return
        if record is not None and self._in_order(record, frame.offset):
            self._bodies.feed(record)
            yield record

    def _unreadable(self, frame: Frame, exc: CassetteError) -> None:
        self._profile = self._profile or JOURNAL
        self.add(Level.DAMAGE, "unreadable", f"byte {frame.offset}", exc.problem)
        self._foreign.count(frame, exc)

    def _in_order(self, record: Record, offset: int) -> bool:
        expected, self._expected = self._expected, max(record.seq + 1, self._expected)
        if record.seq < expected:
            self.add(
                Level.PROBLEM, "out-of-order", f"byte {offset}", f"record {record.seq} stands after {expected - 1}"
            )
            return False
        if record.seq > expected:
            gap = f"record {expected}" + (f" to {record.seq - 1}" if record.seq - 1 > expected else "")
            self.add(Level.DAMAGE, "gap", f"byte {offset}", f"{gap} missing before record {record.seq}")
        if getattr(record, "kind", "") == LOST:
            self.lost += 1
        return True

    def _end(self) -> None:
        if self.lost:
            text = f"{self.lost} damaged records were lost in a recovery"
            self.add(Level.REMARK, "lost", "notes", text)
        if self._profile == JOURNAL:
            return
        if not self._ended:
            self.add(Level.DAMAGE, "cut-off", "end", "the file is sealed, but its end frame is missing")
            return
        kind = "index"
        try:
            with open_cassette(self._path) as cassette:
                # reading the property loads the index, so an error raised here is reported as one of the index
                kind = "checksum" if cassette.checksum else kind
                cassette.verify()
        except CassetteError as exc:
            self.add(Level.DAMAGE, kind, "end" if exc.offset is None else f"byte {exc.offset}", exc.problem)
