"""Where a mitmproxy listens that somebody loads our scripts into."""

from __future__ import annotations

import pytest

pytest.importorskip("mitmproxy")

from mitmproxy.options import Options

from recorder.capture.mitm.listening import exposed, keep_to_loopback


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
