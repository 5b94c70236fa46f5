from __future__ import annotations

import asyncio
import json
import math
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from recorder.api.threads import LoopThread
from recorder.cassette.codec import encode, encode_header
from recorder.cli.desktop import agent
from recorder.errors import RecorderError, UsageError
from recorder.fleet.store.places import place
from recorder.plugin.playing import Playing, recording_of
from recorder.plugin.settings import Settings
from recorder.redaction.policy import load, shipped
from recorder.redaction.redactor import Redactor
from tests.lab.byhand import Desk
from tests.lab.processes import until
from tests.plugin.desktop import CASSETTES, post, request, works
from tests.wire import HEADER, Wire, chained, done

PREVIEW = CASSETTES / "preview-session.cassette"
CHAINED = CASSETTES / "get-chained-record.cassette"
OPERATIONS = 120
MINUTES = 30
LIMIT = 5.0  # seconds
SETTLE = 0.011  # seconds; the most that a virtual clock waits, and some more
RECORDED = 0.2  # what was recorded is further apart, or this test could not tell
IDLE = 0.9  # from here on: timers that look for idle clients and connections, and are cancelled


@pytest.fixture(scope="module")
def thread() -> Iterator[LoopThread]:
    started = LoopThread()
    yield started
    started.stop()


@pytest.fixture
def standin(thread: LoopThread) -> Iterator[Playing]:
    with Playing(Settings((PREVIEW,)), thread) as played:
        yield played


def test_a_whole_session_is_played_and_nothing_is_left(standin: Playing) -> None:
    events = works(standin.url, "mine-")

    assert len(events) == 14
    assert standin.played == (1, 2, 3, 4, 5, 6)
    assert (standin.unplayed, standin.misses, standin.pending, standin.stall) == ((), [], 0, None)
    assert standin.report()["played"] == {"p1": [1, 2, 3, 4, 5, 6]}


def test_a_cassette_at_a_url_is_played_and_a_missing_one_told(thread: LoopThread) -> None:
    store = fsspec.filesystem("memory")
    store.pipe_file("/played.cassette", PREVIEW.read_bytes())

    with Playing(Settings((place("memory://played.cassette"),)), thread) as played:
        assert len(works(played.url, "mine-")) == 14
    store.rm("/played.cassette")

    with pytest.raises(UsageError, match=r"^there is no memory://played.cassette; record it from the real server"):
        recording_of([place("memory://played.cassette")], None)


def test_each_stand_in_begins_with_nothing_played(thread: LoopThread) -> None:
    with Playing(Settings((PREVIEW,)), thread) as one, Playing(Settings((PREVIEW,)), thread) as other:
        works(one.url, "one-")

        assert (one.unplayed, other.unplayed) == ((), (1, 2, 3, 4, 5, 6))


def test_two_runs_get_the_same_ids(thread: LoopThread) -> None:
    seen = []
    for _ in range(2):
        with Playing(Settings((PREVIEW,)), thread) as played:
            desk = Desk(played.url).connected()
            seen.append((desk.client_id, played.session().client_id))
            desk.leaves()

    assert len({*seen[0], *seen[1]}) == 1


def test_a_session_tells_how_far_it_is(standin: Playing) -> None:
    works(standin.url, "mine-", ["StartPreviewSession"])

    session = standin.session("p1")

    assert (session.played, session.pending, session.parked, session.left) == ((1,), 0, False, True)


def test_a_session_that_is_not_there_is_an_error_that_names_those_that_are(standin: Playing) -> None:
    with pytest.raises(UsageError, match="there are: none"):
        standin.session()

    desks = [Desk(standin.url).connected() for _ in range(2)]

    with pytest.raises(UsageError, match="there are: p1, p2"):
        standin.session()
    for desk in desks:
        desk.leaves()


def test_an_open_websocket_does_not_hold_up_the_end(thread: LoopThread) -> None:
    def seconds() -> float:
        with Playing(Settings((PREVIEW,)), thread) as played:
            desk = Desk(played.url)
            desk.opens_socket().connected(desk)
            began = time.monotonic()
        took = time.monotonic() - began
        desk.leaves()
        return took

    assert min(seconds() for _ in range(5)) < 0.1  # from here on the HTTP server would have waited for it


def test_several_cassettes_are_played_as_one(thread: LoopThread) -> None:
    with Playing(Settings((PREVIEW, CHAINED)), thread) as played:
        works(played.url, "mine-")

        assert played.unplayed == (7,)
        assert repr(played) == f"<stand-in {played.url} of preview-session.cassette, get-chained-record.cassette>"


