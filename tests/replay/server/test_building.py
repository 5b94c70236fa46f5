"""Stand-ins from a recording and options."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.errors import DialectError, PolicyError, UsageError
from recorder.library.recording import load_recording
from recorder.replay.engine.http import HttpRequest
from recorder.replay.engine.policy import Repeat
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.server.building import Options, build

RECORDING = load_recording(Path(__file__).parents[3] / "cassettes" / "preview-session.cassette")
HANDSHAKE = b'[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}]'


def handshake(standin: ReplayEngine) -> bytes:
    """The answer to a handshake at second 0, with a fresh clientId in it."""
    standin.receive(HttpRequest(1, "c", "POST", "/v2/cometd/handshake", (("Host", "h"),), HANDSHAKE), 0.0)
    (reply,) = standin.replies(0.0)
    return reply.body


def test_the_defaults_play_as_recorded_with_ids_that_nobody_can_guess() -> None:
    assert handshake(build(RECORDING, Options())) != handshake(build(RECORDING, Options()))


def test_a_seed_gives_the_same_ids_and_another_one_others() -> None:
    first, again, other = (handshake(build(RECORDING, Options(seed=seed))) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_every_option_is_taken() -> None:
    options = Options(math.inf, True, Repeat.CYCLE, True, ("drop event PreviewRecord 10%",), 7, "gws-outbound", None)

    assert [fault["fault"] for fault in build(RECORDING, options).report()["faults"]] == [
        "drop event PreviewRecord 10%"
    ]


def test_a_key_may_be_any_bytes() -> None:
    assert build(RECORDING, Options(jwt_key="k\udcff")).unplayed == (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("options", "error"),
    [(Options(dialect="no-such-dialect"), DialectError), (Options(faults=("eat the server",)), UsageError)],
)
def test_what_is_unknown_is_refused(options: Options, error: type[Exception]) -> None:
    with pytest.raises(error):
        build(RECORDING, options)


def test_a_recording_of_an_unknown_policy_needs_one_to_be_named() -> None:
    foreign = replace(RECORDING, header=replace(RECORDING.header, redaction="foreign"))

    with pytest.raises(PolicyError):
        build(foreign, Options())


def test_a_recording_of_an_unknown_dialect_needs_one_to_be_named() -> None:
    foreign = replace(RECORDING, header=replace(RECORDING.header, dialect="foreign"))

    with pytest.raises(DialectError):
        build(foreign, Options())
    assert build(foreign, Options(dialect="gws-outbound")).unplayed == (1, 2, 3, 4, 5, 6)


def test_the_name_of_an_instance_is_checked_when_it_is_built() -> None:
    with pytest.raises(UsageError, match=r"^--instance: .a b. is no name"):
        build(RECORDING, Options(instance="a b"))
