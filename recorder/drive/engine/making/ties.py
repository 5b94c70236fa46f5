"""Tie events to steps of other clients: the transfer of one agent rings at another.

Correlation links the events of a session to its own requests. Here an event that no request of its own client caused
is tied to the latest step of another client that sent a value which the event brings to its client for the first time.
"""

from __future__ import annotations

from .walk import Draft, TellingDraft

_WITHIN = 60 * 1_000_000_000  # nanoseconds


class Ties:
    """The values that clients sent lately, and who has met them."""

    def __init__(self) -> None:
        self._senders: dict[str, Draft] = {}
        self._met: set[tuple[str, str]] = set()

    def sent(self, step: Draft, text: str) -> None:
        """Take a value that a step sent: one that is met by no chance."""
        self._senders[text] = step
        self._met.add((step.client, text))

    def told(self, told: TellingDraft, text: str) -> None:
        """Take a value that a server told; tie an event to the step of another client that sent it."""
        step = self._senders.get(text)
        if step is None:
            return
        met = told.client, text
        if met in self._met:
            return
        self._met.add(met)
        is_late = told.t - step.t > _WITHIN
        if told.event is None or told.n or not told.is_awaited or step.client == told.client or is_late:
            return
        if told.cause is None or told.cause.at < step.at:
            told.cause = step
