"""Implement `recorder demo`."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import OutputError, RecorderError, UsageError
from ...files import as_argument
from ...model import JSON, Recording, Triple
from ...printable import counted
from ...system.signals import ASK, of_its_own
from ..loading import load
from ..options import OUTPUT, force_option
from ..recording.children import send
from ..shipped import shipped
from ..verdict import announce
from ..writing import must_be_writable, writing

if TYPE_CHECKING:
    from ..desktop import Agent


_ID_NAMES = ("referenceId", "GSW_REFERENCE_ID")


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that the client sent.

    Attributes:
        at: Seconds on a monotonic clock.
        reference: The id that the client minted for the request.
    """

    at: float
    reference: JSON


@dataclass(frozen=True, slots=True)
class Heard:
    """An event that the client received; `at` is seconds on a monotonic clock."""

    at: float
    channel: str
    data: JSON


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a replay, as numbers of events.

    Attributes:
        early: Events that came before their request was sent.
        wrong: Events with another id than that of their request.
        lost: Expected events that did not come.
        strange: Events that no triple causes, or that came once too often.
    """

    early: int
    wrong: int
    lost: int
    strange: int

    @property
    def good(self) -> bool:
        """True if no event was early, wrong, lost or strange."""
        return not (self.early or self.wrong or self.lost or self.strange)

    def __str__(self) -> str:
        text = f"events before their cause: {self.early} · wrong ids: {self.wrong}"
        return text + (f" · lost: {self.lost} · unknown: {self.strange}" if self.lost or self.strange else "")


def judge(triples: Sequence[Triple], sent: Sequence[Sent], heard: Sequence[Heard]) -> Verdict:
    """Compare the events a client received with the events each of its requests should have caused.

    Events are compared without their ids, so that a wrong id cannot hide an early event.

    Args:
        triples: The recorded triples, in the order the client sent the requests.
        sent: The requests of the client, one per triple, in that order.
        heard: All events the client received.
    """
    awaited: Counter[tuple[int, str]] = Counter()
    owner: dict[str, int] = {}
    for place, triple in enumerate(triples):
        for link in triple.events:
            name = _identity(link.event.channel, link.event.data)
            owner[name] = place
            awaited[place, name] += 1
    early = wrong = strange = 0
    for event in heard:
        name = _identity(event.channel, event.data)
        place = owner.get(name, -1)
        if place < 0 or awaited[place, name] == 0:
            strange += 1
            continue
        awaited[place, name] -= 1
        early += place >= len(sent) or event.at < sent[place].at
        wrong += place < len(sent) and any(i != sent[place].reference for i in _ids(event.data))
    return Verdict(early, wrong, awaited.total(), strange)


def _identity(channel: str, data: JSON) -> str:
    return json.dumps([channel, _without_ids(data)], sort_keys=True)


def _without_ids(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {name: _without_ids(item) for name, item in value.items() if name not in _ID_NAMES}
    return [_without_ids(item) for item in value] if isinstance(value, list) else value


def _ids(data: JSON) -> list[JSON]:
    inner = data.get("userData") if isinstance(data, dict) else None
    places = [place for place in (data, inner) if isinstance(place, dict)]
    return [place[name] for place in places for name in _ID_NAMES if name in place]


_SHIPPED = "preview-session.cassette"
_START = 30.0  # seconds to wait for a server to listen
_THINK = 0.4  # seconds the slower client pauses before each step


@click.command("demo")
@click.option("-o", "--output", type=OUTPUT, help="Keep the new cassette in this file.")
@click.option("--sample", is_flag=True, help="Write a shipped recording to the file of -o and stop; needs no extra.")
@force_option
def command(*, output: Path | None, force: bool, sample: bool) -> None:
    """Show the whole idea on this machine: record a session through mitmproxy, replay it by cause.

    Three processes on loopback: a stand-in plays the live server, the recorder records an agent's preview session with
    that server, and a second stand-in replays the new cassette to a slower agent with fresh ids. The demo uses no
    network beyond loopback.

    \b
    Example:  recorder demo
              recorder demo -o mine.cassette
              recorder demo --sample -o session.cassette
    """
    if sample:
        _copy_sample(output, force=force)
        return
    if find_spec("mitmproxy") is None:
        install = "pip install 'outbound-recorder[record,demo]'"
        raise UsageError(f"the demo needs mitmproxy to record: {install}; without it: recorder demo --sample -o FILE")
    if find_spec("aiohttp") is None or find_spec("aiocometd_noloop") is None:
        raise UsageError("the demo's agent needs aiohttp and aiocometd: pip install 'outbound-recorder[demo]'")
    if output is not None:
        must_be_writable(output, force=force)
    # deleted after the recordings in it are closed, which `load` leaves to the context too
    folder = click.get_current_context().with_resource(tempfile.TemporaryDirectory())
    verdict = asyncio.run(_demo(output or Path(folder) / "demo.cassette", force=force))
    announce(str(verdict))
    if not verdict.good:
        raise SystemExit(1)


def _copy_sample(output: Path | None, *, force: bool) -> None:
    """Write the shipped recording to a file of the user.

    Raises:
        UsageError: If no file is given, or it exists and is not to be overwritten.

    """
    if output is None:
        raise UsageError("--sample needs a file to write to: recorder demo --sample -o session.cassette")
    with writing(output, force=force, redaction=()) as file:
        file.write(shipped("cassettes", _SHIPPED).read_bytes())
    _say(f"{output}: a recorded session of an agent")


async def _demo(path: Path, *, force: bool) -> Verdict:
    from ...views import table

    cassette = shipped("cassettes", _SHIPPED)
    source = load([cassette], None)
    async with _server("replay", str(cassette)) as live:
        _say(f"live server    {live}  plays {cassette.name}")
        async with _server("record", live, "-o", as_argument(path), *(["--force"] if force else [])) as proxy:
            _say(f"recorder       {proxy}  an agent drives {counted(len(source.triples), 'operation')} through it")
            await _drive(proxy, source, prefix="first-", think=0.0)
    new = load([path], None)
    announce("".join(table.overview(new.triples)))
    async with _server("replay", as_argument(path)) as url:
        _say(f"stand-in       {url}  replays the new cassette to a slower agent with fresh ids")
        return await _drive(url, new, prefix=f"{secrets.token_hex(4)}-", think=_THINK)


async def _drive(url: str, recording: Recording, *, prefix: str, think: float) -> Verdict:
    """Send all recorded operations under fresh ids, each after the events of the one before; return the verdict."""
    from ...dialect.paths import parse_json
    from ..desktop import agent

    async with agent(url) as desktop:
        for place, triple in enumerate(recording.triples):
            await asyncio.sleep(think)
            body = parse_json(triple.request.body) | {"referenceId": f"{prefix}{place + 1}"}
            status, ack = await desktop.post(triple.request.target, body)
            if status != (triple.ack.status if triple.ack else 0):
                raise RecorderError(f"step {place + 1}: the answer was {status}: {ack}")
            await _events(desktop, len(triple.events), place + 1)
        log = desktop.log
    sent = [Sent(h.at, h.content["referenceId"]) for h in log if h.what == "request"]
    heard = [Heard(h.at, h.content["channel"], h.content["data"]) for h in log if h.what == "event"]
    return judge(recording.triples, sent, heard)


async def _events(desktop: Agent, count: int, step: int) -> None:
    try:
        await desktop.events(lambda found: len(found) >= count, limit=10.0)
    except TimeoutError as exc:
        raise RecorderError(
            f"step {step}: {counted(count, 'event')} of this step did not all come within 10 s"
        ) from exc


@asynccontextmanager
async def _server(*arguments: str) -> AsyncIterator[str]:
    """Run `recorder …` as a process of its own and yield its URL; stop the process with SIGINT, as Ctrl-C does."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "recorder", *arguments, stdout=pipe, stderr=pipe, **of_its_own()
    )
    try:
        yield await _url(process, arguments)
    except Exception as exc:
        if await _has_ended(process) and process.stderr is not None:  # then its own message tells why
            told = (await process.stderr.read()).decode(errors="replace").strip()
            raise OutputError(f"recorder {arguments[0]} ended: {told.removeprefix('recorder: ')}") from exc
        raise
    finally:
        send(process, ASK)
        await process.communicate()


async def _has_ended(process: asyncio.subprocess.Process) -> bool:
    """Return whether a process ends by itself: within a second of the error that it is suspected of."""
    try:
        async with asyncio.timeout(1.0):
            await process.wait()
    except TimeoutError:
        return False
    return True


async def _url(process: asyncio.subprocess.Process, arguments: Sequence[str]) -> str:
    if process.stdout is None or process.stderr is None:
        raise AssertionError("the process has no pipes, although it was started with them")
    async with asyncio.timeout(_START):
        line = (await process.stdout.readline()).decode()
    if not line.startswith("listening on "):
        told = (await process.stderr.read()).decode().strip().removeprefix("recorder: ")
        kind = OutputError if await process.wait() == OutputError.exit_code else RecorderError
        raise kind(f"recorder {arguments[0]} did not start: {told}")
    # aiohttp's clients keep no cookies for IP addresses, but do so for localhost
    return line.split()[-1].replace("127.0.0.1", "localhost")


def _say(text: str) -> None:
    click.echo(text, err=True)
