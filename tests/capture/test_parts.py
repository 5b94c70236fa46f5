from __future__ import annotations

from pathlib import Path

import pytest

from recorder.capture.parts import Limits, part_path


@pytest.mark.parametrize("limits", [Limits(), Limits(size=100), Limits(duration=100), Limits(100, 100)])
def test_a_part_below_its_limits_goes_on(limits: Limits) -> None:
    assert not limits.reached(99, 99.9, quiet=1000)


@pytest.mark.parametrize(("size", "duration"), [(100, 0), (0, 100), (124, 0)])
def test_a_part_at_a_limit_ends_when_it_is_quiet(size: int, duration: float) -> None:
    assert not Limits(100, 100).reached(size, duration, quiet=1.9)
    assert Limits(100, 100).reached(size, duration, quiet=2.0)


@pytest.mark.parametrize(("size", "duration"), [(125, 0), (0, 125), (10**12, 10**9)])
def test_a_part_that_never_gets_quiet_ends_a_quarter_later(size: int, duration: float) -> None:
    assert Limits(100, 100).reached(size, duration, quiet=0)


def test_without_limits_a_part_never_ends() -> None:
    assert not Limits().reached(10**15, 10**9, quiet=10**9)


@pytest.mark.parametrize(
    ("path", "part", "name"),
    [
        ("s.cassette", 1, "s.cassette"),
        ("s.cassette", 2, "s-2.cassette"),
        ("a/s.cassette", 10, "a/s-10.cassette"),
        ("session", 2, "session-2"),
        ("a.b.c", 3, "a.b-3.c"),
    ],
)
def test_parts_are_numbered_before_the_suffix(path: str, part: int, name: str) -> None:
    assert part_path(Path(path), part) == Path(name)
