"""The hooks and events of this package's layers, beside mitmproxy's own. A hook of mitmproxy has one argument."""

from __future__ import annotations

from dataclasses import dataclass

from mitmproxy import http
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.layers.http._base import HttpEvent

from ...large.gathered import Gathered


@dataclass
class Informational(HttpEvent):
    """An informational answer (1xx) that comes before the final one; 101 is a final one."""

    response: http.Response


@dataclass
class OutgrownHook(StartHook):
    """A body that is not streamed is too large to be kept; the hook sets `stream` of the message.

    It is the request's body as long as there is no response.
    """

    name = "outgrown"
    flow: http.HTTPFlow


@dataclass
class ChunksHook(StartHook):
    """A piece of a stream finished a chunk too large to be recorded at once; the piece goes on after the hook."""

    name = "large_chunks"
    flow: http.HTTPFlow


@dataclass
class TurnHook(StartHook):
    """A piece of a large body is sent, and others have a turn; no addon is asked.

    Attributes:
        waits: Until the client has taken what was sent, as far as it would fill a buffer.

    """

    name = "turn"
    waits: bool


@dataclass
class JoinHook(StartHook):
    """A large body has come, and its pieces are to be joined, in a thread; no addon is asked."""

    name = "join_body"
    body: Gathered


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact for the user; see `Capture.tell` for the meaning of the fields."""

    kind: str
    place: str
    text: str


@dataclass
class NotCarriedHook(StartHook):
    """Something that a peer sent is not handed on, or not recorded."""

    name = "not_carried"
    blocking = False
    fact: Fact


def not_carried(place: str, text: str) -> NotCarriedHook:
    """Return the command that tells what is not handed on."""
    return NotCarriedHook(Fact("not-carried", place, text))


def not_recorded(place: str, text: str) -> NotCarriedHook:
    """Return the command that tells what is handed on, but not recorded."""
    return NotCarriedHook(Fact("not-recorded", place, text))
