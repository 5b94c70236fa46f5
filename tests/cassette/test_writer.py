from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.journal import Journal, create
from recorder.cassette.reader import read
from recorder.cassette.writer import Fsync, Writer
from recorder.errors import CaptureError
from recorder.model import Note
from tests.cassette.records import HEADER, ONE_OF_EACH

FRAMES = [encode(record) for record in ONE_OF_EACH]
SOON = 10.0  # seconds; what is waited for comes at once, or the test fails


class Disk(Journal):
    """A journal whose disk can be held up and can fail, and that counts its syncs."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 0)
        super().append([encode_header(HEADER)])
        self.going = Event()
        self.going.set()
        self.writing, self.synced, self.looked, self.looking = Event(), Event(), Event(), Event()
        self.looking.set()
        self.error: OSError | MemoryError | None = None
        self.sync_error: OSError | None = None
        self.appended: list[int] = []  # frames of each write
        self.syncs: list[int] = []  # size of the file at each

    def append(self, frames: list[bytes]) -> None:
        self.writing.set()
        assert self.going.wait(SOON)
        if self.error is not None:
            raise self.error
        super().append(frames)
        self.appended.append(len(frames))

    def loss(self) -> str | None:
        self.looked.set()
        assert self.looking.wait(SOON)
        return super().loss()

    def sync(self) -> None:
        if self.sync_error is not None:
            raise self.sync_error
        super().sync()
        self.syncs.append(self.size)
        self.synced.set()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.cassette"


@pytest.fixture
def disk(path: Path) -> Iterator[Disk]:
    made = Disk(path)
    yield made
    made.going.set()
    made.close()


@pytest.fixture
def writer(path: Path) -> Writer:
    return Writer(create(path, HEADER))


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# In order, and all of it


def test_frames_are_written_in_the_order_they_were_offered(path: Path, writer: Writer) -> None:
    assert all(writer.offer(frame) for frame in FRAMES)
    writer.close()

    assert read(path).records == ONE_OF_EACH
    assert writer.written == len(FRAMES)
    assert writer.size == path.stat().st_size


def test_frames_that_were_put_and_offered_keep_their_order(path: Path, writer: Writer) -> None:
    for offered, put in zip(FRAMES[::2], FRAMES[1::2], strict=True):
        writer.offer(offered)
        writer.put(put)
    writer.close()

    assert read(path).records == ONE_OF_EACH


def test_after_a_flush_all_that_was_queued_can_be_read(path: Path, writer: Writer) -> None:
    for frame in FRAMES:
        writer.put(frame)

    writer.flush()

    assert read(path).records == ONE_OF_EACH
    assert writer.written == len(FRAMES)
    writer.close()


def test_a_flush_of_nothing_returns_at_once(writer: Writer) -> None:
    writer.flush()

    assert writer.written == 0
    writer.close()


def test_a_writer_may_be_closed_twice(path: Path, writer: Writer) -> None:
    writer.put(FRAMES[0])
    writer.close()
    writer.close()

    assert read(path).records == ONE_OF_EACH[:1]


@pytest.mark.parametrize("late", [Writer.offer, Writer.put])
def test_a_frame_that_comes_after_the_close_is_refused_and_not_lost_in_silence(
    writer: Writer, late: Callable[[Writer, bytes], object]
) -> None:
    writer.close()

    with pytest.raises(CaptureError, match=r"s\.cassette: is closed, a later record was not written"):
        late(writer, FRAMES[0])


def test_a_closed_writer_has_nothing_to_flush(writer: Writer) -> None:
    writer.put(FRAMES[0])
    writer.close()

    writer.flush()

    assert writer.written == 1


def test_a_frame_is_written_soon_though_nobody_waits_for_it(disk: Disk) -> None:
    writer = Writer(disk)
    writer.offer(FRAMES[0])

    assert disk.writing.wait(SOON)
    writer.close()


def test_frames_that_come_one_after_the_other_are_written_together(path: Path, disk: Disk) -> None:
    writer = Writer(disk, linger=3600)
    for frame in FRAMES:
        writer.offer(frame)
    writer.close()

    assert disk.appended == [len(FRAMES)]
    assert read(path).records == ONE_OF_EACH


# Back-pressure


def test_the_most_that_was_queued_is_known(disk: Disk) -> None:
    writer = Writer(disk, linger=3600)
    for frame in FRAMES[:2]:
        writer.offer(frame)
    writer.flush()
    writer.offer(FRAMES[0])
    writer.close()

    assert writer.most_queued == len(FRAMES[0]) + len(FRAMES[1])


def test_a_full_queue_says_so(disk: Disk) -> None:
    disk.going.clear()
    writer = Writer(disk, limit=len(FRAMES[0]) + len(FRAMES[1]))

    room = [writer.offer(frame) for frame in FRAMES[:3]]

    assert room == [True, True, False]
    disk.going.set()
    writer.close()


def test_frames_being_written_count_as_queued(disk: Disk) -> None:
    disk.going.clear()
    writer = Writer(disk, limit=len(FRAMES[0]))
    writer.offer(FRAMES[0])
    assert disk.writing.wait(SOON)

    assert not writer.offer(FRAMES[1])
    disk.going.set()
    writer.close()


def test_a_frame_over_the_limit_is_taken_and_must_be_waited_for(path: Path, disk: Disk) -> None:
    writer = Writer(disk, limit=1)

    assert not writer.offer(FRAMES[0])
    writer.wait()
    writer.put(FRAMES[1])
    writer.close()
    assert read(path).records == ONE_OF_EACH[:2]


def test_there_is_room_again_when_the_disk_goes_on(disk: Disk) -> None:
    disk.going.clear()
    writer = Writer(disk, limit=len(FRAMES[0]))
    writer.offer(FRAMES[0])
    full_then = not writer.offer(FRAMES[1])
    disk.going.set()
    writer.flush()

    assert full_then
    assert writer.offer(FRAMES[0])
    writer.close()


def test_who_puts_into_a_full_queue_waits_for_room(path: Path, disk: Disk) -> None:
    disk.going.clear()
    writer = Writer(disk, limit=len(FRAMES[0]))
    writer.offer(FRAMES[0])
    waiting = Thread(target=writer.put, args=(FRAMES[1],))
    waiting.start()
    waiting.join(0.05)
    waited = waiting.is_alive()
    disk.going.set()
    waiting.join(SOON)
    writer.close()

    assert waited
    assert read(path).records == ONE_OF_EACH[:2]


def test_what_a_close_finds_in_the_queue_is_written(path: Path, disk: Disk) -> None:
    disk.going.clear()
    writer = Writer(disk)
    for frame in FRAMES:
        writer.put(frame)
    closing = Thread(target=writer.close)
    closing.start()
    disk.going.set()
    closing.join(SOON)

    assert read(path).records == ONE_OF_EACH


# Fsync


def test_what_comes_while_the_writer_looks_at_its_file_is_written_at_the_close(path: Path, disk: Disk) -> None:
    disk.looked.clear()
    disk.looking.clear()
    writer = Writer(disk)
    assert disk.looked.wait(SOON)
    writer.offer(FRAMES[0])
    writer.finish()
    disk.looking.set()
    writer.close()

    assert read(path).records == ONE_OF_EACH[:1]


def test_always_means_that_written_frames_are_on_the_disk(disk: Disk) -> None:
    writer = Writer(disk, fsync=Fsync.ALWAYS)
    writer.put(FRAMES[0])
    writer.flush()
    first = list(disk.syncs)
    writer.put(FRAMES[1])
    writer.flush()

    assert (len(first), first[-1] < disk.syncs[-1] == disk.size) == (1, True)
    writer.close()


def test_never_means_never(disk: Disk) -> None:
    writer = Writer(disk, fsync=Fsync.NEVER)
    writer.put(FRAMES[0])
    writer.close()

    assert disk.syncs == []


def test_an_interval_is_not_over_at_once(disk: Disk) -> None:
    writer = Writer(disk, fsync=Fsync.INTERVAL, interval=3600)
    writer.put(FRAMES[0])
    writer.flush()

    assert disk.syncs == []
    writer.close()


def test_a_close_syncs_what_an_interval_left(disk: Disk) -> None:
    writer = Writer(disk, fsync=Fsync.INTERVAL, interval=3600)
    writer.put(FRAMES[0])
    writer.close()

    assert disk.syncs == [disk.size]


def test_an_interval_ends_though_nothing_more_comes(disk: Disk) -> None:
    writer = Writer(disk, fsync=Fsync.INTERVAL, interval=0.01)
    writer.put(FRAMES[0])

    assert disk.synced.wait(SOON)
    assert disk.syncs == [disk.size]
    writer.close()


def test_nothing_written_is_nothing_to_sync(disk: Disk) -> None:
    Writer(disk, fsync=Fsync.ALWAYS).close()

    assert disk.syncs == []


# A disk that fails


@pytest.mark.parametrize("act", [lambda w: w.offer(FRAMES[1]), lambda w: w.put(FRAMES[1]), Writer.flush, Writer.close])
def test_a_disk_that_failed_is_told_by_whatever_comes_next(disk: Disk, act: Callable[[Writer], object]) -> None:
    writer = Writer(disk)
    writer.put(FRAMES[0])
    writer.flush()
    disk.error = full()
    writer.put(FRAMES[1])
    with pytest.raises(CaptureError):
        writer.flush()

    reason = r"s\.cassette: writing failed: No space left on device; 1 record is safe, later records were not written"
    with pytest.raises(CaptureError, match=reason):
        act(writer)


def test_a_writer_that_failed_tells_so_at_each_close(disk: Disk) -> None:
    disk.error = full()
    writer = Writer(disk)
    writer.put(FRAMES[0])

    with pytest.raises(CaptureError):
        writer.close()
    with pytest.raises(CaptureError):
        writer.close()


def test_a_sync_that_fails_is_a_disk_that_fails(disk: Disk) -> None:
    disk.sync_error = OSError(errno.EIO, os.strerror(errno.EIO))
    writer = Writer(disk, fsync=Fsync.ALWAYS)
    writer.put(FRAMES[0])

    with pytest.raises(CaptureError, match="Input/output error; 0 records are safe"):
        writer.close()


def test_a_writer_without_memory_does_not_end_as_if_all_were_well(disk: Disk) -> None:
    disk.error = MemoryError()
    writer = Writer(disk)
    writer.put(FRAMES[0])

    with pytest.raises(CaptureError, match="writing failed: out of memory; 0 records are safe"):
        writer.close()


def test_who_waits_for_room_is_told_when_the_disk_fails(disk: Disk) -> None:
    disk.going.clear()
    writer = Writer(disk, limit=1)
    writer.offer(FRAMES[0])
    told: list[CaptureError] = []

    def put() -> None:
        try:
            writer.put(FRAMES[1])
        except CaptureError as exc:
            told.append(exc)

    waiting = Thread(target=put)
    waiting.start()
    disk.error = full()
    disk.going.set()
    waiting.join(SOON)

    assert [str(exc).rpartition(": ")[2] for exc in told] == [
        "No space left on device; 0 records are safe, later records were not written"
    ]


# Real processes that end badly

_FILL = """
import resource, sys
from pathlib import Path
from recorder.cassette.codec import encode
from recorder.cassette.journal import create
from recorder.cassette.writer import Writer
from recorder.errors import CaptureError
from recorder.model import Note
from tests.cassette.records import HEADER

