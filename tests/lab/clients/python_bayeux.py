"""The desktop on python-bayeux, which runs on greenlets: its world is patched before anything else is imported."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import queue  # noqa: E402
from typing import Any  # noqa: E402

import requests  # noqa: E402
from python_bayeux import BayeuxClient  # noqa: E402

from tests.lab.clients.player import Player  # noqa: E402


class Client(BayeuxClient):
    def __init__(self, player: Player, session: requests.Session) -> None:
        self._player = player
        self._subscribed: queue.Queue[None] = queue.Queue()
        super().__init__(player.bayeux, session)

    def listen(self) -> None:
        for channel in self._player.channels:
            self.subscribe(channel, "heard")
        for _ in self._player.channels:
            self._subscribed.get(timeout=10)
        self.go()

    async def hear(self, channel: str) -> None:
        self.subscribe(channel, "heard")
        self._subscribed.get(timeout=10)

    async def tell(self, channel: str, data: Any) -> None:
        self.publish(channel, data)

    def heard(self, message: dict[str, Any]) -> None:
        self._player.receive(message["channel"], message["data"])

    def _send_message(self, payload: dict[str, Any], **options: Any) -> Any:
        answer = super()._send_message(payload, **options)
        if payload["channel"] == "/meta/subscribe":
            self._subscribed.put(None)
        return answer


player = Player()
session = requests.Session()
session.headers.update({"Content-Type": "application/json", **player.headers})
client = Client(player, session)
client.listen()
player.play(None, client.hear, client.tell)
client.disconnect()  # and not shutdown(), which waits for the held poll to end first
