"""List what happened, in order: requests, answers and events, as they were recorded and as they were played."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from math import isfinite
from typing import NamedTuple

from ...errors import UsageError
from ...model import Recording, Triple
from ...replay.engine.orders.answers import Answers, name_of
from ...replay.engine.orders.items import Item
from ...replay.engine.orders.schedule import Kept

ALONE = -1
_MOST_NAME = 60  # characters of a name that came from the wire
_US = 1000  # nanoseconds


class Act(NamedTuple):
    """Something that happened.

    Attributes:
        name: `request 4` or `request p2`, or the name of an item: `ack 4`, `event 4.1`, `event u3`, `answer p2`.
        at: Microseconds since the first act.
        answer: Number of the answer that carried this act and others; `ALONE` for an act that came by itself.
        came: Whether it came; False for what a run held back until its end.
    """

    name: str
    at: int
    answer: int = ALONE
    came: bool = True


@dataclass(frozen=True, slots=True)
class Known:
    """An act that a recording has.

    Attributes:
        label: Name of the operation or event, for people.
        session: Label of its session; None if that is unknown.
        chain: Acts of one chain keep their order: the events of a triple on one channel, unsolicited ones of a channel.
        order: Its place in the recording: time in nanoseconds, record, place in the record.
        answer: The answer that carried it; None for a request, which none carries.
        is_shared: Whether events can come in the same answer.
        is_ignored: Whether it is an unsolicited event of which the dialect says that nobody need look for its cause.
    """

    label: str
    session: str | None
    chain: tuple[int, str]
    order: tuple[int, int, int]
    answer: tuple[str | None, int] | None
    is_shared: bool = True
    is_ignored: bool = False


def known(recording: Recording) -> dict[str, Known]:
    """Return all acts of a recording by their names, in their recorded order."""
    found = [*_of_triples(recording.triples), *_unsolicited(recording), *_plain(recording)]
    return dict(sorted(found, key=lambda pair: pair[1].order))


def recorded(acts: Mapping[str, Known]) -> list[Act]:
    """Return the recorded order of acts."""
    began = next(iter(acts.values())).order[0] if acts else 0
    found = [(Act(name, (act.order[0] - began) // _US), act.answer) for name, act in acts.items()]
    return _numbered(found)


def played(kept: Kept, acts: Mapping[str, Known], named: str) -> list[Act]:
    """Return the order in which a schedule was played; `named` is what the user calls it.

    Where the answers are not known, what left at one time in one session is taken for one answer.

    Raises:
        UsageError: If a time is none.

    """
    if not all(isfinite(seconds) for _, seconds in kept.played):
        raise UsageError(f"schedule {named}: its order holds a time that is none; find the schedule anew")
    began = kept.played[0][1] if kept.played else 0.0
    found: list[tuple[Act, object]] = []
    for place, (name, seconds) in enumerate(kept.played):
        at, its = round((seconds - began) * 1e6), acts[name]
        answer = (kept.answers[place] or None) if kept.answers else ((its.session, at) if its.is_shared else None)
        found.append((Act(name, at), answer))
    return _numbered(found)


def label_of(triple: Triple) -> str:
    """Return what a triple is called: its operation, or its method and path."""
    return clipped(triple.operation or f"{triple.request.method} {triple.request.target}")


def clipped(name: str) -> str:
    """Return a name from the wire, cut where it is long."""
    return name if len(name) <= _MOST_NAME else f"{name[: _MOST_NAME - 1]}…"


def _numbered(found: Iterable[tuple[Act, object]]) -> list[Act]:
    """Return acts with the numbers of their answers: those in a row that one answer carried."""
    acts: list[Act] = []
    for number, (answer, group) in enumerate(groupby(found, key=lambda pair: pair[1])):
        several = [act for act, _ in group]
        is_one = answer is not None and len(several) > 1
        acts += [act._replace(answer=number) for act in several] if is_one else several
    return acts


def _of_triples(triples: Iterable[Triple]) -> Iterator[tuple[str, Known]]:
    for triple in triples:
        request, ack, label = triple.request, triple.ack, label_of(triple)
        place = -1 if request.message is None else request.message
        asked = Known(
            label, triple.session, (triple.n, "request"), (request.t, request.seq, place), None, is_shared=False
        )
        yield Item(triple.n).request, asked
        if ack is not None:
            order = (ack.t, ack.seq, -1 if ack.message is None else ack.message)
            yield (
                str(Item(triple.n)),
                replace(
                    asked,
                    chain=(triple.n, "ack"),
                    order=order,
                    answer=(triple.session, ack.seq),
                    is_shared=ack.message
                    is not None,  # events can come beside the reply to a publish, not in a REST body
                ),
            )
        for index, link in enumerate(triple.events, 1):
            event = link.event
            order, answer = (event.t, event.seq, event.index), (triple.session, event.seq)
            yield (
                str(Item(triple.n, index)),
                Known(clipped(link.name), triple.session, (triple.n, event.channel), order, answer),
            )


def _unsolicited(recording: Recording) -> Iterator[tuple[str, Known]]:
    for index, pushed in enumerate(recording.unsolicited, 1):
        event = pushed.event
        order, answer = (event.t, event.seq, event.index), (pushed.session, event.seq)
        chain = (0, event.channel)
        yield (
            str(Item(0, index)),
            Known(clipped(pushed.name), pushed.session, chain, order, answer, is_ignored=pushed.is_ignored),
        )


def _plain(recording: Recording) -> Iterator[tuple[str, Known]]:
    answers = Answers(recording)
    for number, exchange in enumerate(recording.plain, 1):
        if exchange.ack is not None and answers.has(number):
            item, request, ack = Item(0, plain=number), exchange.request, exchange.ack
            label, session = clipped(name_of(exchange)), exchange.session
            asked = (request.t, request.seq, -1)
            yield item.request, Known(label, session, (-number, "request"), asked, None, is_shared=False)
            came, answer = (ack.t, ack.seq, -1), (session, ack.seq)
            yield str(item), Known(label, session, (-number, "answer"), came, answer, is_shared=False)
