"""For mitmdump that records: it passes event streams on as they come, and keeps them all the same.

By itself it waits for the end of an answer, or, told to stream it, does not store it.
"""

from __future__ import annotations

from mitmproxy.http import HTTPFlow


class Streams:
    """Collects what is streamed."""

    def __init__(self) -> None:
        self._came: dict[str, list[bytes]] = {}

    def responseheaders(self, flow: HTTPFlow) -> None:
        if flow.response is not None and "text/event-stream" in flow.response.headers.get("content-type", ""):
            came = self._came[flow.id] = []

            def passed(part: bytes) -> bytes:
                came.append(part)
                return part

            flow.response.stream = passed

    def response(self, flow: HTTPFlow) -> None:
        if flow.response is not None and flow.id in self._came:
            flow.response.content = b"".join(self._came.pop(flow.id))

    error = response  # most streams end when the client leaves


addons = [Streams()]
