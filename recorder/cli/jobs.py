"""Divide work among processes, in order: blocks of the records of one cassette, or other items.

Blocks are cut by counts of records and bytes alone, so no result depends on the number of processes.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import WorkerError
from ..system import IS_WINDOWS

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

    from ..cassette.reader import OpenCassette
    from ..model import Record

Item = TypeVar("Item")
Result = TypeVar("Result")

_RECORDS, _BYTES = 8_192, 8 << 20  # most records of a block, and bytes of their frames
_WINDOWS_MOST = 61  # processes that a pool can wait for there
_AHEAD = 1  # items beside those that are worked at, made before their results are taken
_STREAMED = b"st\xc3"  # in the frame of each response that is streamed: a member "st" that is true
_work: Callable[[Any], Any]  # of a worker


def available() -> int:
    """Return the number of processors that this process may use."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(found, _WINDOWS_MOST) if IS_WINDOWS else found


def mapped(
    make: Callable[..., Callable[[Item], Result]],
    args: tuple[Any, ...],
    items: Iterable[Item],
    jobs: int,
    *,
    afresh: bool = False,
) -> Iterator[Result]:
    """Yield the result of each item, in order; a single item is done in this process.

    Args:
        make: Returns the function that is called with each item; it is called once in each process. It must be a
            function of a module, and its arguments, the items and the results must be picklable.
        args: The arguments for `make`.
        items: The items; at most a few of them are in memory at a time.
        jobs: Number of processes.
        afresh: Start new processes, no forks: some libraries have threads, which a fork does not have.

    Raises:
        WorkerError: If a process was killed.

    """
    coming = iter(items)
    first = list(islice(coming, 1)) if jobs > 1 else []
    try:
        first += islice(coming, len(first))
    except Exception:  # of the items: what came before it is given out first, as with one process
        yield from map(make(*args), first)
        raise
    if len(first) < 2:
        yield from map(make(*args), chain(first, coming))
        return
    with _pool(jobs, make, args, afresh=afresh) as pool:
        yield from _results(pool, chain(first, coming), jobs + _AHEAD)


@contextmanager
def _pool(
    jobs: int, make: Callable[..., Callable[[Any], Any]], args: tuple[Any, ...], *, afresh: bool
) -> Iterator[ProcessPoolExecutor]:
    """Start processes that do one work, and end them."""
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
    from multiprocessing import get_context

    # A fork starts at once and has the modules. On macOS the libraries of the system are not safe after one.
    context = get_context("fork" if sys.platform == "linux" and not afresh else "spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(gc.get_threshold(), make, args))
    try:
        yield pool
    except BrokenExecutor as exc:
        problem = "a process that did a part of the work was killed, perhaps because memory ran out; try --jobs 1"
        raise WorkerError(problem) from exc
    finally:
        pool.shutdown(cancel_futures=True)


def _results(pool: ProcessPoolExecutor, items: Iterator[Any], ahead: int) -> Iterator[Any]:
    waiting: deque[Future[Any]] = deque()
    error: Exception | None = None
    while error is None:
        try:
            item = next(items)
        except StopIteration:
            break
        except Exception as exc:  # noqa: BLE001  # raised below, after the results of the items before it
            error = exc
            break
        waiting.append(pool.submit(_call, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
    if error is not None:
        raise error


def _begin(garbage: tuple[int, int, int], make: Callable[..., Callable[[Any], Any]], args: tuple[Any, ...]) -> None:
    global _work  # noqa: PLW0603  # a worker has one work, and its pool gives it no other place
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C comes to all processes; the first one ends the others
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the command raises on it; the pool ends its workers by it
    gc.set_threshold(*garbage)  # a new process has Python's own, by which it looks for garbage all the time
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _work = make(*args)


def _end_with_parent() -> None:
    """End this worker when the process that it works for is gone: its queue would never tell."""
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _call(item: Any) -> Any:
    return _work(item)


@dataclass(frozen=True, slots=True)
class Block:
    """Records of a cassette that stand one after the other, still encoded.

    Attributes:
        path: The cassette.
        sealed: Whether it is sealed.
        first: Number of the first record.
        frames: Offset, type and body of the frame of each record.
        streams: Media types of streamed responses that began in blocks before, by exchange.

    """

    path: Path
    sealed: bool
    first: int
    frames: tuple[tuple[int, int, bytes], ...]
    streams: Mapping[int, str]

    def records(self) -> Iterator[Record]:
        """Yield the records.

        Raises:
            CassetteError: If a record is damaged, or another one is missing before it.

        """
        from ..cassette.frames import Frame
        from ..cassette.reader import Facts, open_cassette

        with closing(_Opened(lambda: open_cassette(self.path))) as bodies:
            later = self.sealed and self.first > 0
            facts = Facts(str(self.path), sealed=self.sealed, first=self.first, body_of=bodies.body if later else None)
            for frame in self.frames:
                record = facts.record(Frame(*frame))
                if record is not None:
                    yield record

    def picked(self, numbers: Collection[int]) -> Iterator[Record]:
        """Yield the records of these numbers, after `records` found all of them intact."""
        if self.sealed:  # a record may name the body of another one
            yield from (record for record in self.records() if record.seq in numbers)
            return
        from ..cassette.codec import FACTS, decode
        from ..cassette.frames import Frame

        facts = (frame for frame in self.frames if frame[1] in FACTS)
        for number, frame in enumerate(facts, self.first):
            record = decode(Frame(*frame), path=str(self.path)) if number in numbers else None
            if record is not None:
                yield record


class _Opened:
    """A cassette that is opened when a body is looked up in it."""

    def __init__(self, opener: Callable[[], OpenCassette]) -> None:
        self._open = opener
        self._cassette: OpenCassette | None = None

    def body(self, seq: int) -> bytes:
        if self._cassette is None:
            self._cassette = self._open().__enter__()
        return bytes(getattr(self._cassette.record(seq), "body", b""))

    def close(self) -> None:
        if self._cassette is not None:
            self._cassette.__exit__(None, None, None)


def blocks(path: Path, cassette: OpenCassette, *, most: int = _RECORDS) -> Iterator[Block]:
    """Yield all records of an open cassette in blocks of at most so many; its frames are verified on the way.

    Raises:
        CassetteError: If the file is damaged.

    """
    from ..cassette.codec import FACTS, RESPONSE, decode
    from ..formats.streamed import streamed_media
    from ..model import Response

    frames: list[tuple[int, int, bytes]] = []
    streams: dict[int, str] = {}
    begun: Mapping[int, str] = {}
    first = number = size = 0
    for found in cassette.frames():
        frames.append((found.offset, found.kind, found.body))
        size += len(found.body)
        number += found.kind in FACTS
        if found.kind == RESPONSE and _STREAMED in found.body:
            record = decode(found, path=str(path), body_of=lambda _: b"")
            if isinstance(record, Response) and record.streamed:
                streams[record.exchange] = streamed_media(record.headers) or ""
        if number - first >= most or size >= _BYTES:
            yield Block(path, cassette.is_sealed, first, tuple(frames), begun)
            frames, first, size, begun = [], number, 0, dict(streams)
    yield Block(path, cassette.is_sealed, first, tuple(frames), begun)
