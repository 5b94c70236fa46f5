"""Read the fields of a HAR entry as browsers and proxies write them, which is not always as HAR 1.2 says."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timezone
from typing import Any, TypeAlias
from urllib.parse import SplitResult, quote, quote_plus, urlsplit

from ..formats.charsets import charset_of, codec
from ..formats.compression import EncodingError, decompress
from ..model import Headers
from .containers import LARGEST_BODY, Container
from .losses import Loss

Body: TypeAlias = tuple[bytes, Loss | None]  # a body, and why it is not the whole one

MS = 1_000_000  # nanoseconds
LATEST = 7_258_118_400_000  # milliseconds since the epoch: the year 2200; a record counts nanoseconds in 64 bits
# Scales of a number that is a time since the epoch, by the least number that is read so. No time in seconds is above
# the first: it is about the year 2772 in seconds, and October 1970 in milliseconds.
_SCALES = ((25_340_230_080_000_000, 1), (25_340_230_080_000, 1_000), (25_340_230_080, MS))
_PORTS = {"http": 80, "https": 443}
_NUMBER = re.compile(r"\s*[+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,2})?\s*", re.ASCII)
_PLAIN = {"", "utf-8", "utf8", "text", "plain", "none", "identity", "us-ascii", "ascii", "8bit", "7bit"}
_ESCAPED = re.compile(r"(?:[\w.~!*'()/:@$,;+-]|%[0-9A-Fa-f]{2})*", re.ASCII)
_METHODS = {"get", "post", "put", "delete", "head", "options", "connect"}
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def get(value: Any, name: str) -> Any:
    """Return a member of an object; None if it is missing, or if the value is no object."""
    return value.get(name) if isinstance(value, dict) else None


def number(value: Any) -> float | None:
    """Return a number, also one that is written as a string; None for any other value."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= LATEST * 1_000_000 else None


def duration(value: Any) -> int | None:
    """Return a duration in milliseconds as nanoseconds, 0 included; None for a negative number and any other value."""
    found = number(value)
    return round(found * MS) if found is not None and 0 <= found <= LATEST else None


