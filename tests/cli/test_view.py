"""`recorder view`: prints where it is, serves until it is told to end, and says in one line what is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.cli.test_commands import PREVIEW, assert_one_clear_line, run


@contextmanager
def viewing(*args: str | Path, cwd: Path | None = None, **env: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command; yields its process, and the URL that it printed."""
    command = [sys.executable, "-m", "recorder", "view", *map(str, args)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=cwd, env=os.environ | env, text=True, **pipes) as process:  # type: ignore[call-overload]  # the pipes are two of many keywords
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().removeprefix("viewing at ").strip()
        finally:
            process.kill()


def got(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_the_page_of_a_cassette_until_it_is_told_to_end(number: signal.Signals) -> None:
    with viewing(PREVIEW, "--no-open") as (process, url):
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/c/1/")
        assert PREVIEW.name in got(url)
        process.send_signal(number)
        rest = process.communicate(timeout=20)

    assert (process.returncode, *rest) == (0, "", "")


def test_without_an_argument_it_lists_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "one.cassette").write_bytes(PREVIEW.read_bytes())

    with viewing("--no-open", cwd=tmp_path) as (_, url):
        assert "one.cassette" in got(f"{url}api/list")


def test_each_run_has_a_secret_of_its_own() -> None:
    secrets = set()
    for _ in range(2):
        with viewing(PREVIEW, "--no-open") as (_, url):
            secrets.add(url.split("/")[3])

    assert len(secrets) == 2
    assert min(map(len, secrets)) >= 32


def test_it_opens_a_browser_where_there_is_a_display(tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    for display in ("", ":99"):
        (tmp_path / "opened").unlink(missing_ok=True)
        with viewing(PREVIEW, BROWSER=str(browser), DISPLAY=display, WAYLAND_DISPLAY="") as (_, url):
            got(url)
            assert not display or _appears(tmp_path / "opened")
        assert (tmp_path / "opened").exists() == bool(display)


def _appears(path: Path) -> bool:
    until = time.monotonic() + 30
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.01)
    return path.exists()


def test_a_browser_that_fails_is_no_failure(tmp_path: Path) -> None:
    with viewing(PREVIEW, BROWSER=str(tmp_path / "none"), DISPLAY=":99", PATH="/nowhere") as (_, url):
        assert PREVIEW.name in got(url)


def test_a_filter_stands_in_the_address() -> None:
    with viewing(PREVIEW, "--no-open", "-f", "op:Get* ack:>5") as (_, url):
        assert url.endswith("/c/1/#filter=op%3AGet%2A%20ack%3A%3E5")


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (["none.cassette"], 2, "none.cassette"),
        (["--port", "70000"], 2, "70000"),
        ([PREVIEW, "-f", "op:"], 2, "filter, column 4"),
        ([PREVIEW, "--dialect", "none"], 2, "none"),
    ],
)
def test_what_is_wrong_is_one_line(args: list[str], code: int, text: str) -> None:
    assert_one_clear_line(run("view", "--no-open", *args), code, text)
