"""Record a session from Python: a recorder process between a client and its server."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from ..errors import UpstreamError, UsageError
from ..files import as_argument
from ..fleet.store.places import place
from ..model import FORMAT
from ..system.signals import ASK, of_its_own

if TYPE_CHECKING:
    from ..library.changing import Change

_START, _END = 30.0, 20.0  # seconds; a cold mitmproxy takes a few
_ASKED = 120.0  # seconds for the version of a recorder that pipx or uvx may have to install first
_VERSION = re.compile(r"\Arecorder, version (\S+?)(?:, format (\d+))?\s*\Z")
_NAMED = "a recorder of another environment, e.g. 'pipx run --spec outbound-recorder[record] recorder'"


class Recorder:
    """A recorder before a server; records while a `with` or `async with` block runs.

    The recorder is a process of its own (`recorder record`): mitmproxy allows one proxy in a process. It needs the
    extra `record`, or a `command` that starts a recorder of another environment.

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
        command: str | Sequence[str] = (),
        before_record: Change | None = None,
    ) -> None:
        """Prepare to record.

        Args:
            upstream: URL of the server, e.g. `http://gws.example:8090`.
            cassette: File to write.
            dialect: Name of a shipped dialect, or path of a file; None takes the shipped one that fits the traffic.
            policy: Redaction policy, a shipped name or a TOML file; None takes the default.
            force: Overwrite the file if it exists.
            options: More options, as on the command line of `recorder record`.
            command: Starts a recorder that is installed elsewhere: a path, or words such as those of `pipx run`. Empty
                for the one of this Python.
            before_record: Is called with each request, response, chunk and message on a WebSocket once all is recorded
                and redacted. It returns the record, or it changed, or None to leave out the whole exchange.

        Raises:
            UsageError: If no server is named.

        """
        if not upstream:
            raise UsageError(f"{cassette}: name the server to record, e.g. http://gws.example:8090")
        self.url = ""
        self.urls: dict[str, str] = {}
        self.cassette = place(cassette)
        given = [*(["--dialect", dialect] if dialect else []), *(["--policy", policy] if policy else [])]
        given += [*(["--force"] if force else []), *options]
        self._program = words_of(command)
        self._arguments = ["record", upstream, "-o", as_argument(self.cassette), *given]
        self._before_record = before_record
        self._others = sum(text == "--also" or text.startswith("--also=") for text in options)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Start the recorder.

        Raises:
            UpstreamError: If it cannot start; its message says why.
            UsageError: If there is no recorder that can record.

        """
        pipe, command = subprocess.PIPE, [*program(self._program), *self._arguments]
        self._process = subprocess.Popen(  # noqa: S603  # the user's, or our own
            command, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace", **of_its_own()
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
            UsageError: If `before_record` failed.

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
        if self._before_record is not None and self.cassette.exists():
            from ..library.changing import change  # noqa: PLC0415  # reads cassettes, which recording does not need

            change(self.cassette, self._before_record)

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)


def words_of(command: str | Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command; a text that is the path of a file is one word.

    Raises:
        UsageError: If a quotation in the text does not end.

    """
    if not isinstance(command, str):
        return tuple(command)
    if Path(command).is_file():
        return (command,)
    try:
        return tuple(shlex.split(command))
    except ValueError as exc:
        raise UsageError(f"the recorder {command!r} is no command: {exc}") from exc


@lru_cache
def program(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words that start a recorder, once it is known that it can record cassettes that are read here.

    Args:
        words: What the user named; empty for the recorder of this Python.

    Raises:
        UsageError: If it cannot be started, is no recorder, or writes another format; or if this Python cannot record.

    """
    own = (sys.executable, "-m", "recorder")
    if words in ((), own):
        if find_spec("mitmproxy") is None:
            raise UsageError(
                f"recording needs mitmproxy: pip install 'outbound-recorder[record]', or name {_NAMED} "
                "(pytest --cassette-recorder, Recorder(command=))"
            )
        return own
    named = shlex.join(words)
    try:
        told = subprocess.run(  # noqa: S603  # the user's
            [*words, "--version"], capture_output=True, encoding="utf-8", errors="replace", timeout=_ASKED, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise UsageError(f"the recorder {named} cannot be started: {exc}") from exc
    found = _VERSION.match(told.stdout)
    if found is None:
        said = _last_line(told.stderr or told.stdout) or f"exit code {told.returncode}"
        raise UsageError(f"{named} is no recorder: its --version says {said!r}; name {_NAMED}")
    this = version("outbound-recorder")
    if found[2] is not None and int(found[2]) != FORMAT:
        raise UsageError(
            f"{named} is version {found[1]} and writes format {found[2]}, this one, {this}, reads format {FORMAT}: "
            "install the same version in both places"
        )
    if found[1] != this:
        warnings.warn(f"{named} is version {found[1]}, this one {this}; install the same in both places", stacklevel=2)
    return words


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
