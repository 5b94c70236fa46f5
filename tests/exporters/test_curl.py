"""The commands are run by real shells, with a program in curl's place that writes down what it was given."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recorder.exporters.curl import command, curl
from recorder.library.recording import derive
from recorder.model import Request
from tests.answers import recorded
from tests.cassette.records import ANY_TEXT
from tests.exporters.exports import hostile, preview_recording

SHELLS = [shell for shell in ("bash", "sh") if shutil.which(shell)]
FAKE = """#!/bin/sh
printf '%s\\0' "$@" >> "$CURL_LOG"
case " $* " in *" @- "*) /bin/cat > "$CURL_LOG.stdin" ;; esac
"""
ASKED = Request(0, 0, 0, "c", "POST", "/a?b=c", (("Content-Type", "application/json"),), b'{"a":1}')
NASTY = st.lists(
    st.sampled_from(
        ["'", '"', "`", "$(touch x)", "${IFS}", "\n", "\r", "\\", "!", "-", "--", "@file", ";", "|", "&", ">x", "#",
         "*", "~", "\t", "%s", "%", "\x00", "\x1b", "é", "\u2028", "a", " "]
    ),
    max_size=12,
).map("".join)  # fmt: skip
TEXT = NASTY | ANY_TEXT


def run(script: str, shell: str) -> tuple[list[bytes], bytes]:
    """What curl got: its arguments and its stdin. Nothing else may have happened."""
    with tempfile.TemporaryDirectory() as folder:
        programs, work, log = Path(folder, "bin"), Path(folder, "work"), Path(folder, "log")
        programs.mkdir()
        work.mkdir()
        (programs / "curl").write_text(FAKE)
        (programs / "curl").chmod(0o755)
        path = Path(folder, "script")
        path.write_text(script, encoding="utf-8", newline="\n")
        done = subprocess.run(
            [str(shutil.which(shell)), str(path)],
            cwd=work,
            env={"PATH": str(programs), "CURL_LOG": str(log), "LC_ALL": "C.UTF-8"},
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert list(work.iterdir()) == []
        stdin = Path(f"{log}.stdin")
        return log.read_bytes().split(b"\0")[:-1], stdin.read_bytes() if stdin.exists() else b""


def sent(arguments: list[bytes], stdin: bytes) -> bytes:
    """The body that curl would send."""
    if b"--data-binary" in arguments:
        assert arguments[arguments.index(b"--data-binary") + 1] == b"@-"
        return stdin
    return arguments[arguments.index(b"--data-raw") + 1] if b"--data-raw" in arguments else b""


@pytest.mark.once
@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=60)
@example(("", "", "", ""), b"-\0")  # is no option of printf's
@given(st.tuples(TEXT, TEXT, TEXT, TEXT), TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary())
def test_a_shell_executes_nothing_and_curl_gets_every_byte(shell: str, texts: tuple[str, ...], body: bytes) -> None:
    method, target, name, value = texts
    headers = (("Content-Type", "text/plain"), (name, value))
    asked = replace(ASKED, method=method, target=target, headers=headers, body=body)

    arguments, stdin = run(command(asked, "http://h"), shell)

    assert sent(arguments, stdin) == body
    assert arguments[-1].startswith(b"http://h/")
    assert arguments[:6] == [b"--silent", b"--show-error", b"--globoff", b"--path-as-is", b"--request", arguments[5]]
    values = [arguments[place + 1] for place, word in enumerate(arguments) if word == b"--header"]
    assert len(values) in (1, 2)
    assert not any(value.startswith((b"-", b"@")) for value in values if not name.startswith("-"))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_of_a_hostile_cassette_asks_once_for_each_operation(shell: str) -> None:
    recording = derive(hostile())

    arguments, _ = run("\n".join(curl(recording)), shell)

    assert arguments.count(b"--silent") == len(recording.triples)


def test_a_request_is_one_command() -> None:
    assert command(ASKED, "http://gws.example") == (
        "curl --silent --show-error --globoff --path-as-is --request POST --header 'Content-Type: application/json' "
        "--data-raw '{\"a\":1}' 'http://gws.example/a?b=c'"
    )


@pytest.mark.parametrize("body", [b"@file", b"-d", b"a\0b", b"\xff", b"x" * 200_000, b"%s\\n", b"'\n'"])
@pytest.mark.parametrize("shell", SHELLS)
def test_bodies_that_need_care_arrive_as_they_are(shell: str, body: bytes) -> None:
    assert sent(*run(command(replace(ASKED, body=body), "http://h"), shell)) == body


def test_headers_that_are_none_or_curls_own_are_left_out() -> None:
    headers = (("Host", "h"), ("Content-Length", "7"), ("@file", "x"), ("A", "b\nC: d"), ("Empty", ""), ("OK", "1"))

    text = command(replace(ASKED, headers=headers, body=b""), "http://h")

    assert text.split("--header ")[1:] == ["'Empty;' ", "'OK: 1' 'http://h/a?b=c'"]


def test_a_body_of_no_declared_type_is_not_declared_a_form() -> None:
    assert "--header Content-Type: " in command(replace(ASKED, headers=()), "http://h")


def test_another_server_may_be_asked() -> None:
    lines = list(curl(preview_recording(), "http://localhost:8090"))

    assert sum(line.startswith("curl ") for line in lines) == 6
    assert all("http://localhost:8090/api/v2/me" in line for line in lines if line.startswith("curl "))


def test_a_publish_is_told_but_not_written() -> None:
    assert list(curl(recorded()))[-2:] == [
        "# 2 /service/double",
        "# left out: a publish on /service/double, which needs a Bayeux session",
    ]
