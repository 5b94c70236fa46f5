"""A log file: each line is in it at once, and after a rename the next lines are in the new file."""

from __future__ import annotations

import logging
import os
import re
import resource
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from recorder.errors import OutputError
from recorder.monitoring.log import LogFile, opened

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ")


@contextmanager
def logging_to(path: Path, warned: list[str] | None = None, now: float = 0.0) -> Iterator[LogFile]:
    told = [] if warned is None else warned
    log = LogFile(path, told.append, clock=lambda: now)
    try:
        yield log
    finally:
        log.close()


def lines(path: Path) -> list[str]:
    return [STAMP.sub("", line) for line in path.read_text().splitlines()]


def test_each_line_has_the_time_in_utc_and_is_there_at_once(tmp_path: Path) -> None:
    with logging_to(tmp_path / "log", now=1_000_000_000.25) as log:
        log.line("one\ntwo\n\n\x1b[2Jü")

        assert (tmp_path / "log").read_text() == (
            "2001-09-09T01:46:40.250Z one\n2001-09-09T01:46:40.250Z two\n2001-09-09T01:46:40.250Z \\x1b[2Jü\n"
        )


def test_a_new_log_is_for_its_owner_and_an_old_one_keeps_its_rights(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("before\n")
    old.chmod(0o640)
    with logging_to(old) as log, logging_to(new):
        log.line("after")

    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert lines(old) == ["before", "after"]


def test_a_link_a_pipe_and_a_folder_are_no_log(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("")
    (tmp_path / "link").symlink_to(other)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()

    for name in ("link", "pipe", "folder", "other/log"):
        with pytest.raises(OutputError, match=f"{name}: cannot be written: "):
            LogFile(tmp_path / name, [].append)


def test_after_a_rename_lines_go_to_the_new_file_once_it_is_opened_anew(tmp_path: Path) -> None:
    path, old = tmp_path / "log", tmp_path / "log.1"
    with logging_to(path) as log:
        log.line("one")
        path.rename(old)
        log.line("two")
        log.reopen()
        log.line("three")

    assert (lines(old), lines(path)) == (["one", "two"], ["three"])


def test_a_log_that_cannot_be_opened_anew_goes_on_in_the_old_file_and_says_so_once(tmp_path: Path) -> None:
    folder, told = tmp_path / "logs", list[str]()
    folder.mkdir()
    with logging_to(folder / "log", told) as log:
        folder.rename(tmp_path / "gone")
        log.reopen()
        log.line("one")
        folder.mkdir()
        log.reopen()
        log.line("two")

    assert len(told) == 1
    assert "cannot be reopened" in told[0]
    assert (lines(tmp_path / "gone" / "log"), lines(folder / "log")) == (["one"], ["two"])


def test_a_full_disk_is_told_once_and_the_lost_lines_are_counted(tmp_path: Path) -> None:
    path, told, limits = tmp_path / "log", list[str](), resource.getrlimit(resource.RLIMIT_FSIZE)
    with logging_to(path, told) as log:
        log.line("whole")
        room = path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (room + 10, limits[1]))
        try:
            log.line("cut")
            log.line("lost")
            log.reopen()
            log.line("lost too")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        log.reopen()
        log.line("again")

    assert len(told) == 2  # once, and once more after it was opened anew
    assert all("cannot be written" in one for one in told)
    assert path.read_text().splitlines()[0].endswith("whole")
    assert lines(path)[-1] == "again"
    assert re.search(r"\n\S+Z \d lines were lost: the log could not be written\n", path.read_text())


def test_a_signal_in_the_middle_of_a_line_opens_the_file_behind_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, old = tmp_path / "log", tmp_path / "log.1"
    write: Callable[[int, bytes], int] = os.write

    def hung_up(descriptor: int, content: bytes) -> int:
        """Write a byte, and rotate the log as the signal's handler would."""
        if not old.exists():
            path.rename(old)
            log.reopen()
        return write(descriptor, content[:1])

    with logging_to(path) as log:
        monkeypatch.setattr(os, "write", hung_up)
        log.line("one")
        log.line("two")

    assert (lines(old), lines(path)) == (["one"], ["two"])


def test_no_line_is_lost_or_torn_while_threads_write_and_the_file_is_renamed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with opened(path, [].append) as log:
        threads = [
            threading.Thread(target=lambda n=n: [log.line(f"{n}-{i}") for i in range(200)])  # type: ignore[misc]  # a default
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for number in range(20):
            path.rename(tmp_path / f"log.{number}")
            os.kill(os.getpid(), signal.SIGHUP)
            while not path.exists():
                pass
        for thread in threads:
            thread.join()

    found = [line for file in tmp_path.iterdir() for line in lines(file)]
    assert sorted(found) == sorted(f"{n}-{i}" for n in range(4) for i in range(200))


def test_the_log_takes_what_loggers_say_and_gives_sighup_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGHUP)
    with opened(tmp_path / "log", [].append, takes_all=True):
        logging.getLogger("recorder.replay").warning("%s broke", "it")

    assert lines(tmp_path / "log") == ["it broke"]
    assert signal.getsignal(signal.SIGHUP) is before
