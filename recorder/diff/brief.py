"""Read values as one text each, to compare many of them: in one search where that gives what `Reader` would find."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ..model import Event, Value
from .drafts import canonical
from .holes import Leaf, Reader, Seen
from .words import BLANK, Hole

T = TypeVar("T")

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True).encode
_MOST_KEPT = 2_000  # paths, and members that are ids
_INTEGER = re.compile(r"-?\d+", re.ASCII)


class Brief(NamedTuple):
    """A value as a text and holes.

    Attributes:
        text: JSON with blanks in place of holes; of values that differ in their holes at most, the texts are equal.
        holes: The values in the holes.
        places: What tells, with the text, where each hole is, and its kind. Of two briefs with equal texts and equal
            places, the holes stand in the same order.
    """

    text: str
    holes: tuple[Hole, ...] = ()
    places: tuple[object, ...] = ()


_NO_QUERY, _NO_BODY = Brief("{}"), Brief('""')


class BriefReader:
    """A reader of the values of one recording, as briefs."""

    def __init__(self, reader: Reader, bare: Callable[[str, str], str]) -> None:
        """Take the ids to blank.

        Args:
            reader: Reads the values of the recording leaf by leaf.
            bare: Returns the part of the value of a key that is compared.
        """
        self._reader, self._bare = reader, bare
        self._keys = {_encode(name): key for name, key in reader.named.items()}
        self._members: dict[str, tuple[Hole, str]] = {}  # members that are ids, and how they are written with a blank
        self._paths: dict[str, Brief] = {}
        either = "|".join(map(re.escape, self._keys))
        self._named = re.compile(rf'({either}):(?:"([^"]*)"|([^"{{}}\[\],]+)|\[)') if self._keys else None

    def path(self, target: str) -> Brief:
        """Return the path of a request target."""
        found = self._paths.get(target)
        if found is None:
            leaf = self._reader.path(target)
            found = Brief(leaf.text, leaf.holes, tuple(hole.kind for hole in leaf.holes))
            _keep(self._paths, target, found)
        return found

    def query(self, target: str) -> Brief:
        """Return the query parameters of a request target."""
        return exact(self._reader.query(target)) if "?" in target else _NO_QUERY

    def body(self, body: bytes, root: str = "body") -> Brief:
        """Return the body of a request or an ack, read value by value; `root` is as in `Reader.body`."""
        return exact(self._reader.body(body, root))

    def key(self, value: Value) -> Value:
        """Return the value of a key as `Reader.key` does."""
        return self._reader.key(value)

    def data(self, event: Event) -> Brief:
        """Return the data of an event, read value by value."""
        return exact(self._reader.data(event))

    def quick(self, text: str | None) -> Brief | None:
        """Return the brief of a value of a `Draft`; None if the search might find other holes than `Reader`."""
        if text is None or self._reader.masks is not None or self._reader.bound:
            return None
        if not text:
            return _NO_BODY
        named: list[Hole] = []
        if self._named is not None:
            try:
                text = self._named.sub(lambda found: self._blanked(found, named), text)
            except _Unclear:
                return None
        found = self._reader.words.in_json(text)
        if found is None:
            return None
        text, words = found
        holes = (*named, *words)
        return Brief(text, holes, tuple([hole.kind for hole in holes]))

    def _blanked(self, found: re.Match[str], holes: list[Hole]) -> str:
        """Return a member that is an id, with a blank in place of the id."""
        member = found[0]
        known = self._members.get(member)
        if known is not None:  # the events of a triple repeat its ids
            holes.append(known[0])
            return known[1]
        name, text, other = found.groups()
        if text is None and other is None:
            raise _Unclear  # the elements of the list are ids
        if text is None:
            if other in {"true", "false", "null"}:
                return member
            if not _INTEGER.fullmatch(other):
                raise _Unclear  # the text of a number that is no integer is not its JSON
            text = other
        elif not text:
            return member
        key = self._keys[name]
        bare = self._bare(key, text)
        before = text[: len(text) - len(bare)]
        if before and self._reader.words.has(before):
            raise _Unclear
        hole, blanked = Hole(key, bare), f'{name}:!"{before}{BLANK}"'
        _keep(self._members, member, (hole, blanked))
        holes.append(hole)
        return blanked


def _keep(kept: dict[str, T], name: str, value: T) -> None:
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[name] = value


class _Unclear(Exception):
    """Tell that the search in a text cannot tell what is a hole."""


def exact(seen: Seen) -> Brief:
    """Return the brief of a value that was read leaf by leaf."""
    holes: list[Hole] = []
    places: list[object] = ["exact"]
    text = "".join(_written(seen, holes, places))
    return Brief(text, tuple(holes), tuple(places))


def _written(seen: Seen, holes: list[Hole], places: list[object]) -> list[str]:
    if isinstance(seen, Leaf):
        places.extend((len(places), hole.kind) for hole in seen.holes)
        places.append(None)
        holes.extend(seen.holes)
        return [_leaf(seen)]
    pieces: list[str] = []
    if isinstance(seen, dict):
        for name in sorted(seen):
            pieces += ["," if pieces else "{", _encode(name), ":", *_written(seen[name], holes, places)]
        return [*pieces, "}"] if pieces else ["{}"]
    for item in seen:
        pieces += ["," if pieces else "[", *_written(item, holes, places)]
    return [*pieces, "]"] if pieces else ["[]"]


def _leaf(leaf: Leaf) -> str:
    match leaf.type:
        case "string":
            return _encode(leaf.text)
        case "number" if not _INTEGER.fullmatch(leaf.text):
            return canonical(float(leaf.text))
        case "number" | "boolean" | "null":
            return leaf.text
        case "id":
            return f"!{_encode(leaf.text)}"
        case _:
            return f"?{leaf.type}{leaf.text}"
