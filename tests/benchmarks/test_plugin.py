from __future__ import annotations

import pytest

from benchmarks import plugin


@pytest.mark.once
def test_a_stand_in_for_one_test_costs_less_than_fifteen_milliseconds() -> None:
    found = plugin.measure(30)

    assert found["standin_ms"] < plugin.LIMIT_MS
    assert found["empty_ms"] > 0
    assert found["ratio"] > 0
