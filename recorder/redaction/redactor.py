"""Redact records before they reach the disk: replace secrets and personal values by pseudonyms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..formats.streamed import streamed_media
from ..model import Chunk, Failure, Headers, Note, Record, Request, Response, SocketMessage
from .bodies.change import Unread
from .finder import Finder
from .known import Known
from .policy import Policy
from .pseudonyms import Kind, Pseudonyms


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
