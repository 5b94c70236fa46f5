from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.api.threads import LoopThread
from recorder.cassette.codec import encode, encode_header
from recorder.plugin import verdict
from recorder.plugin.playing import Playing
from recorder.plugin.settings import Settings
from tests.lab.byhand import Desk
from tests.plugin.desktop import CASSETTES, post, request, works
from tests.wire import HEADER, Wire, get_me, state_event


@pytest.fixture
def standin() -> Iterator[Playing]:
    thread = LoopThread()
    with Playing(Settings((CASSETTES / "preview-session.cassette",)), thread) as played:
        yield played
    thread.stop()


def misses(standin: Playing, *campaigns: str) -> None:
    for campaign in campaigns:
        assert post(standin.url, "StartPreviewSession", campaignName=campaign, operationName="Nonsense") == 470


def test_a_session_played_whole_has_nothing_to_tell(standin: Playing) -> None:
    works(standin.url, "mine-")

    assert verdict.missed(standin) is None
    assert verdict.left_over(standin) is None
    assert verdict.summary(standin).splitlines() == [
        "preview-session.cassette: played 1, 2, 3, 4, 5, 6; not asked for: nothing",
        "events of triple 6 (EndPreviewSession): PreviewSessionEnded; all have left",
    ]


def test_misses_are_counted_and_told_whole(standin: Playing) -> None:
    misses(standin, "One", "Two")

    told = str(verdict.missed(standin))

    assert told.startswith("2 requests matched nothing in preview-session.cassette\n\nno recorded request matches ")
    assert ('"One"' in told, '"Two"' in told, told.count("what to do:")) == (True, True, 2)


def test_what_was_told_is_not_told_again(standin: Playing) -> None:
    misses(standin, "One", "Two")

    assert verdict.missed(standin, 2) is None
    assert '"One"' not in str(verdict.missed(standin, 1))
    assert "matched nothing" not in verdict.summary(standin, 2)


def test_what_was_not_asked_for_is_listed_by_number_and_name(standin: Playing) -> None:
    works(standin.url, "mine-", ["StartPreviewSession", "GetPreviewRecord", "CompleteRecord"])

    assert str(verdict.left_over(standin)).splitlines() == [
        "preview-session.cassette: played 1, 2, 5; not asked for: 3, 4, 6",
        "  triple 3: GetChainedRecord /api/v2/me/outbound-records/1001",
        "  triple 4: UpdateRecord /api/v2/me/outbound-records/1001",
        "  triple 6: EndPreviewSession /api/v2/me/outbound-campaigns/Campaign1",
    ]


def test_an_event_whose_anchor_no_client_reached_is_listed_with_it(tmp_path: Path) -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(get_me()))
    desk.hears(state_event())
    path = tmp_path / "s.cassette"
    path.write_bytes(encode_header(HEADER) + b"".join(map(encode, wire.records)))
    thread = LoopThread()
    with Playing(Settings((path,)), thread) as standin:
        told = verdict.left_over(standin)
    thread.stop()

    assert str(told).splitlines()[1:] == ["  event u1: /v2/me/devices waits for GET /api/v2/me"]


def test_a_client_that_hears_nothing_because_of_its_identity_is_told(standin: Playing) -> None:
    desk = Desk(standin.url, "agent1:secret").connected()
    try:
        desk.polls()
        path, content = request("StartPreviewSession", "mine-1")
        sent = urllib.request.Request(
            standin.url + path, json.dumps(content).encode(), {"Authorization": "Bearer other"}
        )
        with urllib.request.urlopen(sent, timeout=20):
            told = str(verdict.unheard(standin))
    finally:
        desk.leaves()

    assert told.startswith("preview-session.cassette: 1 event due to client p2 (shows Authorization)")
    assert told in verdict.summary(standin)


def keep(standin: Playing, folder: Path, test: str) -> Path:
    path = verdict.path_of_report(folder, test)
    contents = {".json": verdict.as_json(test, standin.report()), ".txt": verdict.summary(standin)}
    verdict.keep(path, contents, standin.settings.cassettes)
    return path.with_name(f"{path.name}.json")


def test_a_report_is_kept_under_the_name_of_the_test(standin: Playing, tmp_path: Path) -> None:
    misses(standin, "One")

    kept = keep(standin, tmp_path / "a" / "b", "tests/test_a.py::TestB::test_c[x-1]")

    assert kept == tmp_path / "a" / "b" / "tests-test_a.py-TestB-test_c[x-1].json"
    report = json.loads(kept.read_text())
    assert (report["test"], report["unplayed"]) == ("tests/test_a.py::TestB::test_c[x-1]", [1, 2, 3, 4, 5, 6])
    assert "matched nothing" in kept.with_suffix(".txt").read_text()


def test_reports_of_tests_with_alike_names_stand_beside_each_other(standin: Playing, tmp_path: Path) -> None:
    names = ("t[a/b]", "t[a:b]", "t[a-b]", "t" * 300 + "1", "t" * 300)

    assert len({keep(standin, tmp_path, name) for name in names}) == 5
    assert all(path.parent == tmp_path for path in tmp_path.rglob("*"))
