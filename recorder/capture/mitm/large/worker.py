"""Redact large records in a process of its own, so that the event loop goes on meanwhile.

A thread alone would not do: one call of `re` or `json` on 16 MB holds the interpreter's lock for tenths of a second.
The process is started anew, never forked, so that it works on each system and is as small as redaction needs. It lives
from the first large record to the end of the capture, and ends by itself once its standard input is closed.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ....redaction.policy import Policy
from ....system.limits import can_limit_memory, limit_memory
from ....system.signals import of_its_own
from ...large.apart import Done, Job, done, without_body

_PIECE = 1 << 20  # bytes written or read at a time
_MEMORY = 224 << 20  # bytes of addresses beside those of the start: bodies of 16 MiB take 110 MiB of memory at most
_VALUES = 500  # that are sent at a time
_NICE = 10  # the clients come first; with 19 a large answer waits for minutes where all processors are busy
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {0} import main; main()"
_log = logging.getLogger(__name__)
_TOO_LARGE = "its redaction would take too much memory"


class Gone(Exception):
    """The process has ended, or was ended, before it gave back a record."""


class Process:
    """A process that redacts by one policy; it is started when it is first needed, and again after it has ended."""

    def __init__(self, policy: Policy | None, key: bytes, *, memory: int = _MEMORY) -> None:
        """Take the policy and the key of the pseudonyms, which never stand in arguments or in the environment.

        Args:
            policy: The policy; None to keep all in the clear.
            key: The key.
            memory: Most bytes of addresses that redaction takes.

        """
        self._setting = pickle.dumps((None if policy is None else replace(policy), key, memory))
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_over = self._is_told = False

    def __call__(self, job: Job) -> Done:
        with self._lock:
            try:
                process = self._started()
                _send(_descriptor(process.stdin), job)
                found: Done = _receive(_descriptor(process.stdout))
            except (OSError, EOFError, pickle.UnpicklingError) as exc:
                self._end()
                raise Gone from exc
        return found

    def kill(self) -> None:
        self._is_over = True
        self._end(waits=False)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._is_over:
            raise OSError("the capture is over")
        if self._process is None:
            self._tell_of_limits()
            arguments = [sys.executable, "-c", _START.format(__name__), json.dumps(sys.path)]
            self._process = subprocess.Popen(  # noqa: S603  # this interpreter, and this module
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # Ctrl-C on a terminal is for the recorder alone
                **of_its_own(),
            )
            if self._is_over:  # meanwhile
                self._process.kill()
            _write(_descriptor(self._process.stdin), self._setting)
        return self._process

    def _tell_of_limits(self) -> None:
        if not self._is_told and not can_limit_memory():
            _log.warning("large bodies are redacted without a memory limit: this system has no such limit")
        self._is_told = True

    def _end(self, *, waits: bool = True) -> None:
        process = self._process
        if process is None:
            return
        with suppress(OSError):
            process.kill()
        if waits:
            self._process = None
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()

    def close(self) -> None:
        """End the process and wait for its end."""
        self._is_over = True
        self._end(waits=False)
        with self._lock:
            self._end()


class Here:
    """Redacts in the thread that asks, where there is no interpreter to start, as in a frozen mitmdump."""

    def __init__(self, policy: Policy | None, key: bytes) -> None:
        self._policy, self._key = None if policy is None else replace(policy), key

    def __call__(self, job: Job) -> Done:
        return done(job, self._policy, self._key)

    def kill(self) -> None:
        """Do nothing: a thread cannot be ended."""

    def close(self) -> None:
        """Do nothing."""


def work(policy: Policy | None, key: bytes) -> Process | Here:
    """Return what redacts large records by a policy and a key."""
    is_frozen = getattr(sys, "frozen", False) or not sys.executable
    return Here(policy, key) if is_frozen else Process(policy, key)


def main() -> None:
    """Redact the records that come on standard input until it is closed."""
    source, target = os.dup(0), os.dup(1)
    policy, key, memory = pickle.loads(_read(source))  # noqa: S301  # from the recorder, by its own pipe
    limit_memory(memory)  # a body may be made to take a hundred times its size
    if hasattr(os, "nice"):  # Windows has other means
        with suppress(OSError):
            os.nice(_NICE)
    while True:
        try:
            job: Job = _receive(source)
        except EOFError:
            return
        found = _done(job, policy, key)
        if found is None:  # here the exception is gone, and with it the frames that hold what filled the memory
            found = without_body(job, policy, key, _TOO_LARGE)
        with suppress(BrokenPipeError):
            _send(target, found)
        del job, found


def _done(job: Job, policy: Policy | None, key: bytes) -> Done | None:
    """Redact a record; None if that takes too much memory."""
    try:
        return done(job, policy, key)
    except (MemoryError, RecursionError):
        return None


def _send(target: int, item: Job | Done) -> None:
    """Send a job or its result.

    Bodies stand beside the rest, because a pickle with them would be one more copy; the values follow some at a time,
    because each call of pickle holds the interpreter's lock.
    """
    body, values = item.record.body, item.values
    item = replace(item, record=replace(item.record, body=b""), values=())
    seen: bytes | None = None
    if isinstance(item, Done):
        seen = None if item.seen.body is body else item.seen.body
        item = replace(item, seen=replace(item.seen, body=b""))
    parts = range(0, len(values), _VALUES)
    _write(target, pickle.dumps((item, seen, len(parts))))
    for start in parts:
        _write(target, pickle.dumps(values[start : start + _VALUES]))
    _write(target, body)


def _receive(source: int) -> Any:
    item, seen, parts = pickle.loads(_read(source))  # noqa: S301  # the peer is this module, by its own pipe
    values: list[Any] = []
    for _ in range(parts):
        values += pickle.loads(_read(source))  # noqa: S301  # the peer is this module, by its own pipe
    item = replace(item, record=replace(item.record, body=_read(source)), values=tuple(values))
    if isinstance(item, Done):
        item = replace(item, seen=item.record if seen is None else replace(item.seen, body=seen))
    return item


def _write(target: int, data: bytes) -> None:
    left = memoryview(len(data).to_bytes(8, "big"))
    for part in (left, memoryview(data)):
        at = 0
        while at < len(part):
            at += os.write(target, part[at : at + _PIECE])


def _read(source: int) -> bytes:
    size = int.from_bytes(_exactly(source, 8), "big")
    return _exactly(source, size)


def _exactly(source: int, size: int) -> bytes:
    pieces: list[bytes] = []
    while size:
        piece = os.read(source, min(size, _PIECE))
        if not piece:
            raise EOFError
        pieces.append(piece)
        size -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _descriptor(pipe: Any) -> int:
    number: int = pipe.fileno()
    return number
