"""Recordings of SSE and WebSockets, played by clients of other makers: events keep to what they followed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from recorder.cassette.reader import read
from recorder.correlate.engine import correlate
from recorder.library.recording import load_recording
from recorder.model import Recording
from recorder.suggest import suggest
from recorder.suggest.derive import links
from tests.clients.crossing import PACES, THINKS, Tally
from tests.clients.push.crossing import CROWDS, Replay, record, replay, sample
from tests.clients.push.matrix import SEATS, SERVERS, Seat
from tests.lab.browser import Browser, browsing
from tests.lab.push.lab import FLAG, Served, Transport, serving_push
from tests.lab.push.truth import judged

TAKES = tuple(dict.fromkeys(one.take for one in sample()))


LEARNT = ("sse", "socket", "rpc")  # the servers from whose recordings a whole dialect can be derived


def agreement(recording: Recording, cassette: Path) -> float:
    """The share of the links by a lab's own dialect that a dialect derived from the traffic gives too."""
    whole = read(cassette)
    derived = correlate(whole.records, suggest([whole]).dialect, whole.header)
    own, mine = ({(one.event.seq, one.event.index): one.request for one in links(it)} for it in (recording, derived))
    return len(own.items() & mine.items()) / len(own)


def _case(take: Seat) -> object:
    players = [one for one in sample() if one.take == take]
    markers = {seat.marker for seat in (take, *(one.player for one in players))}
    return pytest.param(take, players, id=str(take), marks=[getattr(pytest.mark, name) for name in {"node", *markers}])


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[[Transport], Served]]:
    """A server for one take: on a shared one the desk of an earlier take may be told of what a later one does."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(serving_push(name, tmp_path / f"{name}.jsonl"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Callable[[], Browser]]:
    with ExitStack() as stack:
        yield cache(lambda: stack.enter_context(browsing(FLAG)))


@pytest.mark.once
@pytest.mark.parametrize(("take", "replays"), [_case(take) for take in TAKES])
def test_events_follow_what_they_followed_whoever_plays_at_whatever_pace(
    take: Seat,
    replays: list[Replay],
    serving: Callable[[Transport], Served],
    chromium: Callable[[], Browser],
    tmp_path: Path,
) -> None:
    served, cassette = serving(take.transport), tmp_path / "live.cassette"
    live = record(served, take, cassette, chromium() if take.library == "page" else None)
    recording = load_recording(cassette)
    pages = [chromium() if one.player.library == "page" else None for one in replays]

    with ThreadPoolExecutor(len(replays)) as at_once:
        tallies = list(at_once.map(lambda one, page: replay(recording, live, one, page), replays, pages))

    assert judged(recording, served.truth()) == []
    assert take.transport not in LEARNT or agreement(recording, cassette) >= 0.9
    assert tallies == [Tally(1)] * len(replays), "\n".join(told for tally in tallies for told in tally.texts)


def test_in_the_sample_each_client_plays_and_all_paces_thinks_and_crowds_meet() -> None:
    met = sample()

    assert {one.player for one in met} == set(SEATS)
    assert {one.take.transport for one in met} == set(SERVERS)
    assert {(one.pace, one.crowd) for one in met} == {(pace, crowd) for pace in PACES for crowd in CROWDS}
    assert {(one.pace, one.think) for one in met} == {(pace, think) for pace in PACES for think in THINKS}
