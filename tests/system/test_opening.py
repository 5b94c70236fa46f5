"""Reading and replacing files on systems that lack a function."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.system import opening


@pytest.fixture(params=[True, False], ids=["with", "without"])
def descriptor(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A file of ten bytes, on a system with and without the functions that take a place."""
    if not request.param:
        for name in ("readv", "pread", "fdatasync"):
            monkeypatch.delattr(os, name)
    (tmp_path / "file").write_bytes(b"0123456789")
    opened = os.open(tmp_path / "file", os.O_RDWR)
    yield opened
    os.close(opened)


def test_a_buffer_takes_the_next_bytes(descriptor: int) -> None:
    buffer = bytearray(7)

    assert opening.read_into(descriptor, buffer) == 7
    assert opening.read_into(descriptor, buffer) == 3
    assert bytes(buffer) == b"7893456"
    assert opening.read_into(descriptor, buffer) == 0


def test_bytes_are_read_from_a_place_and_the_position_stays(descriptor: int) -> None:
    os.lseek(descriptor, 2, os.SEEK_SET)

    assert opening.read_at(descriptor, 3, 5) == b"567"
    assert os.read(descriptor, 2) == b"23"


def test_data_is_synced(descriptor: int) -> None:
    os.write(descriptor, b"new")

    opening.sync_data(descriptor)

    assert opening.read_at(descriptor, 3, 0) == b"new"


def test_flags_that_the_system_lacks_are_left_out() -> None:
    assert opening.flags("O_APPEND", "O_NO_SUCH_FLAG") == os.O_APPEND


def test_a_step_that_a_virus_scanner_disturbs_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "KEEPS_OPEN_FILES", True)
    monkeypatch.setattr(opening, "_PAUSE", 0.0)
    errors = [PermissionError(), PermissionError()]

    def step() -> None:
        if errors:
            raise errors.pop()

    opening.persistently(step)

    assert errors == []


def test_a_step_that_never_comes_right_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "KEEPS_OPEN_FILES", True)
    monkeypatch.setattr(opening, "_PAUSE", 0.0)

    def step() -> None:
        raise PermissionError("in use")

    with pytest.raises(PermissionError, match="in use"):
        opening.persistently(step)
