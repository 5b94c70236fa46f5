"""What digests say is what a comparison of every pair says, and equal triples are read only once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any, TypeVar, overload

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import shipped
from recorder.diff import differences as module
from recorder.diff.differences import Changed, Latency, differences
from recorder.model import Recording, Triple
from recorder.redaction.policy import load
from tests.diff.edits import DEVICE, again, json_of, recording
from tests.wire import Wire, chained, done, twin

GWS = shipped("gws-outbound")
SESSION = recording()
VALUES = ["a\\b", "50%", "•", 7, None, DEVICE, "desk-4", {"x": "desk-5"}, [1], "http://gws.example:8090/desk-4"]

T = TypeVar("T")


class Counting(Sequence[T]):
    """A sequence whose items are made when asked for, and counted."""

    def __init__(self, items: Sequence[T]) -> None:
        self._items = items
        self.asked = 0

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: Any) -> Any:
        self.asked += 1
        return self._items[at]

    def __iter__(self) -> Iterator[T]:
        self.asked += len(self._items)
        return iter(self._items)


def lazy(one: Recording) -> tuple[Recording, Counting[Triple]]:
    triples = Counting(one.triples)
    return replace(one, triples=triples, plain=Counting(one.plain), unsolicited=Counting(one.unsolicited)), triples


def changed(random: Random) -> Recording:
    """The session with some changes, in its triples as they were derived."""
    one = recording(again) if random.random() < 0.5 else SESSION
    triples = [triple for item in one.triples if (triple := _changed(item, random)) is not None]
    if random.random() < 0.3:
        triples.insert(random.randrange(len(triples) + 1), random.choice(one.triples))
    if random.random() < 0.2:
        random.shuffle(triples)
    return replace(one, triples=tuple(triples))


def _changed(item: Triple, random: Random) -> Triple | None:
    if random.random() < 0.7:
        return item
    match random.randrange(6):
        case 0:
            return None
        case 1:
            return replace(item, ack=None)
        case 2 if item.ack is not None:
            return replace(item, ack=replace(item.ack, status=404, t=item.ack.t + 10**9))
        case 3:
            return replace(item, request=replace(item.request, body=item.request.body.replace(b"desk-4", b"desk-5")))
        case 4:
            return replace(item, events=item.events[::-1])
        case _:
            return replace(item, events=tuple(_changed_event(link, random) for link in item.events))


def _changed_event(link: Any, random: Random) -> Any:
    data = link.event.data | {random.choice(["a", "record", *link.event.data]): random.choice(VALUES)}
    return replace(link, event=replace(link.event, data=data, t=link.event.t + random.choice([0, 10**9])))


def by_every_pair(old: Recording, new: Recording, **options: Any) -> list[Changed]:
    """The differences without the help of digests."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module.Comparison, "_are_equal", lambda *_: False)
        return list(differences(old, new, GWS, **options))


@given(st.integers(0, 2**32), st.sampled_from([None, Latency(ms=200)]), st.sampled_from([None, load("gws")]))
def test_digests_hide_no_difference_and_add_none(seed: int, latency: Latency | None, policy: Any) -> None:
    random = Random(seed)
    old, new = (changed(random), changed(random)) if random.random() < 0.3 else (SESSION, changed(random))

    found = list(differences(lazy(old)[0], lazy(new)[0], GWS, latency=latency, policy=policy))

    assert found == by_every_pair(old, new, latency=latency, policy=policy)


def test_equal_triples_are_read_as_often_whatever_their_number() -> None:
    (old, triples), (new, others) = lazy(SESSION), lazy(recording(again))

    assert list(differences(old, new, GWS)) == []
    assert triples.asked == others.asked == len(SESSION.triples)


def test_of_a_difference_one_triple_is_read_again() -> None:
    change = json_of(39, lambda body: body | {"callResult": "Busy"})
    (old, triples), (new, others) = lazy(SESSION), lazy(recording(change))

    assert len(list(differences(old, new, GWS))) == 1
    assert triples.asked == others.asked == len(SESSION.triples) + 1


def test_an_id_that_was_told_is_not_told_again_and_a_new_one_is() -> None:
    def session(*references: str) -> Recording:
        wire = Wire()
        desk = wire.desk("client-0001")
        for n, reference in enumerate(references, 1):
            desk.asks(chained(n, reference), done(n, reference), twin("ChainedRecordsDataEnd"))
        return wire.recording(GWS)

    old = session(*["reference-1"] * 4)
    new = session("another-1", "another-2", "another-2", "another-3")

    found = [(c.old and c.old.n, [d.old for d in c.differences]) for c in differences(old, new, GWS)]

    assert found == [(2, ["reference-1"]), (4, ["reference-1"])]