def moment(value: Any) -> tuple[int | None, bool]:
    """Return a time as nanoseconds since the epoch, None if there is none, and whether it has a zone.

    A time is a text in ISO 8601, or a number since the epoch in seconds, milliseconds, microseconds or nanoseconds.
    """
    found = number(value)
    if found is not None:
        scale = next((scale for least, scale in _SCALES if found > least), 1_000 * MS)
        ns = round(found * 1e6) * (scale // 1_000_000) if scale >= 1_000_000 else round(found) * scale
        return (ns if 0 < ns <= LATEST * MS else None), True
    if not isinstance(value, str):
        return None, True
    try:
        read = datetime.fromisoformat(value.strip())
        since = (read if read.tzinfo else read.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None, True
    us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return (us * 1000 if 0 <= us <= LATEST * 1000 else None), read.tzinfo is not None


def zone_of(value: Any) -> timezone | None:
    """Return the offset that a time in ISO 8601 states; None without one."""
    try:
        offset = datetime.fromisoformat(value).utcoffset() if isinstance(value, str) else None
    except ValueError:
        return None
    return timezone(offset) if offset is not None else None


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL that an exchange has; `origin` is that of HTTP also for a WebSocket."""

    origin: str
    target: str


def url_of(value: Any) -> Url | Loss:
    """Parse the URL of a request.

    The origin has a host in lower case, without a trailing dot and in the form of DNS (IDNA), and no default port.
    """
    try:
        parts = urlsplit(value.strip()) if isinstance(value, str) else SplitResult("", "", "", "", "")
        scheme, port = parts.scheme.replace("ws", "http", 1), parts.port
    except ValueError:  # brackets that hold no IPv6 address, or a port that is no number
        return Loss.NO_URL
    if not scheme:
        return Loss.NO_URL
    if scheme not in _PORTS:
        return Loss.NOT_HTTP
    host = _host(parts.hostname or "")
    if not host:
        return Loss.NO_URL
    shown = f"{host}:{port}" if port is not None and port != _PORTS[scheme] else host
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Url(f"{scheme}://{shown}", _sent(target))


def _host(name: str) -> str:
    name = name.rstrip(".").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode()
        except UnicodeError:
            return name
    return f"[{name}]" if ":" in name else name


def _sent(target: str) -> str:
    """Return a target as a client sends it: characters that no URL has are percent-encoded."""
    if target.isascii() and target.isprintable() and " " not in target:
        return target
    printable = "".join(map(chr, range(0x21, 0x7F)))
    return quote(target.encode("utf-8", "surrogatepass"), safe=printable)


def method_of(value: Any) -> str:
    """Return the method of a request; "" if there is none."""
    text = value.strip() if isinstance(value, str) else ""
    return text.upper() if text.lower() in _METHODS else text


def status_of(value: Any) -> int:
    """Return an HTTP status, 0 for all that browsers write in place of one: 0, -1, null, nothing, a text."""
    found = number(value)
    return int(found) if found is not None and 100 <= found < 1000 and found == int(found) else 0


def headers_of(message: Any) -> Headers:
    """Return the headers of a request or response: a list of objects or pairs, or one object.

    Names that begin with a colon are those of HTTP/2; `:authority` is the Host (RFC 9113, section 8.3.1).
    """
    given = [pair for item in _items(get(message, "headers")) for pair in _pairs(item)]
    found = tuple((name, value) for name, value in given if name[:1] != ":")
    if any(name.lower() == "host" for name, _ in found):
        return found
    return (*(("Host", value) for name, value in given if name == ":authority"), *found)


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [[name, one] for name, many in value.items() for one in (many if isinstance(many, list) else [many])]
    return value if isinstance(value, list) else []


def _pairs(item: Any) -> list[tuple[str, str]]:
    if isinstance(item, dict):
        name, value = item.get("name"), item.get("value")
    elif isinstance(item, list) and len(item) == 2:
        name, value = item  # Slack writes pairs (mitmproxy reads them, mitmproxy/io/har.py)
    else:
        return []
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(name, str) or not name or not isinstance(value, str):
        return []
    # browsers join headers of one name, e.g. Set-Cookie, with line ends
    return [(name, line.strip("\r")) for line in value.split("\n")] if "\n" in value else [(name, value)]


def header(headers: Headers, name: str) -> str:
    """Return the value of a header, "" without one."""
    return next((value for found, value in headers if found.lower() == name), "")


def posted(request: Any, headers: Headers, container: Container) -> Body:
    """Return the body of a request."""
    data = get(request, "postData")
    if isinstance(data, str):
        return _encoded(data, header(headers, "content-type")), None
    media = header(headers, "content-type") or str(get(data, "mimeType") or "")
    if get(data, "_file") is not None:
        return _attached(get(data, "_file"), container)
    text = get(data, "text")
    if isinstance(text, str) and text:
        encoding = get(data, "encoding") or get(data, "_encoding")
        return _text(text, encoding, media, "")
    params = [param for param in _list(get(data, "params")) if isinstance(get(param, "name"), str)]
    size = number(get(request, "bodySize")) or 0
    if params:
        return _form(params, media, size), None
    return b"", Loss.NO_BODY if size > 0 else None


def content(response: Any, headers: Headers, container: Container) -> Body:
    """Return the body of a response."""
    data = get(response, "content")
    media = header(headers, "content-type") or str(get(data, "mimeType") or "")
    if get(data, "_file") is not None:
        return _attached(get(data, "_file"), container)
    text = get(data, "text")
    if isinstance(text, str):
        return _text(text, get(data, "encoding"), media, header(headers, "content-encoding"))
    return b"", Loss.NO_BODY if (number(get(data, "size")) or 0) > 0 else None


def _text(text: str, encoding: Any, media: str, packed: str) -> Body:
    kind = encoding.strip().lower() if isinstance(encoding, str) else ""
    if kind in ("base64", "base64url", "base-64"):
        found = from_base64(text)
        return (b"", Loss.BAD_BODY) if found is None else (_unpacked(found, packed), None)
    return (_encoded(text, media), None) if kind in _PLAIN else (b"", Loss.BAD_BODY)


def _unpacked(body: bytes, encoding: str) -> bytes:
    """Return a body that a tool kept as it was on the wire, decompressed: HAR 1.2 wants it decompressed."""
    if _MAGIC.get(body[:2], _MAGIC.get(body[:4])) != encoding.strip().lower().removeprefix("x-"):
        return body
    try:
        return decompress(body, encoding.strip().lower(), LARGEST_BODY)
    except EncodingError:
        return body


def _attached(name: Any, container: Container) -> Body:
    found = container.attached(name) if isinstance(name, str) else None
    return (b"", Loss.NO_FILE) if found is None else (found, None)


def from_base64(text: str) -> bytes | None:
    """Return the bytes of a text in Base64, also with line ends, without padding, or with `-` and `_` (RFC 4648)."""
    bare = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _form(params: list[Any], media: str, size: float) -> bytes:
    if "multipart/" in media.lower():
        return _multipart(params, media)
    pairs = [(get(param, "name"), _value(param)) for param in params]
    as_they_are = "&".join(f"{name}={value}" for name, value in pairs)
    encoded = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)
    # some tools keep the names and values as they were sent: they would be encoded twice
    sent = len(as_they_are) == size != len(encoded) or (
        "%" in as_they_are and all(_ESCAPED.fullmatch(text) for pair in pairs for text in pair)
    )
    return (as_they_are if sent and len(encoded) != size else encoded).encode("utf-8", "surrogatepass")


def _quoted(text: str) -> str:
    return quote_plus(text.encode("utf-8", "surrogatepass"))


def _value(param: Any) -> str:
    value = get(param, "value")
    return value if isinstance(value, str) else "" if value is None else str(value)


def _multipart(params: list[Any], media: str) -> bytes:
    found = re.search(r"boundary=\"?([^\";,\s]+)", media, re.IGNORECASE)
    boundary = found[1] if found else "recorder-boundary"
    body = b""
    for param in params:
        name, file, kind = get(param, "name"), get(param, "fileName"), get(param, "contentType")
        disposition = f'form-data; name="{_in_quotes(name)}"'
        disposition += f'; filename="{_in_quotes(file)}"' if isinstance(file, str) else ""
        head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n"
        head += f"Content-Type: {kind}\r\n" if isinstance(kind, str) and kind and "\n" not in kind else ""
        body += f"{head}\r\n{_value(param)}\r\n".encode("utf-8", "surrogatepass")
    return body + f"--{boundary}--\r\n".encode("utf-8", "surrogatepass")


def _in_quotes(text: str) -> str:
    # as browsers do: https://html.spec.whatwg.org/#multipart-form-data
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _encoded(text: str, media: str) -> bytes:
    """Return a text in the charset that its media type declares, in UTF-8 if that charset lacks a character."""
    name = codec(charset_of(media))
    if name and name != "utf-8":
        try:
            return text.encode(name)
        except UnicodeError:
            pass
    return text.encode("utf-8", "surrogatepass")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
