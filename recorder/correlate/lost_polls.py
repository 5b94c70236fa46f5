"""Find the Bayeux requests that ended without an answer: the events in that answer are lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeAlias

from ..model import Failure, Record, Request

Lost: TypeAlias = tuple[str | None, int]  # label of the session, `seq` of the failure


class LostPolls:
    """The Bayeux requests that wait for their answer, and those that failed and were not handed out yet."""

    def __init__(self) -> None:
        self._open: dict[int, str] = {}  # by exchange: the clientId
        self._lost: deque[Lost] = deque()

    def __iter__(self) -> Iterator[Lost]:
        """Yield what `take` has not handed out."""
        return iter(self._lost)

    def asked(self, request: Request, client_id: str) -> None:
        """Take a request that carries Bayeux messages of a client."""
        self._open[request.exchange] = client_id

    def ended(self, record: Record, session_of: Callable[[str], str | None]) -> None:
        """Take a record that may end such a request; `session_of` returns the label of the session of a clientId."""
        client_id = self._open.pop(getattr(record, "exchange", -1), None) if self._open else None
        if client_id is not None and isinstance(record, Failure):
            self._lost.append((session_of(client_id), record.seq))

    def take(self) -> Iterator[Lost]:
        """Yield the session and the failure of each request that got no answer, each once."""
        while self._lost:
            yield self._lost.popleft()
