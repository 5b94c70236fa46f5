"""Keep the connections of recorded clients: Bayeux sessions, streams and WebSockets."""

from __future__ import annotations

from dataclasses import replace

from ....bayeux import channels
from ....dialect.paths import path_of
from ....model import JSON, Request, Stream
from ....push.port import BAYEUX, WEBSOCKET
from ....push.sse import key as key_of_exchange
from ..plan import Connection
from ..texts.protocols import offered
from .facts import Facts

_HANDSHAKE = "/handshake"  # CometD's JavaScript client posts each kind of message to a URL of its own
_CALLBACK = frozenset({"jsonp", "message"})  # of callback-polling (Bayeux 1.0, section 4.2)
_SERVICE = "/service/"  # nobody subscribes to these (Bayeux 1.0, section 2.2.3)
_UPGRADE = "upgrade"


class Connections:
    """The connections of a recording by their keys.

    Attributes:
        all: The connections, in the order in which they began.
        opened_by: The request that opened a stream or WebSocket, by the key of the stream itself.
        before: The session that each Bayeux session followed in its window, by their keys.
    """

    def __init__(self, facts: Facts) -> None:
        self.all: dict[str, Connection] = {}
        self.opened_by: dict[str, Request] = {}
        self.before: dict[str, str] = {}
        self._facts = facts
        self._keys: dict[str, str] = {}  # by clientId, or the key of a stream itself
        self._latest: dict[tuple[str, int], str] = {}  # by session and window
        self._subscribed: dict[str, set[str]] = {}  # channels by key
        self._missed: set[str] = set()  # keys of sessions that began before the capture
        self._seen: dict[str, set[str]] = {}  # channels of a clientId that took the place of another

    def handshaken(self, client_id: str, request: Request) -> tuple[str, bool]:
        """Take a clientId that a server gave out; return the key of its connection, and whether that is new."""
        client = self.client_of(client_id)
        window = client, self._facts.windows.get(client_id, 0)
        before = self._latest.get(window)
        if client_id in self._facts.renewed and before is not None:
            self._keys[client_id] = before
            self._seen[client_id] = set()
            return before, False
        if before is not None:
            self.before[client_id] = before
        self._latest[window] = self._keys[client_id] = client_id
        self.all[client_id] = Connection(client_id, client, BAYEUX, _target(request), is_upgrade(request))
        return client_id, True

    def replaces(self, key: str, before: str) -> None:
        """Note that a session took the place of another one."""
        self.all[key] = replace(self.all[key], replaces=before)

    def missed(self, client_id: str, request: Request) -> bool:
        """Take a message of a client; return whether its handshake was before the capture, and is not known yet."""
        if not client_id or client_id in self._keys:
            return False
        self._keys[client_id] = client_id
        self._missed.add(client_id)
        client = self.client_of(client_id)
        self._latest[client, self._facts.windows.get(client_id, 0)] = client_id
        self.all[client_id] = Connection(client_id, client, BAYEUX, _target(request), is_upgrade(request))
        return True

    def lacks(self, key: str, channel: str) -> bool:
        """Return whether a session that began before the capture must have subscribed to a channel then."""
        if key not in self._missed or channel.startswith(_SERVICE):
            return False
        subscribed = self._subscribed.setdefault(key, set())
        if any(channels.matches(pattern, channel) for pattern in subscribed):
            return False
        subscribed.add(channel)
        return True

    def refused(self, key: str, client: str, request: Request) -> None:
        """Take a handshake that was refused."""
        self.all.setdefault(key, Connection(key, client, BAYEUX, _target(request), is_upgrade(request)))

    def key_of(self, client_id: str) -> str:
        """Return the key of the connection of a clientId or a stream; the capture may begin after its handshake."""
        return self._keys.get(client_id, client_id)

    def is_of_bayeux(self, request: Request) -> bool:
        """Return whether a client of Bayeux may have opened a WebSocket by this request, which came to nothing."""
        path = path_of(request.target)
        known = (path_of(one.target) for one in self.all.values() if one.protocol == BAYEUX)
        return is_upgrade(request) and path in known

    def client_of(self, client_id: str) -> str:
        """Return the name of the client of a clientId or a stream."""
        known = self.all.get(self.key_of(client_id))
        return known.client if known is not None else self._facts.label_of.get(client_id, self._facts.only)

    def uses_socket(self, client_id: str) -> None:
        """Take a poll on a WebSocket: a client may shake hands by HTTP, and then change to a WebSocket."""
        one = self.all.get(self.key_of(client_id))
        if one is not None and not one.is_socket:
            self.all[one.key] = replace(one, is_socket=True)

    def acknowledges(self, key: str) -> None:
        """Take a handshake that asked for the acknowledgement extension."""
        self.all[key] = replace(self.all[key], acknowledges=True)

    def repeats(self, client_id: str, is_new: bool, wanted: JSON) -> bool:  # noqa: FBT001  # both are told by the message
        """Take a subscription or its end; return whether it only repeats one that the lost session had."""
        names = {name for name in (wanted if isinstance(wanted, list) else [wanted]) if isinstance(name, str)}
        subscribed = self._subscribed.setdefault(self.key_of(client_id), set())
        seen = self._seen.get(client_id)
        repeats = is_new and seen is not None and not names - subscribed and not names & seen
        if seen is not None:
            seen |= names
        if is_new:
            subscribed |= names
        else:
            subscribed -= names
        return repeats

    def stream(self, stream: Stream, client: str, request: Request) -> None:
        """Take a stream or WebSocket that begins."""
        own = key_of_exchange(stream.exchange)
        self._keys[own] = stream.key
        self.opened_by[own] = request
        if stream.key in self.all:
            return
        is_socket = stream.protocol == WEBSOCKET
        names = offered(request.headers, ())
        self.all[stream.key] = Connection(stream.key, client, stream.protocol, request.target, is_socket, names)


def _target(request: Request) -> str:
    path, _, query = request.target.partition("?")
    kept = "&".join(pair for pair in query.split("&") if pair.partition("=")[0] not in _CALLBACK)
    return path.removesuffix(_HANDSHAKE) + (f"?{kept}" if kept else "")


def is_upgrade(request: Request) -> bool:
    """Return whether a request asks for a WebSocket."""
    return any(name.lower() == _UPGRADE and value.lower() == "websocket" for name, value in request.headers)
