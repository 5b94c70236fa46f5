"""How often the correlator is right, over sessions whose truth is known.

outcomes = judged(Shape(agents=2, in_flight=5, missing=0.5), seed=1)
tally(outcomes).precision
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from benchmarks.sessions import TOKENS, Cause, Kind, Shape, sessions
from benchmarks.synthetic import HEADER
from recorder.correlate.engine import Correlator
from recorder.dialect.definition import load
from recorder.model import Link

SURE = 0.9  # a link of this confidence or more says that it is right
SURE_PRECISION = 0.99  # at least, of these


@dataclass(frozen=True, slots=True)
class Outcome:
    """The truth about an event, and what the correlator made of it; `request` is None where it said "unsolicited"."""

    cause: Cause
    request: int | None = None
    confidence: float = 0.0
    rivals: tuple[int, ...] = ()

    @property
    def right(self) -> bool:
        return self.request == self.cause.request or self.request in self.cause.same

    @property
    def wrong(self) -> bool:
        """Whether it was linked, to the wrong request."""
        return self.request is not None and not self.right

    @property
    def sure(self) -> bool:
        return self.confidence >= SURE

    @property
    def rivalled(self) -> bool:
        """Whether the true request is among the rivals."""
        return self.cause.request in self.rivals


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of events: all, those with a cause, those linked, and those linked to the right request."""

    events: int
    caused: int
    links: int
    right: int

    @property
    def precision(self) -> float:
        """Right links of the links made."""
        return self.right / self.links if self.links else 1.0

    @property
    def recall(self) -> float:
        """Right links of the events that have a cause."""
        return self.right / self.caused if self.caused else 1.0


def judged(shape: Shape, seed: int) -> list[Outcome]:
    """Correlate a session as sealing does, and hold it against the truth.

    Raises:
        AssertionError: If an event was lost, doubled or invented.
    """
    correlator, truth, links = Correlator(load()), dict[tuple[int, int], Cause](), list[Link]()
    pushed: list[tuple[int, int]] = []
    for record, causes in sessions(shape, random.Random(seed)):
        truth |= {(record.seq, index): cause for index, cause in causes.items()}
        correlator.feed(record)
        links += (link for triple in (*correlator.triples(), *correlator.plain()) for link in triple.events)
        pushed += ((one.event.seq, one.event.index) for one in correlator.unsolicited())
    rest = correlator.finish(HEADER)
    links += (link for triple in (*rest.triples, *rest.plain) for link in triple.events)
    pushed += ((one.event.seq, one.event.index) for one in rest.unsolicited)
    linked = {(link.event.seq, link.event.index): link for link in links}
    assert sorted([*linked, *pushed]) == sorted(truth), "an event was lost, doubled or invented"
    assert len(linked) == len(links), "an event was linked twice"
    return [_outcome(cause, linked.get(at)) for at, cause in truth.items()]


def _outcome(cause: Cause, link: Link | None) -> Outcome:
    return Outcome(cause, link.request, link.confidence, link.rivals) if link else Outcome(cause)


def varied(shape: Shape, count: int, seed: int) -> Iterator[Outcome]:
    """Outcomes of so many sessions that differ in what their agents show of themselves and have in common."""
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        own = replace(shape, tokens=TOKENS[number % len(TOKENS)], shared=rng.random() < 0.5)
        yield from judged(own, rng.getrandbits(32))


def tally(outcomes: Iterable[Outcome], least: float = 0.0) -> Tally:
    """Count; links of a confidence below `least` do not count as made."""
    found = list(outcomes)
    linked = [outcome for outcome in found if outcome.request is not None and outcome.confidence >= least]
    caused = sum(outcome.cause.request is not None for outcome in found)
    return Tally(len(found), caused, len(linked), sum(outcome.right for outcome in linked))


def with_reference(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Those whose request carried a referenceId of its own, twins included."""
    return [outcome for outcome in outcomes if outcome.cause.kind is Kind.REFERENCE]


def calibration(outcomes: Iterable[Outcome]) -> dict[float, Tally]:
    """What became of the links of each confidence."""
    found: dict[float, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.request is not None:
            found[outcome.confidence].append(outcome)
    return {confidence: tally(found[confidence]) for confidence in sorted(found)}


def wrong_links(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many links are wrong, and how many of them say that they may be."""
    wrong = [outcome for outcome in outcomes if outcome.wrong]
    return {
        "wrong": len(wrong),
        "unsure": sum(not outcome.sure for outcome in wrong),
        "true request among the rivals": sum(outcome.rivalled for outcome in wrong),
        "neither": sum(outcome.sure and not outcome.rivalled for outcome in wrong),
    }


def missed(cells: Iterable[tuple[Shape, list[Outcome]]]) -> Iterator[str]:
    """The targets of accuracy that were missed."""
    for shape, outcomes in cells:
        where = f"{shape.agents} agents, {shape.in_flight} in flight, {shape.missing:.0%} without a reference"
        exact, certain = tally(with_reference(outcomes)), tally(outcomes, least=SURE)
        if exact.precision < 1 or exact.recall < 1:
            yield f"{where}: precision {exact.precision:.4f}, recall {exact.recall:.4f} with a reference, must be 1"
        if shape.missing and certain.precision < SURE_PRECISION:
            yield f"{where}: precision {certain.precision:.4f} of links of {SURE} and more, at least {SURE_PRECISION}"
        if hidden := wrong_links(outcomes)["neither"]:
            yield f"{where}: {hidden} wrong links are sure, and the true request is no rival"
