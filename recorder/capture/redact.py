"""Takes secrets out of records before they reach the disk.

Values become keyed pseudonyms of the same length: the same value gives the same pseudonym all through a capture, so
that a cookie that was set still equals the cookie that is sent, and nobody can compute it back without the key.
This policy covers headers; bodies pass unchanged.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..model import Headers, Record, Request, Response

POLICY = "headers-1"
NO_POLICY = "none"

_CREDENTIALS = {"authorization", "proxy-authorization"}
_TOKENS = {"x-api-key", "x-csrf-token"}
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
            return f"{scheme} {self.token(secret)}" if space else self.token(value)
        if name == "cookie":
            return _each_cookie(value, self.token)
        if name == "set-cookie":
            first, semicolon, attributes = value.partition(";")
            return _each_cookie(first, self.token) + semicolon + attributes
        if name in _TOKENS or (name.startswith("x-csrf-") and name != _CSRF_NAME):
            return self.token(value)
        return value

    def token(self, value: str) -> str:
        """A pseudonym of the same length that keeps the places of dashes, as in a uuid."""
        if not value:
            return value
        digest = b""
        block = 0
        while len(digest) < len(value):
            digest += hmac.digest(self.key, block.to_bytes(4, "big") + value.encode("utf-8", "replace"), hashlib.sha256)
            block += 1
        text = base64.b16encode(digest).decode().lower()
        return "".join("-" if char == "-" else text[place] for place, char in enumerate(value))


def _each_cookie(header: str, pseudonym: Callable[[str], str]) -> str:
    return re.sub(r"=([^;]*)", lambda found: "=" + pseudonym(found[1]), header)
