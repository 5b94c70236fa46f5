"""Tell what each step waits for, by the order of the wire: its client's turn, what it was told, and other clients.

A client sends in the recorded order. Before it went on it had what it was told in between, so a step waits for that.
What goes on at other clients counts where it may change what the server does: events of an operation reach the clients
that are there, and a client that came after another one had gone may need what that one left. So what changes something
waits until all other clients are there that were there in the recording.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..plan import Act, Cause, Why
from .walk import Draft, Happened, TellingDraft

_GONE = 8  # clients that are gone and that a new one waits for
_BEGINS = frozenset({Act.HANDSHAKE, Act.SUBSCRIBE, Act.STREAM, Act.SOCKET})  # from then on a client hears events
_CHANGES = frozenset({Act.PUBLISH, Act.MESSAGE})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class _Client:
    """The steps of one client so far, and what it was told since the last one."""

    began: int = -1  # number of its first step
    last: Draft | None = None
    told: list[TellingDraft] = field(default_factory=list)  # since its last step that waits
    answered: list[TellingDraft] = field(default_factory=list)  # since its last step
    met: int = 0  # how much of what other clients did to hear events its steps wait for


def causes_of(happened: Iterable[Happened], is_unwaited: Callable[[Draft], bool]) -> dict[int, list[Cause]]:
    """Return the causes of each step by its number, but for the values that it needs.

    Args:
        happened: All that happened, in the order of the wire, numbered.
        is_unwaited: Whether a dialect says that nobody waits before a step, nor for its answer.
    """
    all_ = list(happened)
    heard = _heard_by_others(all_)
    gone = _Gone(all_)
    begun: list[Happened] = []  # what clients did to hear events, and the answers to it
    clients: defaultdict[str, _Client] = defaultdict(_Client)
    causes: dict[int, list[Cause]] = {}
    for place, one in enumerate(all_):
        mine = clients[one.client]
        if _begins(one):
            begun.append(one)
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
        if _changes(one):
            found += _there(
                other for other in begun[mine.met :] if other.client != one.client and gone.is_there(other, place)
            )
            mine.met = len(begun)
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


def _begins(one: Happened) -> bool:
    """Return whether a client hears events from here on, or is told so."""
    step = one.step if isinstance(one, TellingDraft) else one
    return step is not None and step.act in _BEGINS


def _changes(step: Draft) -> bool:
    """Return whether a step may change something at the server, of which other clients hear."""
    return step.act in _CHANGES or (step.act is Act.CALL and step.request.method not in _READS)


def _there(begun: Iterable[Happened]) -> list[Cause]:
    """Return what tells that other clients hear events: of each the last answer, and what was not answered yet."""
    told: dict[str, TellingDraft] = {}
    left: dict[str, Draft] = {}
    for one in begun:
        if isinstance(one, Draft):
            left[one.client] = one
        else:
            told[one.client] = one
            if left.get(one.client) is one.step:
                del left[one.client]
    return [*(_told(one, Why.OTHER) for one in told.values()), *(_left(one, Why.OTHER) for one in left.values())]


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
        self._last: dict[str, int] = {}  # the same, with the events that it heard
        for place, one in enumerate(happened):
            self._begin.setdefault(one.client, place)
            self._last[one.client] = place
            if isinstance(one, Draft) or one.step is not None:
                self._end[one.client] = place
        self._in_order = sorted(self._end, key=self._end.__getitem__)
        self._passed = 0
        self._over: list[str] = []

    def is_there(self, one: Happened, place: int) -> bool:
        """Return whether a client does anything, or is told anything, from a place on."""
        return self._last[one.client] >= place

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
