"""Events that come again under the acknowledgement extension (`ext.ack`), told from equal events that are new.

The client names, in each /meta/connect, the last batch it received; the server sends all that came after it once more,
in its old order and under a new batch number, before what is new (CometD reference, "Acknowledge Extension"; seen in
CometD Java and cometd-nodejs-server). Events have no id of their own, so it is their place that tells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from .messages import Message, encode


@dataclass(slots=True)
class Unacknowledged:
    """What one client was sent and has not acknowledged yet, oldest first."""

    _sent: list[tuple[int, bytes]] = field(default_factory=list)  # batch, hash of the event
    _delivery: list[bytes] = field(default_factory=list)  # what is new in the delivery that goes on
    _repeated: int = 0  # how many of those sent it has repeated so far

    def acknowledged(self, batch: int) -> None:
        """The client has all batches up to this one."""
        self._sent = [(sent, event) for sent, event in self._sent if sent > batch]
        self._delivery, self._repeated = [], 0

    def is_new(self, event: Message) -> bool:
        """Take the next event of a delivery; tell whether it is none of those that come again."""
        digest = sha256(encode([event])).digest()
        if not self._delivery and self._repeated < len(self._sent) and self._sent[self._repeated][1] == digest:
            self._repeated += 1
            return False
        self._delivery.append(digest)
        return True

    def delivered(self, batch: int) -> None:
        """The reply to /meta/connect ended a delivery and gave it its number."""
        self._sent += [(batch, digest) for digest in self._delivery]
        self._delivery, self._repeated = [], 0
