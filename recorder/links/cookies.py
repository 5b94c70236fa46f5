"""Free cookies from the host and the TLS of the server that sets them: a client is to keep them from another host."""

from __future__ import annotations

import re
from collections.abc import Iterable

_OF_THE_HOST = re.compile(r"\s*domain\s*=.*", re.IGNORECASE | re.DOTALL)
# SameSite=None and Partitioned need Secure (RFC 6265bis, section 5.7; CHIPS, section 2.1)
_OF_TLS = re.compile(r"\s*(?:secure|samesite\s*=\s*none|partitioned)\s*", re.IGNORECASE)


def unbound(attributes: Iterable[str], *, secure: bool = False) -> list[str]:
    """Return the attributes of a cookie without those that bind the cookie to the server that sets it.

    Args:
        attributes: The texts between the semicolons of a Set-Cookie header.
        secure: The client speaks TLS to the other host, and keeps cookies that need it.

    """
    return [
        text for text in attributes if not (_OF_THE_HOST.fullmatch(text) or (not secure and _OF_TLS.fullmatch(text)))
    ]
