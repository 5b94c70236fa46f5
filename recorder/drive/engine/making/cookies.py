"""Find the cookies that a client had before the capture, or set by itself: no answer gave them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ....correlate.sessions import separate
from ....model import Headers, Request, Response
from ..plan import Place
from .facts import Asked

_HEADERS = 1_000  # blocks that are remembered: clients and servers repeat them word for word


@dataclass(slots=True)
class Jars:
    """The cookies that requests showed and answers set, in the order of the wire."""

    _seen: list[tuple[int, Place, bool, tuple[tuple[str, str], ...]]] = field(default_factory=list)
    _client_ids: dict[int, str] = field(default_factory=dict)  # of exchanges that carry Bayeux
    _places: dict[int, Place] = field(default_factory=dict)

    def shown(self, request: Request) -> None:
        """Take a request."""
        self._places[request.exchange] = at = request.seq, 0
        found = _shown(request.headers)
        if found:
            self._seen.append((request.exchange, at, False, found))

    def set(self, response: Response) -> None:
        """Take an answer."""
        found = _set(response.headers)
        if found:
            self._seen.append((response.exchange, self._places.get(response.exchange, (-1, 0)), True, found))

    def carries(self, exchange: int, client_id: str) -> None:
        """Take the clientId of an exchange that carries Bayeux."""
        if client_id:
            self._client_ids[exchange] = client_id

    def given(self, client_of: Callable[[str], str], asked: Mapping[Place, Asked]) -> dict[str, dict[str, str]]:
        """Return the cookies that each client showed before an answer had set one of that name."""
        found: dict[str, dict[str, str]] = {}
        answered: dict[str, set[str]] = {}
        for exchange, at, is_set, cookies in self._seen:
            if exchange in self._client_ids:
                client = client_of(self._client_ids[exchange])
            elif at in asked:
                client = asked[at].session
            else:
                continue
            known = answered.setdefault(client, set())
            if is_set:
                known.update(name for name, _ in cookies)
                continue
            for name, value in cookies:
                if name not in known:
                    found.setdefault(client, {}).setdefault(name, value)
        return found


@lru_cache(_HEADERS)
def _shown(headers: Headers) -> tuple[tuple[str, str], ...]:
    pairs = (pair.partition("=") for name, value in headers if name.lower() == "cookie" for pair in value.split(";"))
    return tuple((name.strip(), value.strip()) for name, equals, value in pairs if equals)


@lru_cache(_HEADERS)
def _set(headers: Headers) -> tuple[tuple[str, str], ...]:
    cookies = (one for name, value in headers if name.lower() == "set-cookie" for one in separate(value))
    pairs = (cookie.partition(";")[0].partition("=") for cookie in cookies)
    return tuple((name.strip(), value.strip()) for name, equals, value in pairs if equals)
