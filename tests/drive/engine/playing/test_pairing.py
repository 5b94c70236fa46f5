"""Which recorded event a live one stands for."""

from __future__ import annotations

from recorder.dialect.definition import Dialect
from recorder.drive.engine.plan import Told
from recorder.drive.engine.playing.bindings import Bindings
from recorder.drive.engine.playing.pairing import Held, Paired, Pairing, Surplus, Traits, _digest
from recorder.model import Event

from ..simulated import Script, event


def two_calls(*, channel: str = "/calls") -> Script:
    """Two calls, each with an event that has its handle; the client uses both handles later."""
    script = Script()
    script.client("s1", "c1", "c2")
    for number in (0, 1):
        script.step("s1", number, {"ref": f"ref-000{number}"}, fresh=("ref",), n=number + 1)
        data = {"ref": f"ref-000{number}", "handle": f"handle-000{number}"}
        script.event("c1", number, number + 0.5, channel.format(number), data)
    script.step(
        "s1", 9.0, {"a": "handle-0000", "b": "handle-0001"}, learned={"a": [(0, "handle")], "b": [(1, "handle")]}
    )
    return script


def opened(script: Script, bindings: Bindings, *numbers: int, dialect: Dialect | None = None) -> Pairing:
    plan = script.plan()
    pairing = Pairing(plan, bindings, Traits(plan), dialect)
    for number in numbers:
        assert pairing.open(plan.told[number], plan.told[number].event) is None
    return pairing


def bound(*pairs: tuple[str, str]) -> Bindings:
    bindings = Bindings()
    for recorded, live in pairs:
        bindings.bind(recorded, live)
    return bindings


def test_the_event_with_the_same_ids_goes_first():
    pairing = opened(two_calls(), bound(("ref-0000", "x-1"), ("ref-0001", "x-2")), 0, 1)

    assert pairing.pair("c1", event("/calls", {"ref": "x-2"})) == Paired(1)
    assert pairing.pair("c1", event("/calls", {"ref": "x-1"})) == Paired(0)


def test_without_ids_the_earliest_goes_first():
    pairing = opened(two_calls(), Bindings(), 0, 1)

    assert pairing.pair("c1", event("/calls", {"ref": "new-1"})) == Paired(0)
    assert pairing.pair("c1", event("/calls", {})) == Paired(1)


def test_an_event_that_lost_the_field_of_its_id_is_paired_all_the_same():
    pairing = opened(two_calls(), bound(("ref-0000", "x-1")), 0)

    assert pairing.pair("c1", event("/calls", {})) == Paired(0)


def test_an_event_with_the_id_of_another_is_surplus():
    pairing = opened(two_calls(), bound(("ref-0000", "x-1"), ("ref-0001", "x-2")), 1)

    assert pairing.pair("c1", event("/calls", {"ref": "x-1"})) == Surplus(None, 0)


def test_an_event_with_an_unknown_id_in_place_of_a_known_one_is_surplus():
    pairing = opened(two_calls(), bound(("ref-0000", "x-1")), 0)

    assert pairing.pair("c1", event("/calls", {"ref": "what-9"})) == Surplus(None, 1, "ref")


def test_a_short_value_that_happens_to_be_a_handle_contradicts_nothing():
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 0.0)
    script.event("c1", 0, 0.5, "/calls", {"handle": "7", "waiting": 7})
    script.step("s1", 9.0, {"handle": "7"}, learned={"handle": [(0, "handle")]})
    pairing = opened(script, bound(("7", "1001")), 0)

    assert pairing.pair("c1", event("/calls", {"handle": "1001", "waiting": 7})) == Paired(0)


def test_a_channel_holds_live_ids():
    pairing = opened(two_calls(channel="/calls/ref-000{}"), bound(("ref-0000", "x-1"), ("ref-0001", "x-2")), 0, 1)

    assert pairing.pair("c1", event("/calls/x-2", {})) == Paired(1)
    assert pairing.pair("c1", event("/calls/x-3", {})) == Surplus()
    assert pairing.pair("c1", event("/other/x-1", {})) == Surplus()


