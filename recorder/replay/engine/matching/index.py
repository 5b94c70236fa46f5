"""Find the recorded requests that a live one may be by their rows, so that the next one is found without a search.

Requests of one key are alternatives: by the recorded session that made them, then in groups that differ in nothing but
the ids of one operation. They are read from the rows when they are first needed, and forgotten when others are.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import ClassVar

from ....lazy import Lazy, Makes, made_of
from ....model import Entries
from ....requests.index.rows import RequestRow, alike_in, astray
from ....requests.recent import Recent

_REMEMBERED = 64 << 20  # bytes of requests that were read from rows, by their estimated size
_OF_SESSION, _OF_GROUP, _OF_PLACE = 500, 300, 8  # bytes
_HOSTS = 40  # bits for places in the name of a group, beside the number of a host


class Repeats:
    """Equal requests.

    Attributes:
        places: Their places (in `Matcher.triples`), in recorded order; there is at least one.
        first: The first place, which identifies the group.
        name: Number that no other group of the recording has; groups of one host and of all hosts may begin alike.
    """

    __slots__ = ("first", "name", "places")

    def __init__(self, places: Sequence[int], host: int = 0) -> None:
        """Take the places; `host` is the number of the host that the group is for, 0 for all hosts."""
        self.places, self.first = places, places[0]
        self.name = host << _HOSTS | self.first


class SessionRequests:
    """The alternatives of one recorded session, in recorded order of the first of each group; read when needed.

    Attributes:
        first: Place of the first of all.
        name: Number that no other alternatives of a session have.
    """

    __slots__ = ("_by_id", "_groups", "_read", "first", "name")

    def __init__(
        self,
        groups: Sequence[Repeats] = (),
        first: int | None = None,
        read: Callable[[], Mapping[bytes, Repeats]] | None = None,
        host: int = 0,
    ) -> None:
        """Take the groups, or the first place and what reads the groups by the ids of their requests."""
        self._groups: Sequence[Repeats] | None = groups if read is None else None
        self._by_id: Mapping[bytes, Repeats] = {}
        self._read = read
        self.first = groups[0].first if first is None else first
        self.name = host << _HOSTS | self.first

    @property
    def groups(self) -> Sequence[Repeats]:
        """Groups of equal requests, in recorded order of their first."""
        if self._groups is None:
            self._groups = list(self.by_id.values())
        return self._groups

    @property
    def by_id(self) -> Mapping[bytes, Repeats]:
        """The groups by the ids of their requests."""
        if self._read is not None:
            self._by_id, self._read = self._read(), None
        return self._by_id


class Alternatives:
    """The recorded requests of one key, by session; None for those whose session is not known.

    Attributes:
        sessions: What each session made, those first that made one first.
    """

    __slots__ = ("_all", "sessions")

    def __init__(self, sessions: Mapping[str | None, SessionRequests]) -> None:
        """Take what each session made."""
        self.sessions = sessions
        self._all = sorted(sessions.values(), key=attrgetter("first"))

    def of(self, sessions: Collection[str | None] | None) -> list[SessionRequests]:
        """Return the requests of some sessions; None stands for all sessions, those first that made one first."""
        if sessions is None:
            return self._all
        return [self.sessions[session] for session in sessions if session in self.sessions]

    def labelled(self) -> list[tuple[str | None, SessionRequests]]:
        """Return the requests of all sessions with the labels of these."""
        return list(self.sessions.items())

    def places(self) -> Iterator[int]:
        """Yield all places, session by session."""
        return (place for session in self._all for repeats in session.groups for place in repeats.places)


_NONE = Alternatives({})


@dataclass(frozen=True, slots=True)
class JoinedAlternatives:
    """The recorded requests of several keys; sessions are not joined, so that a `Cursor` always sees the same ones."""

    parts: tuple[Alternatives, ...]

    @property
    def sessions(self) -> Collection[str | None]:
        """Labels of the sessions."""
        return {label for part in self.parts for label in part.sessions}

    def of(self, sessions: Collection[str | None] | None) -> list[SessionRequests]:
        """Return the requests of some sessions; None stands for all sessions."""
        return [found for part in self.parts for found in part.of(sessions)]

    def labelled(self) -> list[tuple[str | None, SessionRequests]]:
        """Return the requests of all sessions with the labels of these."""
        return [found for part in self.parts for found in part.labelled()]

    def places(self) -> Iterator[int]:
        """Yield all places, session by session of each key."""
        return (place for part in self.parts for place in part.places())


class RequestIndex:
    """All recorded requests by key, read from their rows."""

    def __init__(self, rows: Entries, sessions: Sequence[str | None], file: str) -> None:
        """Take the rows, and the labels of the sessions by their numbers; `file` is named if a row is damaged."""
        self._rows, self._labels, self._file = rows, sessions, file
        self._numbers = {label: number for number, label in enumerate(sessions)}
        self._known: Recent[tuple[bytes, int] | bytes, Alternatives] = Recent(_REMEMBERED)

    def __getitem__(self, key: bytes) -> Alternatives:
        found = self._known.get(key)
        return self._put(key, 0) if found is None else found

    def at_host(self, key: bytes, host: int) -> Alternatives:
        """Return the requests of a key for the host of a number, and those that name no host, such as publishes."""
        found = self._known.get((key, host))
        return self._put(key, host) if found is None else found

    def row_of(self, key: bytes, session: str | None, place: int) -> RequestRow | None:
        """Return the row of a request; None if there is none for this key."""
        number = self._numbers.get(session, len(self._labels))
        return next(map(RequestRow.of, self._rows.starting(_prefix(key, number, place))), None)

    def _put(self, key: bytes, host: int) -> Alternatives:
        found: dict[str | None, SessionRequests] = {}
        at, end = self._rows.first(key), len(self._rows)
        while at < end and (row := RequestRow.of(self._rows[at])).key == key:
            after = self._rows.first(_prefix(key, row.session + 1))
            first = row.place if not host else self._first_at(host, at, after)
            if row.session >= len(self._labels) or row.place >= end:
                raise astray(self._file, f"request {row.place} of session {row.session}")
            if first is not None:
                found[self._labels[row.session]] = self._session(key, row.session, host, first)
            at = after
        made = Alternatives(found) if found else _NONE
        self._known.put((key, host) if host else key, made, _OF_SESSION * (1 + len(found)))
        return made

    def _first_at(self, host: int, start: int, end: int) -> int | None:
        rows = (RequestRow.of(self._rows[at]) for at in range(start, end))
        return next((row.place for row in rows if row.host in (0, host)), None)

    def _session(self, key: bytes, session: int, host: int, first: int) -> SessionRequests:
        def read() -> dict[bytes, Repeats]:
            places: dict[bytes, array[int]] = {}
            count = 0
            # a session may have made thousands: their rows are read at once
            start, end = (self._rows.first(_prefix(key, number)) for number in (session, session + 1))
            for place, what, at_host in alike_in(self._rows.read(start, end)):
                if place >= len(self._rows):
                    raise astray(self._file, f"request {place}")
                if host and at_host not in (0, host):
                    continue
                count += 1
                its = places.get(what)
                if its is None:
                    places[what] = array("Q", (place,))
                else:
                    its.append(place)
            name = (key, host) if host else key
            known = self._known.get(name)
            if known is not None:
                self._known.put(name, known, _OF_GROUP * len(places) + _OF_PLACE * count)
            return {what: Repeats(its, host) for what, its in places.items()}

        return SessionRequests((), first, read, host)


def _prefix(key: bytes, *numbers: int) -> bytes:
    return key + b"".join(number.to_bytes(4, "big") for number in numbers)


class Since(Mapping[int, int]):
    """Count the uses of each recorded request, less those that count apart."""

    def __init__(self, played: Mapping[int, int], apart: Mapping[int, int]) -> None:
        """Count what `played` has, which goes on, without what is in `apart` now."""
        self._played, self._before = played, dict(apart)

    def __getitem__(self, place: int) -> int:
        """Return how often a request was used; raise KeyError if it was not."""
        count = self._played.get(place, 0) - self._before.get(place, 0)
        if count <= 0:
            raise KeyError(place)
        return count

    def __iter__(self) -> Iterator[int]:
        """Yield the places of the requests that were used."""
        return (place for place, count in self._played.items() if count > self._before.get(place, 0))

    def __len__(self) -> int:
        """Return how many requests were used."""
        return sum(1 for _ in self)


@dataclass(slots=True)
class Cursor(Lazy):
    """The position of one live session in each group of recorded requests; a position only ever moves on.

    Attributes:
        played: How often each recorded request was used.

    """

    MAKES: ClassVar[Makes] = {"_repeats": made_of(dict), "_sessions": made_of(dict)}

    played: Mapping[int, int]
    # by name, because groups are read anew when they were forgotten
    _repeats: dict[int, int] = field(init=False, repr=False)  # how many of a group were played
    _sessions: dict[int, int] = field(init=False, repr=False)  # how many groups of a session are used up

    def next_of(self, repeats: Repeats) -> int | None:
        """Return the first request of a group that was not played, None if all were."""
        places = repeats.places
        front = self._repeats.get(repeats.name, 0)
        while front < len(places) and places[front] in self.played:
            front = self._repeats[repeats.name] = front + 1
        return places[front] if front < len(places) else None

    def next_in(
        self,
        session: SessionRequests,
        fits: Callable[[int], bool],
        most: int | None = None,
        below: int | None = None,
    ) -> int | None:
        """Return the first request of a session that was not played and fits; in a group all fit or none does.

        Args:
            session: The requests.
            fits: Whether the first of a group fits.
            most: How many groups are looked at, from the first not known to be used up; None for all.
            below: A place that fits; what comes behind it is not looked for. It is returned where nothing comes before.
        """
        best = below
        if best is not None and session.first > best:
            return best
        front = self._sessions.get(session.name, 0)
        groups = session.groups
        end = len(groups) if most is None else min(front + most, len(groups))
        for number in range(front, end):
            repeats = groups[number]
            if best is not None and repeats.first > best:
                break
            place = self.next_of(repeats)
            if place is None and number == front:
                front = self._sessions[session.name] = front + 1
            elif place is not None and (best is None or place < best) and fits(repeats.first):
                best = place
        return best

    def again_of(self, repeats: Repeats) -> int:
        """Return the request of a group to repeat: the first of those played least often."""
        most = self.played.get(repeats.first, 0)
        place = bisect_right(repeats.places, -most, key=lambda place: -self.played.get(place, 0))
        return repeats.places[place] if place < len(repeats.places) else repeats.first
