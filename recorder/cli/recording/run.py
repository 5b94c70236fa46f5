"""Run a recording from the command line: build it from the options, run the user's command, and tell what was recorded.

This module imports mitmproxy, so `recorder record` imports it when it runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import signal
import time
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any

import click

from ...capture.address import parse
from ...capture.choosing import told
from ...capture.mitm.addon import Recorder
from ...capture.mitm.capture import Settings
from ...capture.mitm.proxy import Running, proxy
from ...capture.mitm.unrecorded import Watched
from ...capture.parts import Limits
from ...cassette.writer import Fsync
from ...dialect.definition import Dialect, load
from ...dialect.fitting import Fit
from ...errors import CaptureError, UsageError
from ...exporters.pytest_suite import skeleton
from ...files import Remote
from ...fleet.store.keeping import Working
from ...fleet.store.places import place
from ...model import Header, Record
from ...model import Recording as Exported
from ...monitoring.log import LogFile
from ...printable import counted
from ...redaction.policy import Policy
from ...system.signals import KILL
from ...viewer.live.watched import WatchedRecording
from ..options import warn_if_exposed
from ..saying import alone, say
from ..tokens import CONTROL_TOKEN, token_of
from ..viewing.live import is_wanted, viewing
from ..writing import logging_into, must_be_writable
from .children import send
from .clients import Clients
from .display import Display
from .ending import PATIENCE, Ending
from .finishing import Finishing
from .redaction import redaction
from .upstream import read

_MODES = ("reverse", "regular", "upstream", "socks5")  # in mitmproxy's others no client is told of the proxy


class Recording:
    """One run of `recorder record`."""

    _child: asyncio.subprocess.Process | None = None

    def __init__(self, upstream: str | None, program: tuple[str, ...], given: dict[str, Any]) -> None:
        """Check the options, and build the recorder.

        Args:
            upstream: URL of the server; None in modes in which the client names it.
            program: A command to run with the recorder's URL, and its arguments; empty for none.
            given: The options of the command line, by name.

        Raises:
            UsageError: If the options contradict each other, or the cassette cannot be written.

        """
        if upstream and given["mode"] != "reverse":
            raise UsageError(
                f"--mode {given['mode']} takes no UPSTREAM: the client names the server itself; a command goes after --"
            )
        mode, upstream, self._upstream = read(given["mode"], upstream, given)
        self._mode, self._program, self._listen = _mode(mode, upstream), program, given["listen"]
        self._also = _also(given["also"], upstream, self._mode)
        if given["rewrite_links"] and not self._mode.startswith("reverse:"):
            raise UsageError("--rewrite-links needs --mode reverse: in other modes no link leads past the proxy")
        self._seals, limits, self._log = given["seal"], _limits(given), given["log"]
        self._token, self._given = token_of(given["control_token"], CONTROL_TOKEN), given
        append, self._working = _wanted(given["output"], force=given["force"])
        self._path = self._working.path
        policy, key = redaction(given["policy"], given["key_file"], off=given["no_redaction"])
        settings = Settings(
            fsync=Fsync(given["fsync"]),
            force=given["force"],
            append=append,
            limits=limits,
            go_on_when_full=given["on_full"] == "pass",
        )
        self._display, self._clients = Display(given["progress"]), Clients(self._mode, given["hosts"], given["ca_dir"])
        self._dialect = load(given["dialect"]) if given["dialect"] else load()
        self._page = self._made_page(upstream or "", policy) if is_wanted(given) else None
        self._recorder = Recorder(
            self._path,
            upstream=upstream or "",
            dialect=self._dialect if given["dialect"] else None,
            policy=policy,
            key=key,
            settings=settings,
            rewrite_links=given["rewrite_links"],
            keep_conditional=given["keep_conditional"],
            watch=self._display.feed if self._page is None else self._seen,
            on_dialect=self._use,
            others=self._clients.others,
        )

    def run(self) -> int:
        """Record until the user's command or a signal ends it; return the exit code.

        Raises:
            CaptureError: If the capture cannot be kept.
            UpstreamError: If the server cannot be reached.

        """
        if self._working.is_elsewhere:
            say(f"{self._working.target}: is recorded in {self._path}, and put there at the end")
        with logging_into(self._log, beside=self._path) as log:
            if self._page is None:
                return self._run_logged(log)
            with viewing(self._page, self._given["view_port"], opens=not self._given["no_open"]):
                self._page.start()
                try:
                    return self._run_logged(log)
                finally:
                    self._page.end()

    def _made_page(self, upstream: str, policy: Policy | None) -> WatchedRecording:
        redacted_by = "none" if policy is None else policy.name
        header = Header(started=0, upstream=upstream, dialect="", redaction=redacted_by)
        clock, wall = time.monotonic_ns, lambda: time.time_ns() // 1000
        return WatchedRecording(
            header, self._path.name, self._dialect, clock=clock, wall=wall, facts=self._facts, test=self._as_test
        )

    def _seen(self, record: Record) -> None:
        """Hand a record on, as it was kept, to those who watch."""
        self._display.feed(record)
        if self._page is not None:
            self._page.put(record)

    def _facts(self) -> dict[str, Any]:
        """Return what the live page shows beside what it follows itself."""
        counts = self._recorder.counts
        return {
            "requests": counts.requests,
            "answered": counts.responses,
            "messages": counts.messages,
            "cut": counts.cut,
            "bytes": self._recorder.size,
            "file": str(self._path),
        }

    def _as_test(self, recording: Exported) -> Iterator[str]:
        return skeleton(recording, str(self._path.resolve()), self._dialect.bayeux_prefix)

    def _run_logged(self, log: LogFile | None) -> int:
        warn_if_exposed(self._listen[0])
        logging.getLogger("recorder.capture").addHandler(_Told(self._display, self._page))
        lost = f"{self._path}: the disk or the network does not answer; what was not yet written is lost"
        with Ending(self._hurry, lost, hangs_up=log is None) as ending:
            code = asyncio.run(self._record(ending, log))
        is_elsewhere, is_whole = self._working.is_elsewhere, self._recorder.failure is None
        if is_elsewhere or (is_whole and (self._clients.are_sifted or self._seals)):
            ending.waits()
            finishing = Finishing(self._path, is_left=ending.is_urgent, hangs_up=log is None)
            if is_whole and self._clients.are_sifted:
                finishing.sift(self._recorder.sift)
            if is_whole and self._seals:
                code = finishing.seal() or code
            if is_elsewhere:
                code = finishing.put(self._working) or code
            ending.told(code)
        return code

    def _use(self, dialect: Dialect, fit: Fit | None) -> None:
        """Show operations of a dialect from now on; tell the user how it was chosen."""
        self._display.clear()
        if fit is not None:
            say(told(fit, self._path))
        self._display.use(dialect)
        self._dialect = dialect
        if self._page is not None:
            self._page.use(dialect)

    def _hurry(self) -> None:
        if self._child is not None:
            send(self._child, KILL)
        self._recorder.hurry()

    def _summary(self, code: int) -> int:
        """Tell what was recorded; return the exit code, which is `code` if all was kept."""
        recorder = self._recorder
        if recorder.failure is not None:  # `_Told` printed the message already
            return recorder.failure.exit_code
        for text in recorder.remarks:
            say(f"{self._path}: {text}")
        counts = recorder.counts
        for line in self._display.summary():
            say(f"{self._path}: {line}")
        say(f"{self._path}: {counted(counts.requests, 'request')}, {counts.open} still open at the end")
        return code

    async def _record(self, ending: Ending, log: LogFile | None) -> int:
        code = 0
        try:
            code = await self._serve(ending, log)
        except CaptureError:
            if self._recorder.failure is None:
                raise
        code = self._summary(code)
        ending.told(code)
        return code

    async def _serve(self, ending: Ending, log: LogFile | None) -> int:
        host, port = self._listen
        watched = Watched(lambda: self._recorder.status, self._recorder.families, self._token)
        given = self._clients.proxied(watched) | {"also": self._also, "upstream": self._upstream}
        async with proxy(self._recorder, mode=self._mode, host=host, port=port, **given) as running:
            # what a command does as it ends is recorded too
            then = None if self._program else self._recorder.hold
            stopped = asyncio.create_task(_either(running.wait(), ending.begins(then).wait()))
            click.echo(f"listening on {running.url}")
            for name, url in running.urls.items():
                click.echo(f"{name}: listening on {url}")
            showing = asyncio.create_task(self._show())
            try:
                with alone(log):
                    return await (self._run(running, stopped) if self._program else stopped)
            finally:
                self._display.clear()
                for task in (showing, stopped):
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task

    async def _show(self) -> None:
        """Show the counts of the capture once a second, if anybody can see them."""
        while self._display.is_live:
            self._display.show(self._recorder.counts, self._recorder.size)
            await asyncio.sleep(1)

    async def _run(self, running: Running, stopped: asyncio.Task[int]) -> int:
        """Run the user's command with the recorder's URL, and return its exit code."""
        with self._clients.environment(running.url) as environment:
            others = {_variable(name): url for name, url in running.urls.items()}
            return await self._ended(stopped, environment | others)

    async def _ended(self, stopped: asyncio.Task[int], environment: dict[str, str]) -> int:
        """Wait for the user's command; return its exit code.

        The recording goes on until the command has ended, so that nothing of its end passes unrecorded.
        """
        try:
            child = await asyncio.create_subprocess_exec(*self._program, env=environment)
        except OSError as exc:
            raise UsageError(f"{self._program[0]}: cannot be run: {exc.strerror}") from exc
        self._child = child
        ended = asyncio.create_task(child.wait())
        await asyncio.wait([stopped, ended], return_when=asyncio.FIRST_COMPLETED)
        if child.returncode is None:
            send(child, signal.SIGTERM)
            await asyncio.wait([ended], timeout=PATIENCE)
        send(child, KILL)
        code = await ended
        return code if code >= 0 else 128 - code  # as shells tell the signal that ended a process


class _Told(logging.Handler):
    """A log handler that prints warnings and errors of the recorder at once: mitmproxy does not print its log here."""

    def __init__(self, display: Display, page: WatchedRecording | None) -> None:
        super().__init__(logging.WARNING)
        self._display, self._page = display, page

    def emit(self, record: logging.LogRecord) -> None:
        if self._page is not None and record.levelno >= logging.ERROR:  # a warning is a note in the recording, too
            self._page.warn(record.getMessage())
        self._display.clear()
        say(record.getMessage(), is_error=record.levelno >= logging.ERROR)


def _wanted(output: str, *, force: bool) -> tuple[bool, Working]:
    """Return whether to add to the file of -o, and where to write it.

    Raises:
        UsageError: If it must not be written, or is at a URL and is to be added to.
        OutputError: If it cannot be written.
    """
    append, target = output.startswith("+"), place(output.removeprefix("+"))
    if append and isinstance(target, Remote):
        raise UsageError(f"{target}: nothing can be added to a file at a URL; record into a new one and merge both")
    must_be_writable(target, force=force or append)
    return append, Working(target, force=force)


def _limits(given: dict[str, Any]) -> Limits:
    limits = Limits(given["max_size"], given["max_duration"])
    if given["seal"] and limits != Limits():
        raise UsageError("--seal is for one file: several are one recording once recorder merge has joined them")
    return limits


def _mode(mode: str, upstream: str | None) -> str:
    if "@" in mode:  # mitmproxy takes the text after `@` for the address to listen on
        raise UsageError("--mode takes no '@': give the address by --listen")
    if mode != "reverse":
        if mode.partition(":")[0] not in _MODES:
            raise UsageError(f"--mode {mode!r} is none of reverse, regular, upstream:URL and socks5")
        return mode
    if not upstream:
        raise UsageError("name the UPSTREAM to record, e.g. recorder record http://gws.example:8090 -o s.cassette")
    return f"reverse:{upstream}"


def _also(given: Sequence[str], upstream: str | None, mode: str) -> dict[str, str]:
    """Return the URLs of the other upstreams by name."""
    if given and not mode.startswith("reverse:"):
        raise UsageError("--also needs --mode reverse: in other modes the client names all servers itself")
    also: dict[str, str] = {}
    servers = [upstream]
    for text in given:
        name, _, url = text.partition("=")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name, re.ASCII):
            raise UsageError(f"--also {text!r} is not NAME=URL, e.g. login=https://login.example")
        server = parse(url, what=f"--also {name}:", example="login=https://login.example")
        if server.login:
            raise UsageError(f"--also {name}: takes no login: only UPSTREAM has one")
        if _variable(name) in map(_variable, also) or server.url in servers:
            raise UsageError(f"--also {text!r}: there is another one of this name or server")
        also[name] = server.url
        servers.append(server.url)
    return also


def _variable(name: str) -> str:
    """Return the variable that has the recorder's URL for another upstream."""
    return f"RECORDER_URL_{name.upper().replace('-', '_')}"


async def _either(*waits: Coroutine[Any, Any, object]) -> int:
    """Wait for the first of several; return the exit code of a recording without a command."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    return 0
