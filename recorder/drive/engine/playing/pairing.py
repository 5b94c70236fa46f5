"""Pair each live event with the recorded one that it stands for.

A recorded event can come once the step that caused it has left. Of those on the connection of the live event, with its
channel and its name, it is the one with the most ids in common, none of which is known to be another; of several the
one with the most words in common, such as `type`, and of several the first.

An event that equals one before, to the last id, is a doubled one, unless the recording has equal ones too.

Two kinds of ids count: values that the drive bound, which forbid a pair if they differ, and keys of the dialect, which
only let one event go before another: two customers may have one telephone number. If nothing else fits, an event that
has another id in common is paired though what a server told differs; what a client minted always forbids it.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain, islice
from typing import TypeAlias

import msgspec

from ....dialect.definition import NOTIFICATION, Dialect, name_of
from ....frozen import dataclass as frozen
from ....model import Event, Keys
from ..plan import Plan, Told
from ..words import has_digit
from .bindings import Bindings, Known, Spot, is_distinct, texts_in

_SORTED = msgspec.json.Encoder(order="deterministic")
_ANY = "•"
_TIME = re.compile(r"\d[-/]\d\d?[-/]\d|\d:\d\d|^\d{10,}$")
_WORD = 40  # characters of a word that may be a kind or a state
_COMPARED = 16  # events with the same ids whose words are compared
_Kind: TypeAlias = tuple[str, str, str]  # connection, channel without ids, name


@frozen(frozen=True, slots=True)
class Paired:
    """The outcome for a live event that stands for a recorded one; `told` is its number."""

    told: int


@frozen(frozen=True, slots=True)
class Held:
    """The outcome for a live event that comes before the step that it followed by chance when it was recorded."""


@frozen(frozen=True, slots=True)
class Surplus:
    """The outcome for a live event that stands for no recorded one.

    Attributes:
        twin: Number of the recorded event that an equal live one was paired with; None if there is none.
        next: Number of a recorded event of this kind whose step has not left; None if there is none.
        stranger: Name of the place at which it has an id of somebody else; "" if there is none.
    """

    twin: int | None = None
    next: int | None = None
    stranger: str = ""


Outcome: TypeAlias = Paired | Held | Surplus


@dataclass(slots=True)
class _Live:
    """A live event as it is compared.

    Attributes:
        spots: Its texts by their places.
        ids: Recorded values that its texts stand for.
        twin: The texts of the recorded event that an equal live one was paired with; None if there is none.
    """

    event: Event
    spots: dict[Spot, str]
    ids: set[str]
    twin: dict[Spot, str] | None


@dataclass(slots=True)
class _Recorded:
    """A recorded event as it is compared.

    Attributes:
        spots: Its texts by their places.
        ids: Those that the drive binds.
        texts: Those, and the values of its keys.
        words: The texts by their places that are neither ids nor numbers, such as kinds and states.
    """

    told: Told
    event: Event
    spots: dict[Spot, str]
    ids: dict[Spot, str]
    texts: frozenset[str]
    words: dict[Spot, str]


@dataclass(slots=True)
class _Group:
    """Recorded events that may come, in the order in which they may."""

    members: OrderedDict[int, _Recorded] = field(default_factory=OrderedDict)
    by_id: dict[str, OrderedDict[int, _Recorded]] = field(default_factory=dict)

    def add(self, one: _Recorded) -> None:
        self.members[one.told.number] = one
        for text in one.texts:
            self.by_id.setdefault(text, OrderedDict())[one.told.number] = one

    def drop(self, number: int) -> _Recorded | None:
        one = self.members.pop(number, None)
        if one is not None:
            for text in one.texts:
                same = self.by_id[text]
                del same[number]
                if not same:
                    del self.by_id[text]
        return one


@dataclass(slots=True)
class _Kindred:
    """The events of one kind: recorded ones that are awaited, that came too late, and that come later.

    `all` has the number of each recorded event of the kind, whatever became of it.
    """

    awaited: _Group = field(default_factory=_Group)
    late: _Group = field(default_factory=_Group)
    coming: OrderedDict[int, Told] = field(default_factory=OrderedDict)
    anchored: int = 0  # of those that come later: events that belong to no triple
    early: OrderedDict[int, Event] = field(default_factory=OrderedDict)
    all: list[int] = field(default_factory=list)


class Traits:
    """The recorded events of a plan as they are compared; all drivers of the plan may share them.

    Attributes:
        known: The recorded values that the plan may bind.
    """

    def __init__(self, plan: Plan) -> None:
        self.known = Known(plan)
        self._made: dict[int, _Recorded] = {}  # by number

    def of(self, told: Told, event: Event) -> _Recorded:
        """Return what a recorded event is compared by."""
        made = self._made.get(told.number)
        if made is None:
            made = self._made[told.number] = self._recorded(told, event)
        return made

    def _recorded(self, told: Told, event: Event) -> _Recorded:
        texts = texts_in(event.data)
        ids = {spot: text for spot, text in texts.items() if self.known.is_id(text, spot)}
        words = {
            spot: text for spot, text in texts.items() if spot not in ids and len(text) <= _WORD and not has_digit(text)
        }
        parts = (part for part in event.channel.split("/") if part in self.known)
        return _Recorded(told, event, texts, ids, frozenset((*ids.values(), *parts, *_ids_in(told.keys))), words)


class Pairing:
    """Recorded events that may come, and the live ones that came."""

    def __init__(self, plan: Plan, bindings: Bindings, traits: Traits, dialect: Dialect | None) -> None:
        self._plan, self._bindings, self._traits, self._dialect = plan, bindings, traits, dialect
        self._known = traits.known
        self._keys = Bindings()
        self._kinds: dict[_Kind, _Kindred] = {}
        self._kind_of: dict[int, _Kind] = {}
        self._heard: dict[tuple[str, bytes], int] = {}
        self._ignored: set[_Kind] = set()
        self._held = 0
        for told in plan.told:
            if told.event is not None:
                self._expect(told, told.event)

    def _expect(self, told: Told, event: Event) -> None:
        kind = self._kind_of[told.number] = (told.connection, self._shape(event.channel), _named(told.name, event))
        kindred = self._kinds.setdefault(kind, _Kindred())
        kindred.coming[told.number] = told
        kindred.all.append(told.number)
        kindred.anchored += told.n == 0
        if not told.is_awaited:
            self._ignored.add(kind)

    def open(self, told: Told, event: Event) -> Event | None:
        """Let a recorded event be paired from now on; return the live event that came for it before."""
        kindred = self._kinds[self._kind_of[told.number]]
        self._leave(kindred, told)
        one = self._traits.of(told, event)
        for number, early in kindred.early.items():
            keys, digest = self._keys_of(early), _digest(early)
            if self._fits(one, self._live(early, keys, self._heard.get((told.connection, digest)))):
                del kindred.early[number]
                self._note(told, digest, keys)
                return early
        kindred.awaited.add(one)
        return None

    def forget(self, told: Told) -> None:
        """Let a recorded event never be paired: the step that caused it was left out."""
        self._leave(self._kinds[self._kind_of[told.number]], told)

    def retire(self, told: Told) -> None:
        """Let a recorded event be paired only with what stands for no other one: it is not waited for any more."""
        kindred = self._kinds[self._kind_of[told.number]]
        one = kindred.awaited.drop(told.number)
        if one is not None:
            kindred.late.add(one)

    def pair(self, connection: str, event: Event) -> Outcome:
        """Find the recorded event that a live one stands for."""
        keys = self._keys_of(event)
        name = name_of(keys, event)
        kind = (connection, self._shape(event.channel, is_live=True), _named(name, event))
        digest = _digest(event)
        twin = self._heard.get((connection, digest))
        kindred = self._kinds.get(kind)
        if kindred is None:
            return Surplus(twin)
        live = self._live(event, keys, twin)
        found = self._found(kindred, live)
        if found is not None:
            kindred.awaited.drop(found.told.number)
            kindred.late.drop(found.told.number)
            self._note(found.told, digest, keys)
            return Paired(found.told.number)
        if kindred.anchored > len(kindred.early) and not self._is_doubled(kindred, live):
            self._held += 1
            kindred.early[self._held] = event
            return Held()
        return Surplus(
            twin, next(iter(kindred.coming), None), "" if twin is not None else self._stranger(kindred, live)
        )

    def is_ignored(self, connection: str, event: Event) -> bool:
        """Return whether a live event is a heartbeat or the like, which may come at any time."""
        if self._dialect is not None and self._dialect.is_ignored(event):
            return True
        if not self._ignored:
            return False
        name = name_of(self._keys_of(event), event)
        return (connection, self._shape(event.channel, is_live=True), _named(name, event)) in self._ignored

    def leftovers(self) -> Iterator[tuple[str, Event, Surplus]]:
        """Yield the connection, the event and the outcome of each live event that was held for no recorded one."""
        held = ((number, kind[0], event) for kind, one in self._kinds.items() for number, event in one.early.items())
        for _, connection, event in sorted(held, key=lambda one: one[0]):
            yield connection, event, Surplus(self._heard.get((connection, _digest(event))))

    def _leave(self, kindred: _Kindred, told: Told) -> None:
        if kindred.coming.pop(told.number, None) is not None:
            kindred.anchored -= told.n == 0

    def _note(self, told: Told, digest: bytes, keys: Keys) -> None:
        """Remember a live event, to tell a doubled one; and what its keys tell of ids."""
        self._heard.setdefault((told.connection, digest), told.number)
        self.learn(told.keys, keys)

    def _keys_of(self, event: Event) -> Keys:
        return self._dialect.keys_of_event(event) if self._dialect is not None else {}

    def _stranger(self, kindred: _Kindred, live: _Live) -> str:
        """Return the name of the place at which a surplus event has an id of somebody else; "" if it has none.

        That is an id which a client minted in the recording and this one has not, or one that differs from what the
        awaited events have, unless an event that comes later has it.
        """
        for number in kindred.all[:_COMPARED]:
            for spot, text in self._texts(number).items():
                now = live.spots.get(spot)
                is_minted = self._known.is_fresh(text) and self._known.is_id(text, spot)
                if is_minted and now is not None and not self._bindings.recorded(now):
                    return _place(spot)
        later = islice(kindred.coming.values(), _COMPARED)
        recorded = (self._traits.of(told, told.event) for told in later if told.event is not None)
        if any(live.ids & one.texts and self._fits(one, live) for one in recorded):
            return ""
        for one in islice(chain(kindred.awaited.members.values(), kindred.late.members.values()), _COMPARED):
            for spot, text in one.ids.items():
                now = live.spots.get(spot)
                if now is not None and self._bindings.contradict(text, now):
                    return _place(spot)
        return ""

    def _texts(self, number: int) -> dict[Spot, str]:
        told = self._plan.told[number]
        return {} if told.event is None else self._traits.of(told, told.event).spots

    def _is_doubled(self, kindred: _Kindred, live: _Live) -> bool:
        """Return whether a live event equals one before, and none of its kind that comes later does so too."""
        twin = live.twin
        later = (self._texts(number) for number, told in kindred.coming.items() if not told.n)
        return twin is not None and all(_differ(twin, texts, live.spots) for texts in islice(later, _COMPARED))

    def learn(self, recorded: Keys, live: Keys) -> None:
        """Bind the values of keys which have one value in the recording and one now."""
        for name, text in recorded.items():
            now = live.get(name)
            if isinstance(text, str) and isinstance(now, str) and name != NOTIFICATION and is_distinct(text):
                self._keys.bind(text, now)

    def _found(self, kindred: _Kindred, live: _Live) -> _Recorded | None:
        """Return the recorded event that a live one stands for, None if there is none."""
        groups = kindred.awaited, kindred.late
        found = next(filter(None, (self._search(group, live) for group in groups)), None)
        if found is None and not self._is_early(kindred, live):
            # one recorded value may stand for two things, of which the server changed one
            found = next(filter(None, (self._resembling(group, live) for group in groups)), None)
        return found

    def _search(self, group: _Group, live: _Live) -> _Recorded | None:
        """Return the recorded event of a group that nothing forbids, None if there is none."""
        if not group.members:
            return None
        rarest = min((group.by_id[text] for text in live.ids if text in group.by_id), key=len, default=None)
        found = self._likest(rarest.values(), live) if rarest else None
        return found or self._likest(group.members.values(), live)

    def _resembling(self, group: _Group, live: _Live) -> _Recorded | None:
        """Return the recorded event that shares an id with a live one, whatever else a server told there."""
        rarest = min((group.by_id[text] for text in live.ids if text in group.by_id), key=len, default=None)
        return self._likest(rarest.values(), live, is_strict=False) if rarest else None

    def _is_early(self, kindred: _Kindred, live: _Live) -> bool:
        """Return whether a live event may be one that was recorded after a step that has not left."""
        loose = islice((told for told in kindred.coming.values() if not told.n), _COMPARED)
        return any(told.event is not None and self._fits(self._traits.of(told, told.event), live) for told in loose)

    def _likest(self, candidates: Iterable[_Recorded], live: _Live, *, is_strict: bool = True) -> _Recorded | None:
        """Return the candidate with the most ids, then the most words in common; only the first few are compared."""
        best, most, compared = None, (-1, 0), 0
        for one in candidates:
            shared = len(live.ids & one.texts)
            if shared < most[0] or not self._fits(one, live, is_strict=is_strict):
                continue
            alike = sum(live.spots.get(spot) == word for spot, word in one.words.items())
            unlike = len(one.words) - alike
            if best is None or (shared, -unlike) > most:
                best, most = one, (shared, -unlike)
            compared += 1
            if shared == len(live.ids) and (not unlike or compared == _COMPARED):
                break
        return best

    def _fits(self, one: _Recorded, live: _Live, *, is_strict: bool = True) -> bool:
        """Return whether nothing forbids a pair; what a server told forbids it only if that is strict."""
        contradict, spots = self._bindings.contradict, live.spots
        for spot, text in one.ids.items():
            now = spots.get(spot)
            if now is not None and (is_strict or self._known.is_fresh(text)) and contradict(text, now):
                return False
        if live.twin is not None and _differ(live.twin, one.spots, spots):
            return False
        return one.event.channel == live.event.channel or self._fit_channels(one.event.channel, live.event.channel)

    def _fit_channels(self, recorded: str, live: str) -> bool:
        """Return whether two channels of one shape may be one but for its ids."""
        pairs = zip(recorded.split("/"), live.split("/"), strict=True)
        return all(
            mine == now or (not self._bindings.contradict(mine, now) and (mine in self._known or is_distinct(mine)))
            for mine, now in pairs
        )

    def _shape(self, channel: str, *, is_live: bool = False) -> str:
        """Return a channel without the segments that may be ids."""
        return "/".join(_ANY if self._may_vary(part, is_live=is_live) else part for part in channel.split("/"))

    def _may_vary(self, segment: str, *, is_live: bool) -> bool:
        is_bound = is_live and bool(self._bindings.recorded(segment))
        return is_bound or segment in self._known or has_digit(segment)

    def _live(self, event: Event, keys: Keys, twin: int | None) -> _Live:
        spots = texts_in(event.data)
        ids: set[str] = set()
        recorded = self._bindings.recorded
        for spot, text in spots.items():
            if known := recorded(text):
                ids.update(one for one in known if self._known.is_id(one, spot))
        for part in event.channel.split("/"):
            ids.update(recorded(part))
        for text in _ids_in(keys):
            ids.update(self._keys.recorded(text))
        return _Live(event, spots, ids, None if twin is None else self._texts(twin))


def _differ(one: dict[Spot, str], other: dict[Spot, str], live: dict[Spot, str]) -> bool:
    """Return whether a live event shows that it is no second one of two recorded events: both would be equal now.

    Times tell nothing: two events of one second may be equal in a quick drive.
    """
    for spot in one.keys() | other.keys():
        mine, its = one.get(spot), other.get(spot)
        is_word = spot[:-1] in one or spot[:-1] in other
        if mine == its or is_word or _TIME.search(mine or its or ""):
            continue
        if (spot in live) is not (mine is None):
            return True
    return False


def _ids_in(keys: Keys) -> Iterator[str]:
    """Yield the values of keys; of a key with several values none is the id."""
    return (text for name, text in keys.items() if isinstance(text, str) and name != NOTIFICATION and is_distinct(text))


def _place(spot: Spot) -> str:
    """Return a place in words: its names, and neither the numbers of elements nor those of words."""
    return ".".join(part for part in spot if isinstance(part, str)) or "data"


def _named(name: str, event: Event) -> str:
    return "" if name == event.channel else name


def _digest(event: Event) -> bytes:
    whole = [event.channel, event.data]
    try:
        text = _SORTED.encode(whole)  # a tenth of the time
    except (TypeError, ValueError, OverflowError, RecursionError):  # half characters, or what no JSON has
        text = json.dumps(whole, sort_keys=True, default=repr).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).digest()
