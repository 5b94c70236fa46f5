"""What the tests that record have in common: captures of both kinds, the comparison with the lab's truth, and a stage
on which one case after another is played, recorded, and looked at while the capture goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from recorder.cassette.reader import read
from recorder.library.recording import derive
from recorder.model import Failure, Header, Link, Note, Record, Request, Response, SocketMessage, Triple, Unsolicited
from tests.lab.byhand import Answer, Desk, Sent
from tests.lab.lab import Cause, Event, Lab
from tests.lab.processes import MITMDUMP, Server, recorder, serving, until

ADDON = Path(__file__).parents[2] / "addons" / "record.py"
RECORDS = "/api/v2/me/outbound-records"
CAMPAIGN = "/api/v2/me/outbound-campaigns/Pull%20Preview%20Campaign"
_LIMIT = 20.0  # seconds until the cassette holds what was seen

Bayeux: TypeAlias = Literal["cometd", "faye"]
Capture: TypeAlias = Callable[[str, Path], AbstractContextManager[Server]]


@contextmanager
def by_command(upstream: str, cassette: Path) -> Iterator[Server]:
    with recorder("record", upstream, "-o", cassette, "--no-redaction") as server:
        yield server
    assert (server.code, server.process.returncode) == (0, 0), server.stderr


@contextmanager
def by_mitmdump(upstream: str, cassette: Path) -> Iterator[Server]:
    options = [
        "--set",
        f"cassette={cassette}",
        "--set",
        "policy=none",
        "--mode",
        f"reverse:{upstream}",
        "--listen-host=127.0.0.1",
        "-p0",
    ]
    with serving([MITMDUMP, "-s", str(ADDON), *options], ready="listening at") as server:
        server.url = f"http://{server.url.removeprefix('http://')}"
        yield server


def unordered(events: Sequence[Event]) -> list[str]:
    return sorted(json.dumps(event, sort_keys=True) for event in events)


def events_of(triple: Triple) -> list[Event]:
    return [(link.event.channel, link.event.data) for link in triple.events]


def assert_truth(triples: tuple[Triple, ...], truth: list[Cause]) -> None:
    """Each triple is the request, the ack and the events the lab wrote down, and no event is in two."""
    assert [(t.request.method, t.request.target) for t in triples] == [(c.method, c.path) for c in truth]
    assert [t.ack and t.ack.status for t in triples] == [c.status for c in truth]
    for triple, cause in zip(triples, truth, strict=True):
        assert unordered(events_of(triple)) == unordered(cause.events), f"triple {triple.n}, {triple.operation}"


@dataclass(frozen=True)
class Operation:
    """An operation that has arrived at the lab, which does nothing about it until it is told to.

    Attributes:
        n: Its number in the lab's truth.
        sent: The desktop's side of it.
    """

    lab: Lab
    n: int
    sent: Sent

    def emits(self, count: int | None = None) -> None:
        """The lab hands over the next events, all that are left if `count` is None."""
        self.lab.emit(self.n, count)

    def acked(self) -> Answer:
        """The lab sends the ack, and the desktop takes it."""
        self.lab.ack(self.n)
        return self.sent.answer()

    def done(self) -> None:
        """The ack, then all events."""
        self.acked()
        self.emits()

    def aborted(self) -> None:
        """The desktop gives up, and the lab has noticed."""
        before = len(self.lab.waiting())
        self.sent.abort()
        until(lambda: len(self.lab.waiting()) < before, "the proxy gives up its request too")


@dataclass(frozen=True)
class Scene:
    """What was recorded of one case, and what the lab knows of it."""

    header: Header
    records: tuple[Record, ...]
    triples: tuple[Triple, ...]
    unsolicited: tuple[Unsolicited, ...]
    truth: list[Cause]

    @property
    def triple(self) -> Triple:
        """The only one."""
        (triple,) = self.triples
        return triple

    @property
    def pushed(self) -> list[Event]:
        """The events nobody asked for."""
        return [(found.event.channel, found.event.data) for found in self.unsolicited]

    def failure(self, request: Request) -> Failure | None:
        """How an exchange failed."""
        same = (r for r in self.records if isinstance(r, Failure) and r.exchange == request.exchange)
        return next(same, None)

    def polls(self) -> list[Request]:
        return [r for r in self.records if isinstance(r, Request) and b"/meta/connect" in r.body]


class Stage:
    """A lab and a recorder before it. Each case has the stage for itself, and agents nobody had before."""

    def __init__(self, lab: Lab, url: str, cassette: Path) -> None:
        self.lab, self.url, self._cassette = lab, url, cassette
        self._desks: list[Desk] = []
        self._agents = 0
        self._first = self._cause = self._told = 0
        self._next: int | None = None  # how many records there were at the end of the last case, if it came to one

    def begin(self) -> None:
        """Clear it for the next case."""
        self.lab.options(stepwise=True)
        self.lab.forget()
        self._desks = []
        self._first = len(read(self._cassette).records) if self._next is None else self._next
        self._next = None
        self._cause = len(self.lab.truth())
        self._told = len(self.lab.unsolicited_events())

    def end(self) -> None:
        """Close what a failed case left open."""
        for desk in self._desks:
            desk.leaves()

    def options(self, **options: int | bool | str | None) -> None:
        """Options of the lab beside `stepwise`."""
        self.lab.options(**{"stepwise": True} | options)

    def desk(self, **ext: Any) -> Desk:
        """The connected desktop of an agent who shows a password with every request."""
        return self.newcomer().connected(**ext)

    def newcomer(self, *, auth: bool = True) -> Desk:
        """A desktop that has sent nothing yet; without `auth` it is known by its cookies alone."""
        self._agents += 1
        desk = Desk(self.url, f"{self.agent}:secret" if auth else None)
        self._desks.append(desk)
        return desk

    @property
    def agent(self) -> str:
        """Whose desktop came last."""
        return f"agent{self._agents}"

    def asks(self, desk: Desk, ask: tuple[str, Any], **headers: str) -> Operation:
        """An operation leaves the desktop and arrives at the lab."""
        n = len(self.lab.truth())
        sent = desk.posts(*ask, **headers)
        until(lambda: len(self.lab.truth()) > n, "the operation arrives")
        return Operation(self.lab, n, sent)

    def aborts(self, poll: Sent) -> None:
        """A held poll is given up, and the lab has noticed."""
        until(lambda: len(self.lab.waiting()) > 0, "the poll is held")
        poll.abort()
        until(lambda: not self.lab.waiting(), "the proxy gives up its poll too")

    def recorded(self) -> Scene:
        """Everybody hangs up; then all that came since the case began, as soon as it is in the file."""
        self.end()
        mark = f"/lab/waiting?{self._first}"
        Desk(self.url).posts(mark, {}).answer()
        cassette = read(self._cassette)
        end = time.monotonic() + _LIMIT
        while not _is_settled(cassette.records, self._first, mark):
            assert time.monotonic() < end, "the cassette does not hold the end of the case"
            cassette = read(self._cassette)
        self._next = len(cassette.records)
        whole = derive(cassette)
        return Scene(
            cassette.header,
            cassette.records[self._first :],
            tuple(t for t in whole.triples if t.request.seq >= self._first),
            tuple(u for u in whole.unsolicited if u.event.seq >= self._first),
            self.lab.truth()[self._cause :],
        )

    def confirmed(self) -> Scene:
        """What was recorded; its triples are the lab's truth, with the events in the order they were handed over."""
        scene = self.recorded()
        assert_truth(scene.triples, scene.truth)
        for triple, cause in zip(scene.triples, scene.truth, strict=True):
            assert events_of(triple) == list(cause.events)
        assert scene.pushed == self.lab.unsolicited_events()[self._told :]
        return scene


