"""Takes secrets out of records before they reach the disk.

Values become keyed pseudonyms of the same length: the same value gives the same pseudonym all through a capture, so
that a cookie that was set still equals the cookie that is sent, and nobody can compute it back without the key.
This policy covers headers; bodies pass unchanged.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, replace

from ..model import Headers, Record, Request, Response

POLICY = "headers-1"
NO_POLICY = "none"

_CREDENTIALS = {"authorization", "proxy-authorization"}
# what stands before credentials and is no secret; anything else may be one
_SCHEMES = {
    "apikey", "aws4-hmac-sha256", "basic", "bearer", "digest", "dpop", "hoba", "mutual", "negotiate", "ntlm", "oauth",
    "token",
}  # fmt: skip
_TOKENS = {"x-api-key", "x-xsrf-token"}
_ATTRIBUTE = re.compile(
    r"(?:secure|httponly|partitioned|(?:expires|max-age|domain|path|samesite|priority)\s*=[^=]*)?", re.IGNORECASE
)
# The header that tells the name of the CSRF header: its value is a header name, not a secret.
_CSRF_NAME = "x-csrf-header"


@dataclass(frozen=True, slots=True)
class Redactor:
    """The header policy under one key.

    Attributes:
        key: Secret bytes; thrown away with the process, the pseudonyms cannot be undone.

    """

    key: bytes

    def redact(self, record: Record) -> Record:
        """The record as it may be kept."""
        match record:
            case Request() | Response():
                return replace(record, headers=self.headers(record.headers))
            case _:
                return record

    def headers(self, headers: Headers) -> Headers:
        """Headers with their secret values replaced."""
        return tuple((name, self._value(name.lower(), value)) for name, value in headers)

    def _value(self, name: str, value: str) -> str:
        if name in _CREDENTIALS:
            scheme, space, secret = value.partition(" ")
            return scheme + space + self.token(secret) if scheme.lower() in _SCHEMES else self.token(value)
        if name == "cookie":
            return ";".join(map(self._cookie, value.split(";")))
        if name == "set-cookie":
            first, *attributes = value.split(";")
            return ";".join([self._cookie(first), *map(self._attribute, attributes)])
        if name in _TOKENS or (name.startswith("x-csrf-") and name != _CSRF_NAME):
            return self.token(value)
        return value

    def token(self, value: str) -> str:
        """A pseudonym of the same length that keeps the places of dashes, as in a uuid."""
        if not value:
            return value
        digest = hmac.digest(self.key, value.encode("utf-8", "surrogatepass"), hashlib.sha256)
        text = hashlib.shake_256(digest).hexdigest(len(value))
        return "".join("-" if char == "-" else text[place] for place, char in enumerate(value))

    def _attribute(self, text: str) -> str:
        """An attribute of a cookie; what is none may be the rest of a quoted value, or a second cookie."""
        return text if _ATTRIBUTE.fullmatch(text.strip()) else self._cookie(text)

    def _cookie(self, pair: str) -> str:
        """One cookie; without `=` it is all value (RFC 6265bis 5.6). Clients drop the white space around a value."""
        name, equals, value = pair.partition("=") if "=" in pair else ("", "", pair)
        secret = value.strip(" \t")
        return name + equals + value.replace(secret, self.token(secret), 1)
