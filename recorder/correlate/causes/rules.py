"""Decide which request caused an event: the rules, strongest first. Pure functions over the operations seen so far.

    rule         the event …                                                                 confidence
    1 exact      carries an id of one operation, from its request or its ack                 1
    2 twin       repeats, on another channel, an event that is linked already                0.95 at most
    3 error      is an error event, and one operation of its device may have failed          0.7
    4 tuple      agrees with one open operation on handle, campaign, device …                0.9; less with rivals
      sibling    belongs to the transaction of an event that is linked already               0.9 at most
      answer     comes in the answer to an operation itself, which causes events of its name     0.9
    5 only       has the name of one that an open operation causes without a common value    0.6; less with rivals
    6 shared     tells another session of something that several sessions work on            0.9; less with rivals
    7            fits none of these rules: it is unsolicited

Links by an exact id have the rule `reference`, those by the key `inner_reference` have that name. Of tuple and sibling
the surer one decides, and the sibling if both are equally sure: a transaction is of one operation, a record of many.

A refused or failed operation gets no event by the rules 4 and 5, and one that ended gets none after its time of grace,
nor before that with more than 0.7.

An event may come before the ack of its operation, but never before the request: an operation is known from its request
on. `python -m benchmarks.correlation` measures how often a link of each confidence is right.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from ...dialect.definition import Dialect
from ...dialect.definition import Operation as Known
from ...model import Keys, Link, Value, agree, listed, value_of, values
from ...push.rules import MESSAGE
from ..families import Groups
from ..operations import Operation, Seen, has_ended, has_lost, identity, is_over

INNER = "inner_reference"  # an exact key in a nested field, which a server need not repeat
EXACT = "reference"  # name of the rule by which other exact keys link
# Confidence if one operation fits; if another may be the cause; if another that still waits for events fits as well.
ALONE, DOUBTFUL, GUESSED = 0.9, 0.7, 0.5
# Confidence of a link without any common value, and of one that another operation may have caused.
ONLY, ONLY_GUESSED = 0.6, 0.4


MOST_RIVALS = 100  # that a link names, the oldest: else each of many equal operations would name all others
Group: TypeAlias = list[Operation]  # operations that no rule tells apart, oldest first
_age, _seq = attrgetter("at"), attrgetter("seq")


class Rivals(NamedTuple):
    """Operations that an event would fit as well: the oldest, and how many there are."""

    ops: Sequence[Operation] = ()
    many: int = 0

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return self.many > 0


NO_RIVALS = Rivals()


def by_key(seen: Seen, key: str, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """Link an event by an exact id (rule 1); return None if no candidate fits.

    Args:
        seen: The event.
        key: Name of the id, one of `Dialect.exact`.
        dialect: The dialect.
        candidates: The operations with the event's value of `key`, oldest first.

    """
    fitting = [group for group in _before(candidates, seen) if not _strangers(group[0], seen)]
    if not fitting:
        return None
    chosen, rivals = fitting[0][0], NO_RIVALS
    if len(fitting) > 1 or len(fitting[0]) > 1:
        # Of several operations with one id, those that agree on the other keys come first. If none agrees, the id still
        # counts.
        agreeing = [one for one in fitting if _agree(one[0].keys, seen.keys, dialect.tuple_same)] or fitting
        chosen = _chosen(agreeing, seen, dialect)
        meant = [one for one in agreeing if _may_be_meant(_other(one, chosen), chosen, seen, dialect)]
        rivals = _rivals(meant, chosen)
    why = f"{key} {_shared(chosen.keys[key], seen.keys[key])!r} of request {chosen.seq} stands in the event"
    if rivals:
        why += f"; other requests with this {key} that may have caused the event: {rivals.many}"
    return chosen, _link(seen, chosen, key if key == INNER else EXACT, 0.8 if rivals else 1.0, why, rivals)


def by_twin(seen: Seen, op: Operation, original: Link, awaiting: Iterable[Operation]) -> tuple[Operation, Link]:
    """Link a twin to the operation that caused its original (rule 2), with at most the confidence of that link.

    Args:
        seen: The twin, an event that repeats another one.
        op: The operation that caused the original.
        original: The link of the original.
        awaiting: Other operations with an event that this twin may repeat, because twins may overtake each other.

    """
    others = [other.seq for other in awaiting]
    why = f"repeats {seen.name} of request {op.seq} on another channel"
    if others:
        why += f"; other requests with such an event: {len(set(others))}"
    confidence = min(DOUBTFUL if others else 0.95, original.confidence)
    rivals = tuple(sorted({*original.rivals, *others} - {op.seq})[:MOST_RIVALS]) if others or original.rivals else ()
    return op, Link(seen.event, seen.name, op.seq, "twin", confidence, why, rivals, op.request.message)


def by_repetition(seen: Seen, candidates: list[Operation]) -> tuple[Operation, Link] | None:
    """Link a twin that came a second time; return None without candidates.

    Args:
        seen: The twin.
        candidates: Open operations that already had an equal twin, oldest first; the newest one is chosen.

    """
    if not candidates:
        return None
    *others, chosen = candidates
    why = f"repeats {seen.name} of request {chosen.seq} on another channel once more"
    return chosen, _link(seen, chosen, "twin", DOUBTFUL, why, Rivals(others[:MOST_RIVALS], len(others)))


def by_tuple(seen: Seen, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """Link an event by the values it shares with an open operation (rule 4); return None if no candidate fits.

    Args:
        seen: The event.
        dialect: The dialect.
        candidates: The operations still open that share identifying keys with the event, oldest first.

    """
    fitting = [one for one in _before(candidates, seen) if next(objections(one[0], seen, dialect), None) is None]
    if not fitting:
        return None
    chosen = _chosen(fitting, seen, dialect)
    # The failed attempt before a retry is a rival: the server may have received it, although its response was lost.
    rivals = _rivals(fitting, chosen, chosen.before)
    shared = [key for key in dialect.tuple_same if key in chosen.keys and key in seen.keys]
    why = f"agrees with request {chosen.seq} on " + ", ".join(
        f"{key} {_shared(chosen.keys[key], seen.keys[key])!r}" for key in shared
    )
    if rivals:
        why += f"; other requests that agree too: {rivals.many}"
    return chosen, _link(seen, chosen, "tuple", _sure(chosen, fitting, seen, dialect), why, rivals)


def by_only(seen: Seen, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """Link an event to the open operation that causes such events but shares no value with them (rule 5).

    Args:
        seen: The event.
        dialect: The dialect.
        candidates: The operations still open of the event's session that share no value with such events, oldest first.

    """
    fitting = [one for one in _before(candidates, seen) if next(objections(one[0], seen, dialect), None) is None]
    if not fitting:
        return None
    chosen = _chosen(fitting, seen, dialect)
    rivals = _rivals(fitting, chosen, chosen.before)
    is_sure = _sure(chosen, fitting, seen, dialect) == ALONE
    why = f"request {chosen.seq} may cause {seen.name}, and "
    why += f"so may others: {rivals.many}" if rivals else "no other open request of this session may"
    if has_ended(chosen, seen):
        why += "; such an event had ended it already"
    return chosen, _link(seen, chosen, "only", ONLY if is_sure else ONLY_GUESSED, why, rivals)


def by_shared(
    seen: Seen, shared: Iterable[str], dialect: Dialect, candidates: Iterable[Operation]
) -> tuple[Operation, Link] | None:
    """Link an event to the operation of another session that it tells of (rule 6).

    Args:
        seen: The event.
        shared: Keys of what several sessions work on, those that the event has.
        dialect: The dialect.
        candidates: Operations of other sessions with one of these values, oldest first.

    """
    fitting = [one for one in _before(candidates, seen) if next(_keeps_from(one[0], seen, dialect), None) is None]
    if not fitting:
        return None
    chosen = _chosen(fitting, seen, dialect)
    rivals = _rivals(fitting, chosen)
    key = next(key for key in shared if key in chosen.keys and agree(chosen.keys[key], seen.keys[key]))
    why = f"request {chosen.seq} of another session has the {key} {_shared(chosen.keys[key], seen.keys[key])!r} too"
    return chosen, _link(seen, chosen, "shared", DOUBTFUL if rivals else ALONE, why, rivals)


def is_likelier(foreign: Operation, own: Operation, seen: Seen, dialect: Dialect) -> bool:
    """Return whether an event tells of another session's operation rather than of one that its own session had."""
    waiting = waits(foreign, seen, dialect), waits(own, seen, dialect)
    return waiting[0] if waiting[0] != waiting[1] else not waiting[0] and foreign.seq > own.seq


