"""What was used lately is remembered, what was not is forgotten, and the size stays bounded."""

from __future__ import annotations

from recorder.requests.recent import Recent


def test_what_is_used_again_and_again_stays() -> None:
    recent: Recent[int, str] = Recent(4)
    recent.put(0, "used")

    for number in range(1, 100):
        recent.put(number, "once")
        assert recent.get(0) == "used"


def test_what_is_not_used_is_forgotten() -> None:
    recent: Recent[int, str] = Recent(4)

    for number in range(100):
        recent.put(number, "once")

    assert recent.get(0) is None
    assert len(recent) <= 4


def test_sizes_count_and_not_numbers() -> None:
    recent: Recent[str, str] = Recent(100)

    recent.put("large", "x", 60)
    recent.put("larger", "y", 70)
    recent.put("largest", "z", 80)

    assert [recent.get(name) for name in ("large", "larger", "largest")] == [None, "y", "z"]


def test_a_value_that_is_too_large_is_remembered_until_the_next_one() -> None:
    recent: Recent[str, str] = Recent(10)

    recent.put("huge", "x", 1000)

    assert recent.get("huge") == "x"
