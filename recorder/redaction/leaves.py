"""Split a record into its texts, each with its place in the record, for scans and reports.

Bodies are read by the readers that redaction uses, so a scan sees what redaction sees. A record before and after its
values were replaced gives the same places in the same order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ..formats.charsets import media_of
from ..formats.streamed import EVENTS, SEPARATOR
from ..model import Chunk, Failure, Headers, Note, Record, Request, Response, SocketMessage
from .bodies.change import Unread
from .bodies.json_shapes import Pieces, Shape, text_of
from .bodies.reading import changed, changed_body, form_of, may_be_unread, note_unread, one_json
from .forms import undone
from .policy import Place, Policy, without_rules

_JSON_LINES = (b"{", b"[", b'"', SEPARATOR)
_NAMES = 2_000  # names of which it is kept how they are shown
_LETTER = re.compile(r"[^\W_]")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z_$-]{0,39}\d{0,3}")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One text of a record, with its place.

    Attributes:
        where: The place as shown to the user: `header Cookie`, `query id`, `body data.record.phone`. A name that may
            itself be a value, or has characters that a terminal could interpret, is shown as `*`.
        text: The text, decoded.
        path: The names of the enclosing members, joined by dots, as in a policy; "" if there are none.
        header: Name of the header, in small letters, if the text is a header's value; else "".

    """

    where: str
    text: str
    path: str = ""
    header: str = ""


def part(record: Record) -> str:
    """Return the type of a record as a word for the user."""
    match record:
        case Request():
            return "request"
        case Response():
            return "response"
        case Chunk():
            return "chunk"
        case Failure():
            return "failure"
        case SocketMessage():
            return "socket message"
        case Note():
            return "note"


def leaves(record: Record) -> list[Leaf]:
    """Return all texts of a record that came from outside: target, headers, body, reason or note."""
    return [*of_head(record), *of_body(record)]


def of_head(record: Record) -> list[Leaf]:
    """Return the texts of a record without those of its body."""
    match record:
        case Request():
            return [*of_target(record.target), *map(of_header, record.headers)]
        case Response():
            return [*map(of_header, record.headers)]
        case Chunk() | SocketMessage():
            return []
        case Failure():
            return [Leaf("reason", record.reason)]
        case Note():
            return [Leaf("text", record.text)]


def changed_leaves(before: Record, after: Record) -> list[tuple[Leaf, Leaf]]:
    """Return the texts of a record that are others in another form of the record, in order, each with the other one.

    If the other form has another structure, as JSON may get that was cut off, the path, the headers and the body are
    taken for a text each.
    """
    if isinstance(before, Failure | Note):
        pairs: list[tuple[Leaf, Leaf]] | None = list(zip(leaves(before), leaves(after), strict=True))
    else:
        was, now = getattr(before, "target", ""), getattr(after, "target", "")
        pairs = changed_in_head(was, now, getattr(before, "headers", ()), getattr(after, "headers", ()))
    if pairs is not None and getattr(before, "body", b"") != getattr(after, "body", b""):
        bodies = _changed_in_body(before, after)
        pairs = None if bodies is None else pairs + bodies
    return _as_wholes(before, after) if pairs is None else [(old, new) for old, new in pairs if old.text != new.text]


def changed_in_head(was: str, now: str, before: Headers, after: Headers) -> list[tuple[Leaf, Leaf]] | None:
    """Return the texts of a target and of headers with those of their other form; None if the target was parted."""
    pairs: list[tuple[Leaf, Leaf]] = []
    if was != now:
        old, new = of_target(was), of_target(now)
        if [leaf.where for leaf in old] != [leaf.where for leaf in new]:
            return None
        pairs = list(zip(old, new, strict=True))
    headers = zip(before, after, strict=True)
    return pairs + [(of_header(one), of_header(other)) for one, other in headers if one != other]


def _changed_in_body(before: Record, after: Record) -> list[tuple[Leaf, Leaf]] | None:
    """Return the texts of a body with those of its other form; None if that has another structure."""
    old, new = shaped(before), shaped(after)
    if old is not None and new is not None and old.shape is new.shape:
        return changed_pieces(old, new)
    was, now = of_body(before), of_body(after)
    return list(zip(was, now, strict=True)) if [one.where for one in was] == [one.where for one in now] else None


def changed_pieces(old: Shaped, new: Shaped) -> list[tuple[Leaf, Leaf]]:
    """Return the texts of a body that are others in another body of its shape, each with the other one."""
    others = ((number, leaf) for number, leaf in old.template if number >= 0)
    differing = [(number, leaf) for number, leaf in others if old.pieces[number] != new.pieces[number]]
    return [(old.leaf(number, leaf), new.leaf(number, leaf)) for number, leaf in differing]


def _as_wholes(before: Record, after: Record) -> list[tuple[Leaf, Leaf]]:
    """Return the path, the headers and the body of a record, with those of its other form, each as one text."""
    pairs = zip(_whole(before), _whole(after), strict=True)
    return [(was, now) for was, now in pairs if was.text != now.text]


def _whole(record: Record) -> list[Leaf]:
    headers = [Leaf("header", f"{name}: {value}") for name, value in getattr(record, "headers", ())]
    body = getattr(record, "body", b"").decode("utf-8", "replace")
    return [Leaf("path", getattr(record, "target", "")), *headers, Leaf("body", body)]


def of_target(target: str) -> list[Leaf]:
    """Return the texts of the target of a request: its path, and the names and values of its query."""
    path, mark, query = target.partition("?")
    if not mark:
        return [Leaf("path", undone(path))]
    found = _Leaves("query")
    found.fields(query, found.policy.root())
    return [Leaf("path", undone(path)), *found.leaves]