def _keeps_from(op: Operation, seen: Seen, dialect: Dialect) -> Iterator[str]:
    known = dialect.operations.get(op.name or "")
    if known is None or seen.name not in known.events:
        yield f"{op.name} never causes {seen.name}"
    yield from past(op, replace(seen, session=None), dialect)


def by_answer(seen: Seen, op: Operation, dialect: Dialect) -> tuple[Operation, Link] | None:
    """Link an event to the operation whose answer is the stream that it came on, if such events are its business.

    Any answer may carry what others caused, so an id, or values in common, say more.
    """
    known = dialect.operations.get(op.name or "")
    if known is None or seen.name not in known.events:
        return None
    return op, _link(seen, op, "answer", ALONE, f"the event came in the answer to request {op.seq} itself")


def by_error(seen: Seen, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """Link an error event to the only operation on its device that was refused or still waits for its ack (rule 3).

    Several such operations give None: the ack that reports the failure decides later. If the dialect says that errors
    may follow a good ack, operations that still wait for their events count too, unless an ack reports a failure; if
    errors share no value with their operations, the only one of the session is meant.

    Args:
        seen: The error event.
        dialect: The dialect.
        candidates: The operations the error event may be about.

    """
    every = [one for one in _before(candidates, seen) if _may_have_failed(one[0], seen, dialect)]
    refused = [one for one in every if one[0].refused] if dialect.error_after_ack else []
    fitting = refused or every
    if len(fitting) != 1 or len(fitting[0]) != 1:
        return None
    chosen = fitting[0][0]
    same = " on the same " + " and ".join(dialect.error_same) if dialect.error_same else " alone"
    state = "waited for its events" if chosen.ack is not None and not chosen.refused else "had no good answer"
    why = f"an error event while request {chosen.seq}{same} {state}"
    return chosen, _link(seen, chosen, "error", DOUBTFUL if dialect.error_same else ONLY, why)


def objections(op: Operation, seen: Seen, dialect: Dialect) -> Iterator[str]:
    """Yield the reasons why an operation cannot have caused an event by rule 4 or 5; nothing if it can.

    The rule needs only the first reason; `recorder explain` shows all of them, each after the name of the operation.
    """
    known = dialect.operations.get(op.name or "")
    if known is not None and seen.name not in known.events:
        yield f"{op.name} never causes {seen.name}"  # first, because it is true of most and costs least
    yield from past(op, seen, dialect)
    if known is not None and seen.name in known.terminal and _had(op, seen, known) and _is_weak(op, dialect):
        yield f"its terminal event {seen.name} had come already"
    shares_nothing = known is not None and known.only
    yield from _unlike_ids(op, seen, dialect, shares_nothing=shares_nothing)
    for name in dialect.tuple_same:
        if name in op.keys and name in seen.keys and not agree(op.keys[name], seen.keys[name]):
            yield f"its {name} is {listed(op.keys[name])!r}, the event's {listed(seen.keys[name])!r}"
    if not shares_nothing and not _are_comparable(op.keys, seen.keys, dialect):
        yield "neither has the keys that identify the other"


def past(op: Operation, seen: Seen, dialect: Dialect) -> Iterator[str]:
    """Yield the reasons why an operation takes no event any more, whatever they share, unless by an exact id."""
    yield from _strangers(op, seen)
    if is_over(op, seen.event.t, dialect):
        yield "its time to cause events was over"
    if op.refused:
        yield "the server refused it"
    elif op.failed and op.settled:
        yield "an error event had ended it"
    elif op.lost and has_lost(op, seen):
        yield "an error event was about the same record"


def _are_comparable(mine: Keys, its: Keys, dialect: Dialect) -> bool:
    """Return whether one side has the keys that identify the other.

    An operation with only a handle and an event with only a phone number, for example, cannot be compared.
    """
    sides = ((identity(mine, dialect), its), (identity(its, dialect), mine))
    return any(group and group <= keys.keys() for group, keys in sides)


def are_alike(op: Operation, seen: Seen, dialect: Dialect) -> bool:
    """Return whether an operation and an event can be compared, and agree on all that both have."""
    return _agree(op.keys, seen.keys, dialect.tuple_same) and _are_comparable(op.keys, seen.keys, dialect)


def _strangers(op: Operation, seen: Seen) -> list[str]:
    found = []
    if op.seq > seen.event.seq:
        found.append("it was sent after the event")
    if op.again is not None:
        found.append(f"it got no answer and was sent again as request {op.again.seq}")
    if op.session is not None and seen.session is not None and op.session != seen.session:
        found.append(f"it belongs to session s{op.session}, the event went to s{seen.session}")
    return found


def _unlike_ids(op: Operation, seen: Seen, dialect: Dialect, *, shares_nothing: bool) -> Iterator[str]:
    """Yield the exact ids of an operation and an event that do not allow a link by a weaker rule.

    The server echoes the reference of a request in its events. So a reference on only one side speaks against the link,
    except on the channel of twins, whose events carry none, and where the dialect says that such events carry none.
    """
    for name in dialect.exact:
        mine, its = op.keys.get(name), seen.keys.get(name)
        if mine is not None and its is not None:
            is_unlike = not agree(mine, its)
        elif name == INNER or mine is its:
            is_unlike = False
        else:
            is_unlike = its is not None or not (shares_nothing or _is_unreferenced(seen, dialect))
        if is_unlike:
            both = ("none" if value is None else repr(listed(value)) for value in (mine, its))
            yield "its {} is {}, the event's {}".format(name, *both)


def _is_unreferenced(seen: Seen, dialect: Dialect) -> bool:
    """Return whether an event of this kind carries no exact ids."""
    unreferenced = dialect.unreferenced
    return seen.event.channel == dialect.twin_channel or seen.name in unreferenced or "*" in unreferenced


def _may_have_failed(op: Operation, seen: Seen, dialect: Dialect) -> bool:
    return (
        not _strangers(op, seen)
        and all(key in op.keys and agree(op.keys[key], seen.keys.get(key, ())) for key in dialect.error_same)
        and _may_fail(op, seen, dialect)
    )


def _may_fail(op: Operation, seen: Seen, dialect: Dialect) -> bool:
    """Return whether an error event may be about an operation."""
    is_message = op.request.method == MESSAGE  # has no ack, so its error can only be an event
    if op.refused or (op.ack is None and op.failure is None and not is_message):
        return not op.failed or not has_ended(op, seen)
    known = dialect.operations.get(op.name or "")
    waits_for_some = known is not None and bool(known.events)
    return (dialect.error_after_ack or is_message) and waits_for_some and waits(op, seen, dialect)


def _before(candidates: Iterable[Operation], seen: Seen) -> Iterator[Group]:
    """Yield the candidates that were sent before an event, in groups of which one operation stands for all."""
    groups = candidates.groups if isinstance(candidates, Groups) else [[op] for op in candidates]
    at = seen.event.seq
    for group in groups:
        if group[-1].seq <= at:
            yield group
        elif group[0].seq <= at:
            yield group[: bisect_right(group, at, key=_seq)]


def _chosen(fitting: list[Group], seen: Seen, dialect: Dialect) -> Operation:
    """Return the oldest of equally fitting operations that still waits for events, else the newest one."""
    waiting = [group[0] for group in fitting if waits(group[0], seen, dialect)]
    return min(waiting, key=_age) if waiting else max((group[-1] for group in fitting), key=_age)


def _other(group: Group, chosen: Operation) -> Operation:
    """Return an operation of a group that stands for its others."""
    return group[1] if group[0] is chosen and len(group) > 1 else group[0]


def _rivals(fitting: list[Group], chosen: Operation, before: Operation | None = None) -> Rivals:
    """Return the operations beside the chosen one, and the attempt before it."""
    count = sum(map(len, fitting)) - any(chosen is op for op in _own(fitting, chosen))
    if not count and before is None:
        return NO_RIVALS
    oldest = sorted((op for group in fitting for op in group[: MOST_RIVALS + 1] if op is not chosen), key=_age)
    first = [] if before is None else [before]
    return Rivals([*first, *oldest][:MOST_RIVALS], count + len(first))


def _own(fitting: list[Group], chosen: Operation) -> Iterator[Operation]:
    """Yield the operations that may be the chosen one: it is the oldest or the newest of its group."""
    return (op for group in fitting for op in (group[0], group[-1]) if op.at == chosen.at)


def waits(op: Operation, seen: Seen, dialect: Dialect) -> bool:
    """Return whether an operation still expects an event: not refused, not aborted by the client, not ended."""
    if op.refused or op.failure is not None or has_ended(op, seen) or is_over(op, seen.event.t, dialect):
        return False
    known = dialect.operations.get(op.name or "")
    # An operation that the dialect does not list has no known terminal event, so its first event with an ack ends it.
    return known is not None or op.ack is None or not op.links


def _may_be_meant(op: Operation, chosen: Operation, seen: Seen, dialect: Dialect) -> bool:
    """Return whether an operation with the same id as `chosen` is a rival: it waits, lost its ack, or just ended."""
    if waits(op, seen, dialect):
        return True
    if op.failure is not None or not waits(chosen, seen, dialect):
        return not op.refused and not is_over(op, seen.event.t, dialect)
    return False


def _sure(chosen: Operation, fitting: list[Group], seen: Seen, dialect: Dialect) -> float:
    others = [_other(group, chosen) for group in fitting if len(group) > 1 or group[0] is not chosen]
    others += [chosen.before] if chosen.before is not None else []
    if any(waits(op, seen, dialect) for op in others):
        return GUESSED
    unsure = others or chosen.failure is not None or has_ended(chosen, seen)
    return DOUBTFUL if unsure or seen.keys.get("notification") in dialect.unasked else ALONE


def _had(op: Operation, seen: Seen, known: Known) -> bool:
    """Return whether an operation has surely ended, and not by a terminal event of another name alone."""
    if not op.settled or op.failed or not has_ended(op, seen):
        return False
    return len(known.terminal) == 1 or any(link.name == seen.name for link in op.links)


def _is_weak(op: Operation, dialect: Dialect) -> bool:
    """Return whether an operation has no identifying keys but the weakest of the dialect's groups."""
    return len(dialect.tuple_enough) > 1 and (identity(op.keys, dialect),) == dialect.tuple_enough[-1:]


def _shared(mine: Value, its: Value) -> str:
    """Return the values that two values of a key share, in words."""
    if isinstance(its, str):
        return its
    return listed(value_of(text for text in its if text in values(mine)) or ())


def _agree(mine: Keys, its: Keys, names: Iterable[str]) -> bool:
    return all(agree(mine[name], its[name]) for name in names if name in mine and name in its)


def _link(  # noqa: PLR0917  # it takes the fields of the link it builds
    seen: Seen, chosen: Operation, rule: str, confidence: float, why: str, rivals: Rivals = NO_RIVALS
) -> Link:
    others = tuple([op.seq for op in rivals.ops])
    return Link(seen.event, seen.name, chosen.seq, rule, confidence, why, others, chosen.request.message)
