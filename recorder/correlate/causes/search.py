"""Find the request that caused an event: ask the rules, strongest first, for the operations that may be meant."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from ...dialect.definition import Dialect
from ...model import Link
from ..families import Groups
from ..operations import Operation, Operations, Seen
from ..orphans import Orphans
from ..sessions import Sessions
from ..streams import Streams
from .rules import (
    by_answer,
    by_error,
    by_key,
    by_only,
    by_repetition,
    by_shared,
    by_tuple,
    by_twin,
    is_likelier,
)
from .siblings import Siblings, by_sibling, stronger
from .twins import Twins


@dataclass(frozen=True, slots=True)
class Causes:
    """The search for the operation that caused an event, over all that a capture has shown so far."""

    _dialect: Dialect
    _open: Operations
    _sessions: Sessions
    _streams: Streams
    _siblings: Siblings
    _twins: Twins
    _orphans: Orphans

    def of(self, seen: Seen) -> tuple[Operation, Link] | None:
        """Return the operation that caused an event, with the link; None if it is unsolicited."""
        if seen.is_ignored:
            return None
        # An exact id decides before all else; the rules without ids follow.
        answered = self._streams.asked_for(seen.event.exchange)
        own = by_answer(seen, answered, self._dialect) if answered is not None else None
        for key in self._dialect.exact:
            if key in seen.keys:
                found = by_key(seen, key, self._dialect, self._with_exact(key, seen))
                if found:  # a server counts its own questions, so that they may have the ids of other requests
                    return found if own is None or found[0] is answered else own
        if seen.event.channel == self._dialect.twin_channel:
            return self._of_twin(seen)
        if self._dialect.is_error(seen.event):
            same = self._open.on_device(seen) if self._dialect.error_same else self._alone(seen, is_error=True)
            found = by_error(seen, self._dialect, same)
            if found or not self._dialect.error_after_ack:
                return found
        found = self._by_values(seen)
        if found is not None and self._dialect.shared and found[1].rule == "tuple":
            foreign = self._of_others(seen)
            return foreign if foreign and is_likelier(foreign[0], found[0], seen, self._dialect) else found
        return found or own or by_only(seen, self._dialect, self._alone(seen)) or self._of_others(seen)

    def _of_others(self, seen: Seen) -> tuple[Operation, Link] | None:
        """Return the operation of another session that an event tells of."""
        shared = [key for key in self._dialect.shared if key in seen.keys]
        if seen.session is None or not shared:
            return None
        like = self._open.like(seen, everyone=True)
        exact = [self._open.with_exact(key, seen.keys, seen.event.t) for key in shared if key in self._dialect.exact]
        if any(exact):  # an operation may be in a group of each
            every = dict.fromkeys(chain(*exact, like))
            like = Groups([[op] for op in sorted(every, key=lambda op: op.at)])
        known = [(group, self._session_of(group[0])) for group in like.groups]
        foreign = [group for group, session in known if session is not None and session != seen.session]
        return by_shared(seen, shared, self._dialect, Groups(foreign))

    def _session_of(self, op: Operation) -> int | None:
        return op.session or self._sessions.of_tokens(op.tokens)

    def _with_exact(self, key: str, seen: Seen) -> Groups:
        return self._open.with_exact(key, seen.keys, seen.event.t, seen.session)

    def _by_values(self, seen: Seen) -> tuple[Operation, Link] | None:
        alike = by_tuple(seen, self._dialect, self._open.like(seen))
        first = self._siblings.first(seen)
        return alike if first is None else stronger(by_sibling(seen, first, self._dialect), alike, first)

    def _alone(self, seen: Seen, *, is_error: bool = False) -> Groups:
        """Return the operations of the event's session that may cause it without a common value."""
        groups = self._open.alone(seen, is_error=is_error).groups
        if seen.session is None:
            return Groups(groups)
        only = self._sessions.only()
        return Groups([one for one in groups if (self._session_of(one[0]) or only) == seen.session])

    def _of_twin(self, seen: Seen) -> tuple[Operation, Link] | None:
        original = self._twins.original(seen)
        if original is not None:
            half, others = original
            if half.op is not None and half.link is not None:
                return by_twin(seen, half.op, half.link, others)
            self._orphans.pair(half.seen, seen)  # no request caused the original, so none caused its twin
            return None
        like = self._open.like(seen)
        found = by_tuple(seen, self._dialect, like)
        if found is not None:
            return found
        like = self._open.like(seen, everyone=True)
        return by_repetition(seen, [op for op in like if self._twins.repeated(seen, op)])
