from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.model import closed_by, closing


@given(st.sampled_from(["client", "server"]), st.integers(0, 65_535), st.text())
def test_a_close_frame_comes_back_from_its_reason(who: str, code: int, reason: str) -> None:
    assert closing(closed_by(who, code, reason)) == (code, reason, who == "server")


@pytest.mark.parametrize("reason", ["Client disconnected.", "websocket closed by server, code None", ""])
def test_another_end_has_no_close_frame(reason: str) -> None:
    assert closing(reason) is None
