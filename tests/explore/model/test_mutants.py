"""Faults put into the code that draws and plays schedules: with each of them the judge finds something wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from recorder.bayeux.outbox import Outbox
from recorder.explore.law import Law
from recorder.replay.engine.anchored import Progress
from recorder.replay.engine.orders.answers import Answers
from recorder.replay.engine.orders.holding import Gate
from recorder.replay.engine.orders.lines import Lines
from recorder.replay.engine.orders.played import Log
from recorder.replay.engine.orders.player import NotedResponses, OrderedPlayer
from recorder.replay.engine.scheduling.prepared import PreparedTriples
from recorder.replay.engine.timeline import steps
from tests.explore.model.desktop import Manners
from tests.explore.model.trials import RECORDINGS, Outcome, explored, recorded

pytestmark = pytest.mark.once

_NAMED = {path.stem: path for path in RECORDINGS}


@cache
def is_right(**options: Any) -> bool:
    """Whether nothing is wrong without a fault."""
    return searched(**options).wrong == []


def searched(name: str = "preview-session", manners: Manners = Manners("mixed"), schedules: int = 15) -> Outcome:  # noqa: B008  # frozen
    recording, dialect, facts = recorded(_NAMED[name])
    return explored(recording, dialect, manners, schedules=schedules, seed=3, facts=facts)


def draws_anything(patch: pytest.MonkeyPatch) -> None:
    """The search reverses events within a channel, too."""
    patch.setattr(Law, "is_free", lambda *_: True)
    patch.setattr(Law, "allows", lambda *_: True)
    patch.setattr(Law, "is_spare", lambda *_: False)


def overtakes(patch: pytest.MonkeyPatch) -> None:
    """The stand-in lets an event pass that waits before it on its channel."""
    patch.setattr(Lines, "follows", lambda *_: False)


def drops(patch: pytest.MonkeyPatch) -> None:
    """The stand-in forgets an event that it held back."""
    kept = Gate.let_out

    def let_out(self: Gate, *args: Any) -> Any:
        found = kept(self, *args)
        if found is not None and found.step.event is not None:
            return kept(self, *args)
        return found

    patch.setattr(Gate, "let_out", let_out)


def doubles(patch: pytest.MonkeyPatch) -> None:
    """The stand-in hands out an event twice."""
    once = OrderedPlayer._out

    def out(self: OrderedPlayer, run: Any, step: Any, now: float) -> None:
        once(self, run, step, now)
        if step is not None and step.event is not None and step.event.channel == "/me/internal":
            once(self, run, step, now)

    patch.setattr(OrderedPlayer, "_out", out)


def delivers_early(patch: pytest.MonkeyPatch) -> None:
    """An operation brings the first event of the next one, too, whose request has not come."""
    once = PreparedTriples.part

    def part(self: PreparedTriples, entry: Any, origin: Any) -> Any:
        made = once(self, entry, origin)
        others = steps(self._triples[entry.place + 1], entry.place + 1) if entry.place == 1 else ()
        return made._replace(steps=(*made.steps, *[step for step in others if step.event is not None][:1]))

    patch.setattr(PreparedTriples, "part", part)


def hears_all(patch: pytest.MonkeyPatch) -> None:
    """Events come before the subscription to their channel."""
    patch.setattr(Progress, "hears", lambda *_: True)


def reverses_batches(patch: pytest.MonkeyPatch) -> None:
    """The events of one answer stand in it in another order."""
    once = Outbox.take

    def take(self: Outbox) -> Any:
        fresh, events = once(self)
        return fresh, events[::-1]

    patch.setattr(Outbox, "take", take)


def answers_otherwise(patch: pytest.MonkeyPatch) -> None:
    """Acks have another status."""
    once = NotedResponses.add
    patch.setattr(
        NotedResponses, "add", lambda self, number, status, headers, body: once(self, number, 202, headers, body)
    )


def tells_otherwise(patch: pytest.MonkeyPatch) -> None:
    """The stand-in tells another order than it played."""
    once = Log.order

    def order(self: Log, schedule: Any) -> Any:
        found = once(self, schedule)
        return type(found)(found.acts[::-1], found.met, found.unmet)

    patch.setattr(Log, "order", order)


def tells_all_as_met(patch: pytest.MonkeyPatch) -> None:
    """The stand-in says that each deviation came about."""
    patch.setattr(Log, "_shows", lambda *_, **__: True)


def answers_twice(patch: pytest.MonkeyPatch) -> None:
    """The answers to requests that are no operations come twice."""
    once = NotedResponses.add

    def add(self: NotedResponses, number: int, *rest: Any) -> None:
        marks = () if self.player is None else self.player._acks.get(number, ())
        for _ in range(1 + any(mark.item is not None and mark.item.plain for mark in marks)):
            once(self, number, *rest)

    patch.setattr(NotedResponses, "add", add)


def answers_never(patch: pytest.MonkeyPatch) -> None:
    """The stand-in forgets the answer to a request that is no operation, where it held it back."""
    kept = Gate.let_out

    def let_out(self: Gate, *args: Any) -> Any:
        found = kept(self, *args)
        return kept(self, *args) if found is not None and found.item is not None and found.item.plain else found

    patch.setattr(Gate, "let_out", let_out)


def moves_pages(patch: pytest.MonkeyPatch) -> None:
    """The search moves the heads of streams, redirects and pages, too."""
    patch.setattr(Answers, "_against", lambda self, exchange: "" if exchange.ack else "got no answer")


def keeps_quiet(patch: pytest.MonkeyPatch) -> None:
    """The stand-in does not tell of answers to requests that are no operations."""
    once = Log.left

    def left(self: Log, item: Any, *rest: Any) -> None:
        if not item.plain:
            once(self, item, *rest)

    patch.setattr(Log, "left", left)


@pytest.mark.parametrize(
    ("mutate", "said", "options"),
    [
        (draws_anything, "in the line", {"schedules": 40}),
        (overtakes, "in the line", {"schedules": 30}),
        (drops, "never came", {}),
        (doubles, "came twice", {}),
        (delivers_early, "came before the request of", {}),
        (hears_all, "has not subscribed", {"manners": Manners("answers", subscribes_late=True)}),
        (reverses_batches, "in the line", {"name": "desk"}),
        (answers_otherwise, "is 202, recorded 200", {}),
        (tells_otherwise, "the stand-in told", {}),
        (tells_all_as_met, "told as met, and no client saw it", {}),
        (answers_twice, "a second answer", {}),
        (answers_never, "got no answer", {"schedules": 30}),
        (moves_pages, "the recording has no answer p", {"name": "orders-sse", "schedules": 30}),
        (keeps_quiet, "the stand-in told", {}),
    ],
)
def test_a_fault_is_found(
    monkeypatch: pytest.MonkeyPatch, mutate: Callable[[pytest.MonkeyPatch], None], said: str, options: dict[str, Any]
) -> None:
    assert is_right(**options)
    mutate(monkeypatch)

    found = searched(**options).wrong

    assert [one for one in found if said in one] != [], found[:5]
