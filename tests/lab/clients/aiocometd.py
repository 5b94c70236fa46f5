"""The desktop on aiocometd-noloop. It shows its Authorization with its REST calls only."""

from __future__ import annotations

import asyncio

from aiocometd_noloop import Client, ConnectionType

from tests.lab.clients.player import Player


async def main() -> None:
    player = Player()
    async with Client(player.bayeux, ConnectionType(player.transport)) as client:
        for channel in player.channels:
            await client.subscribe(channel)
        listening = asyncio.create_task(_listen(client, player))
        await asyncio.to_thread(player.play, asyncio.get_running_loop(), client.subscribe, client.publish)
        listening.cancel()


async def _listen(client: Client, player: Player) -> None:
    async for message in client:
        player.receive(message["channel"], message["data"])


asyncio.run(main())
