"""Run a recording from the command line: build it from the options, run the user's command, and tell what was recorded.

This module imports mitmproxy, so `recorder record` imports it when it runs.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ...capture.address import parse
from ...capture.mitm.addon import Recorder
from ...capture.mitm.capture import Settings
from ...capture.mitm.proxy import Running, proxy, stop_on_signals
from ...capture.parts import Limits
from ...cassette.writer import Fsync
from ...errors import CaptureError, UsageError
from ..options import warn_if_exposed
from ..redaction import redaction
from ..saying import say
from ..writing import must_be_writable
from .clients import Clients
from .display import Display
from .upstream import read


class Recording:
    """One run of `recorder record`."""

    def __init__(self, upstream: str | None, program: tuple[str, ...], given: dict[str, Any]) -> None:
        """Check the options, and build the recorder.

        Args:
            upstream: URL of the server; None in modes in which the client names it.
            program: A command to run with the recorder's URL, and its arguments; empty for none.
            given: The options of the command line, by name.

        Raises:
            UsageError: If the options contradict each other, or the cassette cannot be written.

        """
        output = given["output"]
        append, self._path = output.startswith("+"), Path(output.removeprefix("+"))
        if upstream and given["mode"] != "reverse":
            raise UsageError(
                f"--mode {given['mode']} takes no UPSTREAM: the client names the server itself; a command goes after --"
            )
        mode, upstream, self._upstream = read(given["mode"], upstream, given)
        self._mode, self._program, self._listen = _mode(mode, upstream), program, given["listen"]
        self._also = _also(given["also"], upstream, self._mode)
        if given["rewrite_links"] and not self._mode.startswith("reverse:"):
            raise UsageError("--rewrite-links needs --mode reverse: in other modes no link leads past the proxy")
        must_be_writable(self._path, force=given["force"] or append)
        policy, key = redaction(given["policy"], given["key_file"], off=given["no_redaction"])
        settings = Settings(
            fsync=Fsync(given["fsync"]),
            force=given["force"],
            append=append,
            limits=Limits(given["max_size"], given["max_duration"]),
            go_on_when_full=given["on_full"] == "pass",
        )
        self._display = Display(given["progress"])
        self._clients = Clients(self._mode, given["hosts"], given["ca_dir"])
        self._recorder = Recorder(
            self._path,
            upstream=upstream or "",
            policy=policy,
            key=key,
            settings=settings,
            rewrite_links=given["rewrite_links"],
            keep_conditional=given["keep_conditional"],
            watch=self._display.feed,
            others=self._clients.others,
        )

    def run(self) -> int:
        """Record until the user's command or a signal ends it; return the exit code.

        Raises:
            CaptureError: If the capture cannot be kept.
            UpstreamError: If the server cannot be reached.

        """
        recorder, code = self._recorder, 0
        warn_if_exposed(self._listen[0])
        logging.getLogger("recorder.capture").addHandler(_Told(self._display))
        try:
            code = asyncio.run(self._record())
        except CaptureError:
            if recorder.failure is None:
                raise
        if recorder.failure is not None:  # `_Told` printed the message already
            return recorder.failure.exit_code
        for text in (*recorder.remarks, *(recorder.sift() if self._clients.are_sifted else ())):
            say(f"{self._path}: {text}")
        counts = recorder.counts
        for line in self._display.summary():
            say(f"{self._path}: {line}")
        say(f"{self._path}: {counts.requests} requests, {counts.open} still open at the end")
        return code

    async def _record(self) -> int:
        host, port = self._listen
        given = self._clients.proxied() | {"also": self._also, "upstream": self._upstream}
        async with proxy(self._recorder, mode=self._mode, host=host, port=port, **given) as running:
            stop_on_signals(running)
            click.echo(f"listening on {running.url}")
            for name, url in running.urls.items():
                click.echo(f"{name}: listening on {url}")
            showing = asyncio.create_task(self._show())
            try:
                return await (self._run(running) if self._program else _wait(running))
            finally:
                showing.cancel()
                self._display.clear()

    async def _show(self) -> None:
        """Show the counts of the capture once a second, if anybody can see them."""
        while self._display.is_live:
            self._display.show(self._recorder.counts, self._recorder.size)
            await asyncio.sleep(1)

    async def _run(self, running: Running) -> int:
        """Run the user's command with the recorder's URL, and return its exit code."""
        with self._clients.environment(running.url) as environment:
            others = {f"RECORDER_URL_{name.upper().replace('-', '_')}": url for name, url in running.urls.items()}
            return await self._ended(running, environment | others)

    async def _ended(self, running: Running, environment: dict[str, str]) -> int:
        try:
            child = await asyncio.create_subprocess_exec(*self._program, env=environment)
        except OSError as exc:
            raise UsageError(f"{self._program[0]}: cannot be run: {exc.strerror}") from exc
        stopped = asyncio.create_task(running.wait())
        ended = asyncio.create_task(child.wait())
        await asyncio.wait([stopped, ended], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if child.returncode is None:
            child.terminate()
        code = await ended
        return code if code >= 0 else 128 - code  # as shells tell the signal that ended a process


class _Told(logging.Handler):
    """A log handler that prints warnings and errors of the recorder at once: mitmproxy does not print its log here."""

    def __init__(self, display: Display) -> None:
        super().__init__(logging.WARNING)
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        self._display.clear()
        say(record.getMessage())


def _mode(mode: str, upstream: str | None) -> str:
    if "@" in mode:  # mitmproxy takes the text after `@` for the address to listen on
        raise UsageError("--mode takes no '@': give the address by --listen")
    if mode != "reverse":
        return mode
    if not upstream:
        raise UsageError("name the UPSTREAM to record, e.g. recorder record http://gws.example:8090 -o s.cassette")
    return f"reverse:{upstream}"


def _also(given: Sequence[str], upstream: str | None, mode: str) -> dict[str, str]:
    """Return the URLs of the other upstreams by name."""
    if given and not mode.startswith("reverse:"):
        raise UsageError("--also needs --mode reverse: in other modes the client names all servers itself")
    also, servers = {}, [upstream]
    for text in given:
        name, _, url = text.partition("=")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name, re.ASCII):
            raise UsageError(f"--also {text!r} is not NAME=URL, e.g. login=https://login.example")
        server = parse(url, what=f"--also {name}:", example="login=https://login.example")
        if server.login:
            raise UsageError(f"--also {name}: takes no login: only UPSTREAM has one")
        if name in also or server.url in servers:
            raise UsageError(f"--also {text!r}: there is another one of this name or server")
        also[name] = server.url
        servers.append(server.url)
    return also


async def _wait(running: Running) -> int:
    await running.wait()
    return 0
