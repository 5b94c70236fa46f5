"""A key file is made for one's own eyes, read again, and refused where others could have read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.capture.keys import read_key
from recorder.errors import UsageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "key"


def test_a_key_is_made_where_there_is_none(path: Path) -> None:
    key = read_key(path)

    assert (len(key), path.read_bytes(), path.stat().st_mode & 0o777) == (32, key, 0o600)


def test_a_key_is_read_again(path: Path) -> None:
    assert read_key(path) == read_key(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_can_use_is_refused(path: Path, mode: int) -> None:
    key = read_key(path)
    path.chmod(mode)

    with pytest.raises(UsageError, match="other users can read") as refused:
        read_key(path)
    assert key.hex() not in str(refused.value)


@pytest.mark.parametrize("size", [0, 15, 65, 100_000])
def test_what_is_too_short_or_too_long_is_no_key(path: Path, size: int) -> None:
    path.write_bytes(b"k" * size)
    path.chmod(0o600)

    with pytest.raises(UsageError, match="16 to 64 bytes"):
        read_key(path)


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        read_key(tmp_path)


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    assert read_key(tmp_path / "new" / "key") == (tmp_path / "new" / "key").read_bytes()


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to(tmp_path / "no" / "key")

    with pytest.raises(UsageError, match="No such file"):
        read_key(tmp_path / "key")
