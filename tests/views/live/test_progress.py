"""Operations of a recording that runs: which ended, and which are open."""

from __future__ import annotations

from recorder.dialect.definition import load
from recorder.model import State
from recorder.views.live.progress import Progress, as_line
from tests.wire import Wire, chained, complete, done, state_event


def followed(wire: Wire) -> tuple[list[str], Progress]:
    progress = Progress(load())
    return [as_line(ended) for record in wire.records for ended in progress.feed(record)], progress


def test_an_operation_is_told_when_its_last_event_comes() -> None:
    wire = Wire()
    desk = wire.desk()
    post = desk.post(chained(7, "r1"))
    wire.wait(0.5)
    wire.ack(post)
    wire.wait(1)
    desk.hears(done(7, "r1"))
    desk.hears(done(7, "r1"))

    lines, progress = followed(wire)

    assert lines == ["     1.500  complete  GetChainedRecord 7  200, 1 event, 1500 ms"]
    assert progress.open == []


def test_a_refused_operation_is_told_with_its_ack() -> None:
    wire = Wire()
    wire.respond(wire.desk().post(chained(7, "r1")), {"statusCode": 2}, status=500)

    lines, progress = followed(wire)

    assert lines == ["     0.000  failed    GetChainedRecord 7  500, 0 events, 0 ms"]
    assert progress.counts == {State.FAILED: 1}


def test_an_operation_without_an_answer_says_why() -> None:
    wire = Wire()
    wire.fail(wire.desk().post(complete(7, "r")))

    assert followed(wire)[0] == ["     0.000  aborted   CompleteRecord 7  no answer: Client disconnected."]


def test_operations_are_open_until_they_end() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.post(complete(8, "r8"))
    wire.ack(desk.post(chained(7, "r7")))
    desk.hears(state_event())

    lines, progress = followed(wire)

    assert lines == []
    assert progress.open == [("CompleteRecord 8", State.ABORTED), ("GetChainedRecord 7", State.ACKED)]


def test_what_is_no_operation_is_not_told() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.hears(state_event())

    lines, progress = followed(wire)

    assert (lines, progress.open, progress.counts.total()) == ([], [], 0)


def test_a_long_capture_keeps_the_newest_open_operations() -> None:
    wire = Wire()
    desk = wire.desk()
    for handle in range(600):
        wire.ack(desk.post(chained(handle, f"r{handle}")))

    _, progress = followed(wire)

    assert len(progress.open) == 500
    assert progress.open[0] == ("GetChainedRecord 100", State.ACKED)
