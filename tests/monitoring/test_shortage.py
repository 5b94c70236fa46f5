"""A shortage of descriptors or memory is told with what to do, and seldom."""

from __future__ import annotations

import errno
import os

import pytest

from recorder.monitoring.shortage import SHORT, Shortage


def error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.EMFILE, "ulimit -n"),
        (errno.ENFILE, "fs.file-max"),
        (errno.ENOBUFS, "free memory"),
        (errno.ENOMEM, "free memory"),
    ],
)
def test_it_says_what_happened_and_what_to_do(number: int, word: str) -> None:
    line = Shortage().told(error(number), 1.0)

    assert number in SHORT
    assert line is not None
    assert "new clients must wait" in line
    assert word in line
    assert "\n" not in line


def test_it_is_told_at_most_once_in_ten_seconds() -> None:
    shortage = Shortage()

    told = [shortage.told(error(errno.EMFILE), n / 10) is not None for n in range(250)]

    assert [n for n, line in enumerate(told) if line] == [0, 100, 200]
