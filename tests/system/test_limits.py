"""Limits of a process, on systems with and without them."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import pytest

from recorder.capture.mitm.large import worker
from recorder.system import limits, rights

WITHOUT_RIGHTS = 0o666 | stat.S_IFREG  # what Python makes up on Windows


def test_a_system_without_limits_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "resource", None)

    limits.allow_descriptors(65_536)
    limits.limit_memory(1)

    assert limits.most_descriptors() is None
    assert not limits.can_limit_memory()
    assert len(bytes(1 << 24)) == 1 << 24


def test_the_limit_of_descriptors_is_never_lowered() -> None:
    before = limits.most_descriptors()

    limits.allow_descriptors(1)

    assert limits.most_descriptors() == before


def test_that_memory_has_no_limit_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "can_limit_memory", lambda: False)
    process = worker.Process(None, b"k" * 32)

    with caplog.at_level(logging.WARNING, logger="recorder.capture"):
        process._started()
        process._end()
        process._started()
        process.close()

    assert [record.getMessage() for record in caplog.records] == [
        "large bodies are redacted without a memory limit: this system has no such limit"
    ]


@pytest.mark.parametrize(("mode", "found"), [(0o600, False), (0o640, True), (0o604, True), (0o700, False)])
def test_a_mode_says_if_others_can_read_a_file(tmp_path: Path, mode: int, found: bool) -> None:
    (tmp_path / "key").touch()
    (tmp_path / "key").chmod(mode)

    assert rights.others_can_read((tmp_path / "key").stat()) is found


def test_a_mode_that_was_made_up_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "IS_WINDOWS", True)

    assert not rights.others_can_read(os.stat_result((WITHOUT_RIGHTS, *range(9))))
