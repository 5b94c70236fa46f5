"""Tie events to steps of other clients: the transfer of one agent rings at another.

Correlation links the events of a session to its own requests. Here an event that no request of its own client caused
is tied to the latest step of another client that sent a value which the event brings to its client for the first time.
"""

from __future__ import annotations

from ....dialect.definition import Dialect
from ..words import words
from .provenance import has_digit, is_special
from .walk import Draft, TellingDraft

_WITHIN = 60 * 1_000_000_000  # nanoseconds


class Ties:
    """The values that clients sent lately, and who has met them."""

    def __init__(self, dialect: Dialect) -> None:
        self._keys = frozenset(dialect.exact) | dialect.per_operation
        self._senders: dict[str, Draft] = {}
        self._met: set[tuple[str, str]] = set()

    def sent(self, step: Draft, text: str, key: str) -> None:
        """Take a value that a step sent, with its key in the dialect."""
        if self._tells(text, key):
            self._senders[text] = step
            self._met.add((step.client, text))

    def may_have(self, text: str) -> bool:
        """Return whether a text that was told may hold a value that was sent."""
        return text in self._senders or not (text.isalnum() or self._senders.keys().isdisjoint(words(text)))

    def told(self, told: TellingDraft, text: str, key: str) -> None:
        """Take a value that a server told; tie an event to the step of another client that sent it."""
        step = self._senders.get(text)
        if step is None or not self._tells(text, key):
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

    def _tells(self, text: str, key: str) -> bool:
        return key in self._keys or (has_digit(text) and is_special(text))
