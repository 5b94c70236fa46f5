"""Tell which leaves of a message hold keys of a dialect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from ....dialect.definition import NOTIFICATION, Dialect
from ....dialect.paths import EACH, path_of
from ....dialect.values import is_constant, is_template
from ....requests.masks import FORM, MEMBER, QUERY, Address
from ..plan import HEADER

_Table = Mapping[tuple[str, ...], str]
_PLACES = 20_000  # that are remembered, of each kind of message
_ROOTS = {MEMBER: "body", FORM: "body", QUERY: "query", HEADER: "header"}


class KeyNames:
    """The keys of a dialect by their places in requests, acks and events."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        own = {name: known.keys for name, known in dialect.operations.items()}
        own_ack = {name: known.ack_keys for name, known in dialect.operations.items()}
        self._asked = cache(lambda name: _table(own.get(name, {}), dialect.request_keys))
        self._at_asked = cache(lambda name, root: _At(self._asked(name), root))
        self._at_answered = cache(lambda name: _At(_table(own_ack.get(name, {}), dialect.ack_keys), "body"))
        self._event = _table({}, {key: its for key, its in dialect.event_keys.items() if key != NOTIFICATION})
        self._at_event = _At(self._event, "data")
        names = {tuple(path.split(".")): "name" for path in dialect.operation}
        self._at_name = cache(lambda root: _At(names, root))

    def in_request(self, operation: str | None, address: Address, root: str = "body") -> str:
        """Return the key at a leaf of a request, or of a publish with the root `data`; "" if it is none."""
        return self._at_asked(operation or "", root)(address)

    def in_answer(self, operation: str | None, address: Address) -> str:
        """Return the key at a leaf of an answer."""
        return self._at_answered(operation or "")(address)

    def in_event(self, address: Address) -> str:
        """Return the key at a leaf of an event."""
        return self._at_event(address)

    def names_operation(self, address: Address, root: str = "body") -> bool:
        """Return whether a leaf of a request says which operation it asks for."""
        return self._at_name(root)(address) != ""

    def in_path(self, target: str) -> dict[int, tuple[int, int, str]]:
        """Return the keys in the path of a target by the number of the segment, with where they begin and end."""
        path = path_of(target)
        found = self._dialect.fitting(path)
        places: dict[int, tuple[int, int, str]] = {}
        for name in found.groupdict() if found is not None else ():
            start, end = found.span(name) if found is not None else (0, 0)
            begin = path.rfind("/", 0, start) + 1
            key = self._asked("").get(("path", name), "") or self._own(name)
            places[path.count("/", 0, start)] = start - begin, end - begin, key or name
        return places

    def in_channel(self, channel: str, *, is_event: bool) -> dict[int, tuple[int, int, str]]:
        """Return the same of the named parts of a channel; what a dialect names none of has none."""
        table = self._event if is_event else self._asked("")
        places: dict[int, tuple[int, int, str]] = {}
        for pattern in self._dialect.channels:
            found = pattern.fullmatch(channel)
            for name in found.groupdict() if found is not None else ():
                start, end = found.span(name) if found is not None else (0, 0)
                begin = channel.rfind("/", 0, start) + 1
                places[channel.count("/", 0, start)] = start - begin, end - begin, table.get(("channel", name), name)
            if found is not None:
                break
        return places

    def _own(self, name: str) -> str:
        tables = (self._asked(operation) for operation in self._dialect.operations)
        return next((table["path", name] for table in tables if ("path", name) in table), "")


def _table(*tables: Mapping[str, tuple[str, ...]]) -> _Table:
    found: dict[tuple[str, ...], str] = {}
    for table in tables:
        for key, sources in table.items():
            # what is put together of several values is at no place of its own
            for path in (one for one in sources if not is_constant(one) and not is_template(one)):
                found.setdefault(tuple(path.split(".")), key)
    return found


class _At:
    """Remembers the keys at the places of a table: messages are of a few shapes."""

    def __init__(self, table: _Table, root: str) -> None:
        self._table, self._root = table, root
        self._known: dict[Address, str] = {}

    def __call__(self, address: Address) -> str:
        found = self._known.get(address)
        if found is None:
            if len(self._known) >= _PLACES:
                self._known.clear()
            found = self._known[address] = _at(self._table, address, self._root)
        return found


def _at(table: _Table, address: Address, root: str) -> str:
    if not table:
        return ""
    names = _named(address, root)
    found = table.get(names, "")
    if not found and any(isinstance(part, int) for part in address):
        found = table.get(tuple(EACH if one.isdecimal() else one for one in names), "")
    return found


def _named(address: Address, root: str) -> tuple[str, ...]:
    """Return the path by which a dialect leads to a leaf."""
    kind, *place = address
    begin = _ROOTS.get(str(kind), str(kind))
    names: Iterable[str | int] = place[:1] if kind in (FORM, QUERY, HEADER) else place
    return (root if begin == "body" else begin, *map(str, names))
