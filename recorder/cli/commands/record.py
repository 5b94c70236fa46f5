"""Implement `recorder record`."""

from __future__ import annotations

import re
from typing import Any

import click

from ...errors import UsageError
from ..options import (
    WithProgram,
    ca_dir_option,
    force_option,
    key_option,
    listen_option,
    log_option,
    new_dialect_option,
    no_redaction_option,
    policy_option,
)
from ..recording.upstream import upstream_options
from ..tokens import CONTROL_TOKEN, TokenFile
from ..viewing.options import view_options

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


@click.command("record", cls=WithProgram)
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
    help="When to write records through to the disk. Each choice survives a killed process; interval and always "
    "survive a power cut too.",
)
@click.option("--max-size", type=Size(), help="Start a new file, NAME-2, when the cassette has this size, e.g. 64M.")
@click.option(
    "--max-duration",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Start a new file, NAME-2, after this time.",
)
@click.option(
    "--on-full",
    type=click.Choice(["stop", "pass"]),
    default="stop",
    show_default=True,
    help="If the disk is full: stop, or let traffic pass unrecorded.",
)
@click.option(
    "--progress",
    type=click.Choice(["auto", "plain", "none"]),
    default="auto",
    show_default=True,
    help="Show each operation when it ends: on a terminal (auto), one line each anywhere (plain), or not (none).",
)
@click.option(
    "--seal/--no-seal",
    default=False,
    show_default=True,
    help="Seal the cassette at the end, so that other commands open it at once; a second Ctrl-C skips the sealing.",
)
@click.option(
    "--control-token",
    type=TokenFile(CONTROL_TOKEN),
    help="Show counters at /__recorder/metrics to requests that carry the token in this file.  [env var:"
    f" {CONTROL_TOKEN}, the token itself]",
)
@click.option(
    "--rewrite-links", is_flag=True, help="Replace the address of the server by that of the recorder in links."
)
@click.option(
    "--also",
    metavar="NAME=URL",
    multiple=True,
    help="One more server to record, e.g. login=https://login.example; it gets a port of its own. May be repeated.",
)
@click.option("--keep-conditional", is_flag=True, help="Leave If-None-Match and If-Modified-Since in requests.")
@upstream_options
@click.option(
    "--host",
    "hosts",
    metavar="PATTERN",
    multiple=True,
    help="Record this host only, e.g. app.example or '*.example:8443'; may be repeated. Others are not decrypted.",
)
@ca_dir_option
@new_dialect_option
@policy_option
@view_options
@key_option
@no_redaction_option
@log_option
@force_option
def command(upstream: str | None, program: tuple[str, ...], **given: Any) -> None:
    """Record the traffic between a desktop and UPSTREAM, until Ctrl-C.

    Prints `listening on URL` when ready: point the desktop to that URL. A command after `--` is run with the URL in
    RECORDER_URL; the recording stops when the command ends, and has the exit code of the command. In modes other than
    reverse, the command gets HTTP_PROXY, SSL_CERT_FILE and similar variables, so that it uses the recorder as its proxy
    and trusts the recorder's CA. Each --also NAME=URL has a line `NAME: listening on URL`, and RECORDER_URL_NAME.

    In regular mode, a browser that uses the recorder as its proxy is recorded (docs/browsers.md). Without --host, the
    hosts on which no API was seen are removed at the end.

    \b
    Example:  recorder record http://gws.example:8090 -o session.cassette
              recorder record http://gws.example:8090 -o session.cassette -- pytest tests/desktop
              recorder record --mode regular --host '*.example' -o session.cassette -- npm test
    """
    try:
        from ..recording.run import Recording
    except ModuleNotFoundError as exc:
        raise UsageError("recording needs mitmproxy: pip install 'outbound-recorder[record]'") from exc
    raise SystemExit(Recording(upstream, program, given).run())