def test_an_event_on_another_connection_stands_for_another_copy():
    script = two_calls()
    script.event("c2", 1, 1.6, "/calls", {"ref": "ref-0001", "handle": "handle-0001"})
    pairing = opened(script, bound(("ref-0001", "x-2")), 1, 2)

    assert pairing.pair("c2", event("/calls", {"ref": "x-2"})) == Paired(2)
    assert pairing.pair("c2", event("/calls", {"ref": "x-2"})) == Surplus(2)
    assert pairing.pair("c1", event("/calls", {"ref": "x-2"})) == Paired(1)


def test_what_came_too_late_goes_last():
    script = two_calls()
    pairing = opened(script, Bindings(), 0, 1)
    pairing.retire(script.told[0])

    assert pairing.pair("c1", event("/calls", {})) == Paired(1)
    assert pairing.pair("c1", event("/calls", {})) == Paired(0)


def test_an_event_of_a_step_that_was_left_out_is_surplus():
    script = two_calls()
    pairing = opened(script, Bindings())
    pairing.forget(script.told[0])

    assert pairing.pair("c1", event("/calls", {})) == Surplus(None, 1)


def test_an_event_that_followed_a_step_by_chance_may_come_before_it():
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 0.0)
    script.event("c1", 0, 0.5, "/news", {"text": "a"}, n=0)
    pairing = opened(script, Bindings())
    news = event("/news", {"text": "a"})

    assert pairing.pair("c1", news) == Held()
    assert list(pairing.leftovers()) == [("c1", news, Surplus())]
    assert pairing.pair("c1", news) == Surplus(None, 0)
    assert pairing.open(script.told[0], script.told[0].event) is news
    assert list(pairing.leftovers()) == []


def states(*recorded: dict) -> Pairing:
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 0.0, n=1)
    numbers = [script.event("c1", 0, 0.5, "/states", data) for data in recorded]
    return opened(script, Bindings(), *numbers)


def test_of_several_events_the_one_with_the_same_words_goes_first():
    pairing = states({"type": "started", "n": 1}, {"type": "ended", "n": 2}, {"type": "ended", "n": 3})

    assert pairing.pair("c1", event("/states", {"type": "ended", "n": 9})) == Paired(1)
    assert pairing.pair("c1", event("/states", {"type": "other", "n": 8})) == Paired(0)
    assert pairing.pair("c1", event("/states", {"type": "other", "n": 7})) == Paired(2)


def test_an_equal_event_is_a_doubled_one_where_the_recorded_ones_differ():
    pairing = states({"n": 1, "at": "10:00:01"}, {"n": 2, "at": "10:00:02"})

    assert pairing.pair("c1", event("/states", {"n": 5, "at": "11:00:00"})) == Paired(0)
    assert pairing.pair("c1", event("/states", {"n": 5, "at": "11:00:00"})) == Surplus(0)
    assert pairing.pair("c1", event("/states", {"n": 6, "at": "11:00:00"})) == Paired(1)


def test_an_event_like_the_one_before_is_a_doubled_one_where_the_next_has_more():
    pairing = states({"n": 1}, {"n": 1, "user": "ann"})

    assert pairing.pair("c1", event("/states", {"n": 5})) == Paired(0)
    assert pairing.pair("c1", event("/states", {"n": 5})) == Surplus(0)


def test_an_equal_event_is_the_next_one_where_the_recorded_ones_are_equal_but_for_their_time():
    pairing = states({"n": 1, "at": "10:00:01"}, {"n": 1, "at": "10:00:02"})

    assert pairing.pair("c1", event("/states", {"n": 5, "at": "11:00:00"})) == Paired(0)
    assert pairing.pair("c1", event("/states", {"n": 5, "at": "11:00:00"})) == Paired(1)


