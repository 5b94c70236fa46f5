"""Index the operations that can still get an event by the keys that an event may share with its cause.

An event is then compared with the few operations that share a key with it, however many others are open.

A composite or collection request is an operation of several records, with several values of a key. An ack may say which
records the operation is about: ids that the server made up, or those of the request that were done (partial success).
The operation has ended when each of its records has had a terminal event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, product
from math import prod
from typing import TypeAlias

from .. import frozen
from ..dialect.definition import Dialect, name_of
from ..dialect.paths import EACH, split
from ..dialect.values import paths_in
from ..model import Event, Failure, Keys, Link, Request, Response, State, Value, agree, value_of, values
from ..push.rules import MESSAGE
from .families import Families, Groups, Place, Profile

_SECOND = 1_000_000_000
_COMBINED = 256  # combinations of the values of several keys that an operation is indexed by

Values: TypeAlias = tuple[Value | None, ...]  # of a group of keys
_ALONE = -1  # of places: the name of an event follows; after the number of a group, None stands for too many values


@dataclass(slots=True, eq=False)
class Operation:
    """A request under correlation: an operation, or an exchange that is not one. The engine changes its fields.

    Attributes:
        request: The request.
        name: Name of the operation in the dialect, None for an exchange that is not an operation.
        keys: Values the operation can be joined on, from the request and its ack.
        tokens: Cookies and credentials in the request and its response that show the session.
        session: Number of its session, None while that is unknown.
        ack: Its response, None until there is one.
        failure: How the exchange ended without a response.
        refused: Whether the ack reports a failure.
        failed: Whether an error event reports a failure, if an error event may come after a good ack; with several
            records perhaps that of one of them.
        ended: `t` of its terminal event, in nanoseconds; None until that event was seen. With several values of its
            identifying key, `t` of the event about the last of them.
        settled: Whether the terminal event had no rivals. If it had, another operation may have caused that event, so
            this operation stays open.
        again: The request by which the client repeated this one, after this one failed without a response.
        before: The attempt before this one.
        links: The events linked to the operation.
        twin_keys: Values by which twins of its events are recognised (`Twins`).
        several: Names of keys of which its request or its ack has several values .
        given: Keys in its ack.
        done: Values that had their terminal or error events, by names of keys in `several`.
        lost: Those of them that had an error event.
        at: Place of the request on the wire: one record may carry several publishes.

    """

    request: Request
    name: str | None
    keys: Keys
    tokens: frozenset[str]
    session: int | None
    ack: Response | None = None
    failure: Failure | None = None
    refused: bool = False
    failed: bool = False
    ended: int | None = None
    settled: bool = False
    again: Request | None = None
    before: Operation | None = None
    links: list[Link] = field(default_factory=list)
    twin_keys: set[Values] = field(default_factory=set)
    several: frozenset[str] = frozenset()
    given: Keys = field(default_factory=dict)
    done: dict[str, set[str]] = field(default_factory=dict)
    lost: dict[str, set[str]] = field(default_factory=dict)
    seq: int = field(init=False)
    at: tuple[int, int] = field(init=False)  # not a property, because each search in the index asks for it

    def __post_init__(self) -> None:
        self.seq = self.request.seq
        self.at = self.request.seq, self.request.message or 0


@frozen.dataclass(frozen=True, slots=True)
class Seen:
    """An event with the values that the rules compare.

    Attributes:
        event: The event.
        keys: Values the event can be joined on.
        session: Number of the session that got the event, None if it is unknown.
        is_ignored: Whether the dialect says that no request causes such events.
        name: Its name in the dialect.

    """

    event: Event
    keys: Keys
    session: int | None
    is_ignored: bool = False
    name: str = field(init=False)  # not a property, because each candidate is asked for it

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", name_of(self.keys, self.event))


def state_of(op: Operation, dialect: Dialect) -> State:
    """Return how far an operation has got. A message on a WebSocket without Bayeux gets no ack."""
    if op.refused or op.failed:
        return State.FAILED
    is_message = op.request.method == MESSAGE
    known = dialect.operations.get(op.name or "")
    # An operation that the dialect lists without terminal events is complete with its ack.
    expects_nothing = op.name is None or (known is not None and not known.terminal)
    if op.ack is not None or is_message:
        if expects_nothing or op.ended is not None:
            return State.COMPLETE
        if not is_message:
            return State.ACKED
    return State.UNACKED if op.links else State.ABORTED


def is_over(op: Operation, now: int, dialect: Dialect) -> bool:
    """Return whether an event at time `now` (nanoseconds) can no longer belong to an operation, unless by an id.

    The time ends `grace` seconds after the terminal event, or without one `open_for` seconds after the request.
    """
    if op.ended is not None and op.settled:
        return now - op.ended > dialect.grace * _SECOND
    return now - op.request.t > dialect.open_for * _SECOND


def identity(keys: Keys, dialect: Dialect) -> frozenset[str]:
    """Return the strongest group of identifying keys in `keys`, empty if there is none."""
    return next((group for group in dialect.tuple_enough if group <= keys.keys()), frozenset())


def begin_records(op: Operation, dialect: Dialect) -> None:
    """Note of which keys an operation has several values."""
    own = _of_each(dialect).get(op.name or "", frozenset())
    if own or tuple in map(type, op.keys.values()):
        op.several = own.union(name for name, value in op.keys.items() if not isinstance(value, str))


def changed_by(op: Operation, given: Keys) -> dict[str, Value]:
    """Return the keys of an operation that its ack changes, with their new values.

    The ack adds keys that the request lacks. Of a key with several values, those in the ack count alone if they repeat
    any of the request: the others failed. If they repeat none, they are further ones: a composite request names the
    records that it changes, the ack those that it made. For a key with one value on each side the request counts,
    because a number in an ack may be the id of something else.
    """
    return {name: value for name, value in _changes(op, given) if value != op.keys.get(name)}


def take_answer(op: Operation, given: Keys, new: Mapping[str, Value]) -> None:
    """Give an operation the keys that its ack changes."""
    op.keys = {**op.keys, **new} if new else op.keys
    op.given = given
    op.several |= {name for name, value in given.items() if not isinstance(value, str)}


def is_done(op: Operation, dialect: Dialect) -> bool:
    """Return whether each record of an operation has had a terminal event; False if it has one value of each key."""
    awaited = _awaited(op, dialect)
    touched = op.done.keys() & awaited.keys()
    return bool(touched) and all(op.done[name].issuperset(awaited[name]) for name in touched)


def ends(op: Operation, seen: Seen, dialect: Dialect) -> bool:
    """Take a terminal event of an operation; return whether the operation has ended with it.

    An event without any of the keys that have several values is about the operation as a whole.
    """
    names = _awaited(op, dialect).keys() & seen.keys.keys() if op.several else ()
    for name in names:
        op.done.setdefault(name, set()).update(values(seen.keys[name]))
    return not names or is_done(op, dialect)


def fails(op: Operation, seen: Seen, dialect: Dialect) -> bool:
    """Take an error event of an operation; return whether the operation has ended with it.

    An event that names some of the records is about these alone, any other about the operation as a whole.
    """
    op.failed = True
    awaited = _awaited(op, dialect) if op.several else {}
    about = {name: set(awaited[name]).intersection(values(its)) for name, its in seen.keys.items() if name in awaited}
    for name, own in about.items():
        op.done.setdefault(name, set()).update(own)
        op.lost.setdefault(name, set()).update(own)
    return not any(about.values()) or is_done(op, dialect)


def has_ended(op: Operation, seen: Seen) -> bool:
    """Return whether an operation had ended before an event, or its part that is about the records of the event."""
    if op.done and not (op.failed and op.ended is not None):
        own = _records(op, op.done, seen)
        if own:
            return all(op.done[name].issuperset(some) for name, some in own.items())
    return op.ended is not None


def has_lost(op: Operation, seen: Seen) -> bool:
    """Return whether an error event was about each of the records of an operation that an event is about."""
    own = _records(op, op.lost, seen)
    return bool(own) and all(op.lost[name].issuperset(some) for name, some in own.items())


def reopen(op: Operation) -> None:
    """Forget by which events an operation has ended."""
    op.ended, op.settled, op.failed = None, False, False
    op.done, op.lost = {}, {}


def _records(op: Operation, names: Iterable[str], seen: Seen) -> dict[str, set[str]]:
    """Return the values of some keys that an operation and an event share, without the keys that share none."""
    shared = {name: set(values(seen.keys[name])) for name in names if name in seen.keys}
    return {name: own for name, its in shared.items() if (own := its.intersection(values(op.keys.get(name, ()))))}


def _changes(op: Operation, given: Keys) -> Iterator[tuple[str, Value]]:
    for name, its in given.items():
        mine = op.keys.get(name)
        if mine is None:
            yield name, its
        elif name in op.several or not isinstance(its, str):
            both = its if agree(mine, its) else value_of((*values(mine), *values(its)))
            yield name, both or its


def _awaited(op: Operation, dialect: Dialect) -> dict[str, tuple[str, ...]]:
    """Return the values that are each waited for, by key: those that the ack gives, else those of the request."""
    names = [name for name in (*dialect.exact, *sorted(identity(op.keys, dialect))) if name in op.several]
    given = [name for name in names if name in op.given]
    return {name: values(op.given.get(name, op.keys[name])) for name in given or names if name in op.keys}


@cache
def _of_each(dialect: Dialect) -> dict[str, frozenset[str]]:
    """Return the names of own keys with a `*` in their paths, by operation: they have several values even with one."""
    found = {
        operation: frozenset(
            name for name, sources in known.keys.items() if any(EACH in split(path) for path in paths_in(sources))
        )
        for operation, known in dialect.operations.items()
    }
    return {operation: names for operation, names in found.items() if names}


_KINDS = 1000  # sets of names of keys whose groups are remembered
_FEW = 16  # values of an operation of several records that are compared with those of others


class Operations:
    """An index of operations by their keys; operations that are over are dropped when a search meets them."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._exact = {name: number for number, name in enumerate(dialect.exact)}
        groups = *({name} for name in dialect.exact), *dialect.tuple_enough, dialect.error_same
        self._groups = [tuple(sorted(set(group))) for group in groups]
        self._fitting: dict[tuple[str, ...], list[tuple[int, tuple[str, ...]]]] = {}
        # Errors that share no value with their operation may be about each one.
        self._blind = dialect.error_after_ack and not dialect.error_same
        self._events_of = {name: known.events for name, known in dialect.operations.items() if known.only}
        # A rule without ids is asked when no operation has the exact id of the event: then the id itself says nothing.
        compared = {*dialect.tuple_same, *dialect.error_same, *chain(*dialect.tuple_enough)}
        self._masked = frozenset(dialect.exact) - compared
        self._by_id = Families(profile, self._ids, self._is_over, keep=True)
        self._open = Families(self._unnamed, self._places_of, self._is_over, keep=False)
        self._held: set[Operation] = set()
        self._changed: dict[Operation, None] = {}  # since the last search

    def add(self, op: Operation) -> None:
        """Index an operation by its keys."""
        self._held.add(op)
        self._changed[op] = None

    def changed(self, op: Operation | None) -> None:
        """Take an operation that has changed, if it is in the index."""
        if op is not None and op in self._held:
            self._changed[op] = None

    def with_exact(self, name: str, keys: Keys, now: int = 0, session: int | None = None) -> Groups:
        """Return the operations with the id that `keys` has under `name`, also those that are over.

        Args:
            name: Name of the id.
            keys: Keys of an event.
            now: Time of the event in nanoseconds.
            session: Leave out operations of other sessions; None for those of all.
        """
        number = self._exact[name]
        places = [(number, value) for value in values(keys.get(name, ()))]
        return Groups(self._index(self._by_id).at(places, now, session, everyone=False))

    def like(self, seen: Seen, *, everyone: bool = False) -> Groups:
        """Return the operations still open that share a group of identifying keys with an event.

        Those of other sessions are left out, unless `everyone` is wanted.
        """
        index = self._index(self._open)
        numbers = range(len(self._exact), len(self._groups) - 1)
        places = [place for number in numbers for place in self._sought(number, seen)]
        return Groups(index.at(places, seen.event.t, seen.session, everyone=everyone))

    def on_device(self, seen: Seen) -> Groups:
        """Return the operations still open that an error event may be about."""
        index = self._index(self._open)
        return Groups(index.at(self._sought(len(self._groups) - 1, seen), seen.event.t, seen.session, everyone=False))

    def alone(self, seen: Seen, *, is_error: bool = False) -> Groups:
        """Return the operations still open that may cause an event with which they share no value."""
        place = _ALONE, "" if is_error else seen.name
        return Groups(self._index(self._open).at([place], seen.event.t, seen.session, everyone=False))

    def forget(self, op: Operation) -> None:
        """Drop an operation that can get no event any more."""
        self._held.discard(op)
        self._changed.pop(op, None)
        self._by_id.forget(op)
        self._open.forget(op)

    def _index(self, wanted: Families) -> Families:
        """Return one of both indexes, with what has changed since the last search."""
        if self._changed:
            changed, self._changed = self._changed, {}
            for op in changed:
                self._by_id.put(op)
                self._open.put(op)
        return wanted

    def _is_over(self, op: Operation, now: int) -> bool:
        return is_over(op, now, self._dialect)

    def _unnamed(self, op: Operation) -> Profile:
        return profile(op, self._masked)

    def _ids(self, op: Operation) -> Iterator[Place]:
        """Yield the places of an operation by its exact ids."""
        names = [name for name in self._exact if name in op.keys]
        return ((self._exact[name], value) for name in names for value in values(op.keys[name]))

    def _places_of(self, op: Operation) -> Iterator[Place]:
        """Yield the places of an operation by all else: groups of keys, and names of events that share no value."""
        for number, group in self._groups_in(op.keys):
            if number >= len(self._exact):
                yield from _places(number, group, op.keys)
        for event in self._names(op):
            yield _ALONE, event

    def _groups_in(self, keys: Keys) -> list[tuple[int, tuple[str, ...]]]:
        """Return the groups by which an operation with these keys is found, with their numbers.

        A group that only partly belongs to the operation would match events that lack the rest.
        """
        names = tuple(keys)
        found = self._fitting.get(names)
        if found is None:
            groups = enumerate(self._groups)
            found = [(number, group) for number, group in groups if group and keys.keys() >= set(group)]
            if len(self._fitting) < _KINDS:
                self._fitting[names] = found
        return found

    def _names(self, op: Operation) -> Iterable[str]:
        """Return the names of events that share no value with an operation; "" for errors."""
        events = self._events_of.get(op.name or "", frozenset())
        return (*events, "") if self._blind else events

    def _sought(self, number: int, seen: Seen) -> Iterable[Place]:
        """Return where the index may hold operations that share a group of keys with an event."""
        group = self._groups[number]
        if not group or any(name not in seen.keys for name in group):
            return ()
        found = _places(number, group, seen.keys)
        if len(group) == 1:
            return found
        too_many = number, None  # where an operation is whose values are too many
        return [place for place in self._open if place[0] == number] if too_many in found else [*found, too_many]


