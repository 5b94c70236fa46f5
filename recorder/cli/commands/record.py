"""Implement `recorder record`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import CaptureError, UsageError
from ..options import key_option, listen_option, no_redaction_option, policy_option, warn_if_exposed
from ..redaction import redaction
from ..saying import say
from ..writing import must_be_writable

if TYPE_CHECKING:
    from ...capture.mitm.addon import Recorder
    from ...capture.mitm.proxy import Running

_MODES = "reverse (default), regular, upstream:URL, socks5"


class Size(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs only
    """A number of bytes; K, M and G multiply by powers of 1024."""

    name = "BYTES"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse the text into bytes; report a mistake as a usage error."""
        found = re.fullmatch(r"(\d{1,12})([KMG]?)", str(value))
        size = int(found[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[found[2]] if found else 0
        if size <= 0:
            self.fail(f"{value!r} is not a size; write e.g. 64M", param, ctx)
        return size


@click.command("record")
@click.argument("upstream", metavar="UPSTREAM", required=False)
@click.argument("program", metavar="[-- CMD...]", nargs=-1, type=click.UNPROCESSED)
@click.option("-o", "--output", metavar="[+]FILE", required=True, help="Cassette to write; +FILE appends to one.")
@listen_option
@click.option("--mode", default="reverse", show_default=True, help=f"Mode of the proxy: {_MODES}.")
@click.option(
    "--fsync",
    type=click.Choice(["never", "interval", "always"]),
    default="interval",
    show_default=True,
    help="When to force frames to disk. All three survive a killed process; interval and always survive a power cut.",
)
@click.option("--max-size", type=Size(), help="Go on in a new file, NAME-2, from this size on; e.g. 64M.")
@click.option(
    "--max-duration",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Go on in a new file after this time.",
)
@click.option(
    "--on-full",
    type=click.Choice(["stop", "pass"]),
    default="stop",
    show_default=True,
    help="If the disk is full: stop, or let traffic pass unrecorded.",
)
@policy_option
@key_option
@no_redaction_option
@click.option("--force", is_flag=True, help="Overwrite the cassette if it exists.")
def command(
    upstream: str | None, program: tuple[str, ...], *, output: str, listen: tuple[str, int], mode: str, fsync: str,
    max_size: int | None, max_duration: float | None, on_full: str, policy: str, key_file: Path | None,
    no_redaction: bool, force: bool,
) -> None:  # fmt: skip
    """Record the traffic between a desktop and UPSTREAM, until Ctrl-C.

    Prints `listening on URL` when ready: point the desktop to that URL. A command after `--` is run with the URL in
    RECORDER_URL (in modes other than reverse also in HTTP_PROXY and HTTPS_PROXY); the recording stops when the command
    ends, with its exit code.

    \b
    Example:  recorder record http://gws.example:8090 -o session.cassette
              recorder record http://gws.example:8090 -o session.cassette -- pytest tests/desktop
    """
    try:
        from ...capture.mitm.addon import Recorder
    except ModuleNotFoundError as exc:
        raise UsageError("recording needs mitmproxy: pip install 'outbound-recorder[record]'") from exc
    from ...capture.parts import Limits
    from ...cassette.writer import Fsync

    mode, append, path = _mode(mode, upstream), output.startswith("+"), Path(output.removeprefix("+"))
    must_be_writable(path, force=force or append)
    chosen, key = redaction(policy, key_file, off=no_redaction)
    recorder = Recorder(
        path,
        upstream=upstream or "",
        fsync=Fsync(fsync),
        policy=chosen,
        key=key,
        force=force,
        append=append,
        limits=Limits(max_size, max_duration),
        go_on_when_full=on_full == "pass",
    )
    warn_if_exposed(listen[0])
    logging.getLogger(Recorder.__module__).addHandler(_Told(logging.ERROR))
    try:
        code = asyncio.run(_record(recorder, mode, listen, program))
    except CaptureError:
        if recorder.failure is None:
            raise
    if recorder.failure is not None:  # `_Told` printed the message already
        raise SystemExit(recorder.failure.exit_code)
    for text in recorder.remarks:
        say(f"{path}: {text}")
    counts = recorder.counts
    say(f"{path}: {counts.requests} requests, {counts.open} still open at the end")
    raise SystemExit(code)


class _Told(logging.Handler):
    """A log handler that prints errors of the recorder at once: mitmproxy does not print its log here."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def _mode(mode: str, upstream: str | None) -> str:
    if "@" in f"{mode}{upstream}":  # mitmproxy takes the text after `@` for the address to listen on
        raise UsageError("--mode and UPSTREAM take no '@': give the address by --listen, and no user in a URL")
    if mode != "reverse":
        if upstream:
            raise UsageError(f"--mode {mode} takes no UPSTREAM: the client names the server itself")
        return mode
    if not upstream:
        raise UsageError("name the UPSTREAM to record, e.g. recorder record http://gws.example:8090 -o s.cassette")
    if not upstream.startswith(("http://", "https://")):
        raise UsageError(f"UPSTREAM {upstream!r} must begin with http:// or https://")
    return f"reverse:{upstream}"


async def _record(recorder: Recorder, mode: str, listen: tuple[str, int], program: tuple[str, ...]) -> int:
    from ...capture.mitm.proxy import proxy, stop_on_signals

    host, port = listen
    async with proxy(recorder, mode=mode, host=host, port=port) as running:
        stop_on_signals(running)
        click.echo(f"listening on {running.url}")
        live = asyncio.create_task(_live_line(recorder))
        try:
            return (
                await _run(program, running, reverse=mode.startswith("reverse:")) if program else await _wait(running)
            )
        finally:
            live.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await live


async def _wait(running: Running) -> int:
    await running.wait()
    return 0


async def _run(program: tuple[str, ...], running: Running, *, reverse: bool) -> int:
    """Run a program with the recorder's URL, and return its exit code."""
    proxied = {} if reverse else dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), running.url)
    try:
        child = await asyncio.create_subprocess_exec(*program, env=os.environ | proxied | {"RECORDER_URL": running.url})
    except OSError as exc:
        raise UsageError(f"{program[0]}: cannot be run: {exc.strerror}") from exc
    stopped = asyncio.create_task(running.wait())
    ended = asyncio.create_task(child.wait())
    await asyncio.wait([stopped, ended], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if child.returncode is None:
        child.terminate()
    code = await ended
    return code if code >= 0 else 128 - code  # as shells tell the signal that ended a process


async def _live_line(recorder: Recorder) -> None:
    """Show the counts of the capture once a second, if stderr is a terminal."""
    while sys.stderr.isatty():
        counts = recorder.counts
        line = f"{counts.requests} requests, {counts.responses} answered, {counts.open} open, {recorder.size} bytes"
        click.echo(f"\r\x1b[K{line}", nl=False, err=True)
        await asyncio.sleep(1)
