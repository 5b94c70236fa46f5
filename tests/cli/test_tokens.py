"""Tokens come from files that nobody else can read, or from the environment, and stand in no process list."""

from __future__ import annotations

import json
import os
import subprocess
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from recorder.cli.tokens import read_token, token_of
from recorder.errors import UsageError
from tests.lab.processes import RECORDER, recorder, until

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
OPTIONS = ["--token", "--control-token"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.touch(0o600)
    return path


def replay(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [RECORDER, "replay", str(PREVIEW), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **variables}
    )


@pytest.mark.parametrize("content", [b"s3cret", b"s3cret\n", b"s3cret\r\n"])
def test_a_token_is_read_without_its_line_break(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    assert read_token(file) == "s3cret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_can_use_is_refused(file: Path, mode: int) -> None:
    file.write_text("s3cret")
    file.chmod(mode)

    with pytest.raises(UsageError, match="other users can read this token; run chmod 600") as caught:
        read_token(file)

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"  \n", b"a\nb\n", b"\xff", b"x" * 5000])
def test_what_is_no_token_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with pytest.raises(UsageError, match="holds no token"):
        read_token(file)


def test_an_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECORDER_TOKEN", "there")

    assert token_of("here", "RECORDER_TOKEN") == "here"
    assert token_of(None, "RECORDER_TOKEN") == "there"
    assert token_of(None, "RECORDER_OTHER_TOKEN") is None


@pytest.mark.parametrize("option", OPTIONS)
def test_a_token_on_the_command_line_is_refused_in_one_line_that_does_not_repeat_it(option: str) -> None:
    done = replay(option, "s3cret")

    variable = f"RECORDER{option[1:].replace('-', '_').upper()}"
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert f"the token is read from a file or from {variable}, because a process list shows arguments" in done.stderr
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize("option", OPTIONS)
def test_a_file_that_others_can_read_is_refused_in_one_line(option: str, file: Path) -> None:
    file.write_text("s3cret")
    file.chmod(0o644)

    done = replay(option, file)

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "chmod 600" in done.stderr


@pytest.mark.parametrize("variable", ["RECORDER_TOKEN", "RECORDER_CONTROL_TOKEN"])
def test_an_empty_variable_protects_nothing_and_is_refused(variable: str) -> None:
    done = replay(**{variable: ""})

    assert done.returncode == 2
    assert done.stderr == f"recorder: {variable} is empty; set it to the token, or unset it\n"


@pytest.mark.parametrize("option", ["--allow-host", "--allow-origin", "--instance"])
def test_what_is_no_name_is_a_usage_error(option: str) -> None:
    done = replay(option, "http://a b")

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert option in done.stderr


def asked(url: str, path: str, **headers: str) -> tuple[int, str]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=20)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    found = response.status, response.read().decode()
    connection.close()
    return found


def command_lines(pid: int) -> bytes:
    """The arguments of a process and of all its children, as every user of the machine can read them."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return b"".join([Path(f"/proc/{pid}/cmdline").read_bytes(), *(command_lines(int(child)) for child in children)])


@pytest.mark.parametrize("by_file", [True, False], ids=["files", "environment"])
def test_no_process_list_shows_a_token(by_file: bool, tmp_path: Path) -> None:
    files, env = [], dict(os.environ)
    for option, token in zip(OPTIONS, ("t0ken", "c0ntrol"), strict=True):
        path = tmp_path / option.strip("-")
        path.touch(0o600)
        path.write_text(f"{token}\n")
        files += [option, str(path)]
    if not by_file:
        files, env = [], env | {"RECORDER_TOKEN": "t0ken", "RECORDER_CONTROL_TOKEN": "c0ntrol"}

    with recorder("replay", PREVIEW, *files, env=env) as standin:
        lines = command_lines(standin.process.pid)
        statuses = [
            asked(standin.url, "/api/v2/me")[0],
            asked(standin.url, "/api/v2/me", X_Recorder_Token="t0ken")[0],
            asked(standin.url, "/__recorder/state", X_Recorder_Token="c0ntrol")[0],
            asked(standin.url, "/__recorder/state", X_Recorder_Token="t0ken")[0],
        ]

    assert b"replay" in lines
    assert b"t0ken" not in lines
    assert b"c0ntrol" not in lines
    assert statuses == [403, 200, 200, 403]
    assert standin.code == 1
    assert "t0ken" not in standin.stderr + standin.stdout
    assert "c0ntrol" not in standin.stderr + standin.stdout


def test_strangers_are_counted_and_told_once_and_the_exit_code_is_1() -> None:
    with recorder("replay", PREVIEW, "--json") as standin:
        for _ in range(3):
            assert asked(standin.url, "/api/v2/me", Host="evil.example")[0] == 403
            assert asked(standin.url, "/api/v2/me", Origin="https://a.example")[0] == 403
        until(lambda: standin.process.poll() is None, "it serves on")

    assert standin.code == 1
    assert standin.stderr.count("--allow-host evil.example") == 1
    assert standin.stderr.count("--allow-origin https://a.example") == 1
    assert "6 requests matched nothing, see above" in standin.stderr
    assert len(json.loads(standin.stdout.splitlines()[-1])["misses"]) == 2


def test_hosts_and_origins_are_allowed_by_options() -> None:
    allowed = ("--allow-host", "a.example", "--allow-host", "*.b.example", "--allow-origin", "https://a.example")
    with recorder("replay", PREVIEW, *allowed, "--repeat", "cycle") as standin:
        assert asked(standin.url, "/api/v2/me", Host="a.example", Origin="https://a.example")[0] == 200
        assert asked(standin.url, "/api/v2/me", Host="c.b.example:80")[0] == 200

    assert standin.code == 0, standin.stderr
