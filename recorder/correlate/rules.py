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

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..model import Event, Failure, Link, Request, Response
from .dialect import Dialect, Keys


@dataclass(slots=True, eq=False)
class Operation:
    """An operation as it unfolds; the engine's own, mutable.

    Attributes:
        session: Number of its session, None while that is unknown.
        ended: `t` at which its terminal event was seen (ns).

    """

    request: Request
    name: str | None
    keys: Keys
    tokens: frozenset[str]
    session: int | None
    ack: Response | None = None
    failure: Failure | None = None
    ended: int | None = None
    links: list[Link] = field(default_factory=list)

    @property
    def seq(self) -> int:
        return self.request.seq


@dataclass(frozen=True, slots=True)
class Seen:
    """An event with what the rules look at."""

    event: Event
    keys: Keys
    session: int | None

    @property
    def name(self) -> str:
        return self.keys.get("notification", self.event.channel)


def by_key(seen: Seen, key: str, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """Rules 1 and 2. `candidates` carry the same value under `key`, oldest first."""
    fitting = [op for op in candidates if _same_session(op, seen)]
    if not fitting:
        return None
    agreeing = [op for op in fitting if _agree(op.keys, seen.keys, ("handle", "application", "campaign"))] or fitting
    waiting = [op for op in agreeing if op.ended is None]
    # an id used again after its first operation ended belongs to the newer one
    chosen, rivals = (waiting[0], waiting[1:]) if waiting else (agreeing[-1], [])
    why = f"{key} {seen.keys[key]!r} of request {chosen.seq} stands in the event"
    if rivals:
        why += f"; {len(rivals)} more open requests have it too, the oldest is taken"
    return chosen, _link(seen, chosen, key, 0.8 if rivals else 1.0, why, rivals)


def by_twin(seen: Seen, original: Operation) -> tuple[Operation, Link]:
    """Rule 3: the event repeats one that `original` caused."""
    why = f"repeats {seen.name} of request {original.seq} on another channel"
    return original, _link(seen, original, "twin", 0.95, why, [])


def by_tuple(seen: Seen, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """Rule 4. `candidates` are operations in their window, oldest first."""
    fitting = [op for op in candidates if _same_session(op, seen) and _tuple_fits(op, seen, dialect)]
    waiting = [op for op in fitting if op.ended is None] or fitting
    if not waiting:
        return None
    chosen, rivals = waiting[0], waiting[1:]
    shared = [key for key in dialect.tuple_same if key in chosen.keys and key in seen.keys]
    why = f"agrees with request {chosen.seq} on " + ", ".join(f"{key} {seen.keys[key]!r}" for key in shared)
    if rivals:
        why += f"; so do {len(rivals)} more, the oldest is taken"
    return chosen, _link(seen, chosen, "tuple", 0.5 if rivals else 0.9, why, rivals)


def by_error(seen: Seen, dialect: Dialect, candidates: Iterable[Operation]) -> tuple[Operation, Link] | None:
    """An error event and the oldest operation that waits for its answer or was refused."""
    fitting = [
        op
        for op in candidates
        if _same_session(op, seen)
        and all(key in op.keys and op.keys[key] == seen.keys.get(key) for key in dialect.error_same)
        and (op.ack is None or not dialect.succeeded(op.ack))
    ]
    if not fitting:
        return None
    chosen, rivals = fitting[0], fitting[1:]
    why = f"an error event while request {chosen.seq} on the same {' and '.join(dialect.error_same)} had no good answer"
    return chosen, _link(seen, chosen, "error", 0.5 if rivals else 0.7, why, rivals)


def _tuple_fits(op: Operation, seen: Seen, dialect: Dialect) -> bool:
    known = dialect.operations.get(op.name or "")
    notification = seen.keys.get("notification")
    if known is not None and notification not in known.events:
        return False
    if op.ended is not None and known is not None and notification in known.terminal and not _is_twin(seen, dialect):
        return False  # its terminal came already
    if not _references_allow(op, seen, dialect):
        return False
    both = {key for key in dialect.tuple_same if key in op.keys and key in seen.keys}
    enough = any(group <= both for group in dialect.tuple_enough)
    return enough and _agree(op.keys, seen.keys, dialect.tuple_same)


def _references_allow(op: Operation, seen: Seen, dialect: Dialect) -> bool:
    """The server echoes a request's id: one that is there on one side only speaks against the link."""
    mine, its = op.keys.get("reference"), seen.keys.get("reference")
    return its == mine if its or not _is_twin(seen, dialect) else True


def _is_twin(seen: Seen, dialect: Dialect) -> bool:
    return seen.event.channel == dialect.twin_channel


def _agree(mine: Keys, its: Keys, names: Iterable[str]) -> bool:
    return all(mine[name] == its[name] for name in names if name in mine and name in its)


def _same_session(op: Operation, seen: Seen) -> bool:
    return op.session is None or seen.session is None or op.session == seen.session


def _link(  # noqa: PLR0917  # a constructor with a view
    seen: Seen, chosen: Operation, rule: str, confidence: float, why: str, rivals: list[Operation]
) -> Link:
    return Link(seen.event, seen.name, chosen.seq, rule, confidence, why, tuple(op.seq for op in rivals))
