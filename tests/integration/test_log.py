"""The log of a real recorder and a real stand-in, rotated as logrotate does it: renamed, then SIGHUP."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.test_monitoring import asked, upstream
from tests.lab.processes import RECORDER, Server, recorder, serving, until

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
MISSES = 300
STAMPED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S.*")
H2C = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
NOT_HTTP = "GET /x\r\n\r\n"
__all__ = ["upstream"]  # a fixture


def sent(url: str, content: str) -> None:
    """Send bytes, and wait for the beginning of the answer."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=20) as connection:
        connection.sendall(content.encode())
        connection.recv(1)


def rotate(server: Server, log: Path, to: Path) -> None:
    log.rename(to)
    server.process.send_signal(signal.SIGHUP)
    until(log.exists, "the log is opened anew")


@pytest.mark.once
def test_each_miss_is_in_one_of_the_files_whenever_the_log_is_rotated(tmp_path: Path) -> None:
    log = tmp_path / "standin.log"
    with recorder("replay", PREVIEW, "--log", log) as standin:
        client = threading.Thread(
            target=lambda: [asked(standin.url, f"GET /miss-{n:03} HTTP/1.0\r\n\r\n") for n in range(MISSES)]
        )
        client.start()
        for number in range(5):
            rotate(standin, log, tmp_path / f"standin.log.{number}")
        client.join()
        rotate(standin, log, tmp_path / "standin.log.5")
        asked(standin.url, "GET /miss-last HTTP/1.0\r\n\r\n")

    files = {path: path.read_text() for path in tmp_path.iterdir()}
    found = [set(re.findall(r"/miss-(\d{3})", text)) for text in files.values()]
    assert all(STAMPED.fullmatch(line) for text in files.values() for line in text.splitlines())
    assert len(set.union(*found)) == sum(map(len, found)) == MISSES  # none is lost, none is in two files
    assert "/miss-last" in files[log]
    assert "/miss-" not in standin.stderr
    assert f"{MISSES + 1} requests matched nothing" in standin.stderr  # the end is told on the terminal, too
    assert f"{MISSES + 1} requests matched nothing" in files[log]
    assert standin.code == 1


def test_the_log_of_a_recorder_is_rotated_and_the_recording_goes_on(upstream: str, tmp_path: Path) -> None:
    log, old = tmp_path / "recorder.log", tmp_path / "recorder.log.1"
    with recorder("record", upstream, "-o", tmp_path / "s.cassette", "--log", log) as server:
        sent(server.url, H2C)
        until(lambda: "h2c" in log.read_text(), "it is told")
        rotate(server, log, old)
        sent(server.url, NOT_HTTP)
        until(lambda: "refused" in log.read_text(), "it is told")

    assert ("h2c" in old.read_text(), "refused" in old.read_text()) == (True, False)
    assert ("h2c" in server.stderr, "refused" in server.stderr) == (False, False)
    assert "1 request, 0 still open at the end" in log.read_text()
    assert "1 request, 0 still open at the end" in server.stderr
    assert server.code == 0


@pytest.mark.once
def test_without_a_log_sighup_ends_a_stand_in_unless_nohup_ignores_it(tmp_path: Path) -> None:
    nohup = ["bash", "-c", 'trap "" HUP; exec "$0" "$@"', RECORDER, "replay", str(PREVIEW)]
    with recorder("replay", PREVIEW) as ended:
        ended.process.send_signal(signal.SIGHUP)
        ended.process.wait(20)
    with serving(nohup, ready="listening on ") as ignoring:
        ignoring.process.send_signal(signal.SIGHUP)
        asked(ignoring.url, "GET /__recorder/health HTTP/1.0\r\n\r\n")

        assert ignoring.process.poll() is None


@pytest.mark.once
@pytest.mark.parametrize("name", ["s.cassette", "other.cassette", "link"])
def test_a_log_is_never_added_to_a_cassette_or_behind_a_link(name: str, tmp_path: Path) -> None:
    for cassette in ("s.cassette", "other.cassette"):
        (tmp_path / cassette).write_bytes(PREVIEW.read_bytes())
    (tmp_path / "link").symlink_to(tmp_path / "text")
    (tmp_path / "text").write_text("mine\n")
    command = [RECORDER, "replay", str(tmp_path / "s.cassette"), "--log", str(tmp_path / name)]

    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)

    assert done.returncode in {2, 4}
    assert done.stderr.startswith(f"recorder: {tmp_path / name}: ")
    assert (tmp_path / "other.cassette").read_bytes() == (tmp_path / "s.cassette").read_bytes() == PREVIEW.read_bytes()
    assert (tmp_path / "text").read_text() == "mine\n"