def test_an_equal_event_is_the_next_one_where_the_server_no_longer_tells_what_differs():
    pairing = states({"state": "on", "n": 1}, {"state": "on", "n": 2})

    assert pairing.pair("c1", event("/states", {"state": "on"})) == Paired(0)
    assert pairing.pair("c1", event("/states", {"state": "on"})) == Paired(1)


def test_keys_of_the_dialect_let_one_event_go_before_another():
    script = calls_of_workspace()
    bindings = Bindings()
    pairing = opened(script, bindings, 0, 1, dialect=WORKSPACE)
    pairing.learn({"call": "0123-1"}, {"call": "live-1"})

    assert pairing.pair("c1", voice("live-1")) == Paired(1)
    assert pairing.pair("c1", voice("live-2")) == Paired(0)
    assert bindings.pairs() == []


def test_events_with_other_names_are_others():
    pairing = opened(calls_of_workspace(), Bindings(), 0, 1, dialect=WORKSPACE)
    other = event("/workspace/v3/voice", {"call": {"id": "0123-1"}, "messageType": "EventError"})

    assert pairing.pair("c1", other) == Surplus()


WORKSPACE = Dialect.load("genesys-workspace")


def voice(call: str, number: int = 0):
    return event("/workspace/v3/voice", {"call": {"id": call}, "messageType": "CallStateChanged"}, number)


def calls_of_workspace() -> Script:
    script = Script()
    script.client("s1", "c1")
    for number in (0, 1):
        script.step("s1", 0.0, n=number + 1)
        heard = voice(f"0123-{number}", number)
        script.told.append(
            Told(number, "s1", "c1", (number, 0), 5, number, number + 1, event=heard, name="CallStateChanged",
                 keys=WORKSPACE.keys_of_event(heard))
        )  # fmt: skip
    return script


def two_kinds() -> Script:
    """A call whose number two events of other kinds bring; the client uses the number of the first."""
    script = Script()
    script.client("s1", "c1")
    script.step("s1", 0, {"ref": "ref-0000"}, fresh=("ref",), n=1)
    script.event("c1", 0, 0.5, "/preview", {"ref": "ref-0000", "phone": "555-0101"})
    script.event("c1", 0, 0.6, "/chained", {"ref": "ref-0000", "phone": "555-0101"})
    script.step("s1", 9.0, {"phone": "555-0101"}, learned={"phone": [(0, "phone")]})
    return script


def test_what_a_server_told_forbids_no_pair_of_one_reference():
    """Two events have one number in the recording by chance; now the server tells another one in each."""
    pairing = opened(two_kinds(), bound(("ref-0000", "x-1"), ("555-0101", "555-0103")), 0, 1)

    assert pairing.pair("c1", event("/chained", {"ref": "x-1", "phone": "555-0199"})) == Paired(1)
    assert pairing.pair("c1", event("/preview", {"ref": "x-1", "phone": "555-0103"})) == Paired(0)


def test_a_value_that_stands_for_another_one_forbids_no_pair_of_one_reference():
    """A server that begins anew gives out ids that it has given out before."""
    pairing = opened(two_calls(), bound(("ref-0001", "x-2"), ("handle-0000", "handle-7")), 1)

    assert pairing.pair("c1", event("/calls", {"ref": "x-2", "handle": "handle-7"})) == Paired(1)


def test_of_two_events_of_one_reference_the_one_without_contradiction_goes_first():
    script = two_kinds()
    script.event("c1", 0, 9.5, "/chained", {"ref": "ref-0000", "phone": "555-0102"})
    script.step("s1", 10.0, {"phone": "555-0102"}, learned={"phone": [(2, "phone")]})
    pairing = opened(script, bound(("ref-0000", "x-1"), ("555-0101", "555-0103"), ("555-0102", "555-0104")), 1, 2)

    assert pairing.pair("c1", event("/chained", {"ref": "x-1", "phone": "555-0104"})) == Paired(2)


