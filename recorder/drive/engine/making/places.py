"""Keep what is known of the places of values: messages are of few shapes, so each place is looked at once.

A tree of places is walked beside the values of a message. Addresses would be built and looked up for each value of a
cassette otherwise, which took half of the time to make a plan.

A place also tells of which kind of thing a value is the id: APIs call one id `id` in an order, `orderId`, and
`/orders/17`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import TypeAlias

from ....dialect.paths import Pair, path_of
from ....requests.masks import PATH, Address
from ..plan import CHANNEL
from ..reading import own_name
from ..words import bare

_PLACES = 20_000  # that are remembered, over all kinds of messages
_KEPT = 20_000  # targets that are remembered
_IDS = frozenset({"id", "uuid", "guid", "handle"})
_ENDS = ("uuid", "guid", "handle", "id")

KeyOf: TypeAlias = Callable[[Address], str | None]


class Place:
    """A place in messages of one kind.

    Attributes:
        address: Where it is.
        path: By which a dialect finds it: other than the address for a value beside its name, as in
            `{"key": "ref", "value": "r1"}`.
        key: Its key in the dialect; "" without one, None if it says which operation a request asks for.
        called: Its last name; "" for a segment of a path or channel, which has none.
        name: Its last name, as names are compared.
        thing: The kind of thing that a value there is the id of; "" if it is none, and for segments.
        is_credential: Whether what is sent there shows who the client is.
    """

    __slots__ = ("_inner", "_kind", "address", "called", "is_credential", "key", "name", "path", "thing")

    def __init__(self, kind: Kind, address: Address, path: Address) -> None:
        self.address, self.path = address, path
        self.key = kind.key_of(path)
        self.called = own_name(path)
        self.name = bare(self.called)
        self.thing = "" if address[0] in {PATH, CHANNEL} else thing_of(path, self.called, kind.around)
        self.is_credential = kind.places.shows(path)
        self._kind = kind
        self._inner: dict[str | int | Pair, Place] = {}

    def at(self, name: str | int) -> Place:
        """Return the place of a member of an object, or of an element of an array."""
        return self._inner.get(name) or self._made(name, name, (*self.path, name))

    def beside(self, pair: Pair) -> Place:
        """Return the place of the value in a pair; a dialect finds it by the name in the pair, not by its number."""
        return self._inner.get(pair) or self._made(pair, pair.member, (*self.path[:-1], *pair.names))

    def down(self, address: Address) -> Place:
        """Return the place at an address that begins with the one here."""
        place = self
        for part in address[len(self.address) :]:
            place = place.at(part)
        return place

    def _made(self, key: str | int | Pair, name: str | int, path: Address) -> Place:
        made = Place(self._kind, (*self.address, name), path)
        if self._kind.places.remember():
            self._inner[key] = made
        return made


class Kind:
    """The places in messages of one kind, such as the requests of an operation.

    Attributes:
        places: All kinds.
        key_of: Tells the key of the dialect at a path.
        around: What a bare id in such messages is the id of.
    """

    __slots__ = ("_roots", "around", "key_of", "places")

    def __init__(self, places: Places, key_of: KeyOf, around: str) -> None:
        self.places, self.key_of, self.around = places, key_of, around
        self._roots: dict[str, Place] = {}

    def root(self, kind: str) -> Place:
        """Return the place in which all leaves of one sort are, such as members or headers."""
        found = self._roots.get(kind)
        if found is None:
            found = self._roots[kind] = Place(self, (kind,), (kind,))
        return found

    def at(self, address: Address) -> Place:
        """Return the place at an address."""
        return self.root(str(address[0])).down(address)


class Places:
    """The places of all kinds of messages; so many are remembered, and then all are forgotten."""

    def __init__(self, shows: Callable[[Address], bool]) -> None:
        """Take a function that tells whether what is sent at a path shows who the client is."""
        self.shows = shows
        self._kinds: dict[Hashable, Kind] = {}
        self._count = 0

    def kind(self, name: Hashable, key_of: KeyOf, around: str) -> Kind:
        """Return the places in messages of a kind."""
        if self._count >= _PLACES:
            self._kinds.clear()
            self._count = 0
        found = self._kinds.get(name)
        if found is None:
            self._count += 1
            found = self._kinds[name] = Kind(self, key_of, around)
        return found

    def remember(self) -> bool:
        """Return whether one more place is to be remembered."""
        self._count += 1
        return self._count < _PLACES


def thing_of(path: Address, called: str, around: str) -> str:
    """Return the kind of thing that a leaf is the id of, in small letters and in the singular; "" if it is no id.

    Args:
        path: The place of the leaf.
        called: Its last name.
        around: What a bare `id` is the id of: what the request asks for.
    """
    name = bare(called)
    if name in _IDS:
        names = [part for part in path[1:] if isinstance(part, str)]
        return one_of(names[-2] if len(names) > 1 else around)
    end = next((end for end in _ENDS if name.endswith(end)), "")
    return one_of(name.removesuffix(end)) if end else ""


def thing_after(segment: str) -> str:
    """Return the kind of thing that a segment of a path is the id of, which stands after this one."""
    return one_of(segment) if _is_name(segment) else ""


@lru_cache(_KEPT)
def asked_for(target: str) -> str:
    """Return what a request asks for: the last segment of its path that is no id."""
    return next(filter(_is_name, reversed(path_of(target).split("/"))), "")


def one_of(name: str) -> str:
    """Return a name in the singular; how well it is made does not count, only that it is always the same."""
    small = bare(name)
    if small.endswith("ies"):
        return small[:-3] + "y"
    return small[:-1] if small.endswith("s") and not small.endswith("ss") else small


def _is_name(segment: str) -> bool:
    return bool(segment) and not any(map(str.isdigit, segment))
