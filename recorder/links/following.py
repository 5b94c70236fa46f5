"""Tell links that a client may follow from names that look like links."""

from __future__ import annotations

import re

from .rewriting import Link

_NEAR = 300  # characters before a link that show that it is a name
# Names that nobody follows: of namespaces, schemas and document types, and the well-known hosts of such names.
_NAMES = re.compile(
    r"(?:xmlns(?::[\w.-]+)?|targetNamespace|namespace|\$schema|\$id|@context|itemtype)\\?[\"']?\s*[=:]\s*\\?[\"']\s*\Z"
    r"|schemaLocation\s*=\s*\\?[\"'][^\"']*\Z|<!DOCTYPE[^>]*\Z",
    re.IGNORECASE,
)
_HOSTS_OF_NAMES = frozenset({
    "docs.oasis-open.org", "java.sun.com", "json-schema.org", "ns.adobe.com", "purl.org", "schema.org",
    "schemas.microsoft.com", "schemas.openxmlformats.org", "schemas.xmlsoap.org", "tempuri.org", "www.w3.org",
    "xmlns.com", "xmlns.jcp.org", "xmlns.oracle.com",
})  # fmt: skip
# What is a host behind two slashes alone: scripts have comments there, such as `//TODO`.
_HOST = re.compile(r"(?:\w[\w-]*\.)+[^\W\d_]{2,}|[0-9.]+|\[.*\]|localhost")
# Headers that allow hosts, and lead nowhere.
_ALLOW = ("access-control-", "content-security-policy", "feature-policy", "permissions-policy", "timing-allow-origin")


def leads(header: str) -> bool:
    """Return whether a link in a header of this name may be meant to be followed."""
    return not header.lower().startswith(_ALLOW)


def is_followed(text: str, link: Link) -> bool:
    """Return whether a link may be meant to be followed: not the name of a namespace, nor a part of a script."""
    host = link.server.host
    if host in _HOSTS_OF_NAMES or host.endswith(".invalid") or (link.scheme is None and not _HOST.fullmatch(host)):
        return False
    begin = link.start if link.scheme is None else link.scheme[0]
    return _NAMES.search(text[max(0, begin - _NEAR) : begin]) is None
