"""Count what a recording holds at each place, to tell what must be there from what varies."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from ..dialect.paths import as_key, parse_json
from ..model import JSON, Recording, Triple

# Operation and part, as in `Judged`, and channel: an event may come over two, as another message on each.
Kind: TypeAlias = tuple[str, str, str]
_MOST_KEPT = 1_000  # values at one place


def title_of(item: Triple) -> str:
    """Return what a triple or another exchange is called."""
    return item.operation or f"{item.request.method} {item.request.target.partition('?')[0]}"


class Evidence:
    """The places in the acks and events of a recording."""

    def __init__(self, recording: Recording) -> None:
        """Read the recording once."""
        self.messages: Counter[Kind] = Counter()
        self._objects: Counter[tuple[Kind, str]] = Counter()
        self._nodes: Counter[tuple[Kind, str]] = Counter()
        self._types: dict[tuple[Kind, str], set[str]] = defaultdict(set)
        self._values: dict[tuple[Kind, str], Counter[str]] = defaultdict(Counter)
        self._texts: set[str] = set()
        for kind, root, value in messages(recording):
            self.messages[kind] += 1
            self._take(kind, root, value)

    def knows(self, operation: str, part: str) -> bool:
        """Return whether there is such a message, over any channel."""
        return any(kind[:2] == (operation, part) for kind in self.messages)

    def is_optional(self, kind: Kind, pattern: str) -> bool:
        """Return whether some messages have a member and others, of the same kind, do not."""
        parent = pattern.rpartition(".")[0]
        return 0 < self._nodes[kind, pattern] < self._objects[kind, parent]

    def has(self, kind: Kind, pattern: str) -> bool:
        """Return whether some message has something there."""
        return bool(self._nodes[kind, pattern])

    def types(self, kind: Kind, pattern: str) -> set[str]:
        """Return the JSON types of what is there."""
        return self._types.get((kind, pattern), set())

    def is_free(self, kind: Kind, pattern: str) -> bool:
        """Return whether the values there are each another one, as names are and states are not."""
        found = self._values.get((kind, pattern), Counter())
        return len(found) >= 3 and max(found.values()) == 1  # fewer may be different by chance

    def holds(self, text: str) -> bool:
        """Return whether some scalar is this text, or a number that is written so."""
        return text in self._texts

    def _take(self, kind: Kind, pattern: str, value: JSON) -> None:
        at = kind, pattern
        self._nodes[at] += 1
        self._types[at].add(type_of(value))
        if isinstance(value, dict):
            self._objects[at] += 1
            for name, item in value.items():
                self._take(kind, f"{pattern}.{name}", item)
        elif isinstance(value, list):
            for item in value:
                self._take(kind, f"{pattern}[*]", item)
        elif (text := as_key(value)) is not None:
            self._texts.add(text)
            if len(self._values[at]) < _MOST_KEPT:
                self._values[at][text] += 1


def messages(recording: Recording) -> Iterator[tuple[Kind, str, JSON]]:
    """Yield kind, first part of the paths, and content of each ack and event."""
    for items in (recording.triples, recording.plain):
        for item in items:
            title = title_of(item)
            if item.ack is not None:
                yield (title, "ack", ""), "body", parse_json(item.ack.body)
            for link in item.events:
                yield (title, link.name, link.event.channel), "data", link.event.data
    for one in recording.unsolicited:
        yield ("", one.name, one.event.channel), "data", one.event.data


def type_of(value: JSON) -> str:
    """Return the JSON type of a value."""
    if value is None:
        return "null"
    names = ((bool, "boolean"), (int | float, "number"), (str, "string"), (dict, "object"))
    return next((name for kind, name in names if isinstance(value, kind)), "array")
