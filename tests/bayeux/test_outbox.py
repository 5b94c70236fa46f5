"""Each event is delivered once; to a client that confirms, until it has confirmed it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recorder.bayeux.outbox import Outbox, Queued


def queued(data: int) -> Queued:
    return Queued(f'{{"channel":"/a","data":{data}}}', data)


def filled(*data: int, confirms: bool = False) -> Outbox:
    outbox = Outbox(confirms=confirms)
    for one in data:
        outbox.push(queued(one))
    return outbox


def taken(outbox: Outbox) -> list[int]:
    """What goes into the next answer."""
    return data_of(outbox.take()[1])


def data_of(events: list[Queued]) -> list[int]:
    return [event.owner for event in events]


def test_events_are_taken_once_and_in_order() -> None:
    outbox = filled(1, 2)

    assert taken(outbox) == [1, 2]
    assert taken(outbox) == []
    assert outbox.is_empty


def test_what_comes_back_is_delivered_before_what_came_later() -> None:
    outbox = filled(1, 2)
    events, _ = outbox.take()
    outbox.push(queued(3))

    outbox.put_back(events)

    assert taken(outbox) == [1, 2, 3]


def test_events_that_come_back_are_handed_back() -> None:
    outbox = filled(1)
    fresh, _ = outbox.take()

    assert data_of(fresh) == [1]
    assert data_of(outbox.put_back(fresh)) == [1]


def test_what_is_not_confirmed_is_taken_again_in_front_and_is_new_once() -> None:
    outbox = filled(1, confirms=True)
    outbox.take()
    outbox.push(queued(2))

    fresh, every = outbox.take()

    assert data_of(every) == [1, 2]
    assert data_of(fresh) == [2]


def test_a_client_that_confirms_tells_by_itself_what_did_not_arrive() -> None:
    outbox = filled(1, confirms=True)
    outbox.put_back(outbox.take()[1])

    assert outbox.is_empty
    assert not outbox.is_confirmed


def test_an_heir_gets_what_was_not_confirmed_and_what_was_not_taken_before_its_own() -> None:
    before = filled(1, 2, confirms=True)
    before.take()
    before.confirmed(1)
    before.push(queued(3))
    before.take()
    before.push(queued(4))
    heir = filled(5)

    heir.inherit(before)

    assert taken(heir) == [3, 4, 5]
    assert before.is_empty
    assert before.is_confirmed


@given(st.lists(st.tuples(st.sampled_from(["push", "take", "lose"]), st.booleans())))
def test_a_client_that_confirms_misses_nothing_and_knows_what_is_new(course: list[tuple[str, bool]]) -> None:
    outbox = Outbox(confirms=True)
    pushed, known, confirmed = 0, [0], 0
    for act, confirms in course:
        if act == "push":
            pushed += 1
            outbox.push(queued(pushed))
            continue
        batch = outbox.batch
        events = taken(outbox)
        if act == "take":
            known += [data for data in events if data > known[-1]]
            assert [data for data in events if data <= known[-1]] == events
            if confirms:
                outbox.confirmed(batch)
                confirmed = known[-1]

    rest = taken(outbox)

    assert rest == list(range(confirmed + 1, pushed + 1))
