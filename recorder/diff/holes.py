"""Split values into text and holes; a hole stands for an id, a pseudonym or another value that may differ.

A value is read as a tree of leaves. A leaf is a text with a hole for each such value. Two leaves are equal if their
texts are equal and the values in their holes stand for each other, one to one. Volatile fields are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote

from ..bayeux.messages import encode
from ..dialect.definition import Dialect
from ..dialect.paths import Tree, as_key, covers, names_in, parse_json, path_of, tree_of, without
from ..model import JSON, Event, Headers, Recording, Value
from ..redaction.finder import Finder
from ..redaction.known import Known
from ..redaction.policy import Policy
from ..redaction.pseudonyms import Kind
from ..replay.engine.rewriting.rewriter import names_of
from ..requests.bindings import HIDDEN, LONG
from .bound import BOUND, blanked
from .words import BLANK, SERVER, Hole, Words

_ZERO = "0"
_MARK = re.compile("\ue000([0-9]{1,9})\ue001")
_NUMBERS = 8_000_000_000_000_000  # a hidden number is marked by this number plus its place in `Masks.values`


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar of a JSON value.

    Attributes:
        type: JSON type of the recorded value, or `id` for an id that a field of the dialect names.
        text: Text of the value, with a blank in place of each hole.
        holes: The values that the blanks replace.
        plain: The value as recorded.
    """

    type: str
    text: str
    holes: tuple[Hole, ...]
    plain: JSON


Seen: TypeAlias = "Leaf | dict[str, Seen] | list[Seen]"


