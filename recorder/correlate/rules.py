"""Decide which request caused an event: the rules, strongest first. Pure functions over the operations seen so far.

    rule         the event …                                                           confidence
    1 reference  carries the referenceId of a request                                  1
    2 inner      carries that id in a nested field (userData.GSW_REFERENCE_ID)         1
    3 twin       repeats, on another channel, an event that is linked already          0.95 at most
    4 tuple      agrees with one open operation on handle, campaign, device …          0.9; less with rivals
      error      is an error event for the device of an operation without a good ack   0.7
    5            fits none of these rules: it is unsolicited

An event may come before the ack of its operation, but never before the request: an operation is known from its request
on. `python -m benchmarks.correlation` measures how often a link of each confidence is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..dialect.definition import Dialect
from ..model import Keys, Link, agree, listed
from .operations import Operation, Seen, is_over

# Confidence if one operation fits; if another may be the cause; if another that still waits for events fits as well.
ALONE, DOUBTFUL, GUESSED = 0.9, 0.7, 0.5


def by_key(seen: Seen, key: str, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """Link an event by an id (rules 1 and 2); return None if no candidate fits.

    Args:
        seen: The event.
        key: Name of the id, one of `REFERENCES`.
        dialect: The dialect.
        candidates: The operations with the event's value of `key`, oldest first.

    """
    fitting = [op for op in candidates if next(_strangers(op, seen), None) is None]
    if not fitting:
        return None
    # Of several operations with one id, those that agree on the other keys come first. If none agrees, the id still
    # counts.
    agreeing = [op for op in fitting if _agree(op.keys, seen.keys, dialect.tuple_same)] or fitting
    chosen = _chosen(agreeing, seen, dialect)
    rivals = [op for op in agreeing if op is not chosen and _may_be_meant(op, chosen, seen, dialect)]
    why = f"{key} {listed(seen.keys[key])!r} of request {chosen.seq} stands in the event"
    if rivals:
        why += f"; other requests with this {key} that may have caused the event: {len(rivals)}"
    return chosen, _link(seen, chosen, key, 0.8 if rivals else 1.0, why, rivals)


def by_twin(seen: Seen, op: Operation, original: Link, awaiting: Iterable[Operation]) -> tuple[Operation, Link]:
    """Link a twin to the operation that caused its original (rule 3), with at most the confidence of that link.

    Args:
        seen: The twin, an event that repeats another one.
        op: The operation that caused the original.
        original: The link of the original.
        awaiting: Other operations with an event that this twin may repeat, because twins may overtake each other.

    """
    others = {other.seq for other in awaiting}
    why = f"repeats {seen.name} of request {op.seq} on another channel"
    if others:
        why += f"; other requests with such an event: {len(others)}"
    confidence = min(DOUBTFUL if others else 0.95, original.confidence)
    rivals = tuple(sorted({*original.rivals, *others} - {op.seq}))
    return op, Link(seen.event, seen.name, op.seq, "twin", confidence, why, rivals, op.request.message)


def by_repetition(seen: Seen, candidates: list[Operation]) -> tuple[Operation, Link] | None:
    """Link a twin that came a second time; return None without candidates.

    Args:
        seen: The twin.
        candidates: Open operations that already had an equal twin, oldest first; the newest one is chosen.

    """
    if not candidates:
        return None
    *rivals, chosen = candidates
    why = f"repeats {seen.name} of request {chosen.seq} on another channel once more"
    return chosen, _link(seen, chosen, "twin", DOUBTFUL, why, rivals)


def by_tuple(seen: Seen, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """Link an event by the values it shares with an open operation (rule 4); return None if no candidate fits.

    Args:
        seen: The event.
        dialect: The dialect.
        candidates: The operations still open that share identifying keys with the event, oldest first.

    """
    fitting = [op for op in candidates if next(objections(op, seen, dialect), None) is None]
    if not fitting:
        return None
    chosen = _chosen(fitting, seen, dialect)
    # The failed attempt before a retry is a rival: the server may have received it, although its response was lost.
    rivals = [op for op in (chosen.before, *fitting) if op is not None and op is not chosen]
    shared = [key for key in dialect.tuple_same if key in chosen.keys and key in seen.keys]
    why = f"agrees with request {chosen.seq} on " + ", ".join(f"{key} {listed(seen.keys[key])!r}" for key in shared)
    if rivals:
        why += f"; other requests that agree too: {len(rivals)}"
    return chosen, _link(seen, chosen, "tuple", _confidence(chosen, rivals, seen, dialect), why, rivals)


def by_error(seen: Seen, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """Link an error event to the only operation on its device that was refused or still waits for its ack.

    Several such operations give None: the ack that reports the failure decides later.

    Args:
        seen: The error event.
        dialect: The dialect.
        candidates: The operations the error event may be about.

    """
    fitting = [
        op
        for op in candidates
        if next(_strangers(op, seen), None) is None
        and all(key in op.keys and agree(op.keys[key], seen.keys.get(key, ())) for key in dialect.error_same)
        and (op.refused or (op.ack is None and op.failure is None))
    ]
    if len(fitting) != 1:
        return None
    (chosen,) = fitting
    why = f"an error event while request {chosen.seq} on the same {' and '.join(dialect.error_same)} had no good answer"
    return chosen, _link(seen, chosen, "error", DOUBTFUL, why, [])


def objections(op: Operation, seen: Seen, dialect: Dialect) -> Iterator[str]:
    """Yield the reasons why an operation cannot have caused an event by rule 4; nothing if it can.

    The rule needs only the first reason; `recorder explain` shows all of them, each after the name of the operation.
    """
    yield from _strangers(op, seen)
    if is_over(op, seen.event.t, dialect):
        yield "its time to cause events was over"
    if op.refused:
        yield "the server refused it"
    known = dialect.operations.get(op.name or "")
    if known is not None and seen.name not in known.events:
        yield f"{op.name} never causes {seen.name}"
    elif op.settled and known is not None and seen.name in known.terminal and _is_weak(op, dialect):
        yield f"its terminal event {seen.name} had come already"
    if not _references_allow(op, seen, dialect):
        mine, its = (
            repr(listed(keys["reference"])) if "reference" in keys else "none" for keys in (op.keys, seen.keys)
        )
        yield f"its reference is {mine}, the event's {its}"
    for name in dialect.tuple_same:
        if name in op.keys and name in seen.keys and not agree(op.keys[name], seen.keys[name]):
            yield f"its {name} is {listed(op.keys[name])!r}, the event's {listed(seen.keys[name])!r}"
    if not _are_comparable(op.keys, seen.keys, dialect):
        yield "neither has the keys that identify the other"


def _strangers(op: Operation, seen: Seen) -> Iterator[str]:
    if op.seq > seen.event.seq:
        yield "it was sent after the event"
    if op.again is not None:
        yield f"it got no answer and was sent again as request {op.again.seq}"
    if op.session is not None and seen.session is not None and op.session != seen.session:
        yield f"it belongs to session s{op.session}, the event went to s{seen.session}"


def _chosen(fitting: list[Operation], seen: Seen, dialect: Dialect) -> Operation:
    """Return the oldest of equally fitting operations that still waits for events, else the newest one."""
    waiting = (op for op in fitting if _waits(op, seen.event.t, dialect))
    return next(waiting, fitting[-1])


def _waits(op: Operation, now: int, dialect: Dialect) -> bool:
    """Return whether an operation still expects events: not refused, not aborted by the client, not ended."""
    if op.refused or op.failure is not None or op.ended is not None or is_over(op, now, dialect):
        return False
    known = dialect.operations.get(op.name or "")
    # An operation that the dialect does not list has no known terminal event, so its first event with an ack ends it.
    return known is not None or op.ack is None or not op.links


def _may_be_meant(op: Operation, chosen: Operation, seen: Seen, dialect: Dialect) -> bool:
    """Return whether an operation with the same id as `chosen` is a rival: it waits, lost its ack, or just ended."""
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
    """Return whether an operation has no identifying keys but the dialect's weakest group."""
    return _identity(op.keys, dialect) == dialect.tuple_enough[-1:]


