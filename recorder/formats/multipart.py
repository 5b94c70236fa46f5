"""Split a multipart body into its parts and join them again, byte for byte (RFC 2046, section 5.1; RFC 7578)."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from ..model import Headers

_BOUNDARY = re.compile(
    r"multipart/[^;]*;(?:.*;)?\s*boundary\s*=\s*(?:\"([^\"]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE
)
_STARTS = re.compile(rb"(?:\r?\n)?--([^\s\"]{1,200})\r?\n(?:content-|x-)[\w-]+:", re.IGNORECASE)
_HEADER = re.compile(r"(?<![^\s:])([^\s:]++)\s*+:[ \t]*+((?:[^\r\n]|\r?\n[ \t])*+)")
_NAMED = re.compile(r";\s*+(name|filename\*?)\s*+=\s*+(?:\"((?:[^\"\\]|\\.)*+)\"|([^\s;]++))", re.IGNORECASE)
_OTHER = re.compile(
    rb"^(?!content-(?:disposition|type|transfer-encoding|length)\b)[\w-]++:[ \t]*+[^\r\n]++",
    re.IGNORECASE | re.MULTILINE,
)


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
    def encoding(self) -> str:
        """The transfer encoding of the content, in small letters (RFC 2045, section 6)."""
        found = (value for name, value in self.headers if name.lower() == "content-transfer-encoding")
        return next(found, "").strip().lower()

    @property
    def name(self) -> str:
        """The name of the form field; "" for another part."""
        return parameters(self.headers).get("name", "")


@dataclass(frozen=True, slots=True)
class Split:
    """A body split at its boundary.

    Attributes:
        before: The bytes before the first boundary, which readers of the body ignore.
        parts: The parts.
        end: The last boundary; empty if the body was cut off.
        after: The bytes after the last boundary, which readers of the body ignore.

    """

    before: bytes
    parts: tuple[Part, ...]
    end: bytes
    after: bytes


def boundary(media: str, body: bytes) -> bytes | None:
    """Return the boundary of a multipart body by its media type, or by its first line; None for another body."""
    found = _BOUNDARY.match(media)
    declared = (found[1] or found[2]).encode("utf-8", "surrogateescape") if found else b""
    if declared and b"--" + declared in body:
        return declared
    begins = _STARTS.match(body) if body[:4].lstrip(b"\r\n")[:2] == b"--" else None
    return begins[1] if begins else None


def split(body: bytes, mark: bytes) -> Split | None:
    """Return a body split at its boundary; None if the boundary does not occur."""
    lines = list(re.finditer(rb"(?:^|\r?\n)--" + re.escape(mark) + rb"(--)?[ \t]*(?:\r?\n|$)", body))
    if not lines:
        return None
    parts: list[Part] = []
    for number, line in enumerate(lines):
        if line[1]:
            return Split(body[: lines[0].start()], tuple(parts), line[0], body[line.end() :])
        end = lines[number + 1].start() if number + 1 < len(lines) else len(body)
        parts.append(_part(line[0], body[line.end() : end]))
    return Split(body[: lines[0].start()], tuple(parts), b"", b"")


def values(head: bytes) -> list[tuple[int, int]]:
    """Return where in the head of a part values stand: those of `filename`, and whole headers that are not needed."""
    text = head.decode("latin-1")
    found = [found.span() for found in _OTHER.finditer(head)]
    for one in _NAMED.finditer(text):
        start, end = one.span(2 if one[2] is not None else 3)
        if one[1].lower() != "name":  # filename*=UTF-8''Ada.txt has its charset before the value (RFC 8187)
            found.append((max(start, text.rfind("'", start, end) + 1) if one[1].endswith("*") else start, end))
    return sorted(found)


def decoded(part: Part) -> bytes:
    """Return the content of a part without its transfer encoding; as it is if it cannot be decoded."""
    try:
        match part.encoding:
            case "base64":
                return binascii.a2b_base64(part.content)
            case "quoted-printable":
                return binascii.a2b_qp(part.content)
    except binascii.Error:
        pass
    return part.content


def encoded(part: Part, content: bytes) -> bytes:
    """Return a new content in the transfer encoding of a part, with lines where the old content had lines."""
    end = b"\r\n" if b"\r\n" in part.content else b"\n"
    match part.encoding:
        case "base64":
            made = binascii.b2a_base64(content, newline=False)
            width = part.content.find(end)
            if width <= 0:
                return made
            lines = [made[start : start + width] for start in range(0, len(made), width)]
            return end.join(lines) + (end if part.content.endswith(end) else b"")
        case "quoted-printable":
            made = binascii.b2a_qp(content)
            return made.replace(b"\r\n", b"\n").replace(b"\n", end)
    return content


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


def parameters(headers: Headers) -> dict[str, str]:
    """Return the parameters of Content-Disposition by name: `name`, `filename` and `filename*`, as they are written."""
    value = next((value for name, value in headers if name.lower() == "content-disposition"), "")
    return {found[1].lower(): found[2] if found[2] is not None else found[3] for found in _NAMED.finditer(value)}
