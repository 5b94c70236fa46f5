"""Serve the live page of a command in a thread beside it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..saying import say

if TYPE_CHECKING:
    from ...replay.server.driver import ControlledStandIn
    from ...viewer.live.port import Live

T = TypeVar("T")

_TOKEN = 24  # bytes
_PATIENCE = 5.0  # seconds for the event loop to do what a button asks for


def is_wanted(given: dict[str, Any]) -> bool:
    """Return whether the options ask for a live page."""
    return bool(given.get("view")) or given.get("view_port") is not None


@contextmanager
def viewing(live: Live, port: int | None, *, opens: bool) -> Iterator[None]:
    """Serve a live page until the block ends, and print `viewing at URL` on stderr; an open page holds nothing up.

    Args:
        live: What is shown.
        port: The port; None takes a free one.
        opens: Open the page in a browser, if there is one.

    Raises:
        UsageError: If the port cannot be had.

    """
    from ...viewer.app import App
    from ...viewer.cassette_list import CassetteList
    from ...viewer.server import Server
    from ..commands.view import open_page

    server = Server(port or 0)
    app = App(CassetteList([], []), secrets.token_urlsafe(_TOKEN), port=server.port, live=live, tell=say)
    thread = Thread(target=server.run, args=(app,), name="viewer", daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.port}{app.prefix}live/"
    with suppress(OSError):  # into no log: the URL holds a secret
        click.echo(f"viewing at {url}", err=True)
    if opens:
        open_page(url)
    try:
        yield
    finally:
        server.stop()
        server.close()


def caller(loop: asyncio.AbstractEventLoop) -> Callable[[Callable[[], T]], T]:
    """Return what calls a function in an event loop, from another thread, and returns its result.

    It raises RuntimeError if the loop has ended, and TimeoutError if it is too busy.
    """

    def call(function: Callable[[], T]) -> T:
        done: Future[T] = Future()

        def carried() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(function())
            except BaseException as exc:  # noqa: BLE001  # it belongs to the thread that waits
                done.set_exception(exc)

        loop.call_soon_threadsafe(carried)
        try:
            return done.result(_PATIENCE)
        except TimeoutError:
            done.cancel()
            raise

    return call


class Steering:
    """The controls of a stand-in, for its live page; `Steered` of the viewer."""

    def __init__(self, controls: ControlledStandIn) -> None:
        """Take the controls."""
        self._controls = controls
        self.look = controls.look

    def act(self, method: str, action: str, body: bytes) -> tuple[int, Any]:
        """Carry out an action of the control API, and send the steps that are due after it."""
        from ...replay.server.control import carry_out

        answer = carry_out(method, action, body, self._controls)
        self._controls.schedule()
        return answer