def _is_settled(records: tuple[Record, ...], first: int, mark: str) -> bool:
    """Whether the request `mark` was answered, and all before it that began at `first` or later has its end."""
    open_: set[int] = set()
    marked = False
    for record in records[first:]:
        match record:
            case Request():
                open_.add(record.exchange)
                marked = marked or record.target == mark
            case Response(status=101) | SocketMessage() | Note():
                pass
            case Response() | Failure():
                open_.discard(record.exchange)
    return marked and not open_


class Stages:
    """Stages that are set up when they are first asked for, and stay."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._stages: dict[str, Stage] = {}

    def get(self, name: str) -> Stage:
        """`cometd` or `faye`, before it `recorder record`; or with `-mitmdump` the addon in mitmdump."""
        if name not in self._stages:
            self._stages[name] = self._set_up(name)
        return self._stages[name]

    def _set_up(self, name: str) -> Stage:
        bayeux: Bayeux = "faye" if name.startswith("faye") else "cometd"
        capture = by_mitmdump if name.endswith("-mitmdump") else by_command
        cassette = self._folder / f"{name}.cassette"
        lab = self._stack.enter_context(Lab(bayeux, self._folder / f"{name}.jsonl"))
        proxy = self._stack.enter_context(capture(lab.url, cassette))
        return Stage(lab, proxy.url, cassette)


def rules(links: Sequence[Link]) -> list[str]:
    """The events of a triple by name and rule."""
    return [f"{link.name} {link.rule}" for link in links]
