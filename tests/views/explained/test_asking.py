"""What a user names to have it explained: a triple, its event, an event that nobody asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.dialect.definition import load
from recorder.errors import NothingSelected, RecorderError, UsageError
from recorder.library.lazy import OpenRecording, open_recording
from recorder.views.explained import asking

PREVIEW = Path(__file__).parents[3] / "cassettes" / "preview-session.cassette"


@pytest.fixture(scope="module")
def found() -> Iterator[OpenRecording]:
    with open_recording(PREVIEW) as opened:
        yield opened


def test_a_triple_comes_with_its_events(found: OpenRecording) -> None:
    whole, named = asking.named(found.recording, "2", "a.cassette")

    assert [triple.n for triple in whole] == [2]
    assert [name for name, _, _ in named] == ["2.1", "2.2"]
    assert asking.text_of(whole[0], found).startswith("triple 2  GetPreviewRecord")


def test_an_event_comes_alone(found: OpenRecording) -> None:
    whole, [(name, event, link)] = asking.named(found.recording, "2.2", "a.cassette")

    assert (whole, name) == ([], "2.2")
    assert link is not None
    assert link.event == event


@pytest.mark.parametrize(
    ("what", "error", "text"),
    [
        ("x", UsageError, "'x' is neither a triple"),
        ("2.", UsageError, "neither"),
        ("\u0662", UsageError, "neither"),
        ("7", NothingSelected, "a.cassette: no triple 7; it holds 1 to 6"),
        ("2.3", NothingSelected, "a.cassette: triple 2 has no event 3; it has 2"),
        ("u1", NothingSelected, "a.cassette: no unsolicited event u1; it holds 0"),
    ],
)
def test_what_is_not_there_is_told(found: OpenRecording, what: str, error: type[RecorderError], text: str) -> None:
    with pytest.raises(error, match=text):
        asking.named(found.recording, what, "a.cassette")


def test_judgements_that_are_known_give_the_same_text(found: OpenRecording) -> None:
    _, named = asking.named(found.recording, "3.2", "a.cassette")
    known = asking.judged_in(found.cassette.records(), load(), named)

    texts = [
        [asking.text_of_event(found, one) for one in judged]
        for judged in (asking.judging(found, named), asking.judging(found, named, known))
    ]

    assert texts[0] == texts[1]
    assert "rule twin" in texts[0][0]
