from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("mitmproxy.test.taddons")  # an extra: the suite runs without it too

from mitmproxy import exceptions, http
from mitmproxy.proxy.layers.http import HttpRequestHook
from mitmproxy.test import taddons, tflow

from recorder.capture.mitm.dispatch import ask_listeners_only

Heard = list[str]


class Listener:
    """Hears requests, as a coroutine or not."""

    def __init__(self, name: str, heard: Heard, error: type[Exception] | None = None) -> None:
        self.name, self._heard, self._error = name, heard, error

    async def request(self, flow: http.HTTPFlow) -> None:
        self._heard.append(self.name)
        if self._error is not None:
            raise self._error


class Deaf:
    """Looks at whether somebody calls it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    name = "deaf"

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        raise AttributeError(name)


class Script:
    """An addon with addons, which may be replaced, as those of a script are when its file changes."""

    name = "script"

    def __init__(self, *addons: object) -> None:
        self.addons = list(addons)


def event(*addons: object, again: int = 1) -> None:
    """An event as it goes through a manager with these addons."""

    async def run() -> None:
        with taddons.context(*addons, loadcore=False) as context:
            ask_listeners_only(context.master.addons)
            for _ in range(again):
                await context.master.addons.handle_lifecycle(HttpRequestHook(tflow.tflow()))

    asyncio.run(run())


def test_those_who_listen_are_asked_in_their_order() -> None:
    heard: Heard = []

    event(Listener("first", heard), Deaf(), Script(Listener("inner", heard)), Listener("last", heard))

    assert heard == ["first", "inner", "last"]


def test_those_who_do_not_listen_are_not_called() -> None:
    deaf = Deaf()

    event(deaf)

    assert deaf.asked.count("request") == 1  # whether there is such a hook


def test_a_script_that_was_loaded_again_is_asked_anew() -> None:
    heard: Heard = []
    script = Script()

    class Loads:
        name = "loads"

        def request(self, flow: http.HTTPFlow) -> None:
            script.addons = [Listener("loaded", heard)]

    event(Loads(), script, again=2)

    assert heard == ["loaded"]


def test_an_error_in_one_addon_does_not_keep_the_event_from_the_next(caplog: pytest.LogCaptureFixture) -> None:
    heard: Heard = []

    event(Listener("first", heard, ValueError), Listener("last", heard))

    assert heard == ["first", "last"]
    assert "Addon error" in caplog.text


def test_an_addon_may_halt_the_event() -> None:
    heard: Heard = []

    event(Listener("first", heard, exceptions.AddonHalt), Listener("last", heard))

    assert heard == ["first"]


def test_without_scripts_who_listens_is_found_once_and_again_when_an_addon_comes() -> None:
    heard: Heard = []
    deaf = Deaf()

    async def run() -> None:
        with taddons.context(deaf, loadcore=False) as context:
            ask_listeners_only(context.master.addons, scripts=False)
            for _ in range(3):
                await context.master.addons.handle_lifecycle(HttpRequestHook(tflow.tflow()))
            asked = deaf.asked.count("request")
            context.master.addons.add(Listener("new", heard))
            await context.master.addons.handle_lifecycle(HttpRequestHook(tflow.tflow()))
            assert (asked, deaf.asked.count("request")) == (1, 2)

    asyncio.run(run())

    assert heard == ["new"]
