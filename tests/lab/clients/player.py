"""Plays a script with whatever speaks Bayeux in Python: the script and the output of the Node desktop (README.md).

A step is over when it has its ack and `events` events; of `until`, `think`, `linger` and cookies this knows nothing.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from typing import Any

_STEP = 10.0  # seconds


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

    def play(self) -> None:
        """All steps, one after the other; the Bayeux client is connected and subscribed.

        Raises:
            TimeoutError: If the events of a step do not come.

        """
        for i, step in enumerate(self._script["steps"]):
            self._step, self._arrived = i, queue.Queue()
            self._post(i, step)
            for n in range(step.get("events", 0)):
                try:
                    self._arrived.get(timeout=step.get("timeout", _STEP))
                except queue.Empty:
                    raise TimeoutError(f"step {i} ({step['path']}) timed out with {n} events") from None
        self._print(kind="done")

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
