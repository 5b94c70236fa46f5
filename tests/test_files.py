"""What is opened, and what is not."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from unittest.mock import patch

import pytest

from recorder.errors import InputError
from recorder.files import descriptor_of, open_regular, read_text, without_secrets


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.timeout(10)
def test_a_pipe_is_neither_read_nor_written(pipe: Path) -> None:
    with pytest.raises(OSError, match="is not a regular file"):
        open_regular(pipe)
    with pytest.raises(OSError, match="No such device"):
        descriptor_of(pipe, os.O_WRONLY)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(("name", "reason"), [("/dev/zero", "is not a regular file"), ("/", "is a directory")])
def test_a_device_or_a_directory_is_not_read(name: str, reason: str) -> None:
    with pytest.raises(OSError, match=reason):
        read_text(Path(name))


def test_a_socket_is_not_opened(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))

        with pytest.raises(OSError, match="No such device"):
            open_regular(tmp_path / "s")


def test_a_device_can_be_written() -> None:
    os.close(descriptor_of(Path("/dev/null"), os.O_WRONLY))


def test_text_comes_with_plain_ends_of_lines(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("ü\r\nb\n".encode())

    assert read_text(tmp_path / "a") == "ü\nb\n"


def test_a_disk_that_fails_while_a_file_is_read_names_the_file(tmp_path: Path) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    (tmp_path / "s").write_bytes(b"x" * 100)
    told = pytest.raises(InputError, match=r"/s: cannot be read: Input/output error; check the disk$")
    with open_regular(tmp_path / "s") as file, patch.object(os, "readv", fails), told:
        file.read()


def test_a_regular_file_is_read_from_any_byte(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(bytes(range(200)) * 100)

    with open_regular(tmp_path / "s") as file:
        file.seek(19_999)
        assert file.read() == b"\xc7"
        file.seek(-200, os.SEEK_END)
        assert file.read(2) == b"\x00\x01"
        assert file.tell() == 19_802


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@host/a?b=c#d", "https://…@host/a?…"),
        ("https://[::1]:80/a?sig=x", "https://[::1]:80/a?…"),
        ("http://user:p/w@host/a@b", "http://…@b"),
        ("http://host:80/a/@b", "http://host:80/a/@b"),
        ("zip://a.cassette::https://user:pw@host/b.zip?sig=x", "zip://a.cassette::https://…@host/b.zip?…"),
        ("az://box/a?sv=1&sig=x", "az://box/a?…"),
        ("s3://box/what?no=1", "s3://box/what?no=1"),
        ("abfs://box@account/a", "abfs://box@account/a"),
        ("/tmp/a?b=c", "/tmp/a?b=c"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
