"""Operations that share no value with their events: the only open one of the session is the cause."""

from __future__ import annotations

from tests.correlate.shop import Shop, shop


def test_an_event_belongs_to_the_only_operation_that_may_cause_it() -> None:
    session = Shop()
    session.acked("POST", "/open", {"ticket": "t1"})
    session.acked("POST", "/close", {"ticket": "t2"})
    session.hears("Opened")

    assert session.told() == [("Open", "complete", ["Opened only 0.6"]), ("Close", "acked", [])]
    link = session.recording().triples[0].events[0]
    assert link.why == "request 6 may cause Opened, and no other open request of this session may"


def test_an_event_may_come_before_the_ack() -> None:
    session = Shop()
    opens = session.asks("POST", "/open")
    session.hears("Opened")
    session.wire.respond(opens, {})

    assert session.told() == [("Open", "complete", ["Opened only 0.6"])]


def test_rivals_make_a_guess_of_it() -> None:
    session = Shop()
    session.acked("POST", "/open")
    session.acked("POST", "/open")
    session.hears("Opened")
    session.hears("Opened")

    assert [events for _, _, events in session.told()] == [["Opened only 0.4"], ["Opened only 0.4"]]
    first, second = session.recording().triples
    assert (first.events[0].rivals, second.events[0].rivals) == ((8,), (6,))


def test_one_that_has_ended_gets_a_further_event_within_its_time_of_grace() -> None:
    session = Shop(shop("tuple]\n", 'tuple]\nunasked = ["Closed"]\n'))
    session.acked("POST", "/open")
    session.hears("Opened")
    session.wire.wait(1.9)
    session.hears("Opened")
    session.wire.wait(0.2)
    session.hears("Opened")

    assert session.told() == [("Open", "complete", ["Opened only 0.6", "Opened only 0.4"])]
    assert session.recording().triples[0].events[1].why.endswith("; such an event had ended it already")


def test_an_event_that_is_also_pushed_unasked_is_a_guess() -> None:
    session = Shop(shop("tuple]\n", 'tuple]\nunasked = ["Closed"]\n'))
    session.acked("POST", "/close")
    session.hears("Closed")

    assert session.told() == [("Close", "complete", ["Closed only 0.4"])]


def test_values_that_both_have_must_agree() -> None:
    session = Shop()
    session.acked("POST", "/open", room="r1")
    session.hears("Opened", room="r2")

    assert session.told() == [("Open", "acked", [])]


def test_an_event_with_an_exact_id_belongs_to_no_other() -> None:
    session = Shop()
    session.acked("POST", "/open", {"ticket": "t1"})
    session.hears("Opened", ticket="t2")

    assert session.told() == [("Open", "acked", [])]


def test_each_session_has_its_own() -> None:
    session = Shop()
    other = session.another()
    session.acked("POST", "/open")
    session.wire.respond(session.asks("POST", "/open", other), {})
    session.hears("Opened", other)

    assert [events for _, _, events in session.told()] == [[], ["Opened only 0.6"]]


def test_a_request_of_an_unknown_session_counts_where_there_is_one_session_alone() -> None:
    session = Shop()
    exchange = session.wire.request("POST", "/open", b"")
    session.wire.respond(exchange, {})
    session.hears("Opened")

    assert session.told() == [("Open", "complete", ["Opened only 0.6"])]


def test_a_request_of_an_unknown_session_is_none_of_several() -> None:
    session = Shop()
    session.another()
    exchange = session.wire.request("POST", "/open", b"")
    session.wire.respond(exchange, {})
    session.hears("Opened")

    assert session.told() == [("Open", "acked", [])]


def test_what_shares_a_value_goes_before_what_shares_none() -> None:
    session = Shop(shop('events = ["Closed"]', 'events = ["Closed", "Changed"]'))
    session.acked("POST", "/close")
    session.acked("PATCH", "/items/i1")
    session.hears("Changed", item="i1")

    assert [events for _, _, events in session.told()] == [[], ["Changed tuple 0.9"]]


def test_a_refused_one_gets_nothing() -> None:
    session = Shop()
    session.wire.respond(session.asks("POST", "/open"), {}, status=409)
    session.hears("Opened")

    assert session.told() == [("Open", "failed", [])]
