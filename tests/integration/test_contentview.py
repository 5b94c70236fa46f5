"""mitmproxy shows Bayeux messages through our content view, in the versions that have views of the old and new kind."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.wire import body, done

pytest.importorskip("mitmproxy.test.taddons")  # an extra: the suite runs without it too

from mitmproxy import contentviews, http, websocket
from mitmproxy.test import taddons, tflow
from wsproto.frame_protocol import Opcode

SCRIPT = Path(__file__).parents[2] / "addons" / "contentview.py"
EVENT = body([done(7, "r1"), {"channel": "/meta/connect", "successful": True}])


def shown(flow: http.HTTPFlow, message: Any, view: str = "auto") -> tuple[str, str]:
    """The name of the view that mitmproxy takes, and the text."""
    if hasattr(contentviews, "prettify_message"):  # mitmproxy 12
        result = contentviews.prettify_message(message, flow, view)
        return result.view_name or "", result.text
    name, lines, _ = contentviews.get_message_content_view(view, message, flow)
    return name, "\n".join("".join(text for _, text in line) for line in lines)


def with_view(check: Callable[[], None]) -> None:
    """Run a check in a mitmproxy that has loaded the script."""
    spec = importlib.util.spec_from_file_location("contentview_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    async def run() -> None:
        with taddons.context(*script.addons) as context:
            if "protobuf_definitions" not in context.options:  # an option of mitmproxy's own that views look at
                context.options.add_option("protobuf_definitions", str | None, None, "")
            check()
            for addon in script.addons:
                addon.done()

    asyncio.run(run())


def answered(content: bytes, path: str = "/api/v2/notifications") -> http.HTTPFlow:
    flow = tflow.tflow(resp=True)
    assert flow.response is not None
    flow.request.path = path
    flow.request.headers["Content-Type"] = flow.response.headers["Content-Type"] = "application/json"
    flow.response.content = content
    return flow


def test_messages_are_shown_with_their_events_marked() -> None:
    def check() -> None:
        flow = answered(EVENT)

        name, text = shown(flow, flow.response)

        assert name == "Bayeux"
        assert text.splitlines()[0] == "# ● EVENT  /v2/me/outbound"
        assert '      "recordHandle": 7,' in text.splitlines()
        assert "# reply    /meta/connect  successful" in text.splitlines()

    with_view(check)


def test_other_json_is_left_to_the_view_of_json() -> None:
    def check() -> None:
        flow = answered(b'{"statusCode":0}')

        assert shown(flow, flow.response)[0] == "JSON"

    with_view(check)


def test_a_message_in_a_url_and_one_on_a_websocket_are_shown() -> None:
    def check() -> None:
        flow = answered(b"", '/cometd?jsonp=f&message=[{"channel":"/meta/connect","clientId":"c"}]')
        flow.request.content = b""
        message = websocket.WebSocketMessage(Opcode.TEXT, from_client=False, content=EVENT)

        assert shown(flow, flow.request, "Bayeux")[1].startswith("# request  /meta/connect")
        assert shown(tflow.twebsocketflow(), message)[0] == "Bayeux"

    with_view(check)


def test_asked_for_what_it_cannot_show_it_fails_as_views_do() -> None:
    def check() -> None:
        flow = answered(b"hello")

        assert shown(flow, flow.response, "Bayeux")[1] != ""
        assert "EVENT" not in shown(flow, flow.response, "Bayeux")[1]

    with_view(check)


def test_nothing_in_a_message_steers_the_terminal() -> None:
    def check() -> None:
        flow = answered(body({"channel": "/\x1b[2J", "data": "\u202e"}))

        assert r"\x1b[2J" in shown(flow, flow.response)[1]

    with_view(check)


def test_the_script_can_be_loaded_again() -> None:
    with_view(lambda: None)
    with_view(lambda: None)
