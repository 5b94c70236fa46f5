"""Takes secrets and personal values out of records before they reach the disk."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..model import Failure, Headers, Note, Record, Request, Response, SocketMessage
from .finder import Finder
from .known import Known
from .policy import Policy
from .pseudonyms import Kind, Pseudonyms


@dataclass(slots=True)
class Redactor:
    """A policy under one key, for one capture.

    Attributes:
        key: Secret bytes; thrown away with the process unless the user keeps them, the pseudonyms cannot be undone.

    """

    policy: Policy
    key: bytes
    _finder: Finder = field(init=False)

    def __post_init__(self) -> None:
        self._finder = Finder(self.policy, _Replace(Pseudonyms(self.key)), Known())

    def redact(self, record: Record) -> Record:
        """The record as it may be kept."""
        return redacted(record, self._finder)

    def headers(self, headers: Headers) -> Headers:
        """Headers as they may be kept."""
        return self._finder.headers(headers)

    def text(self, text: str) -> str:
        """Any text as it may be shown: a URL, an error."""
        return self._finder.text(text)


def redacted(record: Record, find: Finder) -> Record:
    """The record with what a finder finds in it replaced."""
    match record:  # each is built anew, which takes a fraction of the time of `replace`
        case Request(seq, t, exchange, connection, method, target, headers, body):
            target, headers = find.target(target), find.headers(headers)
            return Request(seq, t, exchange, connection, method, target, headers, find.body(body))
        case Response(seq, t, exchange, status, headers, body):
            return Response(seq, t, exchange, status, find.headers(headers), find.body(body))
        case SocketMessage(seq, t, exchange, from_client, body):
            return SocketMessage(seq, t, exchange, from_client, find.body(body))
        case Failure(seq, t, exchange, reason):
            return Failure(seq, t, exchange, find.text(reason))
        case Note(seq, t, kind, text):
            return Note(seq, t, kind, find.text(text))


@dataclass(slots=True)
class _Replace:
    pseudonyms: Pseudonyms

    def __call__(self, kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG002  # it always is one
        return self.pseudonyms.of(kind, value)
