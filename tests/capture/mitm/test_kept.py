"""mitmproxy keeps nothing of what is over, or a recorder would grow for as long as it records."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("mitmproxy.master")  # an extra: the suite runs without it too

from tests.capture.mitm import kept

pytestmark = pytest.mark.once


def test_exchanges_that_are_over_are_recorded_and_none_is_kept(tmp_path: Path) -> None:
    found = asyncio.run(kept.after_exchanges(tmp_path / "s.cassette", 320))

    assert (found.alive, found.recorded) == (0, found.passed)


def test_messages_that_were_handed_on_are_recorded_and_the_last_alone_is_kept(tmp_path: Path) -> None:
    found = asyncio.run(kept.after_messages(tmp_path / "s.cassette", 320))

    assert (found.alive, found.recorded) == (1, found.passed)
