"""The module that is made is run by pytest, unedited, against the cassette it was made of."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import Cassette
from recorder.exporters.pytest_suite import skeleton
from recorder.library.recording import derive
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from tests.answers import recorded
from tests.exporters.exports import hostile, preview_cassette, socket, two_sessions

# a tree that was installed before it had the plugin does not know of it
PLUGIN = [] if entry_points(group="pytest11", name="recorder") else ["-p", "recorder.pytest_plugin"]


def redacted(cassette: Cassette) -> Cassette:
    redactor = Redactor(load("gws"), b"k" * 32)
    header = replace(cassette.header, redaction="gws")
    return Cassette(header, tuple(map(redactor.redact, cassette.records)))


CASSETTES = {
    "preview": preview_cassette(),
    "redacted": redacted(preview_cassette()),
    "two_sessions": two_sessions(),
    "socket": socket(),
    "redacted_sessions": redacted(two_sessions()),
}


@pytest.mark.once
def test_the_modules_pass_as_they_are(tmp_path: Path) -> None:
    for name, cassette in CASSETTES.items():
        path = tmp_path / f"{name}.cassette"
        path.write_bytes(
            encode_header(replace(cassette.header, profile="journal")) + b"".join(map(encode, cassette.records))
        )
        text = "".join(skeleton(derive(cassette), str(path), "/api/v2/notifications"))
        (tmp_path / f"test_{name}.py").write_text(text)

    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *PLUGIN, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)

    assert run.returncode == 0, run.stdout
    assert f"{len(CASSETTES)} passed" in run.stdout


def test_each_operation_is_asked_for_with_its_status_and_its_channels() -> None:
    text = "".join(skeleton(derive(preview_cassette()), "preview", "/b"))

    assert '@pytest.mark.cassette("preview")' in text
    assert text.count("desktop.asks(") == 7
    assert "    # 6 EndPreviewSession\n" in text
    assert '    desktop.hears("/v2/me/outbound", "/me/internal")\n' in text


def test_what_got_no_answer_is_left_out_and_said_so() -> None:
    text = "".join(skeleton(derive(hostile()), "hostile", "/b"))

    assert 'cassette("hostile", unplayed="ignore")' in text
    assert text.count("# left out: ") == 2


def test_whatever_strangers_wrote_is_a_literal() -> None:
    text = "".join(skeleton(derive(hostile()), "a'\"\\\n", "/b\n"))

    compile(text, "test_hostile.py", "exec")
    assert text.replace("\n", "").isprintable()
    assert not any(line.strip().startswith("touch") for line in text.splitlines())


def test_a_publish_is_published() -> None:
    text = "".join(skeleton(recorded(), "answers", "/b"))

    assert """desktop.publishes("/service/double", json.loads('{"requestId":"recorded-1","n":1}')) is True""" in text
