"""Plays a script with whatever speaks Bayeux in Python: the script and the output of the Node desktop (README.md).

A step is over when it has its ack and `events` events; of `until` and cookies this knows nothing.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

_STEP = 10.0  # seconds

Subscribe: TypeAlias = Callable[[str], Coroutine[Any, Any, Any]]
Publish: TypeAlias = Callable[[str, Any], Coroutine[Any, Any, Any]]


class Player:
    """The script of one desktop, told on stdin; its Bayeux client calls `receive`, from any thread."""

    def __init__(self) -> None:
        self._base = sys.argv[1]
        self._script: dict[str, Any] = json.load(sys.stdin)
        self._step: int | None = None
        self._arrived: queue.Queue[None] = queue.Queue()
        self._printing = threading.Lock()
        self.bayeux = f"{self._base}/api/v2/notifications"
        self.transport: str = self._script.get("transport", "long-polling")
        self.channels: list[str] = self._script.get("subscribe", [])
        auth = self._script.get("auth")
        self.headers = {"Authorization": f"Basic {b64encode(auth.encode()).decode()}"} if auth else {}

    def receive(self, channel: str, data: Any) -> None:
        """An event came."""
        self._print(kind="event", step=self._step, channel=channel, data=data)
        self._arrived.put(None)

    def play(self, loop: asyncio.AbstractEventLoop | None, subscribe: Subscribe, publish: Publish) -> None:
        """All steps, one after the other; the Bayeux client is connected and subscribed, and runs in another thread.

        Args:
            loop: Where the client runs; None for one that may be called here, and waits for nothing by `await`.
            subscribe: Subscribes the client to a channel.
            publish: Lets the client publish data on a channel.

        Raises:
            TimeoutError: If the events of a step do not come, unless the script says to go on.

        """
        for i, step in enumerate(self._script["steps"]):
            time.sleep(step.get("think", 0))
            # Set only now: what came while thinking still belongs to the step before.
            self._step, self._arrived = i, queue.Queue()
            if "path" in step:
                self._post(i, step)
            else:
                self._print(kind="request", step=i)
                sent = subscribe(step["subscribe"]) if "subscribe" in step else publish(step["publish"], step["data"])
                _run(sent, loop)
                self._print(kind="reply", step=i)
            self._wait(i, step)
        time.sleep(self._script.get("linger", 0))
        self._print(kind="done")

    def _wait(self, i: int, step: dict[str, Any]) -> None:
        for n in range(step.get("events", 0)):
            try:
                self._arrived.get(timeout=step.get("timeout", _STEP))
            except queue.Empty:
                self._print(kind="timeout", step=i)
                if self._script.get("goOn"):
                    return
                what = step.get("path") or step.get("subscribe") or step.get("publish")
                raise TimeoutError(f"step {i} ({what}) timed out with {n} events") from None

    def _post(self, i: int, step: dict[str, Any]) -> None:
        body = json.dumps(step["body"]).encode() if "body" in step else None
        headers = {"Content-Type": "application/json", **self.headers}
        request = urllib.request.Request(self._base + step["path"], body, headers, method=step.get("method", "POST"))
        self._print(kind="request", step=i)
        try:
            with urllib.request.urlopen(request, timeout=step.get("timeout", _STEP)) as response:
                status, content = response.status, response.read()
        except urllib.error.HTTPError as refused:
            status, content = refused.code, refused.read()
        try:
            ack = json.loads(content)
        except ValueError:
            ack = content.decode()
        self._print(kind="ack", step=i, status=status, body=ack)

    def _print(self, **line: Any) -> None:
        with self._printing:
            print(json.dumps(line | {"at": time.monotonic() * 1000}), flush=True)


def _run(sent: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop | None) -> None:
    if loop is not None:
        asyncio.run_coroutine_threadsafe(sent, loop).result(_STEP)
        return
    try:
        sent.send(None)
    except StopIteration:
        return
    raise RuntimeError("a client without a loop waited by `await`")
