"""Tell several stand-ins behind a load balancer apart, by cookies that hold the name of each.

A balancer can read a cookie only in the request after the answer that sets it. So each answer to a client that does not
show the cookie of this instance sets it, whatever the client asked for: a login, a page, a handshake, a stream or an
upgrade. It is none of the replay's, and is taken out of each request, like the token of a stand-in.

Session cookies could not do that alone: CometD's own comes with the handshake, when a login may have gone to another
instance, and a recording may have none. But clients that carry cookies by hand carry the session's and no other. So its
value begins with the name of the instance. It also tells who a client is, to the next instance if this one is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ....errors import UsageError
from ....model import Headers
from ....printable import printable
from ..http import origin_of

COOKIE = "recorder_instance"

# a name of a host or of a pod (RFC 1123, section 2.1): it stands in a cookie, and in the configuration of a balancer
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", re.ASCII)
_OURS = f"{COOKIE}="
# stands in no name of an instance, and in a cookie without quotes (RFC 6265, section 4.1.1)
_MARK = "~"
_MINTED = re.compile(rf"[A-Za-z0-9._-]{{1,63}}{_MARK}[0-9a-f]{{32}}", re.ASCII)


def checked(name: str) -> str:
    """Return the name of an instance.

    Raises:
        UsageError: If the name could not stand in a cookie.

    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"--instance: {printable(name)!r} is no name of an instance; give up to 63 letters, digits and ._- such as"
            " standin-0, with a letter or a digit at both ends"
        )
    return name


def told(headers: Headers, name: str) -> tuple[Headers, Headers]:
    """Return the headers of a request without the cookie of an instance, and the headers to add to its answer.

    These set the cookie of the instance with a name; there are none for a client that shows it.
    """
    others, shown = _taken_out(headers)
    if shown and set(shown) == {name}:
        return others, ()
    origin = origin_of(headers)
    # Browsers keep these for TLS, and for servers that they trust without it. A page of another site needs them.
    wide = "; Secure; SameSite=None" if origin.secure or origin.trusted else ""
    return others, (("Set-Cookie", f"{_OURS}{name}; Path=/; HttpOnly{wide}"),)


def minting(instance: str | None, new_id: Callable[[], str]) -> Callable[[], str]:
    """Return a function that gives a fresh session cookie at each call: an id, after the name of the instance.

    Args:
        instance: The name; None puts none before the ids.
        new_id: Gives a fresh id at each call.

    """
    return new_id if instance is None else lambda: f"{instance}{_MARK}{new_id()}"


def is_minted(value: str) -> bool:
    """Return whether a stand-in with the name of an instance gave out the value of a cookie."""
    return _MINTED.fullmatch(value) is not None


def _taken_out(headers: Headers) -> tuple[Headers, list[str]]:
    """Return headers without the cookie of an instance, and its values."""
    kept, shown = [], []
    for name, value in headers:
        if name.lower() != "cookie" or _OURS not in value:
            kept.append((name, value))
            continue
        pairs = [pair.strip() for pair in value.split(";")]
        others = [pair for pair in pairs if not pair.startswith(_OURS)]
        shown += [pair.removeprefix(_OURS).strip('"') for pair in pairs if pair.startswith(_OURS)]
        if others:
            kept.append((name, value if len(others) == len(pairs) else "; ".join(others)))
    return tuple(kept), shown
