"""Write the operations of a recording as a shell script of curl commands.

No text from a cassette can become shell syntax: arguments are quoted, and a body that cannot be an argument (bytes that
are not UTF-8, NUL, or too long) goes through a pipe, byte for byte.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from ..model import Headers, Recording, Request
from ..printable import printable
from ..push.rules import MESSAGE
from .urls import url_of

_LONGEST = 100_000  # bytes of an argument; Linux allows 128 KiB (MAX_ARG_STRLEN)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # a method or header name (RFC 9110, section 5.6.2)
_UNPRINTED = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")  # not allowed in header values (RFC 9110, section 5.5)
# curl sets these headers itself; the recorded values would not fit the new connection
_OWN = {"host", "content-length", "connection", "transfer-encoding", "keep-alive", "accept-encoding", "expect"}


def curl(recording: Recording, base: str = "") -> Iterator[str]:
    """Yield the lines of the script.

    Args:
        recording: The recording whose operations are written.
        base: URL to send the requests to, e.g. `http://localhost:8090`; empty for the recorded server.
    """
    yield "#!/bin/sh"
    yield "# The operations of a cassette, in order. A redacted cassette holds pseudonyms: put in real credentials."
    for triple in recording.triples:
        yield ""
        yield f"# {triple.n} {printable(triple.operation or '')}"
        if triple.request.message is None:
            yield command(triple.request, base or recording.header.upstream)
        elif triple.request.method == MESSAGE:
            yield f"# left out: {printable(triple.request.target)}, a message on a WebSocket"
        else:
            yield f"# left out: a publish on {printable(triple.request.target)}, which needs a Bayeux session"


def command(request: Request, upstream: str) -> str:
    """Return one request as one curl command."""
    words = ["curl", "--silent", "--show-error", "--globoff", "--path-as-is", "--request", _argument(request.method)]
    for name, value in _headers(request.headers):
        # curl drops a header written `Name:`, and sends an empty header for `Name;`
        words += ["--header", f"{name}: {value}" if value else f"{name};"]
    if request.body and "content-type" not in {name.lower() for name, _ in request.headers}:
        words += ["--header", "Content-Type:"]  # without this, curl adds application/x-www-form-urlencoded
    before = ""
    if request.body and _fits(request.body):
        words += ["--data-raw", request.body.decode()]  # --data would read a file if the body begins with @
    elif request.body:
        before = f"printf {shlex.quote(_octal(request.body))} | "
        words += ["--data-binary", "@-"]
    return before + " ".join(map(shlex.quote, [*words, url_of(request, upstream)]))


def _headers(headers: Headers) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        if name.lower() not in _OWN and _TOKEN.fullmatch(name) and not _UNPRINTED.search(value):
            yield name, value.strip()


def _fits(body: bytes) -> bool:
    if b"\0" in body or len(body) > _LONGEST:
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _argument(text: str) -> str:
    """Return the method if it is a token (RFC 9110, section 9.1), else `GET`."""
    return text if _TOKEN.fullmatch(text) else "GET"


def _octal(body: bytes) -> str:
    """Return a format string for the shell's `printf` that prints these bytes."""
    plain = set(b'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 {}[]":,._-/')
    made = "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in body)
    return f"\\{ord('-'):03o}{made[1:]}" if made.startswith("-") else made  # `-` would begin an option
