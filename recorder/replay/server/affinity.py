"""Which of several processes has a client's session: told by what each request shows, alike in all of them. Sans-IO.

docs/scaling.md tells why it is done so, and what it cannot do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from ...model import Headers
from ..engine.http import HttpRequest
from ..engine.sessions.playhead import COOKIE
from ..engine.standin import StandIn

# 421 Misdirected Request (RFC 9110, section 15.5.20): a client may try again on another connection
_MISDIRECTED = 421
_ADVICE: Headers = (("Content-Type", "text/plain"), ("Connection", "close"))
_TAGGED = re.compile(r"=\s*\"?[0-9a-f]{32}-(\d{1,4})(?=[\s\";]|$)")
_LATEST = re.compile(COOKIE + _TAGGED.pattern)  # which each handshake sets anew


def of_process(number: int, new_id: Callable[[], str]) -> Callable[[], str]:
    """Ids, and so cookies, that name the process they come from."""
    return lambda: f"{new_id()}-{number}"


def process_of(headers: Headers, processes: int) -> int | None:
    """The process a request belongs to: the one its cookie names, else by Authorization; None if it shows neither."""
    shown = [(name.lower(), value) for name, value in headers]
    cookies = "; ".join(value for name, value in shown if name == "cookie")
    named = [int(n) for pattern in (_LATEST, _TAGGED) for n in pattern.findall(cookies) if int(n) < processes]
    users = (value.encode("utf-8", "surrogatepass") for name, value in shown if name == "authorization")
    # no hash of Python's, which differs from run to run; no checksum, under which like names are alike
    hashed = (int.from_bytes(sha256(user).digest()[:8], "big") % processes for user in users)
    return named[0] if named else next(hashed, None)


def headers_of(head: bytes) -> Headers:
    """The headers in the first bytes of a connection."""
    lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return tuple((name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines))


class Shared(StandIn):
    """The stand-in of one process; a request of another's is refused: its connection carries several clients."""

    number, processes, misdirected = 0, 1, 0

    def receive(self, request: HttpRequest, now: float) -> None:
        """Take a live request; what it brings is had from `replies`."""
        if process_of(request.headers, self.processes) in (None, self.number):
            super().receive(request, now)
            return
        self.misdirected += 1
        text = "this connection is another client's, and your session is in another process; open one of your own\n"
        self._replies.add(request.number, _MISDIRECTED, _ADVICE, text.encode())

    def report(self) -> dict[str, Any]:
        """As of every stand-in, and how many requests matched nothing, or were another process's."""
        return super().report() | {"missed": self.missed, "misdirected": self.misdirected}


def merged(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The reports of all processes as one; sessions are told apart by the number of their process."""
    hits: Counter[str] = Counter()
    for fault in (fault for report in reports for fault in report["faults"]):
        hits[fault["fault"]] += fault["hit"]
    return {
        "played": {f"{n}/{name}": done for n, report in enumerate(reports) for name, done in report["played"].items()},
        "unplayed": sorted(set.intersection(*(set(report["unplayed"]) for report in reports))),
        "misses": [miss for report in reports for miss in report["misses"]],
        "faults": [{"fault": text, "hit": hit} for text, hit in hits.items()],
        "missed": sum(report["missed"] for report in reports),
        "misdirected": sum(report["misdirected"] for report in reports),
    }
