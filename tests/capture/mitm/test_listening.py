"""Where a mitmproxy listens that somebody loads our scripts into."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from typing import Any

import pytest

pytest.importorskip("mitmproxy")

from mitmproxy.options import Options

from recorder.capture.mitm.listening import exposed, keep_to_loopback, tell_shortage

FULL = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
ACCEPT = "socket.accept() out of system resource"  # asyncio's words


def test_without_a_word_it_listens_on_loopback() -> None:
    options = Options()

    keep_to_loopback(options)

    assert options.listen_host == "127.0.0.1"
    assert exposed(options) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_an_address_that_was_asked_for_stays_and_is_named(host: str) -> None:
    options = Options(listen_host=host)

    keep_to_loopback(options)

    assert exposed(options) == [host]


def test_a_mode_with_an_address_of_its_own_counts() -> None:
    options = Options(mode=["regular", "socks5@0.0.0.0:1080"], listen_host="127.0.0.1")

    assert exposed(options) == ["0.0.0.0"]


def test_no_address_means_all() -> None:
    assert exposed(Options()) == ["all addresses"]


def test_failed_accepts_are_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    others: list[dict[str, Any]] = []
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _, context: others.append(context))

    tell_shortage(loop)
    for _ in range(100):
        loop.call_exception_handler({"message": ACCEPT, "exception": FULL})
    loop.close()

    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "ulimit -n" in caplog.text
    assert others == []


def test_other_errors_go_to_the_handler_before() -> None:
    others: list[Any] = []
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _, context: others.append(context["exception"]))
    wrong = ValueError("x")

    tell_shortage(loop)
    loop.call_exception_handler({"message": "Task exception", "exception": wrong})
    loop.call_exception_handler({"message": "a file", "exception": FULL})
    loop.close()

    assert others == [wrong, FULL]


def test_without_a_handler_asyncio_tells_other_errors(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()

    tell_shortage(loop)
    loop.call_exception_handler({"message": "odd things"})
    loop.close()

    assert "odd things" in caplog.text
