"""Number the windows of a session: its Bayeux clients that were alive at the same time, such as two browser tabs.

The server pushes each event to each window, so such copies are not surplus events. A client that sent nothing after a
later handshake was replaced by the client of that handshake; one that still sent messages is another window.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class _Client:
    session: int
    began: int  # `seq` of its handshake
    last: int  # `seq` of its last message


@dataclass(slots=True)
class Windows:
    """The Bayeux clients of each session, with their first and last messages by `seq`."""

    _clients: dict[str, _Client] = field(default_factory=dict)

    def handshaken(self, client_id: str, session: int, seq: int) -> None:
        """Take a handshake that gave a client of a session its clientId."""
        self._clients[client_id] = _Client(session, seq, seq)

    def talks(self, client_id: str, seq: int) -> None:
        """Take a Bayeux message from a client."""
        client = self._clients.get(client_id)
        if client is not None:
            client.last = seq

    def numbers(self) -> dict[str, int]:
        """Return the window of each client by clientId.

        Windows of a session are numbered from 0; clients in window 0 are left out.
        """
        taken: dict[int, list[int]] = {}  # by session: for each window, `seq` of the last message of its client
        numbers: dict[str, int] = {}
        for client_id, client in self._clients.items():
            windows = taken.setdefault(client.session, [])
            free = (number for number, last in enumerate(windows) if last < client.began)
            number = next(free, len(windows))
            windows[number : number + 1] = [client.last]
            if number:
                numbers[client_id] = number
        return numbers
