"""Record a session from Python: a recorder process between a client and its server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import IO, Self

from ..errors import UpstreamError, UsageError
from ..system.signals import ASK, of_its_own

_START, _END = 30.0, 20.0  # seconds; a cold mitmproxy takes a few


class Recorder:
    """A recorder before a server; records while a `with` or `async with` block runs.

    The recorder is a process of its own (`recorder record`): mitmproxy allows one proxy in a process. It needs the
    extra `record`.

    Attributes:
        url: Where the client is to connect; empty before the block.
        urls: Where the client reaches the servers of the options `--also NAME=URL`, by name.
        cassette: The file that is written; complete when the block has ended.

    """

    def __init__(
        self,
        upstream: str,
        cassette: str | PathLike[str],
        *,
        dialect: str | None = None,
        policy: str | None = None,
        force: bool = False,
        options: Sequence[str] = (),
    ) -> None:
        """Prepare to record.

        Args:
            upstream: URL of the server, e.g. `http://gws.example:8090`.
            cassette: File to write.
            dialect: Name of a shipped dialect, or path of a file; None takes the shipped one that fits the traffic.
            policy: Redaction policy, a shipped name or a TOML file; None takes the default.
            force: Overwrite the file if it exists.
            options: More options, as on the command line of `recorder record`.

        Raises:
            UsageError: If no server is named.

        """
        if not upstream:
            raise UsageError(f"{cassette}: name the server to record, e.g. http://gws.example:8090")
        self.url = ""
        self.urls: dict[str, str] = {}
        self.cassette = Path(cassette)
        given = [*(["--dialect", dialect] if dialect else []), *(["--policy", policy] if policy else [])]
        given += [*(["--force"] if force else []), *options]
        self._command = [sys.executable, "-m", "recorder", "record", upstream, "-o", str(cassette), *given]
        self._others = sum(text == "--also" or text.startswith("--also=") for text in options)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Start the recorder.

        Raises:
            UpstreamError: If it cannot start; its message says why.

        """
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(  # noqa: S603  # our own
            self._command, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace", **of_its_own()
        )
        self.url = _url(self._process)
        self.urls = dict(_other_url(self._process) for _ in range(self._others))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the recorder and wait until the cassette is complete.

        Raises:
            UpstreamError: If it ended with an error.

        """
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(ASK)
        try:
            told = process.communicate(timeout=_END)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            told = f"the recorder did not end within {_END:g} s"
        if process.returncode and error is None:
            raise UpstreamError(_last_line(told))

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)


def _url(process: subprocess.Popen[str]) -> str:
    """Wait for the readiness line of a recorder; return where it listens."""
    if process.stdout is None or process.stderr is None:
        raise UpstreamError("the recorder has no output")
    line = _line(process.stdout, _START)
    if not line.startswith("listening on "):
        process.kill()
        raise UpstreamError(_last_line(process.communicate()[1]) or f"the recorder was not ready within {_START:g} s")
    return _named(line)


def _line(stream: IO[str], seconds: float) -> str:
    """Return the next line of a pipe; an empty text if none comes in time. No `select` of Windows waits for pipes."""
    found = SimpleQueue[str]()
    Thread(target=lambda: found.put(stream.readline()), daemon=True).start()
    try:
        return found.get(timeout=seconds)
    except Empty:
        return ""


def _other_url(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Read the line that follows the readiness line for each of `--also`: its name and where the recorder listens."""
    line = process.stdout.readline() if process.stdout else ""
    return line.partition(":")[0], _named(line)


def _named(line: str) -> str:
    # clients such as aiohttp's keep no cookies for IP addresses
    return line.rsplit(maxsplit=1)[-1].replace("127.0.0.1", "localhost")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]
