"""The desktop on baiocas, on tornado's loop."""

from __future__ import annotations

import asyncio
from typing import Any

from baiocas.client import get_client
from tornado.ioloop import IOLoop

from tests.lab.clients.player import Player


class Desktop:
    def __init__(self) -> None:
        self._player = Player()
        # made before the loop runs: it opens a blocking HTTP client too, which cannot be done inside of one
        self._client = get_client(self._player.bayeux)
        for name, value in self._player.headers.items():
            self._client.get_transport("long-polling").set_header(name, value)

    async def run(self) -> None:
        subscribed = self._replies("/meta/subscribe")
        self._client.get_channel("/**").add_listener(self._receive)
        self._client.handshake()
        for channel in self._player.channels:
            self._client.get_channel(channel).subscribe(lambda *_: None)
        for _ in self._player.channels:
            await asyncio.wait_for(subscribed.get(), 10)
        await asyncio.to_thread(self._player.play, asyncio.get_running_loop(), self._subscribe, self._publish)
        left = self._replies("/meta/disconnect")
        self._client.disconnect(sync=False)
        await asyncio.wait_for(left.get(), 10)

    async def _subscribe(self, channel: str) -> None:
        replies = self._replies("/meta/subscribe")
        self._client.get_channel(channel).subscribe(lambda *_: None)
        await asyncio.wait_for(replies.get(), 10)

    async def _publish(self, channel: str, data: Any) -> None:
        self._client.get_channel(channel).publish(data)

    def _receive(self, _: Any, message: Any) -> None:
        if not message.channel.is_meta and message.successful is None:  # else it is the reply to a publish
            self._player.receive(str(message.channel), message.data)

    def _replies(self, channel: str) -> asyncio.Queue[Any]:
        replies: asyncio.Queue[Any] = asyncio.Queue()
        self._client.get_channel(channel).add_listener(lambda _, message: replies.put_nowait(message))
        return replies


desktop = Desktop()
IOLoop.current().run_sync(desktop.run)
