"""Tell what an error of a store means, in words that hold no secret.

Each store has a library, and each library errors of its own: they are told apart by the names of their classes, so that
no library is imported for it.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from enum import Enum, auto

from ...printable import printable

_LONGEST = 200  # characters of what a library says
_SECRET = re.compile(r"(?<=://)[^\s/@'\"]*@|\?[^\s'\")>]*=[^\s'\")>]*")  # a login, or the query of a signed URL


class Kind(Enum):
    """Kinds of errors that a caller acts upon."""

    MISSING = auto()
    FOLDER = auto()
    THERE = auto()  # a file that must not be replaced
    DENIED = auto()
    REPLACED = auto()  # the file is another one than when it was opened
    LOST = auto()  # the connection, or the patience of the server: another try may succeed
    OTHER = auto()


_KINDS = {
    "FileNotFoundError": Kind.MISSING,
    "ResourceNotFoundError": Kind.MISSING,
    "IsADirectoryError": Kind.FOLDER,
    "FileExistsError": Kind.THERE,
    "ResourceExistsError": Kind.THERE,
    "PermissionError": Kind.DENIED,
    "NoCredentialsError": Kind.DENIED,
    "PartialCredentialsError": Kind.DENIED,
    "DefaultCredentialsError": Kind.DENIED,
    "ClientAuthenticationError": Kind.DENIED,
    "FileExpired": Kind.REPLACED,
    "Replaced": Kind.REPLACED,
    "Lost": Kind.LOST,
    "ConnectionError": Kind.LOST,
    "TimeoutError": Kind.LOST,
    "ClientConnectionError": Kind.LOST,  # this and the next: aiohttp
    "ClientPayloadError": Kind.LOST,
    "IncompleteRead": Kind.LOST,
    "HTTPClientError": Kind.LOST,  # this and the next: botocore
    "ResponseParserError": Kind.LOST,
    "ServiceRequestError": Kind.LOST,  # this and the next: azure.core
    "ServiceResponseError": Kind.LOST,
}
# codes of S3 for which the library has no class of its own
_CODES = {
    "PreconditionFailed": Kind.REPLACED,
    "412": Kind.REPLACED,
    "ConditionalRequestConflict": Kind.LOST,  # another writer is at it: the next try sees which object there is
    "InternalError": Kind.LOST,
    "ServiceUnavailable": Kind.LOST,
    "SlowDown": Kind.LOST,
    "RequestTimeout": Kind.LOST,
    "500": Kind.LOST,
    "503": Kind.LOST,
}
_TEXTS = {
    Kind.MISSING: (errno.ENOENT, "does not exist"),
    Kind.FOLDER: (errno.EISDIR, "is a folder; /** behind it finds the cassettes in it"),
    Kind.THERE: (errno.EEXIST, "exists already"),
    Kind.REPLACED: (errno.ESTALE, "was replaced while it was read; run the command again"),
}


class Told(OSError):
    """An error that is told already."""


class Lost(OSError):
    """A connection that ended before all bytes were there."""


class Replaced(OSError):
    """A file that is another one than when it was opened."""


class Missing(Told, FileNotFoundError):
    """A file that is not there."""


def kind_of(error: BaseException) -> Kind:
    """Return the kind of an error of a store, or of an error that it came from."""
    for one in _chain(error):
        if (kind := _CODES.get(_code(one))) is not None:
            return kind
        for cls in type(one).__mro__:
            if cls.__name__ in _KINDS:
                return _KINDS[cls.__name__]
    return Kind.OTHER


def told(error: BaseException) -> OSError:
    """Return the error as one of the system, whose `strerror` is fit for a user."""
    if isinstance(error, Told):
        return error
    kind = kind_of(error)
    if kind is Kind.MISSING:
        return Missing(*_TEXTS[kind])
    if kind in _TEXTS:
        return Told(*_TEXTS[kind])
    said = _said(error)
    if kind is Kind.DENIED:
        return Told(errno.EACCES, f"access denied ({said}); check the credentials for this store")
    if kind is Kind.LOST:
        return Told(errno.EIO, f"the store cannot be reached ({said})")
    return Told(errno.EIO, f"cannot be used: {said}")


def without_secrets(text: str) -> str:
    """Return a text of a library on one line, without logins and signed queries of URLs, and not too long."""
    return printable(_SECRET.sub(_hidden, " ".join(text.split())))[:_LONGEST]


def _code(error: BaseException) -> str:
    """Return the code that S3 gave (`botocore.exceptions.ClientError.response`)."""
    answer = getattr(error, "response", None)
    stated = answer.get("Error") if isinstance(answer, dict) else None
    return str(stated.get("Code", "")) if isinstance(stated, dict) else ""


def _hidden(found: re.Match[str]) -> str:
    return "\N{HORIZONTAL ELLIPSIS}@" if found[0].endswith("@") else "?\N{HORIZONTAL ELLIPSIS}"


def _said(error: BaseException) -> str:
    first = next((one for one in _chain(error) if str(one)), error)
    text = getattr(first, "strerror", None) or str(first)
    return without_secrets(text) or type(first).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
