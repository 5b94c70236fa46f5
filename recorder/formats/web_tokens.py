"""Read JSON web tokens (RFC 7519), and sign changed ones anew where that is possible."""

from __future__ import annotations

import binascii
import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]*", re.ASCII)
_HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}  # RFC 7518, section 3.2
DATES = (
    "exp",
    "iat",
    "nbf",
    "auth_time",
    "updated_at",
)  # RFC 7519, section 4.1; OpenID Connect Core, sections 2 and 5.1


def is_web_token(value: object) -> bool:
    """Return whether a value has the form of a signed or unsigned token."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def claims(token: str) -> dict[str, Any] | None:
    """Return the claims of a token; None if it has none that can be read."""
    return _decoded(token.split(".")[1]) if is_web_token(token) else None


def with_claims(token: str, changed: Mapping[str, Any], key: bytes | None = None) -> str | None:
    """Return a token with other claims and a valid signature; None where the key for that is not known.

    Args:
        token: The token.
        changed: New values of claims; the others stay.
        key: Secret of the tokens that are signed by HMAC.

    """
    head = token.partition(".")[0]
    header, now = _decoded(head), claims(token)
    name = None if header is None else header.get("alg")
    if now is None or (name != "none" and (key is None or name not in _HASHES)):
        return None
    text = json.dumps({**now, **changed}, separators=(",", ":"), ensure_ascii=False)
    signed = f"{head}.{_encoded(text.encode('utf-8', 'backslashreplace'))}"  # for half a surrogate pair: its escape
    if name == "none":
        return f"{signed}."
    return f"{signed}.{_encoded(hmac.digest(key or b'', signed.encode(), _HASHES[name]))}"


def _decoded(part: str) -> dict[str, Any] | None:
    try:
        value = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")
