"""What waits in temporary files, and what is told when they fail."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest

from recorder.errors import OutputError
from recorder.temporary import Spooled, temporary, temporary_text


def test_what_was_written_is_read(tmp_path: Path) -> None:
    with temporary(tmp_path) as file:
        file.write(b"x" * 100_000)
        file.seek(99_999)

        assert file.read() == b"x"
        assert list(tmp_path.iterdir()) == []


def test_lines_can_be_cut() -> None:
    with temporary_text() as file:
        file.write("ä\n")
        mark = file.tell()
        file.write("rest\n")
        file.seek(mark)
        file.truncate()
        file.seek(0)

        assert file.read() == "ä\n"


@pytest.mark.parametrize("most", [0, 4, 7, 8, 100])
def test_what_is_spooled_is_read_from_memory_or_from_a_file(most: int) -> None:
    spooled = Spooled(most)
    spooled.write(b"abcd")
    spooled.write(b"efgh")
    spooled.seek(2)
    spooled.write(b"CD")
    spooled.seek(1)

    assert spooled.read(6) == b"bCDefg"[:1] + b"CDefg"
    spooled.close()


@pytest.mark.parametrize("name", ["write", "lseek", "ftruncate", "readv"])
def test_a_fault_names_the_folder_and_what_to_do(name: str) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def used() -> None:
        file.write(b"x")
        file.flush()
        file.seek(0)
        file.read(1)
        file.truncate(0)

    with temporary() as file, patch.object(os, name, fails), pytest.raises(OutputError) as caught:
        used()

    folder = tempfile.gettempdir()
    assert str(caught.value) == (
        f"{folder}: cannot hold temporary data: No space left on device; TMPDIR names another folder"
    )


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"nowhere: cannot hold temporary data: No such file or directory$"):
        temporary(tmp_path / "nowhere")
