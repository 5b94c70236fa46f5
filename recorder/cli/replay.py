"""recorder replay"""

from __future__ import annotations

import asyncio
import math
import signal
from pathlib import Path

import click

from ..model import Recording
from .loading import load
from .options import cassettes_argument, dialect_option, listen_option, warn_if_exposed


class Rate(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs only
    """A positive number, or `instant`."""

    name = "N|instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it; fails as click's parameters do."""
        if value == "instant":
            return math.inf
        try:
            rate = float(str(value))
        except ValueError:
            rate = 0.0
        if not 0 < rate < math.inf:
            self.fail(f"{value!r} is neither a positive number nor 'instant'", param, ctx)
        return rate


@click.command("replay")
@cassettes_argument
@listen_option
@click.option("--rate", type=Rate(), default="1", show_default=True, help="Pace: 1 as recorded, 10 ten times as fast.")
@dialect_option
def command(cassettes: tuple[Path, ...], *, listen: tuple[str, int], rate: float, dialect: str | None) -> None:
    """Stand in for the recorded server, offline: events leave only after their request came.

    Prints `listening on URL` when ready and serves until Ctrl-C. Every live session plays the cassette from its start.
    A request nothing matches gets status 470, the header X-Recorder-Miss and an explanation; then the exit code is 1.

    \b
    Example:  recorder replay session.cassette --listen 127.0.0.1:8090 --rate instant
    """
    recording = load(cassettes, dialect)
    misses, unplayed = asyncio.run(_serve(recording, listen, rate, dialect))
    if unplayed:
        click.echo(f"recorder: not asked for: triple {', '.join(map(str, unplayed))}", err=True)
    if misses:
        click.echo(f"recorder: {misses} requests matched nothing, see above", err=True)
        raise SystemExit(1)


async def _serve(
    recording: Recording, listen: tuple[str, int], rate: float, dialect: str | None
) -> tuple[int, tuple[int, ...]]:
    from ..correlate.dialect import load as load_dialect
    from ..correlate.dialect import shipped
    from ..replay.server import new_id, serve
    from ..replay.standin import StandIn

    chosen = load_dialect(dialect) if dialect else shipped(recording.header.dialect)
    standin = StandIn(recording, chosen, new_id=new_id, rate=rate)
    host, port = listen
    warn_if_exposed(host)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(standin, host, port, on_miss=lambda miss: click.echo(miss.text, err=True)) as address:
        click.echo(f"listening on {address.url}")
        await stop.wait()
    return len(standin.misses), standin.unplayed
