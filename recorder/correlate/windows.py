"""Windows: Bayeux sessions of one agent that were alive beside each other, as two tabs of a browser are.

A server pushes to each of them, so an event may come twice and is none too many. A client that shakes hands again takes
the place of the one it was; who still talks when another shakes hands is another window.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class _Client:
    session: int
    began: int  # seq of its handshake
    last: int  # seq of the last thing it said


@dataclass(slots=True)
class Windows:
    """Told who shakes hands and who talks, tells who was beside whom; all by `seq`."""

    _clients: dict[str, _Client] = field(default_factory=dict)

    def handshaken(self, client_id: str, session: int, seq: int) -> None:
        """A client of an agent's session got its clientId."""
        self._clients[client_id] = _Client(session, seq, seq)

    def talks(self, client_id: str, seq: int) -> None:
        """A client sent a Bayeux message."""
        client = self._clients.get(client_id)
        if client is not None:
            client.last = seq

    def numbers(self) -> dict[str, int]:
        """The window of each client, from 1; those in the first window of their session, number 0, are left out."""
        taken: dict[int, list[int]] = {}  # by session: for each window, when its client last talked
        numbers: dict[str, int] = {}
        for client_id, client in self._clients.items():
            windows = taken.setdefault(client.session, [])
            free = (number for number, last in enumerate(windows) if last < client.began)
            number = next(free, len(windows))
            windows[number : number + 1] = [client.last]
            if number:
                numbers[client_id] = number
        return numbers
