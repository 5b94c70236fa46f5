"""Split a multipart body into its parts and join them again, byte for byte (RFC 2046, section 5.1; RFC 7578)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...model import Headers

_BOUNDARY = re.compile(
    r"multipart/[^;]*;(?:.*;)?\s*boundary\s*=\s*(?:\"([^\"]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE
)
_STARTS = re.compile(rb"(?:\r?\n)?--([^\s\"]{1,200})\r?\n(?:content-|x-)[\w-]+:", re.IGNORECASE)
_HEADER = re.compile(r"([^\s:]++)\s*+:[ \t]*+((?:[^\r\n]|\r?\n[ \t])*+)")
_NAMED = re.compile(r";\s*(name|filename)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;]+))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a body.

    Attributes:
        head: All bytes from the boundary to the empty line after the headers.
        content: The bytes of the part.
        headers: Its headers.

    """

    head: bytes
    content: bytes
    headers: Headers

    @property
    def name(self) -> str:
        """The name of the form field; "" for another part."""
        return dict(_parameters(self.headers)).get("name", "")


def boundary(media: str, body: bytes) -> bytes | None:
    """Return the boundary of a multipart body by its media type, or by its first line; None for another body."""
    found = _BOUNDARY.match(media)
    if found:
        return (found[1] or found[2]).encode("utf-8", "surrogateescape")
    begins = _STARTS.match(body) if body[:4].lstrip(b"\r\n")[:2] == b"--" else None
    return begins[1] if begins else None


def split(body: bytes, mark: bytes) -> tuple[list[Part], bytes] | None:
    """Return the parts of a body and the bytes after the last part; None if the boundary does not occur."""
    lines = list(re.finditer(rb"(?:^|\r?\n)--" + re.escape(mark) + rb"(--)?[ \t]*(?:\r?\n|$)", body))
    if not lines:
        return None
    parts: list[Part] = []
    before = body[: lines[0].start()]
    for number, line in enumerate(lines):
        if line[1]:
            return parts, before + body[line.start() :] if not parts else body[line.start() :]
        end = lines[number + 1].start() if number + 1 < len(lines) else len(body)
        parts.append(_part(before + line[0] if not parts else line[0], body[line.end() : end]))
    return parts, b""


def filename(head: bytes) -> tuple[int, int] | None:
    """Return where the value of `filename` begins and ends in the head of a part; None if it has none."""
    text = head.decode("latin-1")
    for found in _NAMED.finditer(text):
        if found[1].lower() == "filename":
            return found.span(2 if found[2] is not None else 3)
    return None


def _part(line: bytes, rest: bytes) -> Part:
    found = re.search(rb"\r?\n\r?\n|^\r?\n", rest)
    if found is None:  # cut off inside the headers, or no headers at all
        return Part(line, rest, ())
    head = rest[: found.end()]
    try:
        text = head.decode()
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    headers = tuple((name, value.strip()) for name, value in _HEADER.findall(text))
    return Part(line + head, rest[found.end() :], headers)


def _parameters(headers: Headers) -> list[tuple[str, str]]:
    value = next((value for name, value in headers if name.lower() == "content-disposition"), "")
    return [(found[1].lower(), found[2] if found[2] is not None else found[3]) for found in _NAMED.finditer(value)]
