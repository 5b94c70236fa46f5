"""Index the recorded requests that a live one may be, so that the next one is found without a search.

Requests of one key are alternatives: by the recorded session that made them, then in groups that differ in nothing but
the ids of one operation.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from ....requests.request import Id, RecordedRequest


@dataclass(slots=True, eq=False)
class Repeats:
    """Places (in `Matcher.triples`) of equal requests, in recorded order; there is at least one."""

    places: list[int]

    @property
    def first(self) -> int:
        """The first place, which identifies the group."""
        return self.places[0]


@dataclass(slots=True, eq=False)
class SessionRequests:
    """The alternatives of one recorded session, in recorded order of the first of each group."""

    groups: list[Repeats] = field(default_factory=list)
    by_id: dict[Id, Repeats] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Alternatives:
    """The recorded requests of one key, by session; None for those whose session is not known."""

    sessions: dict[str | None, SessionRequests] = field(default_factory=dict)

    def add(self, entry: RecordedRequest) -> None:
        """Add a recorded request; call in recorded order."""
        session = self.sessions.setdefault(entry.session, SessionRequests())
        repeats = session.by_id.get(entry.id)
        if repeats is None:
            repeats = session.by_id[entry.id] = Repeats([entry.place])
            session.groups.append(repeats)
        else:
            repeats.places.append(entry.place)

    def of(self, sessions: Collection[str | None] | None) -> list[SessionRequests]:
        """Return the requests of some sessions; None stands for all sessions."""
        if sessions is None:
            return list(self.sessions.values())
        return [self.sessions[session] for session in sessions if session in self.sessions]

    def places(self) -> Iterator[int]:
        """Yield all places, session by session."""
        return (place for session in self.sessions.values() for repeats in session.groups for place in repeats.places)


@dataclass(frozen=True, slots=True)
class JoinedAlternatives:
    """The recorded requests of several keys; sessions are not joined, so that a `Cursor` always sees the same ones."""

    parts: tuple[Alternatives, ...]

    def of(self, sessions: Collection[str | None] | None) -> list[SessionRequests]:
        """Return the requests of some sessions; None stands for all sessions."""
        return [found for part in self.parts for found in part.of(sessions)]

    def places(self) -> Iterator[int]:
        """Yield all places, session by session of each key."""
        return (place for part in self.parts for place in part.places())


class RequestIndex:
    """All recorded requests by key."""

    def __init__(self) -> None:
        """Start empty."""
        self._by_key: dict[bytes, Alternatives] = {}

    def add(self, key: bytes, entry: RecordedRequest) -> None:
        """Add the next recorded request."""
        self._by_key.setdefault(key, Alternatives()).add(entry)

    def __contains__(self, key: bytes) -> bool:
        return key in self._by_key

    def __getitem__(self, key: bytes) -> Alternatives:
        found = self._by_key.get(key)
        return Alternatives() if found is None else found


@dataclass(slots=True)
class Cursor:
    """The position of one live session in each group of recorded requests; a position only ever moves on.

    Attributes:
        played: How often each recorded request was used.

    """

    played: Mapping[int, int]
    # By object, not by first place: of a recording with several hosts there is an index of each host and one of all.
    _repeats: dict[Repeats, int] = field(default_factory=dict)  # how many of a group were played
    _sessions: dict[SessionRequests, int] = field(default_factory=dict)  # how many groups of a session are used up

    def next_of(self, repeats: Repeats) -> int | None:
        """Return the first request of a group that was not played, None if all were."""
        places = repeats.places
        front = self._repeats.get(repeats, 0)
        while front < len(places) and places[front] in self.played:
            front = self._repeats[repeats] = front + 1
        return places[front] if front < len(places) else None

    def next_in(self, session: SessionRequests, fits: Callable[[int], bool], most: int | None = None) -> int | None:
        """Return the first request of a session that was not played and fits; in a group all fit or none does.

        Args:
            session: The requests.
            fits: Whether the first of a group fits.
            most: How many groups are looked at, from the first not known to be used up; None for all.
        """
        best: int | None = None
        front = self._sessions.get(session, 0)
        end = len(session.groups) if most is None else min(front + most, len(session.groups))
        for number in range(front, end):
            repeats = session.groups[number]
            if best is not None and repeats.first > best:
                break
            place = self.next_of(repeats)
            if place is None and number == front:
                front = self._sessions[session] = front + 1
            elif place is not None and (best is None or place < best) and fits(repeats.first):
                best = place
        return best

    def again_of(self, repeats: Repeats) -> int:
        """Return the request of a group to repeat: the first of those played least often."""
        most = self.played.get(repeats.first, 0)
        place = bisect_right(repeats.places, -most, key=lambda place: -self.played.get(place, 0))
        return repeats.places[place] if place < len(repeats.places) else repeats.first
