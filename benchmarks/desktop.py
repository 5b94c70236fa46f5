"""A desktop that can count: a plain long-polling Bayeux client beside REST calls, playing the script of the bench.

It polls again at once, as it is advised to, and one cookie jar serves both sides.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp

from benchmarks.script import CHANNELS, STEPS, Ids, request_body
from benchmarks.verdict import Acked, Log, Received, Sent, has_all

_BAYEUX = "/api/v2/notifications/"  # with the kind of message behind it, as cometd.js does
_BACKOFF = 0.05  # seconds to the next poll after one that failed
_PATIENCE = 5.0  # seconds an answer may be late; for a poll on top of advice.timeout
_POLL = {"channel": "/meta/connect", "connectionType": "long-polling"}


@dataclass(frozen=True, slots=True)
class Pace:
    """How a client takes its time, all in seconds.

    Attributes:
        think: Before each step.
        linger: After the last step, to see what still comes.
        step_limit: How long a step may take.
        poll_limit: Polls from one step to the next, so that a server that never holds a poll comes to an end.

    """

    think: float
    linger: float = 0.3
    step_limit: float = 10.0
    poll_limit: int = 200


async def play(url: str, own: Ids, pace: Pace) -> Log:
    """Play the script to a server and return the log; a server that fails is no error but an entry in the log.

    Args:
        url: Where the server is, by the name `localhost`: aiohttp keeps no cookies for addresses.
        own: The ids to send.
        pace: How fast, and how long at most.

    """
    log = Log()
    async with _http(log) as http:
        desktop = _Desktop(http, url, own, pace, log)
        if await desktop.connect():
            await desktop.work()
    return log


@contextlib.asynccontextmanager
async def _http(log: Log) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client that notes when the request of a step is written: not when it is asked for, but on the socket."""

    async def note(_: Any, context: SimpleNamespace, __: Any) -> None:
        step = context.trace_request_ctx
        if step is not None:
            log.entries.append(Sent(step))

    trace = aiohttp.TraceConfig()
    trace.on_request_chunk_sent.append(note)
    connector = aiohttp.TCPConnector(family=socket.AF_INET)  # the servers listen on 127.0.0.1 alone
    async with aiohttp.ClientSession(connector=connector, trace_configs=[trace]) as http:
        yield http


class _Desktop:
    def __init__(self, http: aiohttp.ClientSession, url: str, own: Ids, pace: Pace, log: Log) -> None:
        self._http, self._url, self._own, self._pace, self._log = http, url, own, pace, log
        self._began = asyncio.get_running_loop().time()
        self._client_id = ""
        self._messages = 0
        self._hold = 30.0  # advice.timeout, in seconds; CometD's default until the server says its own
        self._allowed = pace.poll_limit
        self._idle = self._closing = False
        self._more_allowed, self._news = asyncio.Event(), asyncio.Event()

    async def connect(self) -> bool:
        """Shake hands, poll once, subscribe; whether the server gave a session."""
        offer = {"version": "1.0", "supportedConnectionTypes": ["long-polling"]}
        reply = await self._ask("handshake", {"channel": "/meta/handshake", **offer})
        self._client_id = reply.get("clientId", "")
        if self._client_id:
            await self._ask("connect", {**_POLL, "advice": {"timeout": 0}})
            for name in CHANNELS:
                await self._ask("", {"channel": "/meta/subscribe", "subscription": name})
        return bool(self._client_id)

    async def work(self) -> None:
        """Play all steps with the polls beside them, and disconnect."""
        polling = asyncio.create_task(self._poll())
        try:
            for number in range(len(STEPS)):
                await asyncio.sleep(self._pace.think)
                await self._step(number)
            self._log.seconds = asyncio.get_running_loop().time() - self._began
            self._idle = True
            self._allow_polls()
            await asyncio.sleep(self._pace.linger)
            self._closing = True
            await self._ask("disconnect", {"channel": "/meta/disconnect"})
            await asyncio.wait([polling], timeout=1.0)  # the disconnect lets the held poll go
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)

    async def _step(self, number: int) -> None:
        self._allow_polls()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pace.step_limit):
                if not await self._post(number):
                    return
                while not has_all(self._log, number):
                    if not self._allowed:
                        return
                    self._news.clear()
                    await self._news.wait()
                self._log.done.add(number)

    async def _post(self, number: int) -> bool:
        url = self._url + STEPS[number].path
        body = request_body(number, self._own)
        status, ack = await self._exchange(url, body, _PATIENCE, step=number)
        self._log.entries.append(Acked(number, status, ack))
        fine = status == 200 and isinstance(ack, dict) and ack.get("statusCode") == 0
        self._log.refused += not fine
        return fine

    def _allow_polls(self) -> None:
        self._allowed = self._pace.poll_limit
        self._more_allowed.set()

    async def _poll(self) -> None:
        while not self._closing:
            if not self._allowed:
                self._more_allowed.clear()
                self._news.set()
                await self._more_allowed.wait()
            self._allowed -= 1
            self._log.polls += 1
            self._log.idle_polls += self._idle
            reply = await self._ask("connect", _POLL, self._hold)
            if not reply.get("successful"):
                await asyncio.sleep(_BACKOFF)

    async def _ask(self, kind: str, message: dict[str, Any], hold: float = 0.0) -> dict[str, Any]:
        """Send one Bayeux message, note the events that come with its reply, and return the reply; {} if refused."""
        self._messages += 1
        own = {"clientId": self._client_id} if self._client_id else {}
        body = [{"id": str(self._messages), **message, **own}]
        status, answer = await self._exchange(self._url + _BAYEUX + kind, body, hold + _PATIENCE)
        reply: dict[str, Any] = {}
        for item in answer if status == 200 and isinstance(answer, list) else ():
            if item["channel"].startswith("/meta/"):
                reply = item
                self._hold = item.get("advice", {}).get("timeout", self._hold * 1000) / 1000
            elif "data" in item:
                self._log.entries.append(Received(item["channel"], item["data"]))
        self._news.set()
        self._log.refused += not (reply.get("successful") and reply["channel"] == message["channel"])
        return reply

    async def _exchange(self, url: str, body: Any, limit: float, step: int | None = None) -> tuple[int, Any]:
        """POST JSON; the status and the JSON that came back. No answer is status 0, no JSON is None."""
        timeout = aiohttp.ClientTimeout(total=limit)
        try:
            async with self._http.post(url, json=body, timeout=timeout, trace_request_ctx=step) as response:
                return response.status, json.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError):
            return 0, None
        except ValueError:
            return response.status, None
