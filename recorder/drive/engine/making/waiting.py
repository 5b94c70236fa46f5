"""Tell what each step waits for, by the order of the wire: its client's turn, what it was told, and other clients.

A client sends in the recorded order. Before it went on it had what it was told in between, so a step waits for that.
What goes on at other clients counts where it may change what the server does: events of an operation reach the clients
that are there, and a client that came after another one had gone may need what that one left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..plan import Cause, Why
from .walk import Draft, Happened, TellingDraft

_GONE = 8  # clients that are gone and that a new one waits for


@dataclass(slots=True)
class _Client:
    """What one client has done so far."""

    began: int = -1  # number of its first step
    last: Draft | None = None
    told: list[TellingDraft] = field(default_factory=list)  # since its last step that waits
    answered: list[TellingDraft] = field(default_factory=list)  # since its last step


def causes_of(happened: Iterable[Happened], is_unwaited: Callable[[Draft], bool]) -> dict[int, list[Cause]]:
    """Return the causes of each step by its number, but for the values that it needs.

    Args:
        happened: All that happened, in the order of the wire, numbered.
        is_unwaited: Whether a dialect says that nobody waits before a step, nor for its answer.
    """
    all_ = list(happened)
    heard = _heard_by_others(all_)
    gone = _Gone(all_)
    clients: defaultdict[str, _Client] = defaultdict(_Client)
    causes: dict[int, list[Cause]] = {}
    for one in all_:
        mine = clients[one.client]
        if isinstance(one, TellingDraft):
            if one.is_awaited and not (one.step is not None and is_unwaited(one.step)):
                mine.told.append(one)
                if one.step is not None:
                    mine.answered.append(one)
            continue
        found = [_left(mine.last, Why.TURN)] if mine.last is not None else []
        if not is_unwaited(one):
            found += [_told(told, Why.ORDER) for told in mine.told]
            mine.told.clear()
        if mine.last is None:
            found += gone.before(one, clients)
        for other in sorted(heard.get(one.number, ())):
            found += _ready(clients[other])
        mine.last, mine.began = one, one.number if mine.began < 0 else mine.began
        mine.answered.clear()
        causes[one.number] = found
    return causes


def _left(step: Draft, why: Why) -> Cause:
    return Cause(step.number, None, step.t, why)


def _told(told: TellingDraft, why: Why) -> Cause:
    return Cause(None, told.number, told.t, why)


def _ready(other: _Client) -> list[Cause]:
    """Return what tells that another client has done all that it did before."""
    if other.last is None:
        return []
    return [_left(other.last, Why.OTHER), *(_told(told, Why.OTHER) for told in other.answered)]


def _heard_by_others(happened: list[Happened]) -> dict[int, set[str]]:
    """Return the other clients that heard events which a step caused, by the number of the step."""
    steps = {one.n: one for one in happened if isinstance(one, Draft) and one.n}
    heard: dict[int, set[str]] = {}
    for one in happened:
        if isinstance(one, TellingDraft) and one.event is not None and one.is_awaited:
            step = one.cause or steps.get(one.n)
            if step is not None and step.client != one.client:
                heard.setdefault(step.number, set()).add(one.client)
    return heard


class _Gone:
    """The clients that are gone, at each place."""

    def __init__(self, happened: list[Happened]) -> None:
        self._end: dict[str, int] = {}  # place of the last thing that a client did or was told
        self._begin: dict[str, int] = {}
        for place, one in enumerate(happened):
            self._begin.setdefault(one.client, place)
            if isinstance(one, Draft) or one.step is not None:
                self._end[one.client] = place
        self._in_order = sorted(self._end, key=self._end.__getitem__)
        self._passed = 0
        self._over: list[str] = []

    def before(self, step: Draft, clients: dict[str, _Client]) -> list[Cause]:
        """Return what tells that the clients are gone that were gone before a client began with this step."""
        begin = self._begin[step.client]
        while self._passed < len(self._in_order) and self._end[self._in_order[self._passed]] < begin:
            name = self._in_order[self._passed]
            # whoever was gone before that one began is waited for by that one
            self._over = [other for other in self._over if self._end[other] > self._begin[name]] + [name]
            self._over = self._over[-_GONE:]
            self._passed += 1
        return [cause for name in self._over if name != step.client for cause in _ready(clients[name])]
