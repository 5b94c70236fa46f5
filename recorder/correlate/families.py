"""Keep open operations in families that no rule tells apart, so that an event is compared with one of each family.

Without families each event is compared with every open operation that shares a value with it: 10,000 equal requests
and as many events took minutes. The operations of a family agree in all that the rules look at (`Profile`); they differ
in their places on the wire and in the time at which they are over.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias, overload

if TYPE_CHECKING:
    from .operations import Operation

Profile: TypeAlias = tuple[Hashable, ...]
Place: TypeAlias = tuple[int | str | None, ...]  # number of a group of keys or so, then values
_age = attrgetter("at")
_SPARE = 16  # operations that have left a family and are still kept


class Groups(Sequence["Operation"]):
    """Operations in groups that no rule tells apart, each group oldest first; read alone, all of them by age."""

    def __init__(self, groups: list[list[Operation]]) -> None:
        self.groups = groups

    def __iter__(self) -> Iterator[Operation]:
        if len(self.groups) == 1:
            return iter(self.groups[0])
        return iter(sorted((op for group in self.groups for op in group), key=_age))

    def __len__(self) -> int:
        return sum(map(len, self.groups))

    @overload
    def __getitem__(self, place: int) -> Operation: ...
    @overload
    def __getitem__(self, place: slice) -> list[Operation]: ...
    def __getitem__(self, place: int | slice) -> Operation | list[Operation]:
        return list(self)[place]

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a sequence that is compared by its items


@dataclass(slots=True, eq=False)
class _Family:
    """Operations of one profile.

    Attributes:
        places: Where the family is found.
        session: The session of its operations, None while that is unknown.
        open: The operations that can still get an event by a rule without ids, oldest first.
        over: The others, where they are kept: an exact id still finds them.
        ends: When an operation is over, counted from so many nanoseconds; those that have left the family may stay
            here for a while.
        latest: Time of the latest search.
    """

    profile: Profile
    places: tuple[Place, ...]
    session: int | None
    open: list[Operation] = field(default_factory=list)
    over: list[Operation] = field(default_factory=list)
    ends: list[tuple[int, int, Operation]] = field(default_factory=list)
    latest: int = -1


class Families:
    """Families of operations by the places where an event finds them."""

    def __init__(
        self,
        profile: Callable[[Operation], Profile],
        places: Callable[[Operation], Iterable[Place]],
        is_over: Callable[[Operation, int], bool],
        *,
        keep: bool,
    ) -> None:
        """Begin without operations.

        Args:
            profile: Returns all that the rules look at in an operation.
            places: Returns where an operation is found: the same for operations of one profile.
            is_over: Returns whether an operation can get no event any more at a time, unless by an id.
            keep: Whether operations that are over are still found.
        """
        self._profile, self._places, self._is_over, self._keep = profile, places, is_over, keep
        self._families: dict[Profile, _Family] = {}
        self._of: dict[Operation, tuple[_Family, int]] = {}  # its family, and what its time is counted from
        self._by: dict[Place, dict[int | None, dict[_Family, None]]] = {}  # by place, then by session
        self._number = count()

    def put(self, op: Operation) -> None:
        """Take an operation, or one that has changed."""
        profile, since = self._profile(op), _since(op)
        known = self._of.get(op)
        if known is not None:
            if known[1] == since and known[0].profile == profile:
                return
            self._remove(known[0], op)
        family = self._families.get(profile)
        if family is None:
            places = tuple(dict.fromkeys(self._places(op)))
            if not places:
                self._of.pop(op, None)
                return
            family = _Family(profile, places, op.session)
        self._insert(family, op, since)

    def forget(self, op: Operation) -> None:
        """Drop an operation."""
        known = self._of.pop(op, None)
        if known is not None:
            self._remove(known[0], op)

    def at(
        self, places: Iterable[Place], now: int, session: int | None = None, *, everyone: bool = True
    ) -> list[list[Operation]]:
        """Return groups of the operations at some places; each group is to be left as it is.

        Args:
            places: Where to look.
            now: Time in nanoseconds; what is over then is left out, if it is not kept.
            session: Leave out the operations of other sessions, unless None or `everyone`.
            everyone: Whether operations of all sessions are wanted.
        """
        found: dict[_Family, None] = {}
        for place in places:
            by_session = self._by.get(place)
            if not by_session:
                continue
            wanted = list(by_session) if everyone or session is None else (None, session)
            for one in wanted:
                found.update(by_session.get(one, ()))
        return [group for family in found for group in self._groups(family, now)]

    def __iter__(self) -> Iterator[Place]:
        """Yield all places."""
        return iter(self._by)

    def _groups(self, family: _Family, now: int) -> Iterator[list[Operation]]:
        self._expire(family, now)
        if family.open:
            yield family.open
        if family.over and now >= family.latest:
            yield family.over
        else:  # an event that is judged again: of those that are over by now some may not have been over then
            yield from ([op] for op in family.over)

    def _expire(self, family: _Family, now: int) -> None:
        ends = family.ends
        while ends:
            since, _, op = ends[0]
            if self._of.get(op) == (family, since):
                if not self._is_over(op, now):
                    break
                _take(family.open, op)
                if self._keep:
                    insort(family.over, op, key=_age)
            heappop(ends)
        family.latest = max(family.latest, now)
        if not family.open and not self._keep:
            self._hide(family)

    def _insert(self, family: _Family, op: Operation, since: int) -> None:
        if not family.open and not family.over:
            self._show(family)
        insort(family.open, op, key=_age)
        heappush(family.ends, (since, next(self._number), op))
        self._of[op] = family, since

    def _remove(self, family: _Family, op: Operation) -> None:
        if not _take(family.open, op):
            _take(family.over, op)
        if len(family.ends) > _SPARE + 2 * len(family.open):  # nobody may ever ask for this family again
            family.ends = [end for end in family.ends if self._of.get(end[2]) == (family, end[0])]
            heapify(family.ends)
        if not family.open and not family.over:
            self._hide(family)

    def _show(self, family: _Family) -> None:
        self._families[family.profile] = family
        for place in family.places:
            self._by.setdefault(place, {}).setdefault(family.session, {})[family] = None

    def _hide(self, family: _Family) -> None:
        if self._families.get(family.profile) is not family:
            return
        del self._families[family.profile]
        for place in family.places:
            by_session = self._by[place]
            del by_session[family.session][family]
            if not by_session[family.session]:
                del by_session[family.session]
                if not by_session:
                    del self._by[place]


def _since(op: Operation) -> int:
    """Return what the time of an operation is counted from (`operations.is_over`)."""
    return op.ended if op.ended is not None and op.settled else op.request.t


def _take(ops: list[Operation], op: Operation) -> bool:
    """Take an operation out of a list by age; return whether it was there."""
    place = bisect_left(ops, op.at, key=_age)
    while place < len(ops) and ops[place].at == op.at:
        if ops[place] is op:
            del ops[place]
            return True
        place += 1
    return False