def test_a_reference_of_another_step_forbids_a_pair_though_the_rest_is_alike():
    pairing = opened(two_calls(), bound(("ref-0000", "x-1"), ("ref-0001", "x-2"), ("handle-0001", "h-1")), 1)

    assert pairing.pair("c1", event("/calls", {"ref": "x-1", "handle": "h-1"})) == Surplus(None, 0, "ref")


def test_an_event_of_somebody_else_is_told_apart_though_nothing_of_its_kind_is_awaited():
    pairing = opened(two_calls(), bound(("ref-0000", "x-1"), ("ref-0001", "x-2")), 0, 1)
    assert pairing.pair("c1", event("/calls", {"ref": "x-1"})) == Paired(0)
    assert pairing.pair("c1", event("/calls", {"ref": "x-2"})) == Paired(1)

    assert pairing.pair("c1", event("/calls", {"ref": "foreign-1"})) == Surplus(None, None, "ref")
    assert pairing.pair("c1", event("/calls", {"ref": "x-1", "more": True})) == Surplus()


def test_a_handle_that_the_server_told_for_another_step_is_one_of_somebody_else():
    bindings = bound(("ref-0000", "x-1"), ("handle-0000", "h-1"), ("ref-0001", "x-2"), ("handle-0001", "h-2"))
    pairing = opened(two_kinds(), bindings, 1)

    assert pairing.pair("c1", event("/chained", {"ref": "x-2"})) == Surplus(None, None, "ref")


def test_an_event_without_ids_before_its_step_is_early_and_of_nobody_else():
    pairing = opened(two_calls(), bound(("ref-0000", "x-1")), 0)
    assert pairing.pair("c1", event("/calls", {"ref": "x-1"})) == Paired(0)

    assert pairing.pair("c1", event("/calls", {"note": "none"})) == Surplus(None, 1)


def test_an_event_that_came_too_late_goes_before_one_that_is_only_alike():
    script = two_kinds()
    script.event("c1", 0, 9.5, "/chained", {"ref": "ref-0000", "phone": "555-0102"})
    script.step("s1", 10.0, {"phone": "555-0102"}, learned={"phone": [(2, "phone")]})
    pairing = opened(script, bound(("ref-0000", "x-1"), ("555-0101", "555-0103"), ("555-0102", "555-0104")), 1, 2)
    pairing.retire(pairing._plan.told[2])

    assert pairing.pair("c1", event("/chained", {"ref": "x-1", "phone": "555-0104"})) == Paired(2)


def test_an_event_that_comes_early_is_held_for_its_own_one():
    script = two_kinds()
    script.event("c1", 0, 9.5, "/chained", {"ref": "ref-0000", "phone": "555-0102"}, n=0)
    script.step("s1", 10.0, {"phone": "555-0102"}, learned={"phone": [(2, "phone")]})
    pairing = opened(script, bound(("ref-0000", "x-1"), ("555-0101", "555-0103"), ("555-0102", "555-0104")), 1)

    assert pairing.pair("c1", event("/chained", {"ref": "x-1", "phone": "555-0104"})) == Held()
    assert pairing.pair("c1", event("/chained", {"ref": "x-1", "phone": "555-0199"})) == Paired(1)


def test_events_that_no_json_can_have_are_told_apart() -> None:
    datas = ["\ud83d", "\ud83e", 10**30, 10**30 + 1, {"b": 1, "a": 2}, {"a": 2, "b": 2}]
    digests = {_digest(Event(0, 0, 0, 0, "c", "/a", data)) for data in datas}

    assert len(digests) == len(datas)
    assert _digest(Event(0, 0, 0, 0, "c", "/a", {"a": 1, "b": 2})) == _digest(
        Event(1, 1, 1, 1, "d", "/a", {"b": 2, "a": 1})
    )