def profile(op: Operation, masked: frozenset[str] = frozenset()) -> Profile:
    """Return all that the rules look at in an operation, but its place and time, and who sent it again.

    An operation of many records, or with many events after its end, is compared with no other: it stands alone.

    Args:
        op: The operation.
        masked: Names of keys that count by being there.
    """
    if op.several and sum(len(values(value)) for value in op.keys.values()) > _FEW:
        return (op.at,)
    if op.settled and len(op.links) > _FEW:
        return (op.at,)
    if op.several or not masked:
        keys: tuple[object, ...] = tuple(op.keys.items())
    else:
        keys = tuple([(name, name in masked or value) for name, value in op.keys.items()])
    state = op.refused, op.failed, op.settled, op.ended is None, op.ack is None, op.failure is None, op.again is None
    told = frozenset([link.name for link in op.links]) if op.settled else not op.links
    parts = (_frozen(op.done), _frozen(op.lost)) if op.several else ()
    return op.name, keys, op.session, op.tokens, state, told, op.request.method == MESSAGE, parts


def _frozen(values_of: Mapping[str, set[str]]) -> frozenset[tuple[str, frozenset[str]]]:
    return frozenset([(name, frozenset(some)) for name, some in values_of.items()])


def _places(number: int, group: tuple[str, ...], keys: Keys) -> list[Place]:
    """Return the places of keys that are all there: one, or one for each choice among keys with several values."""
    if len(group) == 1:
        value = keys[group[0]]
        return [(number, value)] if isinstance(value, str) else [(number, one) for one in value]
    each = [values(keys[name]) for name in group]
    return [(number, None)] if prod(map(len, each)) > _COMBINED else [(number, *one) for one in product(*each)]
