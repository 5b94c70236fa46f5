"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from recorder.cassette.journal import create
from recorder.errors import OutputError, UsageError
from recorder.output import Replacement, leftovers, refuse, replacing
from tests.cassette.records import HEADER


def write(path: Path, content: bytes = b"new", **options: Any) -> None:
    with replacing(path, **options) as file:
        file.write(content)


def disturbed(path: Path, act: Callable[[Path], object], **options: Any) -> None:
    """Write a file, and let something happen before it is put in its place; `act` gets the temporary file."""
    with replacing(path, **options) as file:
        file.write(b"new" * 10_000)
        act(Path(file.name))


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def old(tmp_path: Path) -> Path:
    (tmp_path / "out").write_bytes(b"old")
    return tmp_path / "out"


def failing(monkeypatch: pytest.MonkeyPatch, name: str, number: int = errno.ENOSPC) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, name, fail)


# Putting a file in its place


def test_a_new_file_stands_there_when_the_block_has_ended(tmp_path: Path) -> None:
    with replacing(tmp_path / "out") as file:
        file.write(b"new")
        assert names(tmp_path) == [Path(file.name).name]

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out", b"new")]


def test_an_old_file_is_replaced_by_force_only(old: Path) -> None:
    with pytest.raises(UsageError, match="exists already; choose another name, or --force"):
        write(old)
    write(old, force=True)

    assert (names(old.parent), old.read_bytes()) == (["out"], b"new")


def test_an_error_in_the_block_leaves_the_old_file_and_nothing_else(old: Path) -> None:
    def refuse(_: Path) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        disturbed(old, refuse, force=True)

    assert (names(old.parent), old.read_bytes()) == (["out"], b"old")


@pytest.mark.parametrize("name", ["open", "write", "fsync", "replace", "fchmod"])
def test_an_error_of_the_system_names_the_file_and_leaves_the_old_one(
    name: str, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old.chmod(0o640)
    failing(monkeypatch, name)

    with pytest.raises(OutputError) as raised:
        write(old, force=True)

    assert str(raised.value).startswith(f"{old}: ")
    assert "No space left on device" in str(raised.value)
    assert (names(old.parent), old.read_bytes()) == (["out"], b"old")


@pytest.mark.parametrize("name", ["write", "fsync", "replace"])
def test_a_recording_that_cannot_begin_leaves_the_old_file(
    name: str, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, name)

    with pytest.raises(OutputError, match="No space left"):
        create(old, HEADER, force=True)

    assert (names(old.parent), old.read_bytes()) == (["out"], b"old")


def test_missing_folders_are_made_and_removed_again_after_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a" / "b" / "out")
    failing(monkeypatch, "fsync")
    with pytest.raises(OutputError):
        write(tmp_path / "c" / "d" / "out")

    assert (tmp_path / "a" / "b" / "out").read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_a_folder_that_vanishes_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    with pytest.raises(OutputError, match="No such file or directory"):
        disturbed(folder / "out", lambda _: shutil.rmtree(folder))


def test_a_file_that_another_process_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="made by another process"):
        disturbed(tmp_path / "out", lambda _: (tmp_path / "out").write_bytes(b"of another"))

    assert (names(tmp_path), (tmp_path / "out").read_bytes()) == (["out"], b"of another")


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "link", errno.EPERM)

    write(tmp_path / "out")

    assert (names(tmp_path), (tmp_path / "out").read_bytes()) == (["out"], b"new")


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 120, "a b\nc", ".hidden"])
def test_any_name_will_do(name: str, tmp_path: Path) -> None:
    write(tmp_path / name)

    assert names(tmp_path) == [name]


def test_the_file_behind_a_link_is_replaced_and_not_the_link(old: Path) -> None:
    (old.parent / "link").symlink_to("out")

    write(old.parent / "link", force=True)

    assert (old.parent / "link").is_symlink()
    assert old.read_bytes() == b"new"


# What must not be written


def to_nowhere(folder: Path) -> Path:
    (folder / "link").symlink_to("nowhere")
    return folder / "link"


def circle(folder: Path) -> Path:
    (folder / "link").symlink_to("link")
    return folder / "link"


def inside_a_file(folder: Path) -> Path:
    (folder / "file").write_bytes(b"")
    return folder / "file" / "out"