writer = Writer(create(Path(sys.argv[1]), HEADER))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    for n in range(10_000):
        writer.put(encode(Note(n, n, "n", "text " * 10)))
        if n % 7 == 0:
            writer.flush()
except CaptureError as exc:
    print(writer.written, exc)
"""


def test_a_disk_that_fills_up_ends_the_capture_and_keeps_what_came_before(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _FILL, str(path)], capture_output=True, text=True, check=True)

    written, told = done.stdout.split(maxsplit=1)
    found = read(path)
    assert f"s.cassette: writing failed: File too large; {written} records are safe" in told
    assert found.torn is None
    assert len(found.records) >= int(written) > 100
    assert found.records == tuple(Note(n, n, "n", "text " * 10) for n in range(len(found.records)))


_WRITE_FOR_EVER = """
import sys
from pathlib import Path
from recorder.cassette.codec import encode
from recorder.cassette.journal import create
from recorder.cassette.writer import Writer
from recorder.model import Note
from tests.cassette.records import HEADER

writer = Writer(create(Path(sys.argv[1]), HEADER))
n = 0
while True:
    writer.put(encode(Note(n, n, "n", "text " * (n % 500))))
    n += 1
    if n % 10 == 0:
        print(writer.written, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 10, 50, 333])
def test_all_that_was_written_survives_a_kill(path: Path, lines: int) -> None:
    child = subprocess.Popen([sys.executable, "-c", _WRITE_FOR_EVER, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    told = [child.stdout.readline() for _ in range(lines)]
    child.kill()
    told += child.stdout.readlines()
    child.stdout.close()
    child.wait()

    written = max(int(line) for line in told if line.endswith("\n"))
    found = read(path).records
    assert len(found) >= written
    assert found == tuple(Note(n, n, "n", "text " * (n % 500)) for n in range(len(found)))


def test_a_torn_last_frame_costs_that_frame_alone(path: Path, writer: Writer) -> None:
    records = [replace(ONE_OF_EACH[7], seq=n) for n in range(3)]
    for record in records:
        writer.put(encode(record))
    writer.close()
    os.truncate(path, path.stat().st_size - 1)

    found = read(path)

    assert found.records == tuple(records[:2])
    assert found.torn is not None
