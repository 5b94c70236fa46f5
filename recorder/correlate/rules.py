"""The rules that say which request caused an event, strongest first. Pure functions over the operations seen so far.

    1 reference    the event carries the request's referenceId                      exact
    2 inner        likewise, deeper in the event (userData.GSW_REFERENCE_ID)         exact
    3 twin         it repeats, on another channel, an event that is already linked   0.95
    4 tuple        it agrees with one open operation on handle, campaign, device …   0.9 alone, less with rivals
      error        an error event, and an operation on its device that waits         0.7
    5              none of these: nobody asked for it

An event may come before the ack, never before the request was sent: operations are known only from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..model import Link
from .dialect import Dialect, Keys
from .operations import Operation, Seen, is_over


def by_key(seen: Seen, key: str, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """Rules 1 and 2. `candidates` carry the same value under `key`, oldest first."""
    fitting = [op for op in candidates if _may(op, seen)]
    if not fitting:
        return None
    agreeing = [op for op in fitting if _agree(op.keys, seen.keys, dialect.tuple_same)] or fitting
    chosen, rivals = _choose(agreeing, seen, dialect)
    why = f"{key} {seen.keys[key]!r} of request {chosen.seq} stands in the event"
    if rivals:
        why += f"; {len(rivals)} more requests have it too, and may have caused it"
    return chosen, _link(seen, chosen, key, 0.8 if rivals else 1.0, why, rivals)


def by_twin(seen: Seen, op: Operation, original: Link) -> tuple[Operation, Link]:
    """Rule 3: the event repeats one that `op` caused; it is no surer than the link of that one."""
    why = f"repeats {seen.name} of request {op.seq} on another channel"
    sure = min(0.95, original.confidence)
    return op, Link(seen.event, seen.name, op.seq, "twin", sure, why, original.rivals)


def by_tuple(seen: Seen, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """Rule 4. `candidates` are operations in their window, oldest first."""
    fitting = [op for op in candidates if next(objections(op, seen, dialect), None) is None]
    if not fitting:
        return None
    chosen, rivals = _choose(fitting, seen, dialect)
    shared = [key for key in dialect.tuple_same if key in chosen.keys and key in seen.keys]
    why = f"agrees with request {chosen.seq} on " + ", ".join(f"{key} {seen.keys[key]!r}" for key in shared)
    if rivals:
        why += f"; so do {len(rivals)} more"
    return chosen, _link(seen, chosen, "tuple", 0.5 if rivals else 0.9, why, rivals)


def by_error(seen: Seen, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """An error event and the oldest operation that waits for its answer or was refused."""
    fitting = [
        op
        for op in candidates
        if _may(op, seen)
        and all(key in op.keys and op.keys[key] == seen.keys.get(key) for key in dialect.error_same)
        and (op.ack is None or op.refused)
    ]
    if not fitting:
        return None
    chosen, rivals = fitting[0], fitting[1:]
    why = f"an error event while request {chosen.seq} on the same {' and '.join(dialect.error_same)} had no good answer"
    return chosen, _link(seen, chosen, "error", 0.5 if rivals else 0.7, why, rivals)


def _choose(fitting: list[Operation], seen: Seen, dialect: Dialect) -> tuple[Operation, list[Operation]]:
    """Of operations that fit equally well, the oldest that waits for its events, else the newest; and its rivals."""
    waiting = [op for op in fitting if _waits(op, seen.event.t, dialect)]
    if waiting:
        return waiting[0], waiting[1:]
    return fitting[-1], [op for op in fitting[:-1] if not is_over(op, seen.event.t, dialect)]


def _waits(op: Operation, now: int, dialect: Dialect) -> bool:
    """Whether an operation may still expect events: neither refused nor given up by the client, and not at its end."""
    if op.refused or op.failure is not None or op.ended is not None or is_over(op, now, dialect):
        return False
    known = dialect.operations.get(op.name or "")
    # where nothing tells its end, the first event after the ack is as good as one
    return known is not None or op.ack is None or not op.links


def objections(op: Operation, seen: Seen, dialect: Dialect) -> Iterator[str]:
    """Why an operation cannot have caused an event that names no id of it; nothing if it can.

    The rule looks at the first, `recorder explain` shows them all.
    """
    yield from _strangers(op, seen)
    if is_over(op, seen.event.t, dialect):
        yield "it was over by then"
    known = dialect.operations.get(op.name or "")
    notification = seen.keys.get("notification")
    if known is not None and notification not in known.events:
        yield f"{op.name} never causes {seen.name}"
    elif op.ended is not None and known is not None and notification in known.terminal and not _is_twin(seen, dialect):
        yield f"its {notification} had come already"
    if not _references_allow(op, seen, dialect):
        mine, its = (repr(keys["reference"]) if "reference" in keys else "none" for keys in (op.keys, seen.keys))
        yield f"its reference is {mine}, the event's {its}"
    differing = [name for name in dialect.tuple_same if op.keys.get(name) != seen.keys.get(name)]
    for name in differing:
        if name in op.keys and name in seen.keys:
            yield f"its {name} is {op.keys[name]!r}, the event's {seen.keys[name]!r}"
    both = {name for name in dialect.tuple_same if name in op.keys and name in seen.keys}
    if not any(group <= both for group in dialect.tuple_enough):
        yield "the two have too little in common to be compared"


def _strangers(op: Operation, seen: Seen) -> Iterator[str]:
    if op.seq > seen.event.seq:
        yield "it was sent after the event"
    if op.again is not None:
        yield f"it got no answer and was sent again as request {op.again.seq}"
    if op.session is not None and seen.session is not None and op.session != seen.session:
        yield f"it is of session s{op.session}, the event went to s{seen.session}"


def _references_allow(op: Operation, seen: Seen, dialect: Dialect) -> bool:
    """The server echoes a request's id: one that is there on one side only speaks against the link."""
    mine, its = op.keys.get("reference"), seen.keys.get("reference")
    return its == mine if its or not _is_twin(seen, dialect) else True


def _is_twin(seen: Seen, dialect: Dialect) -> bool:
    return seen.event.channel == dialect.twin_channel


def _agree(mine: Keys, its: Keys, names: Iterable[str]) -> bool:
    return all(mine[name] == its[name] for name in names if name in mine and name in its)


def _may(op: Operation, seen: Seen) -> bool:
    return next(_strangers(op, seen), None) is None


def _link(  # noqa: PLR0917  # a constructor with a view
    seen: Seen, chosen: Operation, rule: str, confidence: float, why: str, rivals: list[Operation]
) -> Link:
    return Link(seen.event, seen.name, chosen.seq, rule, confidence, why, tuple(op.seq for op in rivals))
