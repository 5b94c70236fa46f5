"""Takes secrets and personal values out of records before they reach the disk."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

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
    match record:
        case Request():
            return replace(
                record,
                target=find.target(record.target),
                headers=find.headers(record.headers),
                body=find.body(record.body),
            )
        case Response():
            return replace(record, headers=find.headers(record.headers), body=find.body(record.body))
        case SocketMessage():
            return replace(record, body=find.body(record.body))
        case Failure():
            return replace(record, reason=find.text(record.reason))
        case Note():
            return replace(record, text=find.text(record.text))


@dataclass(slots=True)
class _Replace:
    pseudonyms: Pseudonyms

    def __call__(self, kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG002  # it always is one
        return self.pseudonyms.of(kind, value)
