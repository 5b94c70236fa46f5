"""Events that nothing explains yet: kept in order, found by what an ack may still tell, final in the end."""

from __future__ import annotations

from dataclasses import replace

from recorder.correlate.operations import Seen
from recorder.correlate.orphans import Orphans
from tests.correlate.causes.test_rules import GWS, asked, pushed
from tests.wire import chained, done


def at(seq: int, reference: str | None = None) -> Seen:
    seen = pushed(done(7, reference))
    return replace(seen, event=replace(seen.event, seq=seq))


def seqs(found: object) -> list[int]:
    return [seen.event.seq for seen in found]  # type: ignore[attr-defined]


def test_those_that_came_after_the_request_and_carry_its_new_key_are_waiting() -> None:
    orphans, op = Orphans(GWS, 10), asked(chained(7), seq=5)
    for seen in (at(4, "32"), at(6, "32"), at(7, "33"), at(8), at(9, "32")):
        orphans.add(seen)
    op.keys = {**op.keys, "reference": "32"}

    assert seqs(orphans.waiting(op, ["reference"])) == [6, 9]


def test_what_was_explained_waits_no_more() -> None:
    orphans, op = Orphans(GWS, 10), asked(chained(7, "32"), seq=5)
    seen = at(6, "32")
    orphans.add(seen)
    orphans.remove(seen)

    assert orphans.waiting(op, ["reference"]) == list(orphans) == []


def test_the_oldest_are_final_and_handed_out_once() -> None:
    orphans, op = Orphans(GWS, 2), asked(chained(7, "32"), seq=5)
    for seq in (6, 7, 8, 9):
        orphans.add(at(seq, "32"))

    assert seqs(orphans) == [6, 7, 8, 9]
    assert seqs(orphans.waiting(op, ["reference"])) == [8, 9]
    assert (seqs(orphans.final()), seqs(orphans.final()), seqs(orphans)) == ([6, 7], [], [8, 9])
