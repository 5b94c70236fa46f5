"""Run the clients: those in Python in this event loop, those in JavaScript in one process of Node for all runs."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Self

from .bugs import ROOT, Client

_LIMIT = 20.0  # seconds for one run; the clients lose their patience long before
_RUNNER = Path(__file__).with_name("js") / "runner.js"


class Clients:
    """Runs clients; use it in an `async with` block."""

    def __init__(self) -> None:
        self._node: Process | None = None
        self._answers: dict[int, asyncio.Future[str | None]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().set_exception_handler(_told)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._node is not None and self._node.stdin is not None and self._reading is not None:
            self._node.stdin.close()
            await self._reading
            await self._node.wait()

    async def run(self, client: Client, url: str) -> str | None:
        """Let a client work at a server; the text of its error, None if all went well."""
        try:
            async with asyncio.timeout(_LIMIT):
                if client.module.suffix != ".py":
                    return await self._in_node(client, url)
                await _function(client)(url)
        except Exception as exc:  # noqa: BLE001  # whatever a client raises is its failure
            return f"{type(exc).__name__}: {exc}"
        return None

    async def _in_node(self, client: Client, url: str) -> str | None:
        node = self._node or await self._start()
        n = len(self._answers)
        self._answers[n] = asyncio.get_running_loop().create_future()
        asked = {"n": n, "module": str(client.module), "work": client.work, "url": url}
        assert node.stdin is not None
        node.stdin.write(json.dumps(asked).encode() + b"\n")
        return await self._answers[n]

    async def _start(self) -> Process:
        self._node = await asyncio.create_subprocess_exec("node", str(_RUNNER), stdin=PIPE, stdout=PIPE)
        self._reading = asyncio.create_task(self._read(self._node))
        return self._node

    async def _read(self, node: Process) -> None:
        assert node.stdout is not None
        async for line in node.stdout:
            told: dict[str, Any] = json.loads(line)
            if not self._answers[told["n"]].done():
                self._answers[told["n"]].set_result(told["error"])


@cache
def _function(client: Client) -> Callable[[str], Awaitable[Any]]:
    path = client.module
    if path.is_relative_to(ROOT / "tests"):
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    else:
        spec = spec_from_file_location(f"example_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[spec.name] = module_from_spec(spec)
        spec.loader.exec_module(module)
    function: Callable[[str], Awaitable[Any]] = getattr(module, client.work)
    return function


def _told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tell of an error in the event loop, but for one: aiocometd leaves the end of its last poll to the loop."""
    if "_connect_done" not in str(context.get("message")):
        loop.default_exception_handler(context)
