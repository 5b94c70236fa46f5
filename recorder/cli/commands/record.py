"""recorder record"""

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
from ..options import key_option, listen_option, must_not_exist, no_redaction_option, policy_option, warn_if_exposed
from ..redaction import redaction
from ..saying import say

if TYPE_CHECKING:
    from ...capture.mitm.addon import Recorder
    from ...capture.mitm.proxy import Running

_MODES = "reverse (default), regular, upstream:URL, socks5"


class Size(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs only
    """Bytes, with K, M or G for powers of 1024."""

    name = "BYTES"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; fails as click's parameters do."""
        found = re.fullmatch(r"(\d{1,12})([KMG]?)", str(value))
        size = int(found[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[found[2]] if found else 0
        if size <= 0:
            self.fail(f"{value!r} is no size, e.g. 64M", param, ctx)
        return size


@click.command("record")
@click.argument("upstream", metavar="UPSTREAM", required=False)
@click.argument("program", metavar="[-- CMD...]", nargs=-1, type=click.UNPROCESSED)
@click.option("-o", "--output", metavar="[+]FILE", required=True, help="The cassette to write; +FILE goes on with one.")
@listen_option
@click.option("--mode", default="reverse", show_default=True, help=f"How clients come in: {_MODES}.")
@click.option(
    "--fsync",
    type=click.Choice(["never", "interval", "always"]),
    default="interval",
    show_default=True,
    help="When frames are forced to disk; any of them survives a kill, the later two a power cut too.",
)
@click.option("--max-size", type=Size(), help="From this size on, go on in a new file, NAME-2; e.g. 64M.")
@click.option(
    "--max-duration",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="From this duration on, go on in a new file.",
)
@click.option(
    "--on-full",
    type=click.Choice(["stop", "pass"]),
    default="stop",
    show_default=True,
    help="When the disk is full: stop, or let traffic pass unrecorded.",
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
    """Record what passes between a desktop and UPSTREAM, until Ctrl-C.

    Prints `listening on URL` when ready: point the desktop there. With a command after `--` it runs that command with
    the URL in RECORDER_URL (and the proxy in HTTP_PROXY for other modes than reverse) and stops with it.

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
    must_not_exist(path, force=force or append)
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
    if recorder.failure is not None:  # it was told when it happened
        raise SystemExit(recorder.failure.exit_code)
    counts = recorder.counts
    say(f"{path}: {counts.requests} requests, {counts.open} still open at the end")
    raise SystemExit(code)


class _Told(logging.Handler):
    """Tells at once what the recorder has to say: mitmproxy keeps its log to itself here."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def _mode(mode: str, upstream: str | None) -> str:
    if "@" in f"{mode}{upstream}":  # mitmproxy takes what follows for an address to listen on
        raise UsageError("--mode and UPSTREAM take no '@': say where to listen by --listen; no user stands in a URL")
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
    """Run a program against the recorder; its exit code is ours."""
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
    return await ended


async def _live_line(recorder: Recorder) -> None:
    """On a terminal, show once a second what is being captured."""
    while sys.stderr.isatty():
        counts = recorder.counts
        line = f"{counts.requests} requests, {counts.responses} answered, {counts.open} open, {recorder.size} bytes"
        click.echo(f"\r\x1b[K{line}", nl=False, err=True)
        await asyncio.sleep(1)
