"""The rules that say which request caused an event, strongest first. Pure functions over the operations seen so far.

    1 reference    the event carries the request's referenceId                      exact
    2 inner        likewise, deeper in the event (userData.GSW_REFERENCE_ID)         exact
    3 twin         it repeats, on another channel, an event that is already linked   0.95 at most
    4 tuple        it agrees with one open operation on handle, campaign, device …   0.9 alone, less with rivals
      error        an error event, and an operation on its device that waits         0.7
    5              none of these: nobody asked for it

An event may come before the ack, never before the request was sent: operations are known only from then on.
How often a confidence is right is measured: `python -m benchmarks.correlation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..dialect.definition import Dialect, Keys
from ..model import Link
from .operations import Operation, Seen, is_over

ALONE, DOUBTFUL, GUESSED = 0.9, 0.7, 0.5  # one fits; another may have caused it; another that waits fits as well


def by_key(seen: Seen, key: str, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """Rules 1 and 2. `candidates` carry the same value under `key`, oldest first."""
    fitting = [op for op in candidates if next(_strangers(op, seen), None) is None]
    if not fitting:
        return None
    agreeing = [op for op in fitting if _agree(op.keys, seen.keys, dialect.tuple_same)] or fitting
    chosen = _chosen(agreeing, seen, dialect)
    rivals = [op for op in agreeing if op is not chosen and _may_be_meant(op, chosen, seen, dialect)]
    why = f"{key} {seen.keys[key]!r} of request {chosen.seq} stands in the event"
    if rivals:
        why += f"; {len(rivals)} more requests have it too, and may have caused it"
    return chosen, _link(seen, chosen, key, 0.8 if rivals else 1.0, why, rivals)


def by_twin(seen: Seen, op: Operation, original: Link, awaiting: Iterable[Operation]) -> tuple[Operation, Link]:
    """Rule 3: the event repeats one that `op` caused; it is no surer than the link of that one.

    Args:
        seen: The event.
        op: What caused the event that it repeats.
        original: The link of that event.
        awaiting: Other operations with such an event that was not repeated yet: twins may overtake each other.

    """
    others = {other.seq for other in awaiting}
    why = f"repeats {seen.name} of request {op.seq} on another channel"
    if others:
        why += f"; so it might for {len(others)} more"
    confidence = min(DOUBTFUL if others else 0.95, original.confidence)
    rivals = tuple(sorted({*original.rivals, *others} - {op.seq}))
    return op, Link(seen.event, seen.name, op.seq, "twin", confidence, why, rivals)


def by_repetition(seen: Seen, candidates: list[Operation]) -> tuple[Operation, Link] | None:
    """A twin that came once more: `candidates` are open operations that had such a one, oldest first."""
    if not candidates:
        return None
    *rivals, chosen = candidates
    why = f"repeats {seen.name} of request {chosen.seq} on another channel once more"
    return chosen, _link(seen, chosen, "twin", DOUBTFUL, why, rivals)


def by_tuple(seen: Seen, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """Rule 4. `candidates` are operations in their window, oldest first."""
    fitting = [op for op in candidates if next(objections(op, seen, dialect), None) is None]
    if not fitting:
        return None
    chosen = _chosen(fitting, seen, dialect)
    rivals = [op for op in (chosen.before, *fitting) if op is not None and op is not chosen]
    shared = [key for key in dialect.tuple_same if key in chosen.keys and key in seen.keys]
    why = f"agrees with request {chosen.seq} on " + ", ".join(f"{key} {seen.keys[key]!r}" for key in shared)
    if rivals:
        why += f"; so do {len(rivals)} more"
    return chosen, _link(seen, chosen, "tuple", _confidence(chosen, rivals, seen, dialect), why, rivals)


def by_error(seen: Seen, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """An error event, and the only operation that waits for its answer or was refused; of several the ack will tell."""
    fitting = [
        op
        for op in candidates
        if next(_strangers(op, seen), None) is None
        and all(key in op.keys and op.keys[key] == seen.keys.get(key) for key in dialect.error_same)
        and (op.refused or (op.ack is None and op.failure is None))
    ]
    if len(fitting) != 1:
        return None
    (chosen,) = fitting
    why = f"an error event while request {chosen.seq} on the same {' and '.join(dialect.error_same)} had no good answer"
    return chosen, _link(seen, chosen, "error", DOUBTFUL, why, [])


def objections(op: Operation, seen: Seen, dialect: Dialect) -> Iterator[str]:
    """Why an operation cannot have caused an event that names no id of it; nothing if it can.

    The rule looks at the first, `recorder explain` shows them all.
    """
    yield from _strangers(op, seen)
    if is_over(op, seen.event.t, dialect):
        yield "it was over by then"
    if op.refused:
        yield "it was refused"
    known = dialect.operations.get(op.name or "")
    notification = seen.keys.get("notification")
    if known is not None and notification not in known.events:
        yield f"{op.name} never causes {seen.name}"
    elif op.settled and known is not None and notification in known.terminal and _is_weak(op, dialect):
        yield f"its {notification} had come already"
    if not _references_allow(op, seen, dialect):
        mine, its = (repr(keys["reference"]) if "reference" in keys else "none" for keys in (op.keys, seen.keys))
        yield f"its reference is {mine}, the event's {its}"
    for name in dialect.tuple_same:
        if name in op.keys and name in seen.keys and op.keys[name] != seen.keys[name]:
            yield f"its {name} is {op.keys[name]!r}, the event's {seen.keys[name]!r}"
    if not _are_comparable(op.keys, seen.keys, dialect):
        yield "the two have too little in common to be compared"


def _strangers(op: Operation, seen: Seen) -> Iterator[str]:
    if op.seq > seen.event.seq:
        yield "it was sent after the event"
    if op.again is not None:
        yield f"it got no answer and was sent again as request {op.again.seq}"
    if op.session is not None and seen.session is not None and op.session != seen.session:
        yield f"it is of session s{op.session}, the event went to s{seen.session}"


def _chosen(fitting: list[Operation], seen: Seen, dialect: Dialect) -> Operation:
    """Of operations that fit equally well, the oldest that waits for its events, else the newest."""
    waiting = (op for op in fitting if _waits(op, seen.event.t, dialect))
    return next(waiting, fitting[-1])


def _waits(op: Operation, now: int, dialect: Dialect) -> bool:
    """Whether an operation may still expect events: neither refused nor given up by the client, and not at its end."""
    if op.refused or op.failure is not None or op.ended is not None or is_over(op, now, dialect):
        return False
    known = dialect.operations.get(op.name or "")
    # where nothing tells its end, the first event after the ack is as good as one
    return known is not None or op.ack is None or not op.links


def _may_be_meant(op: Operation, chosen: Operation, seen: Seen, dialect: Dialect) -> bool:
    """Whether an operation with the same id is a rival: it waits too, or its answer got lost, or it lately ended."""
    now = seen.event.t
    if _waits(op, now, dialect):
        return True
    if op.failure is not None or not _waits(chosen, now, dialect):
        return not op.refused and not is_over(op, now, dialect)
    return False


def _confidence(chosen: Operation, rivals: list[Operation], seen: Seen, dialect: Dialect) -> float:
    if any(_waits(op, seen.event.t, dialect) for op in rivals):
        return GUESSED
    unsure = rivals or chosen.ended is not None or chosen.failure is not None
    return DOUBTFUL if unsure or seen.keys.get("notification") in dialect.unasked else ALONE


def _is_weak(op: Operation, dialect: Dialect) -> bool:
    """Whether the weakest group is all that it can be known by."""
    return _identity(op.keys, dialect) == dialect.tuple_enough[-1:]


def _are_comparable(mine: Keys, its: Keys, dialect: Dialect) -> bool:
    """Whether what identifies one of the two is there in the other: a handle and a phone number cannot be compared."""
    return any(group <= its.keys() for group in _identity(mine, dialect)) or any(
        group <= mine.keys() for group in _identity(its, dialect)
    )


def _identity(keys: Keys, dialect: Dialect) -> tuple[frozenset[str], ...]:
    """The strongest group that is there, as one or none."""
    return tuple(group for group in dialect.tuple_enough if group <= keys.keys())[:1]


def _references_allow(op: Operation, seen: Seen, dialect: Dialect) -> bool:
    """The server echoes a request's id: one that is there on one side only speaks against the link."""
    mine, its = op.keys.get("reference"), seen.keys.get("reference")
    return its == mine if its or seen.event.channel != dialect.twin_channel else True


def _agree(mine: Keys, its: Keys, names: Iterable[str]) -> bool:
    return all(mine[name] == its[name] for name in names if name in mine and name in its)


def _link(  # noqa: PLR0917  # a constructor with a view
    seen: Seen, chosen: Operation, rule: str, confidence: float, why: str, rivals: list[Operation]
) -> Link:
    return Link(seen.event, seen.name, chosen.seq, rule, confidence, why, tuple(op.seq for op in rivals))