def _are_comparable(mine: Keys, its: Keys, dialect: Dialect) -> bool:
    """Return whether one side has the keys that identify the other.

    An operation with only a handle and an event with only a phone number, for example, cannot be compared.
    """
    return any(group <= its.keys() for group in _identity(mine, dialect)) or any(
        group <= mine.keys() for group in _identity(its, dialect)
    )


def _identity(keys: Keys, dialect: Dialect) -> tuple[frozenset[str], ...]:
    """Return the strongest group of identifying keys in `keys`, as a tuple of one group or none."""
    return tuple(group for group in dialect.tuple_enough if group <= keys.keys())[:1]


def _references_allow(op: Operation, seen: Seen, dialect: Dialect) -> bool:
    """Return whether the references of an operation and an event allow a link.

    The server echoes the reference of a request in its events. So a reference on only one side speaks against the link,
    except on the channel of twins, whose events carry none.
    """
    mine, its = op.keys.get("reference"), seen.keys.get("reference")
    if mine is None or its is None:
        return mine == its or (its is None and seen.event.channel == dialect.twin_channel)
    return agree(mine, its)


def _agree(mine: Keys, its: Keys, names: Iterable[str]) -> bool:
    return all(agree(mine[name], its[name]) for name in names if name in mine and name in its)


def _link(  # noqa: PLR0917  # it takes the fields of the link it builds
    seen: Seen, chosen: Operation, rule: str, confidence: float, why: str, rivals: list[Operation]
) -> Link:
    others = tuple(op.seq for op in rivals)
    return Link(seen.event, seen.name, chosen.seq, rule, confidence, why, others, chosen.request.message)
