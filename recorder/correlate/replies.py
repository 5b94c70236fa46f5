"""Keep what a server replied to Bayeux messages beyond a plain success, with the place of each reply.

A reply is named by its order among the equal messages of its window: the second subscription to /a, the first
handshake. A /meta/connect has no such order, because the number of polls depends on the pace; only those before the
first success of a client are counted. What was refused because the client had disconnected, or was lost before, is
left out: a server says that by itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from ..bayeux import channels
from ..bayeux.messages import Message
from ..bayeux.replies import beside, is_end, is_lost, offered
from ..model import Reply
from ..push.port import Opened, Replied, Sent

_Key: TypeAlias = tuple[str, str]  # channel of the message, name
LATER = "later"  # name of the successful connects after the first of a client
_OTHERS = frozenset({channels.SUBSCRIBE, channels.UNSUBSCRIBE})
_WAITING = 1000  # refused handshakes whose client may still get in


class Replies:
    """The telling replies of a capture, in the order of the wire.

    Attributes:
        connection_types: What the first reply that let a client in offers, sorted.
    """

    def __init__(self) -> None:
        self.connection_types: tuple[str, ...] = ()
        self._kept: list[Reply] = []
        self._numbers: dict[str, Counter[_Key]] = defaultdict(Counter)  # by clientId
        self._latest: dict[tuple[str, _Key], Message] = {}  # what the last success said beside the usual
        self._connected: set[str] = set()
        self._gone: set[str] = set()  # clients that disconnected, or that the server ended or lost
        self._refused: list[tuple[frozenset[str], Reply]] = []  # handshakes, until their client gets in
        self._handshakes: dict[str, Reply] = {}  # what the successful handshake of each client said, by clientId
        self._order: dict[str, list[str]] = defaultdict(list)  # clientIds by session
        self._pushed: dict[str, Replied] = {}  # /meta/disconnect that came unasked, by clientId

    def sent(self, sent: Sent) -> None:
        """Take a message of a client: what is refused after its /meta/disconnect is no news."""
        if sent.message["channel"] == channels.DISCONNECT:
            self._gone.add(sent.client_id)

    def replied(self, replied: Replied, tokens: frozenset[str]) -> None:
        """Take a reply; `tokens` are those of the request."""
        message, channel = replied.message, replied.message["channel"]
        if channel == channels.HANDSHAKE:
            self._handshake(replied, tokens)
        elif channel == channels.CONNECT:
            self._connect(replied)
        elif channel == channels.DISCONNECT:
            if replied.client_id not in self._gone and message.get("successful") is not False:
                self._pushed[replied.client_id] = replied
                self._end(replied, replied)
        elif replied.client_id not in self._gone:
            for name in _names(replied):
                self._count(replied, name)
            if message.get("successful") is False and (is_lost(message) or is_end(message)):
                self._gone.add(replied.client_id)

    def handshaken(self, handshaken: Opened, session: str, shown: frozenset[str]) -> None:
        """Take a client that got in: the refused handshakes before belong to its session, by the tokens they showed."""
        self._order[session].append(handshaken.client_id)
        waiting, self._refused = self._refused, []
        for tokens, reply in waiting:
            if tokens and shown and not tokens & shown:
                self._refused.append((tokens, reply))
            else:
                self._kept.append(replace(reply, session=session, client_id=handshaken.client_id))

    def all(
        self,
        session_of: Callable[[str], str | None],
        known: Callable[[frozenset[str]], str | None],
        windows: Mapping[str, int],
    ) -> tuple[Reply, ...]:
        """Return the replies in the order of the wire, numbered in their windows.

        Args:
            session_of: Returns the session of a clientId.
            known: Returns the session of tokens.
            windows: Windows by clientId, without the first ones.
        """
        found = [replace(one, session=session_of(one.client_id)) for one in self._kept]
        found += [replace(reply, session=known(tokens)) for tokens, reply in self._refused]
        found += [replace(one, session=session_of(one.client_id)) for one in self._handshakes.values()]
        before = self._before(windows)
        return tuple(_numbered(sorted(found, key=lambda one: one.at), before))

    def _before(self, windows: Mapping[str, int]) -> dict[str, Counter[_Key]]:
        """Return for each clientId how many messages of each kind earlier clients of its window sent."""
        before: dict[str, Counter[_Key]] = {}
        for clients in self._order.values():
            sums: dict[int, Counter[_Key]] = defaultdict(Counter)
            for client_id in clients:
                window = sums[windows.get(client_id, 0)]
                before[client_id] = Counter(window)
                window.update(self._numbers.get(client_id, {}))
        return before

    def _handshake(self, replied: Replied, tokens: frozenset[str]) -> None:
        message = replied.message
        if message.get("successful"):
            client_id = str(message.get("clientId", ""))
            if not self._handshakes:
                self.connection_types = offered(message)
            self._handshakes[client_id] = replace(_reply(replied), message=beside(message), client_id=client_id)
        elif message.get("successful") is False:
            self._refused = self._refused[-_WAITING:]
            self._refused.append((tokens, replace(_reply(replied), client_id="")))

    def _connect(self, replied: Replied) -> None:
        client_id, message = replied.client_id, replied.message
        pushed = self._pushed.pop(client_id, None)
        if pushed is not None and is_end(message):
            self._kept = [one for one in self._kept if one.at != (pushed.seq, pushed.index)]
            self._end(replied, pushed)
        elif client_id in self._gone:
            return
        elif client_id not in self._connected:
            self._count(replied, "")
            if message.get("successful"):
                self._connected.add(client_id)
        elif message.get("successful") is False or is_end(message):
            self._kept.append(_reply(replied))
        else:
            self._count(replied, LATER)
        if is_end(message) or (message.get("successful") is False and is_lost(message)):
            self._gone.add(client_id)

    def _end(self, replied: Replied, pushed: Replied) -> None:
        """Keep the end of a session: a /meta/disconnect, and the reply to the poll that was held, if there was one."""
        self._kept.append(replace(_reply(replied), asked=channels.CONNECT, pushed=pushed.message))
        self._gone.add(replied.client_id)

    def _count(self, replied: Replied, name: str) -> None:
        client_id, key = replied.client_id, (replied.message["channel"], name)
        self._numbers[client_id][key] += 1
        if replied.message.get("successful") is False:
            said = replied.message
        else:
            said = beside(replied.message)
            if said == self._latest.get((client_id, key), {}):
                return
            self._latest[client_id, key] = said
        self._kept.append(replace(_reply(replied), name=name, number=self._numbers[client_id][key], message=said))


def _numbered(found: list[Reply], before: Mapping[str, Counter[_Key]]) -> Iterator[Reply]:
    """Yield the replies with their numbers in their windows; handshakes are counted in their session."""
    handshakes: Counter[str | None] = Counter()
    for one in found:
        if one.asked == channels.HANDSHAKE:
            handshakes[one.session] += 1
            if one.message:
                yield replace(one, number=handshakes[one.session])
        elif one.number:
            earlier = before.get(one.client_id, Counter())[one.asked, one.name]
            yield replace(one, number=one.number + earlier)
        else:
            yield one


def _names(replied: Replied) -> list[str]:
    """Return what a reply is about: channels or patterns of a subscription, "" for a publish."""
    if replied.message["channel"] not in _OTHERS:
        return [""]
    told = replied.message.get("subscription", (replied.asked or {}).get("subscription"))
    return [name for name in (told if isinstance(told, list) else [told]) if isinstance(name, str)]


def _reply(replied: Replied) -> Reply:
    at, message = (replied.seq, replied.index), replied.message
    return Reply(at, replied.t, None, replied.client_id, message["channel"], "", 0, message)