def test_a_cassette_that_is_not_there_says_how_to_record_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no .*no\.cassette; record it .* --cassette-mode once --cassette-upstream"):
        recording_of([PREVIEW, tmp_path / "no.cassette"], None)


def test_a_cassette_redacted_by_ones_own_policy_is_played_by_that_policy(tmp_path: Path, thread: LoopThread) -> None:
    policy = tmp_path / "mine.toml"
    policy.write_text(shipped("gws").text.replace('name = "gws"', 'name = "mine"'))
    wire = Wire()
    wire.ack(wire.desk().post(chained(7, "r1", phoneNumber="+1 415 555 2671")))
    redactor = Redactor(load(str(policy)), bytes(32))
    frames = [encode_header(replace(HEADER, redaction="mine")), *map(encode, map(redactor.redact, wire.records))]
    cassette = tmp_path / "s.cassette"
    cassette.write_bytes(b"".join(frames))

    with pytest.raises(RecorderError, match="no such policy is shipped"), Playing(Settings((cassette,)), thread):
        pass
    with Playing(Settings((cassette,), policy=str(policy)), thread) as played:
        desk = Desk(played.url).connected()
        answer = desk.asks(chained(7).target, chained(7, "r2", phoneNumber="+1 212 555 0000").content)

    assert answer.status == 200


def test_a_damaged_cassette_is_no_empty_one(tmp_path: Path, thread: LoopThread) -> None:
    path = tmp_path / "s.cassette"
    path.write_bytes(b"no cassette")

    with pytest.raises(RecorderError, match=r"s\.cassette"), Playing(Settings((path,)), thread):
        pass


def test_a_cassette_is_read_once_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    shutil.copy(CHAINED, path)
    first, again = recording_of([path], None), recording_of([path], None)
    path.unlink()
    shutil.copyfile(PREVIEW, path)

    assert first is again
    assert len(recording_of([path], None).triples) == 6


# Time


@pytest.fixture
def late(tmp_path: Path, thread: LoopThread) -> Iterator[tuple[Playing, Desk]]:
    """A client that got its ack and holds no poll, so nothing but the test brings the event that is due after it."""
    wire = Wire()
    wire.desk().asks(chained(7, "r"), done(7, "r"))
    with Playing(Settings((write(tmp_path / "late.cassette", wire),)), thread) as played:
        desk = Desk(played.url).connected()
        desk.asks("/api/v2/me/outbound-records/7", chained(7, "mine").content)
        yield played, desk
        desk.leaves()


def write(path: Path, wire: Wire) -> Path:
    path.write_bytes(encode_header(replace(HEADER, profile="journal")) + b"".join(map(encode, wire.records)))
    return path


def test_time_that_is_moved_brings_what_is_due(late: tuple[Playing, Desk]) -> None:
    played, desk = late
    before = desk.fetches().events

    played.advance(1)

    assert (before, len(desk.fetches().events)) == ([], 1)


def test_a_wall_clock_cannot_be_moved(thread: LoopThread) -> None:
    with (
        Playing(Settings((PREVIEW,), rate=1.0), thread) as played,
        pytest.raises(UsageError, match="cannot be advanced"),
    ):
        played.advance(1)


def test_idle_is_when_all_was_delivered_and_the_clients_wait(standin: Playing) -> None:
    async def plays() -> int:
        async with agent(standin.url) as desktop:
            path, body = request("GetPreviewRecord", "mine-2")
            await desktop.post(path, body)
            await asyncio.to_thread(standin.wait_idle)
            return sum(seen.what == "event" for seen in desktop.log)

    assert asyncio.run(plays()) == 2
    assert standin.pending == 0


def test_who_waits_in_vain_for_idleness_is_told_what_is_missing(late: tuple[Playing, Desk]) -> None:
    with pytest.raises(TimeoutError, match=r"not idle within 0\.05 s: 1 event or ack .*, not in a poll: p1"):
        late[0].wait_idle(0.05)


def test_in_an_event_loop_nobody_waits_for_the_client_that_runs_in_it(standin: Playing) -> None:
    async def waits() -> None:
        standin.wait_idle()

    with pytest.raises(UsageError, match=r"await asyncio\.to_thread\(standin\.wait_idle\)"):
        asyncio.run(waits())


