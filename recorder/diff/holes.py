"""Split values into text and holes; a hole stands for an id, a pseudonym or another value that may differ.

A value is read as a tree of leaves. A leaf is a text with a hole for each such value. Two leaves are equal if their
texts are equal and the values in their holes stand for each other, one to one. Volatile fields are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote

from ..bayeux.messages import encode
from ..correlate.sessions import Sessions
from ..dialect.definition import Dialect
from ..dialect.paths import as_key, covers, names_in, parse_json, path_of, tree_of, without
from ..model import JSON, Event, Headers, Recording, values
from ..redaction.finder import Finder
from ..redaction.known import Known
from ..redaction.policy import Policy
from ..redaction.pseudonyms import Kind
from ..replay.engine.rewriting.rewriter import any_of, names_of
from ..requests.bindings import HIDDEN, LONG

SESSION = "(session)"  # the kind of clientIds and cookies
SERVER = "(server)"  # the kind of the recorded server's URLs
_BLANK, _ZERO = "•", "0"
_MARK = re.compile("\ue000(\\d+)\ue001")
_WORD = re.compile(rf"[\w-]{{{LONG},}}")  # greedy, so that a match ends at the end of a word, as in `any_of`
_NUMBERS = 8_000_000_000_000_000  # a hidden number is marked by this number plus its place in `_Masks.values`


@dataclass(frozen=True, slots=True)
class Hole:
    """A value that was taken out of a text; `kind` is a key of the dialect, `HIDDEN`, `SESSION` or `SERVER`."""

    kind: str
    value: str


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


class _Words:
    """A search for long ids in texts; its time does not grow with the number of ids that are words."""

    def __init__(self, kinds: dict[str, str]) -> None:
        self._plain = {word: kind for word, kind in kinds.items() if _WORD.fullmatch(word)}
        self._odd = {word: kind for word, kind in kinds.items() if word not in self._plain}
        self._pattern = any_of(self._odd) if self._odd else None

    def taken_out(self, text: str) -> tuple[str, list[Hole]]:
        """Return the text with a blank in place of each id, and the holes."""
        holes: list[Hole] = []

        def take(found: re.Match[str]) -> str:
            word, before = found[0], ""
            if word not in self._plain and text[found.start() - 1 : found.start()] == "%":
                before, word = word[:2], word[2:]  # the two hex digits belong to a percent-encoded character
            if word not in self._plain:
                return found[0]
            holes.append(Hole(self._plain[word], word))
            return before + _BLANK

        def take_odd(found: re.Match[str]) -> str:
            holes.append(Hole(self._odd[found[0]], found[0]))
            return _BLANK

        if self._pattern is not None:
            text = self._pattern.sub(take_odd, text)
        return (_WORD.sub(take, text) if self._plain and len(text) >= LONG else text), holes


@dataclass(slots=True)
class _Masks:
    """A replacement of the values a policy names, in two ways: by equal blanks, and by numbered marks."""

    policy: Policy
    values: list[str] = field(default_factory=list)
    _blank: Finder = field(init=False)
    _mark: Finder = field(init=False)

    def __post_init__(self) -> None:
        # redaction also replaces a known value in places that no rule names; comparing must find it there too
        known = Known()
        self._blank, self._mark = Finder(self.policy, _blanked, known), Finder(self.policy, self._marked, known)

    def body(self, body: bytes) -> tuple[bytes, bytes]:
        self.values = []
        marked = self._mark.body(body)
        return self._blank.body(body), marked

    def target(self, target: str) -> tuple[str, str]:
        self.values = []
        marked = self._mark.target(target)
        return self._blank.target(target), marked

    def headers(self, headers: Headers) -> None:
        self.values = []
        self._mark.headers(headers)

    def _marked(self, kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG002  # all kinds are hidden
        self.values.append(value)
        place = len(self.values) - 1
        return str(_NUMBERS + place) if number else f"\ue000{place}\ue001"


def _blanked(kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG001  # a blank is a blank
    return _ZERO if number else _BLANK


class Reader:
    """A reader of the values of one recording, as texts with holes."""

    def __init__(
        self, recording: Recording, dialect: Dialect, policy: Policy | None = None, servers: Iterable[str] = ()
    ) -> None:
        """Collect the ids of a recording.

        Args:
            recording: The recording to read.
            dialect: The dialect to read it by.
            policy: The redaction policy; values it names become holes, pseudonyms and plain values alike.
            servers: URLs of the recorded server, in both recordings.
        """
        self._dialect = dialect
        self._masks = _Masks(policy) if policy else None
        self._named = {name: key for key in reversed(dialect.minted) for name in names_of(dialect, key)}
        self._parts = {
            path.removeprefix("path."): key
            for key in dialect.minted
            for path in dialect.paths(key)
            if path.startswith("path.")
        }
        places = {server.rstrip("/"): SERVER for server in servers if server}
        self._words = _Words(dict(_ids(recording, dialect)) | places)
        self.hidden = self._learn(recording) if self._masks else set()

    def path(self, target: str) -> Leaf:
        """Return the path of a request target; ids that the dialect finds in the path become holes."""
        blank, marked = self._masks.target(target) if self._masks else (target, target)
        parts = {value: self._parts[name] for name, value in self._dialect.route(target).items() if name in self._parts}
        leaf = self._text(unquote(path_of(blank)), unquote(path_of(marked)), path_of(target))
        own = tuple(Hole(parts[part], part) for part in leaf.text.split("/") if part in parts)
        text = "/".join(_BLANK if part in parts else part for part in leaf.text.split("/"))
        return Leaf(leaf.type, text, (*leaf.holes, *own), leaf.plain)

    def query(self, target: str) -> Seen:
        """Return the query parameters of a request target, by name."""
        blank, marked = self._masks.target(target) if self._masks else (target, target)
        three = (parse_qsl(text.partition("?")[2], keep_blank_values=True) for text in (blank, marked, target))
        found: dict[str, list[Leaf]] = {}
        volatile = tree_of(self._dialect.volatile, "query")
        for (name, value), (_, mark), (_, plain) in zip(*three, strict=False):
            if covers(volatile, names_in(name)):
                continue
            found.setdefault(name, []).append(self._text(value, mark, plain))
        return {name: leaves[0] if len(leaves) == 1 else list(leaves) for name, leaves in found.items()}

    def body(self, body: bytes, root: str = "body") -> Seen:
        """Return the body of a request or an ack, without volatile fields; text if the body is not JSON.

        Paths of volatile fields begin with `root`: `data` in a publish.
        """
        blank, marked = self._masks.body(body) if self._masks else (body, body)
        plain = parse_json(body)
        if plain is None:
            return self._text(*(text.decode("utf-8", "backslashreplace") for text in (blank, marked, body)))
        return self._read("", *(self._steady(value, root) for value in (parse_json(blank), parse_json(marked), plain)))

    def data(self, event: Event) -> Seen:
        """Return the data of an event, without volatile fields."""
        blank = marked = event.data
        if self._masks:
            sent = self._masks.body(encode([{"channel": event.channel, "data": event.data}]))
            blank, marked = ((parse_json(text) or [{}])[0].get("data") for text in sent)
        return self._read("", *(self._steady(value, "data") for value in (blank, marked, event.data)))

    def _learn(self, recording: Recording) -> set[str]:
        """Read the whole recording, so that `Known` has every value; return the hidden values too long for chance."""
        hidden: set[str] = set()
        masks = self._masks
        for item in (*recording.triples, *recording.plain) if masks else ():
            for message in (item.request, item.ack):
                if masks and message:
                    masks.headers(message.headers)
                    hidden |= set(masks.values)
                    masks.body(message.body)
                    hidden |= set(masks.values)
            for link in item.events:
                self.data(link.event)
                hidden |= set(masks.values) if masks else set()
        return {value for value in hidden if sum(map(str.isalnum, value)) >= LONG}

    def _steady(self, value: JSON, root: str) -> JSON:
        return without(value, tree_of(self._dialect.volatile, root))

    def _read(self, name: str, blank: JSON, marked: JSON, plain: JSON) -> Seen:
        if isinstance(plain, dict) and isinstance(blank, dict) and isinstance(marked, dict):
            return {key: self._read(key, blank.get(key), marked.get(key), item) for key, item in plain.items()}
        if isinstance(plain, list) and isinstance(blank, list) and isinstance(marked, list):
            return [self._read(name, *three) for three in zip(blank, marked, plain, strict=False)]
        text, key = as_key(plain), self._named.get(name)
        if text is not None and key is not None:
            bare = self._dialect.bare(key, text)
            return Leaf("id", text[: len(text) - len(bare)] + _BLANK, (Hole(key, bare),), plain)
        if isinstance(blank, str) and isinstance(marked, str):
            return self._text(blank, marked, plain)
        number = isinstance(marked, int) and _NUMBERS <= marked < _NUMBERS + len(self._values)
        holes = (Hole(HIDDEN, self._values[marked - _NUMBERS]),) if number else ()
        return Leaf(_type(blank), json.dumps(blank), holes, plain)

    def _text(self, blank: str, marked: str, plain: JSON) -> Leaf:
        # a recorded text may itself contain characters of a mark, with a number that is out of range
        places = [int(found[1]) for found in _MARK.finditer(marked)]
        hidden = [Hole(HIDDEN, self._values[place]) for place in places if place < len(self._values)]
        text, words = self._words.taken_out(blank)
        return Leaf("string", text, (*hidden, *words), plain)

    @property
    def _values(self) -> list[str]:
        return self._masks.values if self._masks else []


def text_of(seen: Seen) -> str:
    """Return a value as text with blank holes: the part that must be equal in both recordings."""
    return json.dumps(seen, default=lambda leaf: [leaf.type, leaf.text], sort_keys=True)


def plain_of(seen: Seen) -> JSON:
    """Return a value as it was recorded."""
    match seen:
        case dict():
            return {name: plain_of(item) for name, item in seen.items()}
        case list():
            return [plain_of(item) for item in seen]
        case _:
            return seen.plain


def _ids(recording: Recording, dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Yield the long ids with their kinds; a long id is recognised wherever it stands as a word."""
    for value, kind in _every_id(recording, dialect):
        if len(value) >= LONG:
            yield value, kind


def _every_id(recording: Recording, dialect: Dialect) -> Iterable[tuple[str, str]]:
    sessions = Sessions(dialect.session_cookies)
    for item in (*recording.plain, *recording.triples):
        for message in (item.request, item.ack):
            tokens = sorted(sessions.tokens(message.headers)) if message else ()
            yield from (
                (token.partition("=")[2], SESSION) for token in tokens if not token.startswith("authorization ")
            )
        yield from ((link.event.client_id, SESSION) for link in item.events if link.event.raw is None)
        yield from ((text, key) for key in dialect.minted for text in values(item.keys.get(key, ())))
    yield from ((pushed.event.client_id, SESSION) for pushed in recording.unsolicited if pushed.event.raw is None)


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
