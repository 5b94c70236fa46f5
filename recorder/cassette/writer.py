"""Write frames to a journal in a thread, in groups taken from a bounded queue.

The hooks of the proxy must neither wait for the disk nor lose a frame. So the hooks put encoded frames into a queue
that is bounded in bytes, and wait only while the queue is full (back-pressure).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum

from ..errors import CaptureError
from ..printable import counted
from .codec import RULES_WITHIN, encode_rules
from .journal import Journal

QUEUE = 64 << 20  # bytes of frames that may wait for the disk
LINGER = 0.02  # seconds a frame may wait for more frames
WATCH = 0.5  # seconds between two looks at whether the file is still in its place


class Fsync(Enum):
    """When written frames are synced to the disk, against a power cut. With each value frames survive SIGKILL."""

    NEVER = "never"
    INTERVAL = "interval"
    ALWAYS = "always"


class Writer:
    """Owns a journal and the one thread that writes to it."""

    def __init__(
        self,
        journal: Journal,
        *,
        fsync: Fsync = Fsync.INTERVAL,
        interval: float = 1.0,
        linger: float = LINGER,
        limit: int = QUEUE,
        on_failure: Callable[[CaptureError], object] | None = None,
    ) -> None:
        """Start the thread.

        Args:
            journal: The journal to write to; `close` closes it.
            fsync: When to sync; with INTERVAL a power cut loses at most `interval` seconds of frames.
            interval: Seconds between syncs.
            linger: Seconds a frame may wait for more frames; waking the thread costs as much as making a frame.
            limit: Bytes the queue may hold.
            on_failure: Called once, in the thread, when writing fails. Without it an error is seen only with the next
                frame, which may be hours later.

        """
        self._journal, self._fsync, self._interval, self._limit = journal, fsync, interval, limit
        self._linger = linger
        self._queue: deque[bytes] = deque()
        self._queued = self.most_queued = 0
        self._accepted = self._wanted = self._written = 0
        self._closing = self._idle = False
        self._failure: CaptureError | None = None
        self._on_failure = on_failure
        lock = threading.Lock()
        self._offered = threading.Condition(lock)  # wakes the writer thread
        self._changed = threading.Condition(lock)  # wakes the callers of `wait` and `flush`
        self._thread = threading.Thread(target=self._run, name="cassette-writer", daemon=True)
        self._thread.start()

    @property
    def written(self) -> int:
        """Number of frames handed to the kernel so far."""
        return self._written

    @property
    def size(self) -> int:
        """Size of the file so far, in bytes."""
        return self._journal.size

    def offer(self, frame: bytes) -> bool:
        """Append a frame to the queue without waiting.

        Returns:
            Whether the queue has room for another frame. If not, the caller must `wait` before the next `offer`; so
            the queue exceeds its limit by at most one frame per caller.

        Raises:
            CaptureError: If writing failed before, or the writer is closing; the frame is not recorded.

        """
        with self._changed:
            self._check()
            if self._closing:
                raise CaptureError(f"{self._journal.path}: is closed, a later record was not written")
            self._queue.append(frame)
            self._queued += len(frame)
            self._accepted += 1
            self.most_queued = max(self.most_queued, self._queued)
            has_room = self._queued <= self._limit
            if self._idle or not has_room:
                self._offered.notify()
            return has_room

    def wait(self) -> None:
        """Block the calling thread until the queue has room.

        Raises:
            CaptureError: If writing failed; no more frames will be written.

        """
        with self._changed:
            self._changed.wait_for(lambda: self._failure or self._queued <= self._limit)
            self._check()

    def put(self, frame: bytes) -> None:
        """Append a frame to the queue, then block the calling thread until the queue has room.

        Raises:
            CaptureError: If writing failed, or the writer is closing.

        """
        if not self.offer(frame):
            self.wait()

    def rules(self, name: str, text: str) -> None:
        """Say the dialect of the journal, after the first records; readers take it instead of the header's.

        The header of the journal must announce it (`rules_follow`). Call this once, within the first 4,000 frames:
        readers do not look further. After `finish` it waits until the queued frames are written.

        Args:
            name: Name of the dialect.
            text: Its TOML text, at most 128 KiB (`dialect.carried.text_to_carry` checks that).

        Raises:
            CaptureError: If writing failed, or the writer is closing.
            ValueError: If the header does not announce a dialect, or it comes too late.

        """
        if not self._journal.awaited:
            raise ValueError("the header of this journal does not announce a later dialect")
        if self._accepted >= self._journal.awaited:
            raise ValueError(f"a dialect that follows the header must be among the first {RULES_WITHIN} frames")
        frame = encode_rules(name, text)
        if self._closing:
            self._add_last(frame)
        else:
            self.put(frame)

    def _add_last(self, frame: bytes) -> None:
        """Write a frame after all others; the thread has ended, or is about to."""
        self._thread.join()
        self._check()
        try:
            self._journal.append([frame])
            if self._fsync is not Fsync.NEVER:
                self._journal.sync()
        except OSError as exc:
            self._failure = self._failed(exc)
            raise self._failure from exc

    def flush(self) -> None:
        """Block until all frames queued so far are handed to the kernel.

        Raises:
            CaptureError: If writing failed.

        """
        with self._changed:
            target = self._wanted = self._accepted
            self._offered.notify()
            self._changed.wait_for(lambda: self._failure or self._written >= target)
            self._check()

    def finish(self) -> None:
        """Tell the thread to write the queued frames and end, without waiting; call `close` to wait."""
        with self._changed:
            self._closing = True
            self._offered.notify()

    def close(self) -> None:
        """Write the queued frames, sync according to `fsync`, and close the file; safe to call twice.

        Raises:
            CaptureError: If writing failed.

        """
        with self._changed:
            self._closing = True
            self._offered.notify()
        self._thread.join()
        self._journal.close()
        self._check()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _failed(self, cause: OSError | MemoryError) -> CaptureError:
        failure = CaptureError(
            f"{self._journal.path}: writing failed: {getattr(cause, 'strerror', 'out of memory')}; "
            f"{counted(self._written, 'record is', 'records are')} safe, later records were not written"
        )
        failure.__cause__ = cause
        return failure

    def _run(self) -> None:
        sync_due: float | None = None  # monotonic time by which the oldest unsynced frame must be synced
        look_due = time.monotonic() + WATCH
        try:
            while True:
                due = look_due if sync_due is None else min(sync_due, look_due)
                frames, ending = self._next(max(0.0, due - time.monotonic()))
                if time.monotonic() >= look_due or self._closing:
                    self._look()
                    look_due = time.monotonic() + WATCH
                if frames:
                    self._journal.append(frames)
                    sync_due = self._sync_due(sync_due)
                if sync_due is not None and (ending or time.monotonic() >= sync_due):
                    self._journal.sync()
                    sync_due = None
                self._done(frames)
                if ending:
                    return
        except (OSError, MemoryError) as exc:
            self._fail(self._failed(exc))
        except CaptureError as exc:
            self._fail(exc)

    def _fail(self, failure: CaptureError) -> None:
        with self._changed:
            self._failure = failure
            self._changed.notify_all()
        if self._on_failure is not None:
            self._on_failure(failure)

    def _look(self) -> None:
        """Check that the file is still in its place and holds what was written.

        Raises:
            CaptureError: If another process has deleted, replaced or changed the file: later frames would be lost.
        """
        loss = self._journal.loss()
        if loss is not None:
            raise CaptureError(
                f"{self._journal.path}: {loss} while it was recorded; the recording ends here, record it again"
            )

    def _sync_due(self, before: float | None) -> float | None:
        match self._fsync:
            case Fsync.NEVER:
                return None
            case Fsync.ALWAYS:
                return 0.0
            case Fsync.INTERVAL:
                return before if before is not None else time.monotonic() + self._interval

    def _next(self, wait: float) -> tuple[list[bytes], bool]:
        """Return and remove all queued frames; none after `wait` seconds without a frame, or at the end.

        The second value says that this is the end. It is known only here, under the lock: afterwards a frame and the
        wish to close may come together.

        Unless a caller waits for the result, the method lingers so that more frames can join the group.
        """
        with self._offered:
            if not self._offered.wait_for(self._is_urgent, self._linger) and not self._queue:
                self._idle = True
                self._offered.wait_for(lambda: self._queue or self._closing, wait)
                self._idle = False
                if self._queue:
                    self._offered.wait_for(self._is_urgent, self._linger)
            frames = list(self._queue)
            self._queue.clear()
            return frames, self._closing and not frames

    def _is_urgent(self) -> bool:
        """Return whether the queued frames must be written now: at the end, in a full queue, or for `flush`."""
        return self._closing or self._queued > self._limit or self._wanted > self._written

    def _done(self, frames: list[bytes]) -> None:
        with self._changed:
            self._queued -= sum(map(len, frames))
            self._written += len(frames)
            self._changed.notify_all()