@pytest.fixture(scope="module")
def long_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half an hour of an agent's work."""
    wire = Wire()
    desk = wire.desk()
    for n in range(OPERATIONS):
        desk.asks(chained(n, f"r{n}"), done(n, f"r{n}"), early=n % 2, ms=250)
        wire.wait(MINUTES * 60 / OPERATIONS - 0.5)
    assert wire.records[-1].t / 1e9 > 0.97 * MINUTES * 60
    return write(tmp_path_factory.mktemp("long") / "long.cassette", wire)


@pytest.mark.once
def test_half_an_hour_is_played_in_seconds_and_in_its_order(long_session: Path, thread: LoopThread) -> None:
    async def plays(url: str) -> list[str]:
        async with agent(url) as desktop:
            for n in range(OPERATIONS):
                status, _ = await desktop.post(f"/api/v2/me/outbound-records/{n}", json.loads(chained(n, f"m{n}").body))
                assert status == 200
                await desktop.events(lambda found: len(found) == 1)
            heard = [happened.content["data"] for happened in desktop.log if happened.what == "event"]
            return [data["referenceId"] for data in heard]

    def seconds(rate: float | None) -> float:
        with Playing(Settings((long_session,), rate=rate), thread) as played:
            began = time.monotonic()
            heard = asyncio.run(plays(played.url))
            took = time.monotonic() - began
        assert heard == [f"m{n}" for n in range(OPERATIONS)]
        return took

    requests_alone = seconds(math.inf)  # no clock at all; on a busy machine even that takes seconds
    assert seconds(None) < max(LIMIT, 4 * requests_alone)


@pytest.mark.once
def test_no_timer_of_the_stand_in_waits_for_recorded_time(
    long_session: Path, thread: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []
    loop = thread._loop
    at = loop.call_at
    slept: list[float] = []
    sleep, its_threads = time.sleep, {threading.current_thread(), thread._thread}

    def sleeps(seconds: float) -> None:
        if threading.current_thread() in its_threads:
            slept.append(seconds)
        else:
            sleep(seconds)

    monkeypatch.setattr(time, "sleep", sleeps)
    monkeypatch.setattr(
        loop, "call_at", lambda when, *rest, **more: delays.append(when - loop.time()) or at(when, *rest, **more)
    )

    with Playing(Settings((long_session,)), thread) as played:
        assert post_first(played) == 200

    assert slept == []
    assert any(delay <= SETTLE for delay in delays)
    assert [delay for delay in delays if RECORDED <= delay < IDLE] == []


def post_first(played: Playing) -> int:
    desk = Desk(played.url).connected()
    poll = desk.polls()
    sent = desk.posts("/api/v2/me/outbound-records/0", json.loads(chained(0, "m0").body))
    assert desk.hears(1, poll)
    status = sent.answer().status
    desk.leaves()
    return status


# Stalls


def test_what_a_client_waits_for_is_told_without_its_patience_at_first(standin: Playing) -> None:
    desk = Desk(standin.url).connected()
    desk.polls()
    until(lambda: standin.session().parked, "it polls")

    assert standin.stall is not None
    assert standin.stall.startswith("client p1 in /meta/connect; next needed: triple 1, POST ")
    desk.leaves()


def test_what_a_client_waited_for_is_told_after_it_left(standin: Playing) -> None:
    desk = Desk(standin.url).connected()
    desk.polls()
    until(lambda: standin._turns._stall is not None, "a second passes in which nothing happens")
    desk.tells(desk.message("/meta/disconnect")).answer()

    assert standin.session().left
    standin._call(standin._turns.idle)  # the text may be asked for long after, on a busy machine
    assert "client p1 in /meta/connect; next needed: triple 1, POST " in str(standin.stall)
    desk.leaves()


def test_a_client_that_went_on_after_a_while_did_not_wait_in_vain(standin: Playing) -> None:
    desk = Desk(standin.url).connected()
    desk.polls()
    until(lambda: standin._turns._stall is not None, "a second passes in which nothing happens")
    desk.posts(*request("StartPreviewSession", "mine-1")).answer()

    assert "next needed: triple 2" in str(standin.stall)
    desk.leaves()


def test_a_miss_is_kept_with_its_explanation(standin: Playing) -> None:
    status = post(standin.url, "StartPreviewSession", campaignName="Other", operationName="Nonsense")

    assert status == 470
    assert standin.misses[0].startswith("no recorded request matches POST ")
