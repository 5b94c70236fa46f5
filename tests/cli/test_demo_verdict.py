from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recorder.cli.commands.demo import Heard, Sent, Verdict, judge
from recorder.library.recording import load_recording
from tests.cli.test_cassettes import PREVIEW, run

TRIPLES = load_recording(Path(__file__).parents[2] / "cassettes" / "preview-session.cassette").triples[:2]
SENT = [Sent(10.0, "live-1"), Sent(20.0, "live-2")]


def heard(step: int, event: int, at: float, **changed: Any) -> Heard:
    link = TRIPLES[step].events[event]
    data = link.event.data | ({"referenceId": f"live-{step + 1}"} if "referenceId" in link.event.data else {})
    return Heard(at, link.event.channel, data | changed)


def all_heard() -> list[Heard]:
    return [heard(0, 0, 10.1), heard(1, 0, 20.1), heard(1, 1, 20.2)]


def test_a_causal_replay_is_good() -> None:
    verdict = judge(TRIPLES, SENT, all_heard())

    assert verdict == Verdict(0, 0, 0, 0)
    assert str(verdict) == "events before their cause: 0 · wrong ids: 0"


def test_an_event_before_its_request_was_sent_is_early() -> None:
    verdict = judge(TRIPLES, SENT, [heard(0, 0, 10.1), heard(1, 0, 19.9), heard(1, 1, 20.2)])

    assert verdict == Verdict(early=1, wrong=0, lost=0, strange=0)
    assert not verdict.good


def test_an_event_of_a_request_that_was_never_sent_is_early() -> None:
    assert judge(TRIPLES, SENT[:1], all_heard()).early == 2


@pytest.mark.parametrize("reference", ["desk-2", "live-1", 2])
def test_an_event_with_another_id_than_its_request_is_wrong(reference: Any) -> None:
    verdict = judge(TRIPLES, SENT, [heard(0, 0, 10.1), heard(1, 0, 20.1, referenceId=reference), heard(1, 1, 20.2)])

    assert verdict == Verdict(early=0, wrong=1, lost=0, strange=0)


def test_a_wrong_id_does_not_hide_an_early_event() -> None:
    verdict = judge(TRIPLES, SENT, [heard(0, 0, 10.1), heard(1, 0, 9.0, referenceId="desk-2"), heard(1, 1, 20.2)])

    assert (verdict.early, verdict.wrong) == (1, 1)


def test_an_event_that_never_came_is_lost() -> None:
    verdict = judge(TRIPLES, SENT, all_heard()[:2])

    assert verdict == Verdict(early=0, wrong=0, lost=1, strange=0)
    assert "lost: 1" in str(verdict)


def test_an_event_that_came_twice_is_strange() -> None:
    assert judge(TRIPLES, SENT, [*all_heard(), heard(0, 0, 10.3)]).strange == 1


def test_an_event_the_recording_does_not_hold_is_strange() -> None:
    assert judge(TRIPLES, SENT, [*all_heard(), Heard(11.0, "/v2/me/outbound", {"new": True})]).strange == 1


def test_the_sample_is_the_shipped_recording_and_is_not_written_over_a_file(tmp_path: Path) -> None:
    written = run("demo", "--sample", "-o", tmp_path / "session.cassette")
    again = run("demo", "--sample", "-o", tmp_path / "session.cassette")

    assert written.exit_code == 0
    assert (tmp_path / "session.cassette").read_bytes() == PREVIEW.read_bytes()
    assert again.exit_code == 2
    assert "--force" in again.stderr


def test_a_sample_without_a_file_says_how_to_name_one() -> None:
    told = run("demo", "--sample")

    assert told.exit_code == 2
    assert told.stderr == "recorder: --sample needs a file to write to: recorder demo --sample -o session.cassette\n"
