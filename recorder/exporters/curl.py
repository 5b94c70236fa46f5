"""The operations of a recording as a shell script of curl commands.

Whatever stands in a cassette, the shell takes none of it for syntax: arguments are quoted, and a body that cannot be
an argument (bytes that are no text, NUL, or too long a one) goes through a pipe, byte for byte.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from ..model import Headers, Recording, Request
from ..printable import printable
from .urls import url_of

_LONGEST = 100_000  # bytes of an argument; Linux takes 128 KiB
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # a header's name (RFC 9110, section 5.6.2)
_UNPRINTED = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")  # in no header's value (section 5.5)
# curl makes these itself
_OWN = {"host", "content-length", "connection", "transfer-encoding", "keep-alive", "accept-encoding", "expect"}


def curl(recording: Recording, base: str = "") -> Iterator[str]:
    """Yield the lines; `base` takes the place of the recorded server, e.g. `http://localhost:8090`."""
    yield "#!/bin/sh"
    yield "# The operations of a cassette, in their order. A redacted one holds pseudonyms: put in real credentials."
    for triple in recording.triples:
        yield ""
        yield f"# {triple.n} {printable(triple.operation or '')}"
        yield command(triple.request, base or recording.header.upstream)


def command(request: Request, upstream: str) -> str:
    """One request, as one command."""
    words = ["curl", "--silent", "--show-error", "--globoff", "--path-as-is", "--request", _argument(request.method)]
    for name, value in _headers(request.headers):
        # `Name:` would leave the header out; `Name;` sends it empty
        words += ["--header", f"{name}: {value}" if value else f"{name};"]
    if request.body and "content-type" not in {name.lower() for name, _ in request.headers}:
        words += ["--header", "Content-Type:"]  # or it would say that this is a form
    before = ""
    if request.body and _fits(request.body):
        words += ["--data-raw", request.body.decode()]  # unlike --data, takes a leading @ as it is
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
    """A method as it can be an argument; a real one is a token."""
    return text if _TOKEN.fullmatch(text) else "GET"


def _octal(body: bytes) -> str:
    """A format for the shell's `printf` that gives these bytes."""
    plain = set(b'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 {}[]":,._-/')
    made = "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in body)
    return f"\\{ord('-'):03o}{made[1:]}" if made.startswith("-") else made  # else it would be an option
