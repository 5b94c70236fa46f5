"""The addresses of what is live: rows, blocks, a stream of changes, buttons."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest

from recorder.errors import UsageError
from recorder.viewer.answers import Stream
from tests.viewer.asking import HOST, TOKEN, Viewer, request, viewing


class Fake:
    """A recording that goes on: three changes, a moment of nothing, the end."""

    title = "now"

    def __init__(self) -> None:
        self.done: list[tuple[str, dict[str, Any]]] = []
        self.changes: list[list[dict[str, Any]] | None] = [[{"id": 8, "a": "<é>"}, {"id": 9}], [], [{"id": 12}], None]
        self.since: list[int] = []

    def rows(self) -> Any:
        return {"version": 2}

    def block(self, k: int) -> Any:
        return {"k": k} if k == 1 else None

    def events(self, since: int, timeout: float) -> list[dict[str, Any]] | None:
        assert timeout > 0
        self.since.append(since)
        return self.changes.pop(0)

    def control(self, name: str, params: dict[str, Any]) -> Any:
        if name == "broken":
            raise UsageError("that cannot be done")
        self.done.append((name, params))
        return {"ok": True} if name == "pause" else None


@pytest.fixture
def live() -> Fake:
    return Fake()


@pytest.fixture
def viewer(live: Fake) -> Viewer:
    return viewing(live=live)


def test_it_gives_rows_and_blocks(viewer: Viewer) -> None:
    assert viewer.json("live/api/rows") == {"version": 2}
    assert viewer.json("live/api/block?k=1") == {"k": 1}
    for k in ("2", "-1", "x", "", "9" * 99):
        assert viewer.whole(f"live/api/block?k={k}").status == 404


def test_it_has_a_page(viewer: Viewer) -> None:
    assert b'<script src="../view.js"></script>' in viewer.whole("live/").body


def test_changes_come_as_events_until_the_end(viewer: Viewer, live: Fake) -> None:
    found = viewer.whole("live/api/events?since=7")

    assert dict(found.headers)["Content-Type"] == "text/event-stream"
    assert found.body.decode().split("\n\n") == [
        ": begin", 'id: 8\ndata: {"id":8,"a":"<é>"}', 'id: 9\ndata: {"id":9}', ": still here",
        'id: 12\ndata: {"id":12}', "event: end\ndata: {}", "",
    ]  # fmt: skip
    assert live.since == [7, 9, 9, 12]


def test_a_page_that_comes_back_gets_what_it_missed(viewer: Viewer, live: Fake) -> None:
    viewer.whole("live/api/events?since=7", last_event_id="8")

    assert live.since[0] == 8


def test_a_stream_is_given_as_it_comes(viewer: Viewer, live: Fake) -> None:
    stream = viewer.app.answer(request(f"/{TOKEN}/live/api/events"))

    assert isinstance(stream, Stream)
    assert len(list(islice(stream.parts, 2))) == 2
    assert live.since == [0]


def posted(viewer: Viewer, path: str, body: bytes = b"{}") -> tuple[int, Any]:
    found = viewer.whole(path, "POST", body, origin=f"http://{HOST}", content_type="application/json")
    return found.status, json.loads(found.body) if found.body else None


def test_a_button_is_pressed_by_a_post(viewer: Viewer, live: Fake) -> None:
    assert posted(viewer, "live/api/control/pause", b'{"until": 3}') == (200, {"ok": True})
    assert posted(viewer, "live/api/control/pause", b"") == (200, {"ok": True})
    assert live.done == [("pause", {"until": 3}), ("pause", {})]
    assert posted(viewer, "live/api/control/nothing") == (404, None)
    assert posted(viewer, "live/api/control/broken") == (422, {"error": "that cannot be done"})
    assert posted(viewer, "live/api/rows") == (404, None)
    assert viewer.whole("live/api/control/pause").status == 404


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"[" * 100_000, b"1"])
def test_what_is_no_json_object_is_told(viewer: Viewer, live: Fake, body: bytes) -> None:
    assert posted(viewer, "live/api/control/pause", body)[0] == 400
    assert live.done == []
