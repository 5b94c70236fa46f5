"""Redact records before they reach the disk: replace secrets and personal values by pseudonyms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..formats.streamed import streamed_media
from ..model import Chunk, Failure, Headers, Note, Record, Request, Response, SocketMessage
from .bodies.change import Unread
from .bodies.json_shapes import Replaced, Shape
from .bodies.json_text import made
from .finder import Finder
from .known import Known
from .leaves import Leaf, Shaped, changed_in_head, changed_pieces, shaped
from .policy import Policy
from .pseudonyms import Kind, Pseudonyms

_SHAPES = 1_000  # shapes of bodies of which it is kept which values are replaced


@dataclass(slots=True)
class Redactor:
    """The redaction of one capture: a policy and the key of the pseudonyms.

    Attributes:
        policy: Names the values to replace.
        key: 16 to 64 secret bytes. Pseudonyms cannot be undone without the key.

    """

    policy: Policy
    key: bytes
    _finder: Finder = field(init=False)

    def __post_init__(self) -> None:
        self._finder = Finder(self.policy, _Replace(Pseudonyms(self.key)), Known())

    @property
    def unlooked(self) -> Counter[tuple[str, Unread]]:
        """The number of bodies so far that no reader looked through, by media type and by what became of them."""
        return self._finder.unlooked

    @property
    def dropped(self) -> tuple[str, ...]:
        """Media types of what is not kept of the body of the last record: all of it, or parts of it."""
        return self._finder.dropped

    def redact(self, record: Record) -> Record:
        """Return a record redacted."""
        self._finder.dropped = ()
        return redacted(record, self._finder)

    def redact_chunk(self, record: Chunk, media: str) -> Record:
        """Return a chunk redacted whose head this redactor has not seen; `media` is the media type of its response."""
        self._finder.streams[record.exchange] = media
        return self.redact(record)

    def media_of(self, exchange: int) -> str:
        """Return the media type of the streamed response of an exchange; "" if none is known."""
        return self._finder.streams.get(exchange, "")

    @property
    def values(self) -> tuple[tuple[str, Kind], ...]:
        """The values that were named so far, the least recently seen first."""
        return self._finder.known.values if self._finder.known is not None else ()

    def learn(self, values: Iterable[tuple[str, Kind]]) -> None:
        """Remember values that another redactor of the same policy has seen."""
        if self._finder.known is not None:
            for value, kind in values:
                self._finder.known.add(value, kind)

    def count(self, unlooked: Counter[tuple[str, Unread]], dropped: tuple[str, ...]) -> None:
        """Take what another redactor did not look through in a record, as if it had been redacted here just now."""
        self._finder.unlooked.update(unlooked)
        self._finder.dropped = dropped

    def headers(self, headers: Headers) -> Headers:
        """Return headers redacted."""
        return self._finder.headers(headers)

    def text(self, text: str) -> str:
        """Return a text that is not part of a record, such as a URL or an error, redacted."""
        return self._finder.text(text)

    def known(self, text: str) -> Iterator[str]:
        """Yield the pseudonyms of known values that stand in a text, perhaps since before they were known."""
        for begin, end, kind in self._finder.known.spans(text) if self._finder.known else ():
            yield self._finder.replace(kind, text[begin:end])


def redacted(record: Record, find: Finder) -> Record:
    """Return a record with the values that `find` finds in it replaced.

    The chunks of a streamed response come after its head: `find` keeps its media type.
    """
    match record:  # the constructors take a fraction of the time of `dataclasses.replace`
        case Request(seq, t, exchange, connection, method, target, headers, body):
            target, headers = find.target(target), find.headers(headers)
            return Request(seq, t, exchange, connection, method, target, headers, find.body(body, headers))
        case Response(seq, t, exchange, status, headers, body):
            if record.streamed:
                find.streams[exchange] = streamed_media(headers) or ""
            new = find.body(body, headers)
            return Response(seq, t, exchange, status, find.headers(headers), new, streamed=record.streamed)
        case Chunk(seq, t, exchange, body, is_last):
            return Chunk(seq, t, exchange, find.chunk(body, find.streams.get(exchange, "")), is_last)
        case SocketMessage(seq, t, exchange, from_client, body, is_text):
            return SocketMessage(seq, t, exchange, from_client, find.body(body), is_text)
        case Failure(seq, t, exchange, reason):
            return Failure(seq, t, exchange, find.text(reason))
        case Note(seq, t, kind, text):
            return Note(seq, t, kind, find.text(text))


@dataclass(slots=True)
class _Replace:
    pseudonyms: Pseudonyms

    def __call__(self, kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG002  # the pseudonym of a number is always a number
        return self.pseudonyms.of(kind, value)


@dataclass(slots=True)
class Read:
    """A record with a body in JSON of a known shape, whose values are changed piece by piece.

    A scan and a redaction ask for the places of what changed. Putting the body together and reading it again to compare
    the two took a third of their time. The result is that of `redacted`; tests hold the two to each other.

    Attributes:
        record: The record.
        target: The target of a request; None for another record.
        headers: Its headers.
        body: The texts of its body.
        replaced: Those of them that a policy replaces.

    """

    record: Record
    target: str | None
    headers: Headers
    body: Shaped
    replaced: Replaced

    def changed(self, find: Finder, *, is_ascii: bool) -> Read:
        """Return the record with the values that `find` finds in it replaced, in the order of `redacted`."""
        record, target, headers = self.record, self.target, self.headers
        if target is not None:
            target, headers = find.target(target), find.headers(headers)
        pieces = made(self.body.pieces, self.replaced, find, is_ascii=is_ascii)
        if isinstance(record, Response):
            headers = find.headers(headers)
        return Read(record, target, headers, Shaped(self.body.shape, pieces, self.body.template), self.replaced)

    def whole(self) -> Record:
        """Return the record put together."""
        body = "".join(self.body.pieces).encode("utf-8", "backslashreplace")
        match self.record:
            case Request(seq, t, exchange, connection, method):
                return Request(seq, t, exchange, connection, method, self.target or "", self.headers, body)
            case Response(seq, t, exchange, status):
                return Response(seq, t, exchange, status, self.headers, body)
            case SocketMessage(seq, t, exchange, from_client, _, is_text):
                return SocketMessage(seq, t, exchange, from_client, body, is_text)
            case other:
                return other

    def differing(self, other: Read) -> list[tuple[Leaf, Leaf]] | None:
        """Return the texts that are others in another form of the record, as `changed_leaves`; None if it must tell."""
        head = changed_in_head(self.target or "", other.target or "", self.headers, other.headers)
        if head is None:
            return None
        return [(was, now) for was, now in head + changed_pieces(self.body, other.body) if was.text != now.text]


@dataclass(slots=True)
class Reading:
    """Takes records apart for a policy, and keeps which values it replaces in each shape."""

    policy: Policy
    _replaced: dict[Shape, Replaced] = field(default_factory=dict)  # by shapes of `without_rules`

    def read(self, record: Record) -> Read | None:
        """Return a record taken apart; None if its body is no JSON of a shape that the policy knows."""
        body = None if getattr(record, "streamed", False) else shaped(record)
        if body is None:
            return None
        known = self._replaced.get(body.shape)
        if known is None:
            split = self.policy.shapes.split("".join(body.pieces), self.policy, self.policy.root())
            if split is None or split[1].replaced is None:
                return None
            if len(self._replaced) >= _SHAPES:
                self._replaced.clear()
            known = self._replaced[body.shape] = split[1].replaced
        return Read(record, getattr(record, "target", None), getattr(record, "headers", ()), body, known)
