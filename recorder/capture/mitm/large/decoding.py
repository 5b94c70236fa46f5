"""Decode the bodies of messages, and tell the large ones, which must not be decoded in the event loop."""

from __future__ import annotations

from mitmproxy import http

from ....formats.compression import TooLarge
from ....model import Headers
from ....printable import counted
from ....redaction.bodies.encodings import NotUndone, content, encodings
from ...large.glimpse import HEAVY
from ...streams import KEPT, Kept

_ENCODED = 8 << 10  # bytes; to decode so many up to `HEAVY` takes 0.2 ms


def small(message: http.Message, headers: Headers, in_clear: bool) -> tuple[bytes, str | None] | None:  # noqa: FBT001  # as `whole`
    """Return what `whole` does of a small body; None for a large one, which the event loop must leave to others."""
    body = message.raw_content or b""
    if len(body) > HEAVY:
        return None
    if not body or not encodings(headers):
        return body, None
    return None if _may_grow(body, headers) else _decoded(body, headers, in_clear=in_clear)


def is_large(kept: Kept, headers: Headers) -> bool:
    """Return whether what is kept of a streamed body is, or may be, too large for the event loop."""
    if len(kept) > HEAVY or not len(kept) or not encodings(headers):
        return len(kept) > HEAVY
    return _may_grow(bytes(kept), headers)


def _may_grow(body: bytes, headers: Headers) -> bool:
    """Return whether a compressed body is large, or would take long to be decoded."""
    if len(body) > _ENCODED:
        return True
    try:
        content(body, headers, HEAVY)
    except TooLarge:
        return True
    except NotUndone:
        return False
    return False


def whole(message: http.Message, headers: Headers, in_clear: bool) -> tuple[bytes, str | None]:  # noqa: FBT001  # of a `partial`
    """Return the decoded body of a message, and what is missing from it.

    A body that cannot be decoded is kept only without redaction, which could not see the secrets in it.
    """
    return _decoded(message.raw_content or b"", headers, in_clear=in_clear)


def beginning(
    message: http.Message,
    headers: Headers,
    in_clear: bool,  # noqa: FBT001  # of a `partial`
    kept: Kept,
    reason: str | None,
) -> tuple[bytes, str | None]:
    """Return the decoded body of a streamed message as far as it is kept, and what is missing from it.

    Args:
        message: The message.
        headers: Its headers.
        in_clear: Whether nothing is redacted.
        kept: The beginning of its body.
        reason: Why the body broke off; None if it has come whole.

    """
    body, lacks = _decoded(kept.take(), headers, in_clear=in_clear)
    to = "server" if isinstance(message, http.Request) else "client"
    return body, (
        reason or (f"{counted(kept.lost, 'byte')} more went to the {to}" if kept.lost else lacks)
    ) if body else lacks


def with_host(request: http.Request, headers: Headers) -> Headers:
    """Return the headers of a request with a Host; HTTP/2 has `:authority` in its place (RFC 9113, section 8.3.1)."""
    return (("Host", request.authority), *headers) if request.authority and "host" not in request.headers else headers


def _decoded(body: bytes, headers: Headers, *, in_clear: bool) -> tuple[bytes, str | None]:
    try:
        return content(body, headers, KEPT)
    except TooLarge as exc:
        return exc.beginning, str(exc)
    except NotUndone as exc:
        return (body, None) if in_clear else (b"", str(exc))