@dataclass(slots=True)
class Masks:
    """A replacement of the values a policy names, in two ways: by equal blanks, and by numbered marks.

    Attributes:
        policy: Names the values.
        values: The values in the text that was read last.
    """

    policy: Policy
    values: list[str] = field(default_factory=list)
    _blank: Finder = field(init=False)
    _mark: Finder = field(init=False)

    def __post_init__(self) -> None:
        # redaction also replaces a known value in places that no rule names; comparing must find it there too
        known = Known()
        self._blank, self._mark = Finder(self.policy, _blanked, known), Finder(self.policy, self._marked, known)

    def body(self, body: bytes) -> tuple[bytes, bytes]:
        """Return a body with blanks, and one with marks."""
        self.values = []
        marked = self._mark.body(body)
        return self._blank.body(body) if self.values else marked, marked

    def target(self, target: str) -> tuple[str, str]:
        """Return a path and query with blanks, and one with marks."""
        self.values = []
        marked = self._mark.target(target)
        return self._blank.target(target) if self.values else marked, marked

    def data(self, event: Event) -> tuple[JSON, JSON]:
        """Return the data of an event with blanks, and with marks."""
        sent = self.body(encode([{"channel": event.channel, "data": event.data}]))
        blank, marked = ((parse_json(text) or [{}])[0].get("data") for text in sent)
        return blank, marked

    def learn(self, recording: Recording) -> Iterator[set[str]]:
        """Read a whole recording, so that a value is found also where no name tells it.

        Yield for each triple or other exchange the values in it that are too long to be equal by chance.
        """
        for item in chain(recording.triples, recording.plain):
            hidden: set[str] = set()
            self._mark.target(item.request.target)
            for message in (item.request, item.ack):
                if message is not None:
                    hidden.update(self._headers(message.headers))
                    hidden.update(self._learned(message.body))
            for link in item.events:
                hidden.update(self._learned(encode([{"channel": link.event.channel, "data": link.event.data}])))
            yield {value for value in hidden if sum(map(str.isalnum, value)) >= LONG}

    def _headers(self, headers: Headers) -> list[str]:
        self.values = []
        self._mark.headers(headers)
        return self.values

    def _learned(self, body: bytes) -> list[str]:
        self.values = []
        self._mark.body(body)
        return self.values

    def _marked(self, kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG002  # all kinds are hidden
        self.values.append(value)
        place = len(self.values) - 1
        return str(_NUMBERS + place) if number else f"\ue000{place}\ue001"


def _blanked(kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG001  # a blank is a blank
    return _ZERO if number else BLANK


class Reader:
    """A reader of the values of one recording, as texts with holes."""

    def __init__(
        self,
        ids: Mapping[str, str],
        dialect: Dialect,
        masks: Masks | None = None,
        servers: Iterable[str] = (),
        bound: Mapping[str, str] | None = None,
    ) -> None:
        """Take the ids of a recording.

        Args:
            ids: The ids with their kinds.
            dialect: The dialect to read the recording by.
            masks: Has learned the recording by its redaction policy; values this policy names become holes, pseudonyms
                and plain values alike. None if the recording was not redacted.
            servers: URLs of the recorded server, in both recordings.
            bound: The class of each value of this recording that a drive bound (`bound.Bound`); None for none.
        """
        self.masks, self.bound = masks, bound or {}
        self._dialect = dialect
        self.named = {name: key for key in reversed(dialect.minted) for name in names_of(dialect, key)}
        self._parts = {
            path.removeprefix("path."): key
            for key in dialect.minted
            for path in dialect.paths(key)
            if path.startswith("path.")
        }
        self._volatile = {root: tree_of(dialect.volatile, root) for root in ("body", "data", "query")}
        places = {server.rstrip("/"): SERVER for server in servers if server}
        self.words = Words({**ids, **places})

    def path(self, target: str) -> Leaf:
        """Return the path of a request target; ids that the dialect finds in the path become holes."""
        blank, marked = self.masks.target(target) if self.masks else (target, target)
        leaf = self._text(unquote(path_of(blank)), unquote(path_of(marked)), path_of(target))
        if not self._parts:
            return leaf
        parts = {value: self._parts[name] for name, value in self._dialect.route(target).items() if name in self._parts}
        own = tuple(Hole(parts[part], part) for part in leaf.text.split("/") if part in parts)
        text = "/".join(BLANK if part in parts else part for part in leaf.text.split("/"))
        return Leaf(leaf.type, text, (*leaf.holes, *own), leaf.plain)

    def query(self, target: str) -> Seen:
        """Return the query parameters of a request target, by name."""
        if "?" not in target:
            return {}
        blank, marked = self.masks.target(target) if self.masks else (target, target)
        three = (parse_qsl(text.partition("?")[2], keep_blank_values=True) for text in (blank, marked, target))
        found: dict[str, list[Leaf]] = {}
        volatile = self._volatile["query"]
        for (name, value), (_, mark), (_, plain) in zip(*three, strict=False):
            if covers(volatile, names_in(name)):
                continue
            found.setdefault(name, []).append(self._text(value, mark, plain))
        return {name: leaves[0] if len(leaves) == 1 else list(leaves) for name, leaves in found.items()}

    def body(self, body: bytes, root: str = "body", masked: tuple[bytes, bytes] | None = None) -> Seen:
        """Return the body of a request or an ack, without volatile fields; text if the body is not JSON.

        Args:
            body: The body.
            root: First part of the paths of volatile fields: `data` in a publish.
            masked: The body with blanks, and with marks, if the masks were just asked for it.
        """
        blank, marked = masked or (self.masks.body(body) if self.masks else (body, body))
        plain = parse_json(body)
        if plain is None:
            return self._text(*(text.decode("utf-8", "backslashreplace") for text in (blank, marked, body)))
        parsed = {body: plain} | {text: parse_json(text) for text in {blank, marked} - {body}}
        return self._read("", *(self._steady(parsed[text], root) for text in (blank, marked, body)))

    def data(self, event: Event, masked: tuple[JSON, JSON] | None = None) -> Seen:
        """Return the data of an event, without volatile fields; `masked` is as in `body`."""
        blank, marked = masked or (self.masks.data(event) if self.masks else (event.data, event.data))
        return self._read("", *(self._steady(value, "data") for value in (blank, marked, event.data)))

    def _steady(self, value: JSON, root: str) -> JSON:
        """Return a JSON value without the volatile fields, whose paths begin with `root`."""
        tree: Tree = self._volatile[root]
        return without(value, tree) if tree else value

    def _read(self, name: str, blank: JSON, marked: JSON, plain: JSON) -> Seen:
        if isinstance(plain, dict) and isinstance(blank, dict) and isinstance(marked, dict):
            return {key: self._read(key, blank.get(key), marked.get(key), item) for key, item in plain.items()}
        if isinstance(plain, list) and isinstance(blank, list) and isinstance(marked, list):
            return [self._read(name, *three) for three in zip(blank, marked, plain, strict=False)]
        text, key = as_key(plain), self.named.get(name)
        if text is not None and key is not None:
            bare = self._dialect.bare(key, text)
            return Leaf("id", text[: len(text) - len(bare)] + BLANK, (Hole(key, bare),), plain)
        if isinstance(blank, str) and isinstance(marked, str):
            return self._text(blank, marked, plain)
        known = self.bound.get(text) if text is not None and isinstance(plain, int) and blank == plain else None
        if known is not None:
            return Leaf(_type(plain), _ZERO, (Hole(BOUND, known),), plain)
        number = isinstance(marked, int) and _NUMBERS <= marked < _NUMBERS + len(self._values)
        holes = (Hole(HIDDEN, self._values[marked - _NUMBERS]),) if number else ()
        return Leaf(_type(blank), json.dumps(blank), holes, plain)

    def _text(self, blank: str, marked: str, plain: JSON) -> Leaf:
        # a recorded text may itself contain characters of a mark, with a number that is out of range
        places = [int(found[1]) for found in _MARK.finditer(marked)]
        hidden = [Hole(HIDDEN, self._values[place]) for place in places if place < len(self._values)]
        text, words = self.words.taken_out(blank)
        own: list[Hole] = []

        def take(known: str) -> str:
            own.append(Hole(BOUND, known))
            return BLANK

        text = blanked(text, self.bound, take)
        return Leaf("string", text, (*hidden, *words, *own), plain)

    def key(self, value: Value) -> Value:
        """Return the value of a key, with the class of a bound value in its place."""
        return value if not isinstance(value, str) else self.bound.get(value, value)

    @property
    def _values(self) -> list[str]:
        return self.masks.values if self.masks else []


def plain_of(seen: Seen) -> JSON:
    """Return a value as it was recorded."""
    match seen:
        case dict():
            return {name: plain_of(item) for name, item in seen.items()}
        case list():
            return [plain_of(item) for item in seen]
        case _:
            return seen.plain


def _type(value: JSON) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case dict():
            return "object"
        case _:
            return "array"
