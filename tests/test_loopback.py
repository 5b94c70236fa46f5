"""Which addresses are for this machine alone."""

from __future__ import annotations

import pytest

from recorder.loopback import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "0:0:0:0:0:0:0:1", "localhost", "LOCALHOST."])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "fe80::1", "127.example.com", "desk.example", ""])
def test_anything_else(host: str) -> None:
    assert not is_loopback(host)
