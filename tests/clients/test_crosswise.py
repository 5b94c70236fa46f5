"""Each recording, played at each pace and think time by clients of other makers: events keep to what they followed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recorder.correlate.anchors import anchors, text
from recorder.library.recording import load_recording
from tests.clients.crossing import POLL_MS, Play, Replay, Tally, record, replay, sample
from tests.clients.matrix import TAKES, Server, Take
from tests.lab.lab import Lab

pytestmark = [pytest.mark.node, pytest.mark.once]


def _case(take: Take) -> object:
    players = [one for one in sample() if one.take == take]
    markers = {seat.client.marker for seat in (take.seat, *(one.player for one in players))}
    return pytest.param(take, players, id=str(take), marks=[getattr(pytest.mark, name) for name in markers])


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Server, Lab]]:
    folder = tmp_path_factory.mktemp("labs")
    with (
        Lab("cometd", folder / "cometd.jsonl", timeout_ms=POLL_MS) as cometd,
        Lab("faye", folder / "faye.jsonl", timeout_ms=POLL_MS) as faye,
    ):
        yield {"cometd": cometd, "faye": faye}


@pytest.mark.parametrize(("take", "replays"), [_case(take) for take in TAKES])
def test_events_follow_what_they_followed_whoever_plays_at_whatever_pace(
    take: Take, replays: list[Replay], labs: dict[Server, Lab], play: Play, tmp_path: Path
) -> None:
    cassette = tmp_path / "live.cassette"
    live = record(labs[take.server], take, cassette, play)
    recording = load_recording(cassette)

    with ThreadPoolExecutor(len(replays)) as at_once:
        tallies = list(at_once.map(lambda one: replay(recording, live, one, play), replays))

    assert [text(anchor) for anchor in anchors(recording)] == [
        "the subscription to /v2/me/devices",
        "the publish on /desk/notes",
        "GET /api/v2/me/devices",
    ]
    assert tallies == [Tally(1)] * len(replays), "\n".join(told for tally in tallies for told in tally.texts)