def of_header(header: tuple[str, str]) -> Leaf:
    """Return the text of a header."""
    name, value = header
    return Leaf(f"header {shown(name)}", value, header=name.lower())


def of_body(record: Record) -> list[Leaf]:
    """Return the texts of the body of a record; of a chunk those of its events or lines."""
    known = shaped(record)
    if known is not None:
        return known.leaves()
    match record:
        case Request() | Response():
            return _body(record.body, record.headers)
        case SocketMessage():
            return _body(record.body, ())
        case Chunk():
            return _chunk(record.body)
        case _:
            return []


@dataclass(slots=True)
class Shaped:
    """The texts of a body in JSON of a known shape.

    Attributes:
        shape: What the body shares with others.
        pieces: The body in pieces, as the shape numbers them.
        template: A leaf for each text, with the number of its piece; -1 for a text that all bodies of the shape share.

    """

    shape: Shape
    pieces: Pieces
    template: tuple[tuple[int, Leaf], ...]

    def leaves(self) -> list[Leaf]:
        """Return all texts."""
        return [leaf if number < 0 else self.leaf(number, leaf) for number, leaf in self.template]

    def leaf(self, number: int, leaf: Leaf) -> Leaf:
        """Return the text in a piece, at the place of a leaf of the template."""
        return Leaf(leaf.where, text_of(self.pieces[number]), leaf.path)


def shaped(record: Record) -> Shaped | None:
    """Return the texts of a body in JSON, if others of the same shape came before; else None."""
    text = one_json(record.body) if isinstance(record, Request | Response | SocketMessage) else None
    if text is None:
        return None
    policy = without_rules()
    known = policy.shapes.split(text, policy, policy.root())
    if known is None:
        return None
    pieces, shape = known
    if shape.notes is None:
        found = _Leaves("body")
        for one in shape.parts:
            found.name(one.text, one.place) if one.is_name else found.value(one.text, one.place)
        shape.notes = tuple((one.number, leaf) for one, leaf in zip(shape.parts, found.leaves, strict=True))
    return Shaped(shape, pieces, shape.notes)


def unlooked(record: Record) -> Mapping[tuple[str, Unread], int]:
    """Return the number of bodies in a record that no reader looks through, by media type."""
    if not may_be_unread(getattr(record, "body", b"")):
        return {}
    found = _Leaves("body")
    match record:
        case Request() | Response():
            note_unread(record.body, media_of(record.headers), found, found.policy)
        case SocketMessage():
            note_unread(record.body, "", found, found.policy)
        case _:
            pass
    return found.unlooked


def content(text: str, where: str) -> list[Leaf]:
    """Return the texts inside a text that has members, e.g. JSON, XML or form data; any other text alone."""
    found = _Leaves(where)
    changed(text, form_of(text), found, found.policy, found.policy.root())
    return found.leaves


@lru_cache(_NAMES)
def shown(name: str) -> str:
    """Return a name if it cannot be a value, else `*`."""
    return name if _NAME.fullmatch(name) else "*"


@dataclass(slots=True)
class _Leaves:
    """A change that changes nothing and keeps what it is called with."""

    where: str
    leaves: list[Leaf] = field(default_factory=list)
    unlooked: Counter[tuple[str, Unread]] = field(default_factory=Counter)
    policy: Policy = field(default_factory=without_rules)
    empty: frozenset[str] = frozenset()
    wants_names: bool = True
    _places: dict[str, str] = field(default_factory=dict)  # path → the place as shown: a name may have dots

    def name(self, name: str, place: Place) -> None:
        path = place.path
        is_last = path.endswith(name)
        outer = path[: -len(name)].rstrip(".") if is_last else ""
        where = self._shown(outer)
        self.leaves.append(Leaf(f"{where} (a name)", name))
        if is_last:
            self._places[path] = f"{where}{'.' if outer else ' '}{shown(name)}"

    def value(self, content: str, place: Place) -> str:
        self.leaves.append(Leaf(self._shown(place.path), content, place.path))
        return content

    def number(self, digits: str, place: Place) -> str:
        return self.value(digits, place)

    def text(self, text: str) -> str:
        if _LETTER.search(text):
            self.leaves.append(Leaf(self.where, text))
        return text

    def fields(self, text: str, place: Place) -> str:
        for pair in text.split("&"):
            name, equals, value = pair.partition("=")
            if equals:
                plain = undone(name)
                here = self.policy.walk(place, plain)
                self.name(plain, here)
                self.value(undone(value, plus=True), here)
            else:
                self.text(undone(pair))
        return text

    def unread(self, kind: str, why: Unread) -> None:
        self.unlooked[kind, why] += 1

    def _shown(self, path: str) -> str:
        if not path:
            return self.where
        found = self._places.get(path)
        if found is None:
            found = self._places[path] = f"{self.where} {'.'.join(map(shown, path.split('.')))}"
        return found


def _chunk(body: bytes) -> list[Leaf]:
    """Return the texts of whole events, or of whole lines of JSON; the first byte tells them apart."""
    if body[:1] in _JSON_LINES:
        return _body(body.replace(SEPARATOR, b""), ())
    return _body(body, (("Content-Type", EVENTS),))


def _body(body: bytes, headers: Headers) -> list[Leaf]:
    found = _Leaves("body")
    if body:
        changed_body(body, headers, found, found.policy, found.policy.root())
    return found.leaves
