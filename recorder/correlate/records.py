"""Follow operations of several records: composite and collection requests, whose keys have several values each.

An ack may say which records the operation is about: ids that the server made up, or those of the request that were done
(partial success). The operation has ended when each of its records has had a terminal event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from ..dialect.definition import Dialect
from ..dialect.paths import EACH, split
from ..dialect.values import paths_in
from ..model import Keys, Value, agree, value_of, values
from .operations import Operation, Seen, identity


def begin(op: Operation, dialect: Dialect) -> None:
    """Note of which keys an operation has several values."""
    own = _of_each(dialect).get(op.name or "")
    several = {name for name, value in op.keys.items() if not isinstance(value, str)}
    if own or several:
        op.several = frozenset(several | (own or frozenset()))


def changed(op: Operation, given: Keys) -> dict[str, Value]:
    """Return the keys of an operation that its ack changes, with their new values.

    The ack adds keys that the request lacks. Of a key with several values, those in the ack count alone if they repeat
    any of the request: the others failed. If they repeat none, they are further ones: a composite request names the
    records that it changes, the ack those that it made. For a key with one value on each side the request counts,
    because a number in an ack may be the id of something else.
    """
    return {name: value for name, value in _changes(op, given) if value != op.keys.get(name)}


def answer(op: Operation, given: Keys, new: Mapping[str, Value]) -> None:
    """Give an operation the keys that its ack changes."""
    op.keys = {**op.keys, **new}
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


def has_ended(op: Operation, seen: Seen) -> bool:
    """Return whether an operation had ended before an event, or its part that is about the records of the event."""
    if op.done and not op.failed:
        names = op.done.keys() & seen.keys.keys()
        if names:
            return all(op.done[name].issuperset(values(seen.keys[name])) for name in names)
    return op.ended is not None


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
