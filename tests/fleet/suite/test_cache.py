"""The cache holds whole cassettes or none, whoever writes it, dies in it, or spoils it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from recorder.errors import InputError, OutputError
from recorder.fleet.suite import cache as module
from recorder.fleet.suite.cache import Cache, checksum
from recorder.fleet.suite.lock import Entry

CONTENT = b"a cassette of some bytes" * 100
ENTRY = Entry("tests/a.cassette", sha256(CONTENT).hexdigest(), len(CONTENT))
ROOT = Path(__file__).parents[3]
# fetches, and tells in a file that it did; with `dies` it is killed in the middle
FETCHES = f"""
import os, signal, sys, time
from pathlib import Path
from recorder.fleet.suite.cache import Cache
from recorder.fleet.suite.lock import Entry
folder, log, dies = Path(sys.argv[1]), Path(sys.argv[2]), len(sys.argv) > 3
content = b"a cassette of some bytes" * 100
def fetch(entry):
    with log.open("a") as file:
        file.write("fetched\\n")
    yield content[:1000]
    while dies:
        os.kill(os.getpid(), signal.SIGKILL)
    yield content[1000:]
print(Cache(folder).add(Entry("tests/a.cassette", {ENTRY.sha256!r}, len(content)), fetch))
"""


def whole(_: Entry) -> Iterator[bytes]:
    yield CONTENT[:10]
    yield CONTENT[10:]


def never(entry: Entry) -> Iterator[bytes]:
    raise AssertionError(entry)


def other(_: Entry) -> Iterator[bytes]:
    yield CONTENT[:-1]
    yield b"!"


def test_what_was_fetched_once_is_there(tmp_path: Path) -> None:
    path = Cache(tmp_path / "c").add(ENTRY, whole)

    assert path.read_bytes() == CONTENT
    assert path.name == f"{ENTRY.sha256}.cassette"
    assert Cache(tmp_path / "c").add(ENTRY, never) == path
    assert Cache(tmp_path / "c").find(ENTRY) == path


def test_other_bytes_than_the_lock_file_says_are_an_error_and_are_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    with pytest.raises(InputError, match=r"^tests/a\.cassette: the store has other bytes than cassettes\.lock says"):
        cache.add(ENTRY, other)

    assert cache.find(ENTRY) is None
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".recorder.lock"] == []


@pytest.mark.parametrize("spoilt", [b"", CONTENT[:-1], CONTENT[:-1] + b"!", CONTENT + b"!"])
def test_what_another_hand_has_spoilt_is_fetched_again(spoilt: bytes, tmp_path: Path) -> None:
    path = Cache(tmp_path).add(ENTRY, whole)
    path.write_bytes(spoilt)

    assert Cache(tmp_path).find(ENTRY) is None
    assert Cache(tmp_path).add(ENTRY, whole).read_bytes() == CONTENT


def test_what_cannot_be_read_is_fetched_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    (tmp_path / "a.cassette").write_bytes(CONTENT)
    path = cache.path_of(ENTRY)
    path.parent.mkdir(parents=True)
    path.symlink_to(path)

    assert cache.find(ENTRY) is None


def test_a_process_reads_each_cassette_once_to_verify_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Cache(tmp_path).add(ENTRY, whole)
    looked: list[Path] = []
    monkeypatch.setattr(module, "checksum", lambda path: looked.append(path) or checksum(path))
    cache = Cache(tmp_path)

    assert cache.find(ENTRY) == cache.find(ENTRY) == cache.add(ENTRY, never)
    assert len(looked) == 1


def processes(folder: Path, *more: str, count: int = 1) -> list[int]:
    """Fetch in some processes at a time; return their exit codes."""
    log = folder / "log"
    command = [sys.executable, "-c", FETCHES, str(folder / "cache"), str(log), *more]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) for _ in range(count)]
    return [one.wait() for one in running]


def test_of_several_processes_one_fetches(tmp_path: Path) -> None:
    assert processes(tmp_path, count=3) == [0, 0, 0]
    assert (tmp_path / "log").read_text() == "fetched\n"
    assert Cache(tmp_path / "cache").find(ENTRY) is not None


def test_a_killed_writer_leaves_nothing_that_is_played_and_nothing_that_stays(tmp_path: Path) -> None:
    assert processes(tmp_path, "dies") == [-signal.SIGKILL]
    cache = Cache(tmp_path / "cache")
    left = list(cache.path_of(ENTRY).parent.glob(".*.part"))

    assert len(left) == 1
    assert cache.find(ENTRY) is None
    assert cache.add(ENTRY, whole).read_bytes() == CONTENT
    assert not left[0].exists()


def test_who_may_only_read_the_cache_uses_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Cache(tmp_path).add(ENTRY, whole)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    for name in ("locking", "replacing", "leftovers"):
        monkeypatch.setattr(module, name, refuse)

    assert Cache(tmp_path).add(ENTRY, never) == path


def test_a_cache_that_cannot_be_made_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(OutputError, match=r"cannot be made: Not a directory; RECORDER_CACHE names another folder"):
        Cache(tmp_path / "file").add(ENTRY, never)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill(entry: Entry) -> Iterator[bytes]:
        monkeypatch.setattr(os, "write", full)
        yield from whole(entry)

    with pytest.raises(OutputError) as caught:
        Cache(tmp_path).add(ENTRY, fill)
    monkeypatch.undo()

    assert str(caught.value).startswith("tests/a.cassette: ")
    assert "No space left on device; nothing was changed; RECORDER_CACHE names another" in str(caught.value)
    assert Cache(tmp_path).find(ENTRY) is None


def test_a_file_system_without_locks_of_folders_does_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise OSError(errno.EBADF, "not on NFS")

    monkeypatch.setattr(module, "locking", none)

    assert Cache(tmp_path).add(ENTRY, whole).read_bytes() == CONTENT


def test_another_error_of_a_lock_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "disk fails")

    monkeypatch.setattr(module, "locking", broken)

    with pytest.raises(OutputError, match="cannot be locked: disk fails; RECORDER_CACHE"):
        Cache(tmp_path).add(ENTRY, never)


def test_a_failure_is_told_to_the_processes_of_its_run_alone(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.add(ENTRY, whole)

    cache.note_failure("run1", "s3://a", "it is away")

    assert Cache(tmp_path).failure("run1", "s3://a") == "it is away"
    assert [cache.failure("run2", "s3://a"), cache.failure("run1", "s3://b")] == [None, None]


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{}"])
def test_a_failure_that_nobody_can_read_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "unreachable.json").write_bytes(content)

    assert Cache(tmp_path).failure("run", "s3://a") is None


def test_the_note_of_a_failure_holds_no_secret_of_the_url(tmp_path: Path) -> None:
    Cache(tmp_path).note_failure("run1", "https://user:hunter2@host/a", "it is away")

    assert [b"hunter2" in one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()] == [False]
