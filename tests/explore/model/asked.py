"""Read deviations as texts; say which ask for what no server may do, and which a run shows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from tests.explore.model.facts import Facts
from tests.explore.model.law import Judge, Seen

_ITEM = r"(?:ack \d+|event \d+\.\d+|event u\d+|answer p\d+)"
_TWO = re.compile(rf"({_ITEM}) (before|with|apart from) ({_ITEM})")
_LATE = re.compile(rf"({_ITEM}) ([\d.]+)(ms|s) late")
_ONE = re.compile(rf"({_ITEM}) (in a reply|in a lost poll|after a lost session|twice|after a cut websocket)")
TROUBLES = {
    "in a lost poll": "poll",
    "after a lost session": "handshake",
    "twice": "duplicate",
    "after a cut websocket": "fallback",
}
_OF_EVENTS = ("with", "apart from", "in a reply", "in a lost poll", "twice")


class Wish(NamedTuple):
    """A deviation: an item, what is to happen, and the other item or the seconds."""

    item: str
    what: str
    other: str = ""
    seconds: float = 0.0


def read(text: str) -> Wish:
    """Read the text of a deviation."""
    if found := _TWO.fullmatch(text):
        return Wish(found[1], found[2], found[3])
    if found := _LATE.fullmatch(text):
        return Wish(found[1], "late", seconds=float(found[2]) / (1000 if found[3] == "ms" else 1))
    found = _ONE.fullmatch(text)
    assert found is not None, f"{text!r} is no deviation"
    return Wish(found[1], found[2])


def against(facts: Facts, deviations: Iterable[str], *, disturb: Collection[str] = (), delay: float = 1.0) -> list[str]:
    """Return what is against the rules in what deviations ask for, as sentences."""
    return [wrong for text in deviations for wrong in _against(facts, text, read(text), disturb, delay)]


def _against(facts: Facts, text: str, wish: Wish, disturb: Collection[str], delay: float) -> Iterable[str]:
    for name in filter(None, (wish.item, wish.other)):
        if name not in facts.order:
            yield f"{text}: the recording has no {name}"
            return
    if wish.what in ("before", "apart from"):
        first, second = (wish.item, wish.other) if wish.what == "before" else (wish.other, wish.item)
        if line := _line(facts, second, first):
            yield f"{text}: {second} stands before {first} in the line '{line}'"
        if _leave_together(facts, first, second):
            yield f"{text}: both are answers to publishes of one body"
    if wish.what in _OF_EVENTS and not all(name.startswith("event ") for name in (wish.item, wish.other) if name):
        yield f"{text}: no answer comes {wish.what}"
    trouble = TROUBLES.get(wish.what)
    if trouble is not None and trouble not in disturb:
        yield f"{text}: nobody asked for {trouble}"
    if wish.what == "late" and wish.seconds > delay:
        yield f"{text}: longer than {delay} s"
    if wish.what == "in a reply" and facts.is_faye:
        yield f"{text}: the recorded server delivers by polls alone"


def _line(facts: Facts, before: str, after: str) -> str:
    """The line in which one item stands before another; "" if there is none."""
    for line, names in facts.lines.items():
        if before in names and after in names and names.index(before) < names.index(after):
            return line
    return ""


def _leave_together(facts: Facts, one: str, other: str) -> bool:
    triples = [next((triple for triple in facts.requests if f"ack {triple.n}" == name), None) for name in (one, other)]
    if any(triple is None or triple.request.message is None for triple in triples):
        return False
    return triples[0].request.seq == triples[1].request.seq


def shows(judge: Judge, text: str, schedule: Collection[str] = ()) -> bool:
    """Return whether a run showed what a deviation of a schedule asks for, to one of its clients at least."""
    wish = read(text)
    is_inside = not {f"{wish.item} with {wish.other}", f"{wish.other} with {wish.item}"}.isdisjoint(schedule)
    mine = [one for one in judge.seen if one.item == wish.item]
    if not wish.other:
        return any(_shows_one(judge, wish, one, mine) for one in mine)
    firsts = {one.client: one for one in reversed(mine)}
    others = {one.client: one for one in reversed(judge.seen) if one.item == wish.other}
    pairs = [(firsts[client], others[client]) for client in firsts if client in others]
    pairs = pairs or [(one, other) for one in firsts.values() for other in others.values()]  # of two sessions
    match wish.what:
        case "before" if is_inside:  # one answer, in this order
            places = {id(one): place for place, one in enumerate(judge.seen)}
            return any(one.moment == other.moment and places[id(one)] < places[id(other)] for one, other in pairs)
        case "before":
            return any(one.moment < other.moment for one, other in pairs)
        case "with":
            return any(one.moment == other.moment for one, other in pairs)
        case _:
            return any(one.moment > other.moment for one, other in pairs)


def _shows_one(judge: Judge, wish: Wish, one: Seen, mine: list[Seen]) -> bool:
    before = [what for client, moment, what in judge.troubles if client == one.client and moment < one.moment]
    match wish.what:
        case "in a reply":
            return bool(one.asked) and "/meta/connect" not in one.asked
        case "twice":
            return sum(other.client == one.client for other in mine) > 1
        case "after a lost session":
            return "lost" in before
        case "in a lost poll" | "after a cut websocket":
            return "break" in before
        case _:
            return True  # when it was due is the stand-in's to know
