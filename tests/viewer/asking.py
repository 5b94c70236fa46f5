"""A viewer to ask, without sockets: requests as a browser on a page of the viewer sends them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recorder.viewer.answers import Answer, Request
from recorder.viewer.app import App
from recorder.viewer.cassette_list import CassetteList
from recorder.viewer.cassettes.findings import Scan
from recorder.viewer.live.port import Live

TOKEN = "this-is-the-token"
PORT = 4711
HOST = f"127.0.0.1:{PORT}"
CASSETTES = Path(__file__).parents[2] / "cassettes"
PREVIEW = CASSETTES / "preview-session.cassette"


@dataclass
class Viewer:
    """An app, and the lines that it told of itself."""

    app: App
    told: list[str] = field(default_factory=list)

    def whole(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        """Return the answer to a request for a path below the token."""
        return asked(self.app, f"/{TOKEN}/{path}", method, body, **headers)

    def json(self, path: str) -> Any:
        """Return the JSON at a path, or the values of its lines."""
        found = self.whole(path)
        assert found.status == 200, found
        return json.loads(found.body)


def viewing(*files: Path, folders: tuple[Path, ...] = (), live: Live | None = None, scan: Scan | None = None) -> Viewer:
    told: list[str] = []
    return Viewer(App(CassetteList(files, folders, scan=scan), TOKEN, port=PORT, live=live, tell=told.append), told)


def asked(app: App, target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    """Return the whole answer to a request with more headers than the Host: `x_y` is `x-y`, "" leaves one out."""
    found = app.answer(request(target, method, body, **headers))
    return found if isinstance(found, Answer) else Answer(found.status, found.headers, b"".join(found.parts))


def request(target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Request:
    given: Mapping[str, str] = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, target, tuple((name, value) for name, value in given.items() if value), body)


def unpacked(answer: Answer) -> bytes:
    """Return the body of an answer that may be compressed."""
    return gzip.decompress(answer.body) if ("Content-Encoding", "gzip") in answer.headers else answer.body
