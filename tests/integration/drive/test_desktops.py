"""Sessions as desktops have them are driven against their own stand-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder import StandIn
from recorder.cassette.codec import encode, encode_header
from tests.drive.engine.desktops import SESSIONS
from tests.integration.drive.stage import LONG, driven, told
from tests.wire import HEADER

pytestmark = pytest.mark.once

# A stand-in lets one window of a browser poll every two seconds, as CometD does; and it tells a second window from a
# page that is loaded again by time, which a busy machine may not keep.
_SLOW = frozenset({"two_windows", "a_window_that_is_closed"})


@pytest.mark.parametrize("name", [name for name in SESSIONS if LONG or name not in _SLOW])
def test_a_session_by_the_hour_is_played_to_its_own_stand_in(name: str, tmp_path: Path) -> None:
    cassette = tmp_path / f"{name}.cassette"
    cassette.write_bytes(encode_header(HEADER) + b"".join(map(encode, SESSIONS[name]().records)))
    with StandIn(cassette, rate="instant", seed=1) as standin:
        report = driven(cassette, standin.url, seed=1)

    assert told(report) == []
    assert (report.sent, report.heard) == (report.steps, report.events)
    assert standin.misses == []
