"""Locks of open files between descriptors and between processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.system.locks import FAR, _Far, is_free, take

HOLD = """
import os, sys
from recorder.system.locks import take
take(os.open(sys.argv[1], os.O_RDONLY))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[int, int]]:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    opened = os.open(path, os.O_RDWR), os.open(path, os.O_RDONLY)
    yield opened
    for descriptor in opened:
        os.close(descriptor)


def test_a_locked_file_is_locked_for_others_and_can_be_read(pair: tuple[int, int]) -> None:
    mine, other = pair
    take(mine)

    with pytest.raises(BlockingIOError):
        take(other)

    assert not is_free(other)
    assert os.read(other, 100) == b"content"


def test_shared_locks_stand_side_by_side_and_keep_an_exclusive_one_out(pair: tuple[int, int]) -> None:
    mine, other = pair
    take(mine, shared=True)

    assert is_free(other)
    with pytest.raises(BlockingIOError):
        take(other)


def test_a_look_leaves_no_lock(pair: tuple[int, int]) -> None:
    mine, other = pair

    assert is_free(other)
    take(mine)


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    holder = subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder, path.open("rb") as file:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        before = is_free(file.fileno())
        holder.kill()
        holder.wait()

        assert (before, is_free(file.fileno())) == (False, True)


def test_the_locked_view_begins_far_beyond_the_content(pair: tuple[int, int]) -> None:
    view = _Far(pair[0])
    os.lseek(pair[0], 3, os.SEEK_SET)

    assert (view.tell(), view.seek(0)) == (3 - FAR, 0)
    assert os.lseek(pair[0], 0, os.SEEK_CUR) == FAR
    assert view.seek(3 - FAR) == 3 - FAR
    assert os.read(pair[0], 100) == b"tent"
