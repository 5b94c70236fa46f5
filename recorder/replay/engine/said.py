"""Find what the recorded server said to a live client's Bayeux message: refusals, extensions, further advice.

A reply is found by its place: the second subscription to /a of a live client is answered as the second recorded one. A
refusal counts once; what a success said beside the usual counts until a later one said otherwise.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from operator import attrgetter
from typing import TypeAlias

from ...bayeux import channels
from ...bayeux.messages import Message
from ...bayeux.replies import UNKNOWN, Said, add
from ...correlate.anchors import only_session
from ...correlate.client_messages import parts
from ...correlate.replies import LATER
from ...dialect.definition import Dialect
from ...links.rewriting import NOWHERE, Links
from ...model import AnchorKind, Recording, Reply
from .faults import Faults
from .rewriting.rewriter import Rewriter
from .sessions.playhead import Playhead

_Key: TypeAlias = tuple[int, str, str]  # window, channel of the message, name
_NUMBER = attrgetter("number")
_UNKNOWN = re.compile(r"40[12]::.*unknown", re.IGNORECASE)  # without arguments: faye has the clientId there


def unknown_error(recording: Recording) -> str:
    """Return how the recorded server told a client that it has no session: each version of a server has other words."""
    errors = (str(one.message.get("error", "")) for one in recording.replies)
    return next((error for error in errors if _UNKNOWN.match(error)), UNKNOWN)


class RecordedReplies:
    """The telling replies of a recording by session and place, and the refusals that faults add."""

    def __init__(self, recording: Recording, dialect: Dialect, faults: Faults, links: Links) -> None:
        """Sort the replies of a recording; `faults` go before them."""
        self._dialect, self._faults = dialect, faults
        has_links = any(links.reply(one, NOWHERE) is not one for one in recording.replies)
        self._links = links if has_links else Links(())
        self._refused: dict[str, dict[_Key, dict[int, Reply]]] = defaultdict(lambda: defaultdict(dict))
        self._said: dict[str, dict[_Key, list[Reply]]] = defaultdict(lambda: defaultdict(list))
        only = only_session(recording)
        self._sessions = list(recording.session_starts)
        for one in recording.replies:
            session, key = one.session or only, (recording.windows.get(one.client_id, 0), one.asked, one.name)
            if one.asked == channels.HANDSHAKE:
                key = 0, one.asked, one.name
            if one.number and one.message.get("successful") is False:
                self._refused[session][key][one.number] = one
            elif one.number:
                self._said[session][key].append(one)
        self._has_any = bool(self._refused or self._said)
        self._of_handshakes = any(one.asked == channels.HANDSHAKE for one in recording.replies)

    def __bool__(self) -> bool:
        return self._has_any or bool(self._dialect.replay) or self._faults.refuse_messages

    @property
    def to_handshakes(self) -> bool:
        """True if a recorded reply or a fault answers a handshake in another way than the server by itself."""
        return self._of_handshakes or bool(self._dialect.replay) or self._faults.refuse_handshakes

    def to(self, playhead: Playhead, message: Message, *, first: bool) -> Said | None:
        """Return what is said to a message of a client beside a plain success, None for nothing.

        Args:
            playhead: The client.
            message: Its message.
            first: Whether no /meta/connect of its session was successful yet.

        """
        names = _names(message, first=first)
        refused = self._by_fault(playhead, message, names)
        channel = message["channel"]
        is_handshake = channel == channels.HANDSHAKE
        if refused is not None or not (self._has_any or is_handshake):
            return refused
        window = 0 if is_handshake else playhead.window_of(str(message.get("clientId", "")))
        session = playhead.recorded if playhead.recorded is not None else self._likely(playhead)
        found: list[tuple[str, Reply]] = []
        said: Message = {"ext": {self._dialect.replay: True}} if is_handshake and self._dialect.replay else {}
        for name in names:
            key = window, channel, name
            playhead.answered[key] += 1
            number = playhead.answered[key]
            refusal = self._refusal(session, key, number)
            if refusal is not None:
                found.append((name, refusal))
            else:
                said = add(said, self._beside(session, key, number))
        if found:
            return self._rewritten(playhead, found[0][1].message, [name for name, _ in found], of=names)
        return self._rewritten(playhead, said) if said else None

    def _refusal(self, session: str, key: _Key, number: int) -> Reply | None:
        refused = self._refused.get(session, {}).get(key)
        if not refused:
            return None
        if not self._sessions:  # no client ever got in, and none will now
            number = min(number, max(refused))
        return refused.get(number)

    def _beside(self, session: str, key: _Key, number: int) -> Message:
        said = self._said.get(session, {}).get(key)
        place = bisect_right(said, number, key=_NUMBER) if said else 0
        return said[place - 1].message if said and place else {}

    def _likely(self, playhead: Playhead) -> str:
        """Return the session that a client is taken to follow until that is known: sessions in their order."""
        return self._sessions[(playhead.number - 1) % len(self._sessions)] if self._sessions else ""

    def _rewritten(
        self, playhead: Playhead, message: Message, names: list[str] | None = None, of: list[str] | None = None
    ) -> Said:
        """Return a recorded reply with the values of a client."""
        linked = self._links.value(message, playhead.origin)
        new: Message = Rewriter(self._dialect, playhead.bindings).value(linked)
        return Said(new, names is not None, tuple(names or ()) if names != of else ())

    def _by_fault(self, playhead: Playhead, message: Message, names: list[str]) -> Said | None:
        if not self._faults.refuse_messages:
            return None
        channel = message["channel"]
        about = names if channel == channels.SUBSCRIBE else [channel]
        errors = {name: error for name in about if (error := self._faults.refuse(playhead.name, channel, name))}
        if not errors:
            return None
        refused = tuple(errors) if len(errors) < len(about) else ()
        return Said({"error": next(iter(errors.values()))}, refuses=True, names=refused)


def _names(message: Message, *, first: bool) -> list[str]:
    if message["channel"] == channels.CONNECT:
        return [""] if first else [LATER]
    kind, names = parts(message)
    return names if kind in (AnchorKind.SUBSCRIPTION, AnchorKind.UNSUBSCRIPTION) else [""]
