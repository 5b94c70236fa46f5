"""Log clients in before a drive, as the values file says."""

from __future__ import annotations

import aiohttp

from ...errors import UpstreamError
from ..engine.values import Login, Values
from .requests import answer_of, taken
from .tap import Sending
from .wire import Wire, reason_of

_LIMIT = 30.0  # seconds for the answer to a login


async def log_in(wire: Wire, login: Login, values: Values) -> None:
    """Send the login of a client; `values` has its token afterwards, and the wire its cookies.

    Raises:
        UpstreamError: If the server refuses it, or its answer has no token. The text has no value.

    """
    sending = Sending(wire.client, login.method, login.target, login.body)
    try:
        found = await wire.fetch(sending, wire.headers(login.headers), within=_LIMIT)
    except (aiohttp.ClientError, OSError) as exc:
        raise UpstreamError(f"the login {login.title} of client {wire.client!r} failed: {reason_of(exc)}") from exc
    taken(wire.client, login, answer_of(found), values)
