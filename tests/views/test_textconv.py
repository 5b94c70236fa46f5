from __future__ import annotations

import difflib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from recorder.dialect.definition import load
from recorder.library.recording import derive
from recorder.library.sealing import seal
from recorder.model import Recording
from recorder.views.textconv import textconv
from tests.wire import HEADER, Wire, chained, complete, done, get_me, record_event, state_event, twin

SHIPPED = sorted((Path(__file__).parents[2] / "cassettes").glob("*.cassette"))
OTHER_DEVICE = "11111111-2222-4333-8444-555555555555"


def session(
    prefix: str = "r", *, client: str = "c1", pause: float = 0.1, device: str | None = None, **own: object
) -> Wire:
    """One desktop's session; recorded again, ids, times, cookies and clientIds are others."""
    wire = Wire()
    path = {} if device is None else {"devicePath": f"/devices/{device}"}
    wire.wait(pause)
    desk = wire.desk(client, headers=(("Cookie", f"JSESSIONID={client}"),))
    wire.ack(desk.post(get_me()))
    wire.wait(pause)
    desk.asks(chained(7, f"{prefix}1", **path), done(7, f"{prefix}1", **path), ms=round(pause * 1000))
    desk.asks(
        complete(7, f"{prefix}2", **path, **own), record_event("RecordProcessedAcknowledge", 7, f"{prefix}2", **path)
    )
    twins = {} if device is None else {"device": device}
    pushed = state_event()
    if device is not None:
        pushed["data"]["devices"][0]["id"] = device
    desk.hears(twin("RecordProcessedAcknowledge", 7, **twins), pushed)
    return wire


def text(recording: Recording) -> list[str]:
    return list(textconv(recording, load(recording.header.dialect)))


def of(wire: Wire) -> list[str]:
    return text(wire.recording())


def test_a_session_is_told_request_by_request() -> None:
    lines = of(session())

    assert lines[0] == "cassette of gws-outbound, redaction none"
    assert [line for line in lines if line.startswith("triple ")] == [
        "triple 1 GetChainedRecord: complete",
        "triple 2 CompleteRecord: complete",
    ]
    assert '     "referenceId": "<reference>"' in lines
    assert any("/devices/<device 1>" in line for line in lines)
    assert not any("r1" in line or "JSESSIONID" in line or "c1" in line for line in lines)


@pytest.mark.parametrize(
    "again",
    [
        session("other"),
        session(client="another-client"),
        session(pause=3.5),
        session(device=OTHER_DEVICE),
        session("x", client="y", pause=1, device=OTHER_DEVICE),
    ],
)
def test_the_same_session_recorded_again_is_the_same_text(again: Wire) -> None:
    assert of(again) == of(session())


def test_one_changed_field_is_one_changed_line() -> None:
    changed = [
        line
        for line in difflib.ndiff(of(session(callResult="Busy")), of(session("x", callResult="Answer")))
        if line[0] in "+-"
    ]

    assert changed == ['-      "callResult": "Busy",', '+      "callResult": "Answer",']


def test_two_devices_stay_two() -> None:
    wire = session()
    desk = wire.desk("c2")
    desk.asks(chained(8, "z", devicePath=f"/devices/{OTHER_DEVICE}"))

    joined = "\n".join(of(wire))

    assert "<device 1>" in joined
    assert "<device 2>" in joined


def test_what_would_steer_a_terminal_or_break_a_line_is_escaped() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(chained(7, "r", callResult="\x1b[2J\u2028")), b"plain \x1b[31m\ntext")
    desk.hears({"channel": "/\x1b]0;x\x07", "data": "\x9b"})

    joined = "".join(of(wire))

    assert joined.isprintable()


def test_halves_of_surrogate_pairs_can_be_printed() -> None:
    wire = Wire()
    desk = wire.desk()
    sent = b'{"operationName":"GetChainedRecord","a":"\\ud800"}'
    wire.ack(desk.wire.request("POST", "/api/v2/me/outbound-records/7", sent))

    assert "\n".join(of(wire)).encode()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_sealed_cassette_reads_as_its_journal(path: Path, tmp_path: Path) -> None:
    seal(path, tmp_path / "sealed", archive=True)

    assert text(derive(read(tmp_path / "sealed"))) == text(derive(read(path)))


def written(path: Path, wire: Wire) -> None:
    path.write_bytes(encode_header(replace(HEADER, started=len(wire.records))) + b"".join(map(encode, wire.records)))


def test_git_shows_what_changed_and_nothing_else(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(tmp_path)}
        who = ["-c", "user.name=tester", "-c", "user.email=tester@example.com"]
        return subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, env=os.environ | own, capture_output=True, text=True, check=True
        ).stdout

    git("init", "-q")
    git("config", "diff.cassette.textconv", f"{Path(sys.executable).with_name('recorder')} textconv")
    (tmp_path / ".gitattributes").write_text("*.cassette diff=cassette\n")
    written(tmp_path / "s.cassette", session(callResult="Busy"))
    written(tmp_path / "same.cassette", session())
    git("add", ".")
    git("commit", "-qm", "recorded")

    written(tmp_path / "s.cassette", session("again", client="other", pause=2, callResult="Answer"))
    written(tmp_path / "same.cassette", session("again", client="other", pause=2))

    lines = git("diff", "-U0").splitlines()
    assert [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")] == [
        '-     "callResult": "Busy",',
        '+     "callResult": "Answer",',
    ]
