"""Playheads in groups, so that who a request may belong to is found without looking at each: there may be thousands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from .playhead import Playhead, kind

Owners: TypeAlias = dict[Playhead, None]  # a set that remembers its order


class Standing(Enum):
    """How far a client has got with its Bayeux session."""

    NEW = auto()  # it sent REST calls, if anything
    OPENED = auto()  # its WebSocket is open, the handshake will be on it
    LIVE = auto()
    LEFT = auto()


@dataclass(frozen=True, slots=True)
class Pool:
    """Some playheads, by the kinds of tokens they have shown."""

    _groups: tuple[tuple[frozenset[str], Owners], ...]

    def __contains__(self, playhead: Playhead) -> bool:
        return any(playhead in members for _, members in self._groups)

    def __len__(self) -> int:
        return sum(len(members) for _, members in self._groups)

    def like(self, tokens: Sequence[str], by_token: Mapping[str, Owners]) -> Iterator[Playhead]:
        """All but those that showed another Authorization, or another value of a cookie, than these tokens."""
        for kinds, members in self._groups:
            telling = [token for token in tokens if kind(token) in kinds]
            if telling:  # then only who showed the very same
                owners = by_token.get(telling[0], {})
                yield from (p for p in owners if p in members and all(token in p.shown for token in telling))
            else:
                yield from members

    def of(self, owners: Owners, tokens: Sequence[str], by_token: Mapping[str, Owners]) -> Iterator[Playhead]:
        """The same, of some owners alone; the fewer of both are gone through."""
        if len(self) < len(owners):
            return (p for p in self.like(tokens, by_token) if p in owners)
        return (p for p in owners if p in self and not _is_other(p, tokens))


@dataclass(slots=True)
class Crowd:
    """All playheads, each in the group of its standing and of what it has shown."""

    _groups: dict[tuple[Standing, frozenset[str]], Owners] = field(default_factory=dict)
    _places: dict[Playhead, tuple[Standing, frozenset[str]]] = field(default_factory=dict)

    def place(self, playhead: Playhead) -> None:
        """Add a playhead, or notice that it has changed."""
        group = _standing(playhead), frozenset(map(kind, playhead.shown))
        if self._places.get(playhead) != group:
            self.remove(playhead)
            self._places[playhead] = group
            self._groups.setdefault(group, {})[playhead] = None

    def remove(self, playhead: Playhead) -> None:
        """Forget a playhead, if it is known."""
        group = self._places.pop(playhead, None)
        if group is not None:
            del self._groups[group][playhead]

    def pool(self, *standings: Standing) -> Pool:
        """Those of some standings."""
        return Pool(tuple((kinds, found) for (standing, kinds), found in self._groups.items() if standing in standings))


def pool_of(playheads: Iterable[Playhead]) -> Pool:
    """A pool of a few."""
    return Pool(tuple((frozenset(map(kind, p.shown)), {p: None}) for p in playheads))


def only(evidence: Iterable[Iterator[Playhead]]) -> Playhead | None:
    """Whom the first evidence that points at one alone points at."""
    for owners in evidence:
        found = next(owners, None)
        if found is not None and next(owners, None) is None:
            return found
    return None


def _standing(playhead: Playhead) -> Standing:
    if playhead.left:
        return Standing.LEFT
    if playhead.client_id is not None:
        return Standing.LIVE
    return Standing.OPENED if playhead.opened else Standing.NEW


def _is_other(playhead: Playhead, tokens: Sequence[str]) -> bool:
    """Whether a request shows another Authorization, or another value of a cookie, than a playhead's client did."""
    return any(
        token not in playhead.shown and any(kind(known) == kind(token) for known in playhead.shown) for token in tokens
    )
