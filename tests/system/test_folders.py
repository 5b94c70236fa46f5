from __future__ import annotations

import sys
from pathlib import Path

import pytest

from recorder.system import folders
from recorder.system.folders import cache_folder

HOME = Path("/users/ann")


def test_the_users_own_folder_goes_before_all(tmp_path: Path) -> None:
    found = cache_folder({"RECORDER_CACHE": str(tmp_path), "XDG_CACHE_HOME": "/elsewhere"}, HOME)

    assert found == tmp_path


def test_a_relative_folder_of_the_users_is_one_below_the_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert cache_folder({"RECORDER_CACHE": "mine"}, HOME) == tmp_path / "mine"


@pytest.mark.parametrize(
    ("environ", "is_windows", "platform", "expected"),
    [
        ({}, False, "linux", ".cache/outbound-recorder"),
        ({"XDG_CACHE_HOME": "relative"}, False, "linux", ".cache/outbound-recorder"),
        ({}, False, "darwin", "Library/Caches/outbound-recorder"),
        ({}, True, "win32", "AppData/Local/outbound-recorder/Cache"),
        ({"LOCALAPPDATA": "/users/ann/Own"}, True, "win32", "Own/outbound-recorder/Cache"),
    ],
)
def test_each_system_has_its_place(
    environ: dict[str, str], is_windows: bool, platform: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "IS_WINDOWS", is_windows)
    monkeypatch.setattr(sys, "platform", platform)

    assert cache_folder(environ, HOME) == HOME / expected


def test_that_of_xdg_is_taken_on_each_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "IS_WINDOWS", True)

    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}, HOME) == tmp_path / "outbound-recorder"
