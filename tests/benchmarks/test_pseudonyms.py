"""`python -m benchmarks.pseudonyms` prints what docs/security.md quotes."""

from __future__ import annotations

import pytest

from benchmarks.pseudonyms import cost, evenness

pytestmark = pytest.mark.once


def test_a_pseudonym_takes_some_microseconds() -> None:
    assert 0 < cost("{:010}") < 1_000


def test_pseudonyms_are_even_over_keys() -> None:
    assert abs(evenness("07", 9, 60)) < 3
