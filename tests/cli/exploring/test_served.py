"""Trials that a client asks for by the control API."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.cli import main
from recorder.cli.exploring.served import ServedTrials
from recorder.dialect.carried import dialect_of
from recorder.errors import OutputError
from recorder.explore.explorer import Explorer
from recorder.explore.outcome import Result
from recorder.library.recording import load_recording
from recorder.replay.engine.orders.played import Act, Order

CASSETTE = Path(__file__).parents[2] / "cassettes" / "races" / "chain.cassette"
RECORDING = load_recording(CASSETTE)
# GetPreviewRecord and its event, as the recording has them
ORDER = Order((Act("request 1", 0.0), Act("ack 1", 0.01), Act("event 1.1", 0.04)))
FILE = Path("found.schedule.json")


@pytest.fixture
def trials() -> ServedTrials:
    explorer = Explorer(RECORDING, dialect_of(RECORDING.header), schedules=3, delay=0.0)
    return ServedTrials(explorer, lambda _: FILE)


def test_the_first_trial_is_the_recorded_order(trials: ServedTrials) -> None:
    schedule, told = trials.next()

    assert schedule is not None
    assert told == {
        "trial": {"number": 1, "id": "recorded", "deviations": [], "why": "recorded order"},
        "result": None,
    }


def test_a_trial_that_was_not_judged_is_given_again(trials: ServedTrials) -> None:
    assert trials.next() == trials.next()


def test_the_result_comes_at_the_end_and_stays(trials: ServedTrials) -> None:
    while trials.next()[0] is not None:
        trials.judge(ORDER, [], passed=True, says="")

    schedule, told = trials.next()
    assert (schedule, told["trial"], told["result"]["verdict"], told["result"]["file"]) == (None, None, "passed", None)
    assert trials.next() == (schedule, told)


def test_what_fails_is_told_and_kept_once(trials: ServedTrials) -> None:
    kept: list[Result] = []
    explorer = Explorer(RECORDING, dialect_of(RECORDING.header), schedules=3, delay=0.0)
    trials = ServedTrials(explorer, lambda result: (kept.append(result), FILE)[1])
    awaited = []
    while (trial := trials.next()[0]) is not None:
        awaited.append(bool(trial.played))
        fails = bool(trial.schedule.deviations)
        trials.judge(ORDER, [], passed=not fails, says="it broke" if fails else "")

    result = trials.next()[1]["result"]
    assert (result["verdict"], result["failure"], result["file"]) == ("failed", "it broke", str(FILE))
    assert len(result["deviations"]) == 1
    assert len(kept) == 1
    assert awaited[:3] == [False, False, True], "the third trial waits for the requests of the second, which failed"


def test_the_result_is_told_where_its_file_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    def full(_: Result) -> Path:
        raise OutputError("found.schedule.json: cannot be written: no space")

    trials = ServedTrials(Explorer(RECORDING, dialect_of(RECORDING.header), schedules=3, delay=0.0), full)
    while (trial := trials.next()[0]) is not None:
        trials.judge(ORDER, [], passed=not trial.schedule.deviations, says="it broke")

    result = trials.next()[1]["result"]
    assert (result["verdict"], result["file"]) == ("failed", None)
    assert trials.next()[1]["result"] == result
    assert capsys.readouterr().err == "recorder: found.schedule.json: cannot be written: no space\n"


def test_a_request_that_matches_nothing_fails_a_trial(trials: ServedTrials) -> None:
    while trials.next()[0] is not None:
        trials.judge(ORDER, ["nothing like it was recorded"], passed=True, says="")

    result = trials.next()[1]["result"]
    assert (result["verdict"], result["failure"]) == ("recorded order fails", "nothing like it was recorded")


def test_what_passes_is_kept_where_the_recorded_order_fails() -> None:
    explorer = Explorer(RECORDING, dialect_of(RECORDING.header), schedules=30, delay=0.0)
    trials = ServedTrials(explorer, lambda result: FILE)
    while (trial := trials.next()[0]) is not None:
        trials.judge(ORDER, [], passed=bool(trial.schedule.deviations), says="")

    result = trials.next()[1]["result"]
    assert (result["verdict"], result["id"], result["file"]) == ("recorded order fails", None, str(FILE))
    assert len(result["passes_with"]) == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--explore", "5"], "--explore needs --control-token"),
        (["--disturb", "poll"], "--disturb is for a search: give --explore N"),
        (["--explore-seed", "3"], "--explore-seed is for a search: give --explore N"),
        (["--explore-seed", "0"], "--explore-seed is for a search: give --explore N"),
        (
            ["--explore-delay", "2", "--disturb", "poll", "--schedule", "ack 1 before event 1.1"],
            "--explore-delay and --disturb are for a search: give --explore N",
        ),
        (["--explore", "5", "--control-token", "TOKEN", "--json"], "--json is for a replay without --explore"),
        (["--explore", "5", "--control-token", "TOKEN", "--schedule", "ack 1 before event 1.1"], "give one of the two"),
    ],
)
def test_a_search_needs_a_client_that_may_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], told: str
) -> None:
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("secret")

    with pytest.raises(SystemExit) as ended:
        main(["replay", str(CASSETTE), *(str(token) if one == "TOKEN" else one for one in given)])

    assert ended.value.code == 2
    assert told in capsys.readouterr().err
