"""What a page is told of a stand-in as it plays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recorder.model import Recording, Triple
from recorder.replay.engine.faults import Faults, parse
from recorder.replay.engine.miss import Miss
from recorder.replay.engine.timeline import Run, Step
from recorder.viewer.live.standin import Answered, Began, Missed, Pushed, StandInFeed
from tests.replay.stage import START, Stage
from tests.viewer.live.test_recording import Page, codes
from tests.wire import Ask, Wire, chained, complete, done, get_me, state_event


def session(*numbers: int) -> Recording:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(get_me()), {"name": "agent"})
    desk.hears(state_event())
    for number in numbers:
        post = desk.post(chained(number, f"r{number}"))
        wire.wait(0.1)
        wire.ack(post)
        wire.wait(0.4)
        desk.hears(done(number, f"r{number}"))
    return wire.recording()


class Watching:
    """A stage whose stand-in tells a feed what it plays."""

    def __init__(self, recording: Recording, *, most: int = 100, **options: Any) -> None:
        self.stage = Stage(recording, rate=1, **options)
        self.feed, self.page = StandInFeed(most=most), Page()
        self.stage.standin.watch(self)
        self.misses = 0

    def began(self, client: str, run: Run, triple: Triple | None, now: float) -> None:
        self.feed.feed(Began(client, run, triple, run.left, self._at(now)))

    def pushed(self, client: str, run: Run, step: Step, now: float) -> None:
        self.feed.feed(Pushed(client, run, step, run.left, self._at(now)))

    def answered(self, client: str, run: Run, now: float) -> None:
        status = None if run.response is None else run.response.status
        self.feed.feed(Answered(client, run, status, run.left, self._at(now)))

    def _at(self, now: float) -> int:
        return round((now - START) * 1e6)

    def told(self) -> Page:
        """The page, after all that happened."""
        standin = self.stage.standin
        for miss in standin.misses[self.misses :]:
            self.feed.feed(Missed(miss, self._at(self.stage.now)))
        self.misses = len(standin.misses)
        looked = standin.look(self.stage.now, 10)
        self.feed.look(looked | {"now": self._at(self.stage.now), "faults": []})
        self.page.apply(self.feed.take())
        return self.page


def rows(page: Page, kind: str = "triple") -> list[dict[str, Any]]:
    return [row for row in page.rows.values() if row["kind"] == kind]


def test_a_request_its_ack_and_its_events_are_told_as_they_are_played() -> None:
    watching = Watching(session(7))
    desk = watching.stage.desk()
    desk.listens()
    desk.posts(chained(7, "live"))

    (row,) = rows(watching.told())
    assert (row["n"], row["operation"], row["session"], row["state"], row["open"]) == (
        1, "GetChainedRecord", "p1", "aborted", True,
    )  # fmt: skip
    assert [(one["name"], one["next"], one["played"], one["of"]) for one in watching.page.state["sessions"]] == [
        ("p1", None, 1, 1)
    ]
    watching.stage.wait(0.2)
    (row,) = rows(watching.told())
    assert (row["state"], row["status"], row["answered"], row["open"]) == ("acked", 200, 100_000, True)
    watching.stage.wait(1)
    (row,) = rows(watching.told())
    assert (row["state"], row["open"]) == ("complete", False)
    assert [(event["name"], event["at"]) for event in row["events"]] == [("ChainedRecordsDataEnd", 500_000)]
    assert watching.page.state["open"] == 0


def test_each_client_has_its_own_place() -> None:
    watching = Watching(session(7, 8))
    first, second = (watching.stage.desk(connection=name) for name in ("a", "b"))
    first.posts(chained(7, "x"))
    watching.stage.wait(1)
    first.posts(chained(8, "y"))
    second.posts(chained(7, "z"))

    page = watching.told()

    told = {one["name"]: (one["played"], one["unplayed"], one["next"] is None) for one in page.state["sessions"]}
    assert told == {"p1": (2, [], True), "p2": (1, [2], False)}
    assert [(row["n"], row["session"]) for row in rows(page)] == [(1, "p1"), (2, "p1"), (1, "p2")]
    assert [label for label, _ in page.sessions] == ["p1", "p2"]


def test_a_miss_is_told_with_its_explanation() -> None:
    watching = Watching(session(7))
    watching.stage.desk().posts(complete(99, "r"))

    page = watching.told()

    (row,) = rows(page, "plain")
    assert codes(row) == ["miss"]
    assert "nearest is triple 1" in row["miss"]
    assert row["status"] == 470
    assert page.state["counts"]["misses"] == 1
    (detail,) = watching.feed.detail(row["block"])
    assert "what to do" in detail["ack"]["body"]


def test_other_exchanges_and_events_nobody_asked_for_are_told_too() -> None:
    watching = Watching(session(7))
    desk = watching.stage.desk()
    desk.listens()
    desk.posts(Ask("/api/v2/me", b"", method="GET"))
    watching.stage.wait(1)

    page = watching.told()

    assert [(row["target"], row["status"], row["n"]) for row in rows(page, "plain")] == [("/api/v2/me", 200, 0)]
    (event,) = rows(page, "loose")
    (detail,) = watching.feed.detail(event["block"])
    assert detail["data"]


def test_the_content_is_that_of_the_cassette() -> None:
    watching = Watching(session(7))
    desk = watching.stage.desk()
    desk.listens()
    desk.posts(chained(7, "of-the-live-client"))
    watching.stage.wait(1)
    (row,) = rows(watching.told())

    (detail,) = watching.feed.detail(row["block"])

    assert "of-the-live-client" not in json.dumps([watching.feed.whole(), detail])
    assert detail["body"]["referenceId"] == "r7"
    assert detail["events"][0]["data"]["referenceId"] == "r7"
    assert watching.feed.detail(999) == []


def test_a_fault_that_answers_with_an_error_is_a_problem() -> None:
    recording = session(7)
    watching = Watching(recording, faults=Faults([parse("http 503 GetChainedRecord")], recording))
    watching.stage.desk().posts(chained(7, "x"))
    watching.stage.wait(1)

    (row,) = rows(watching.told())

    assert (row["status"], codes(row)) == (503, ["failed"])


def test_in_a_pause_nothing_goes_on_until_a_step() -> None:
    watching = Watching(session(7))
    desk = watching.stage.desk()
    desk.listens()
    watching.stage.standin.pause(watching.stage.now)
    desk.posts(chained(7, "x"))
    watching.stage.wait(5)
    page = watching.told()
    assert page.state["paused"]
    assert rows(page)[0]["answered"] is None
    (waiting,) = page.state["sessions"][0]["pending"]
    assert (waiting["triple"], waiting["steps"]) == (1, 2)

    watching.stage.standin.step(watching.stage.now)
    watching.stage.driver()

    assert rows(watching.told())[0]["status"] == 200


def test_memory_is_bounded_and_what_is_let_go_is_told() -> None:
    watching = Watching(session(*range(1, 31)), most=10)
    desk = watching.stage.desk()
    for number in range(1, 31):
        desk.posts(chained(number, f"x{number}"))
        watching.stage.wait(0.01)
        watching.told()

    page = watching.page
    assert [row["n"] for row in rows(page)] == [*range(21, 31)]
    assert page.state["letGo"] == 20
    assert [triple.n for triple in watching.feed.triples()] == [*range(21, 31)]


def test_a_new_page_gets_the_same() -> None:
    watching = Watching(session(7, 8))
    watching.stage.desk().posts(chained(7, "x"))
    watching.stage.desk().posts(complete(1, "miss"))
    page, fresh = watching.told(), Page()

    fresh.apply(watching.feed.whole())

    assert (fresh.rows, fresh.sessions) == (page.rows, page.sessions)


def test_what_was_told_does_not_change_afterwards() -> None:
    watching = Watching(session(7))
    desk = watching.stage.desk()
    desk.listens()
    desk.posts(chained(7, "x"))
    delta = watching.feed.take()
    before = json.dumps(delta)

    watching.stage.wait(2)

    assert json.dumps(delta) == before


def test_a_recording_without_operations_has_nothing_next() -> None:
    watching = Watching(session())
    watching.stage.desk()

    (one,) = watching.told().state["sessions"]

    assert (one["next"], one["of"], one["unplayed"]) == (None, 0, [])


def test_nobody_is_told_once_nobody_watches() -> None:
    watching = Watching(session(7))
    watching.stage.standin.watch(None)
    watching.stage.desk().posts(chained(7, "x"))

    assert watching.told().rows == {}


@pytest.mark.parametrize("call", ["", "POST", "POST /a b"])
def test_a_miss_of_any_call_has_a_row(call: str) -> None:
    feed, page = StandInFeed(), Page()

    feed.feed(Missed(Miss(call, "no", "no\n"), 5))
    page.apply(feed.take())

    (row,) = page.rows.values()
    assert f"{row['method']} {row['target']}".strip() == call
