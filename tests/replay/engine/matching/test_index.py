"""Recorded requests that a live one may be stand together, however they came."""

from __future__ import annotations

from collections import Counter

from recorder.dialect.definition import load
from recorder.replay.engine.matching.index import Since
from recorder.replay.engine.matching.matcher import Matcher
from tests.wire import Wire, chained, get_me

GWS = load()


def matcher() -> Matcher:
    """Two agents who ask for the same, one of them twice, and for something else."""
    wire = Wire()
    desks = [wire.desk(headers=(("Cookie", f"JSESSIONID=desk{n}"),)) for n in range(2)]
    for desk, ask in [(0, chained(7, "a")), (1, chained(7, "b")), (0, chained(7, "c")), (0, chained(8)), (1, get_me())]:
        wire.ack(desks[desk].post(ask))
    return Matcher(wire.recording(), GWS)


def test_what_differs_in_minted_values_alone_is_found_together() -> None:
    known = matcher()
    live = known.call("POST", chained(7).target, chained(7, "live").body)

    assert sorted(known.alternatives(live).places()) == known.candidates(live) == [0, 1, 2]


def test_what_is_found_together_is_of_the_sessions_that_asked() -> None:
    known = matcher()
    alternatives = known.alternatives(known.call("POST", chained(7).target, chained(7, "live").body))

    assert [[[*repeats.places] for repeats in row.groups] for row in alternatives.of(("s1",))] == [[[0, 2]]]
    assert [[[*repeats.places] for repeats in row.groups] for row in alternatives.of(None)] == [[[0, 2]], [[1]]]
    assert alternatives.of(("nobody", None)) == []


def test_an_exchange_that_is_no_operation_is_its_sessions_too() -> None:
    known = matcher()

    assert list(known.alternatives(known.call("GET", get_me().target, b"")).sessions) == ["s2"]


def test_what_was_not_recorded_finds_nothing() -> None:
    known = matcher()

    assert list(known.alternatives(known.call("GET", "/elsewhere", b"")).places()) == []


def test_requests_are_counted_anew_from_a_moment_on() -> None:
    played = Counter({1: 2, 5: 1})
    since = Since(played, dict(played))
    played.update([5, 7, 7])

    assert dict(since) == {5: 1, 7: 2}
    assert (1 in since, len(since), since.get(1, 0)) == (False, 2, 0)
