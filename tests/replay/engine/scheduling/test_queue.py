"""What leaves next: by time; of what may leave, by its place on the recorded wire, then by client."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import load
from recorder.model import Event
from recorder.replay.engine.rewriting.rewriter import Rewriter
from recorder.replay.engine.scheduling.queue import StepQueue
from recorder.replay.engine.timeline import ACK_PATIENCE, Run, Step
from recorder.requests.bindings import Bindings

REWRITER = Rewriter(load(), Bindings())
EVENT = Event(0, 0, 0, 0, "client", "/channel", {})


def run(*steps: tuple[int, float], client: int = 1, started: float = 10.0) -> Run:
    """A run of events: place on the wire, offset."""
    made = tuple(Step((order, 0), offset, EVENT) for order, offset in steps)
    return Run(made, started, 1.0, REWRITER, rank=(client, 1))


def agenda_of(*runs: Run) -> StepQueue:
    queue: StepQueue = StepQueue()
    for each in runs:
        each.owner = f"client {each.rank[0]}"
        queue.put(each)
    return queue


def leaves(queue: StepQueue, now: float) -> list[tuple[str, int]]:
    """All that leaves: whose it is, and its place on the wire."""
    found = []
    while (playing := queue.next(now)) is not None:
        assert playing.step is not None
        found.append((playing.owner, playing.step.order[0]))
        playing.advance(now)
        queue.put(playing)
    return found


def test_nothing_leaves_before_its_time() -> None:
    queue = agenda_of(run((1, 0.5), (2, 1.0)))

    assert queue.due == 10.5
    assert leaves(queue, 10.4) == []
    assert leaves(queue, 10.5) == [("client 1", 1)]
    assert queue.due == 11.0


def test_of_what_may_leave_the_first_on_the_wire_does_though_another_was_due_before() -> None:
    queue = agenda_of(run((5, 0.1)), run((3, 0.2), client=2))

    assert leaves(queue, 11.0) == [("client 2", 3), ("client 1", 5)]


def test_of_the_same_for_two_clients_the_first_clients_leaves_first() -> None:
    queue = agenda_of(run((1, 0.0), client=2), run((1, 0.0), client=1))

    assert leaves(queue, 10.0) == [("client 1", 1), ("client 2", 1)]


def test_a_run_that_changed_counts_once() -> None:
    later = run((1, 0.0))
    queue = agenda_of(later)
    later.shift(5.0)
    queue.put(later)

    assert queue.due == 15.0
    assert leaves(queue, 14.0) == []
    assert leaves(queue, 15.0) == [("client 1", 1)]
    assert queue.due is None


def test_an_ack_that_waits_for_its_events_leaves_as_soon_as_they_are_fetched() -> None:
    waiting = Run((Step((1, 0), 0.0, EVENT), Step((2, 0), 0.1, None)), 10.0, 1.0, REWRITER)
    queue = agenda_of(waiting)
    leaves(queue, 10.0)
    late = queue.due
    waiting.taken(out=True)
    queue.put(waiting)

    assert (late, queue.due) == (10.0 + ACK_PATIENCE, 10.1)


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=4), max_size=5), st.data())
def test_it_is_what_a_search_finds(drawn: list[list[tuple[int, int]]], data: st.DataObject) -> None:
    runs = [run(*((order, float(wait)) for order, wait in steps), client=n) for n, steps in enumerate(drawn)]
    queue = agenda_of(*runs)
    for now in sorted(data.draw(st.lists(st.integers(9, 14), max_size=5))):
        while True:
            due = [(r.step.order, r.rank, r) for r in runs if r.step and (r.due() or 0.0) <= now]
            found = queue.next(now)
            assert (found is None) == (not due)
            if found is None:
                break
            assert found is min(due, key=lambda item: item[:2])[2]
            found.advance(now)
            queue.put(found, *([now] if data.draw(st.booleans()) else []))
        times = [when for r in runs if (when := r.due()) is not None]
        assert queue.due == min(times, default=None)