@pytest.mark.parametrize(
    ("target", "force", "words"),
    [
        (lambda folder: folder, True, "is a folder"),
        (lambda _: Path("/dev/null"), True, "is not a regular file"),
        (lambda _: Path("/"), True, "is a folder"),
        (lambda folder: folder / ("x" * 300), True, "File name too long"),
        (to_nowhere, False, "exists already"),
        (circle, True, "symbolic links"),
        (inside_a_file, True, "is not a folder"),
    ],
)
def test_what_is_no_place_for_a_file_is_refused(
    target: Callable[[Path], Path], force: bool, words: str, tmp_path: Path
) -> None:
    path = target(tmp_path)
    before = names(tmp_path)

    with pytest.raises((UsageError, OutputError), match=words):
        refuse(path, force=force)
    with pytest.raises((UsageError, OutputError), match=words):
        write(path, force=force)

    assert names(tmp_path) == before


@pytest.mark.parametrize("spelling", ["out", "./out", "../{}/out", "hard", "soft"])
def test_an_input_is_no_output_by_any_name(spelling: str, old: Path) -> None:
    (old.parent / "hard").hardlink_to(old)
    (old.parent / "soft").symlink_to(old)

    with pytest.raises(UsageError, match="the command reads this file"):
        refuse(old.parent / spelling.format(old.parent.name), [old], force=True)


def test_a_file_that_is_being_written_is_not_replaced(old: Path) -> None:
    journal = create(old, HEADER, force=True)
    before = old.read_bytes()

    with pytest.raises(UsageError, match="another recorder is writing it"):
        write(old, force=True)
    journal.close()

    assert old.read_bytes() == before


# Who may read it


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_is_for_those_whom_the_umask_lets(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write(tmp_path / "out")
    finally:
        os.umask(before)

    assert mode(tmp_path / "out") == oct(0o666 & ~mask)


@pytest.mark.parametrize(("old_mode", "like", "wanted"), [
    (0o600, 0o644, "0o600"), (0o644, 0o600, "0o600"), (0o664, 0o644, "0o644"), (0o640, 0o604, "0o600"),
])  # fmt: skip
def test_a_replaced_file_is_for_those_who_may_read_the_old_one_and_each_input(
    old_mode: int, like: int, wanted: str, old: Path
) -> None:
    old.chmod(old_mode)
    (old.parent / "in").write_bytes(b"")
    (old.parent / "in").chmod(like)

    write(old, force=True, like=[old.parent / "in"])

    assert mode(old) == wanted


@pytest.mark.parametrize("old_mode", [0o600, 0o664, 0o444, 0o755])
def test_a_file_that_is_changed_in_place_keeps_its_rights(old_mode: int, old: Path) -> None:
    if os.geteuid() and not old_mode & 0o200:
        pytest.skip("the owner may not write it")
    old.chmod(old_mode)

    write(old, force=True, like=[old])

    assert mode(old) == oct(old_mode)


def test_a_private_file_is_for_its_owner_alone(old: Path) -> None:
    old.chmod(0o644)

    write(old.parent / "new", private=True)
    write(old, private=True, force=True)

    assert [mode(old.parent / "new"), mode(old)] == ["0o600", "0o600"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize(("like", "wanted"), [(0o640, "0o600"), (0o644, "0o644"), (0o604, "0o600")])
def test_members_of_another_group_get_what_others_get(like: int, wanted: str, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"")
    (tmp_path / "in").chmod(like)
    os.chown(tmp_path / "in", 1234, 1234)

    write(tmp_path / "out", like=[tmp_path / "in"])

    assert mode(tmp_path / "out") == wanted


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_that_is_changed_in_place_keeps_its_owner(old: Path) -> None:
    os.chown(old, 1234, 4321)
    old.chmod(0o640)

    write(old, force=True, like=[old])

    status = old.stat()
    assert (status.st_uid, status.st_gid, mode(old)) == (1234, 4321, "0o640")


# What a killed process leaves


def test_a_file_of_a_killed_process_is_found_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    (tmp_path / ".out.0123456789ab.part").write_bytes(b"half")

    living = Replacement(tmp_path / "out")
    found = leftovers(tmp_path)
    living.close()

    assert [path.name for path in found] == [".out.0123456789ab.part"]
    assert names(tmp_path) == [".out.0123456789ab.part"]


def test_a_new_file_whose_temporary_name_stays_is_said_to_be_in_its_place(tmp_path: Path) -> None:
    real, left = os.unlink, [OSError(errno.EIO, os.strerror(errno.EIO))]

    def unlink(path: str) -> None:
        if left:
            raise left.pop()
        real(path)

    told = pytest.raises(OutputError, match=r"the new file is in its place$")
    with patch.object(os, "unlink", unlink), told, replacing(tmp_path / "out") as file:
        file.write(b"new")

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out", b"new")]
