"""Hold what was linked in a recording against the truth of the server that was recorded."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from recorder.api.cassette import Cassette
from recorder.correlate.engine import correlate
from recorder.dialect.definition import Dialect, shipped
from recorder.dialect.paths import parse_json
from recorder.model import AnchorKind, Event, Link, Recording, Request

Place: TypeAlias = tuple[int, int]  # of an event: `seq` of its record, and its place in it
Truth: TypeAlias = dict[Place, int | None]  # `seq` of the request that caused each event, None if none did


@dataclass(frozen=True, slots=True)
class Outcome:
    """An event, the request that caused it, and its link, None if it was called unsolicited."""

    event: Event
    cause: int | None
    link: Link | None

    @property
    def right(self) -> bool:
        """Whether it is linked to the request that caused it."""
        return self.link is not None and self.link.request == self.cause

    @property
    def wrong(self) -> bool:
        """Whether it is linked to a request that did not cause it."""
        return self.link is not None and self.link.request != self.cause


@dataclass(frozen=True, slots=True)
class Counts:
    """How right the links of a recording are.

    Attributes:
        caused: Events that a request caused.
        right: Those of them that are linked to that request.
        wrong: Links of caused events to another request, by their confidence.
        unsolicited: Events that no request caused.
        unsolicited_wrong: Links of those, by their confidence.
    """

    caused: int
    right: int
    wrong: Mapping[float, int]
    unsolicited: int
    unsolicited_wrong: Mapping[float, int]

    @property
    def share(self) -> float:
        """The share of caused events that are linked right."""
        return self.right / self.caused if self.caused else 1.0

    def wrong_from(self, confidence: float) -> int:
        """Return the number of wrong links of a confidence or more."""
        both = [*self.wrong.items(), *self.unsolicited_wrong.items()]
        return sum(count for one, count in both if one >= confidence)


def outcomes(recording: Recording, truth: Truth) -> list[Outcome]:
    """Return what became of each event.

    Raises:
        AssertionError: If an event was lost, doubled or invented.
    """
    links = [link for triple in (*recording.triples, *recording.plain) for link in triple.events]
    found: dict[Place, tuple[Event, Link | None]] = {_place(link.event): (link.event, link) for link in links}
    assert len(found) == len(links), "an event was linked twice"
    found |= {_place(one.event): (one.event, None) for one in recording.unsolicited}
    assert found.keys() == truth.keys(), "an event was lost, doubled or invented"
    return [
        Outcome(event, truth[place], link) for place, (event, link) in sorted(found.items(), key=lambda one: one[0])
    ]


def counts(some: Iterable[Outcome]) -> Counts:
    """Count outcomes."""
    found = list(some)
    caused = [one for one in found if one.cause is not None]
    pushed = [one for one in found if one.cause is None]
    return Counts(
        len(caused), sum(one.right for one in caused), _by_confidence(caused), len(pushed), _by_confidence(pushed)
    )


def _by_confidence(some: list[Outcome]) -> dict[float, int]:
    return dict(sorted(Counter(one.link.confidence for one in some if one.link is not None and one.wrong).items()))


def judged(cassette: Path, dialect: Dialect, truth: Truth) -> list[Outcome]:
    """Link a cassette by a dialect, and return what became of each event."""
    with Cassette(cassette) as opened:
        return outcomes(correlate(tuple(opened.records()), dialect, opened.header), truth)


def calibration(some: Iterable[Outcome]) -> dict[float, tuple[int, int]]:
    """Return how many links there are of each confidence, and how many of them are right."""
    found: dict[float, list[bool]] = defaultdict(list)
    for one in some:
        if one.link is not None:
            found[one.link.confidence].append(one.right)
    return {confidence: (len(found[confidence]), sum(found[confidence])) for confidence in sorted(found)}


def read(file: Path) -> Truth:
    """Read the truth of a cassette from the file that `write` wrote."""
    rows = json.loads(file.read_text())["events"]
    return {(seq, index): cause for seq, index, cause in rows}


def write(file: Path, truth: Truth) -> None:
    """Write the truth of a cassette: a row of seq, index and cause for each event."""
    rows = ",\n".join(f"  {json.dumps([*place, cause])}" for place, cause in sorted(truth.items()))
    file.write_text(f'{{"events": [\n{rows}\n]}}\n')


def joined(cassette: Path, log: Sequence[Mapping[str, Any]], dialect: Dialect | None = None) -> Truth:
    """Find the lines of a server's log in the cassette that was recorded from it; see `matched`.

    The dialect says which publishes are requests; without one, none is.
    """
    with Cassette(cassette) as opened:
        return matched(correlate(tuple(opened.records()), dialect or shipped("gws-outbound"), opened.header), log)


def matched(recording: Recording, log: Sequence[Mapping[str, Any]]) -> Truth:
    """Find the lines of a server's log in a recording.

    A request is known by method, path and body. Each of the two may lack some: what a request that was not recorded
    caused has no cause. The n-th session is the n-th handshake, and what a session got on a channel is what it was
    handed there, in the same order. Where the log tells of no sessions, all got everything on the channels that they
    heard of.

    Raises:
        AssertionError: If an event has no counterpart.
    """
    left, causes = requests_of(recording), dict[Any, int]()
    for line in (line for line in log if line["kind"] in {"request", "req"}):
        asked = (line["method"], line.get("path", line.get("url")).partition("?")[0])
        alike = [one for one in left if (one.method, one.target.partition("?")[0]) == asked]
        # Two at once may have come in another order: the body tells which is which.
        found = next((one for one in alike if parse_json(one.body) == line.get("body")), next(iter(alike), None))
        if found is not None:
            causes[line["n"]] = found.seq
            left.remove(found)
    return dict(_events_matched(recording, log, causes))


def _events_matched(
    recording: Recording, log: Sequence[Mapping[str, Any]], causes: Mapping[Any, int]
) -> Iterator[tuple[Place, int | None]]:
    agents = [line["agent"] for line in log if line["kind"] == "session"]
    clients = [message.client_id for message in recording.messages if message.kind is AnchorKind.START]
    heard = {client: [event for event in events_of(recording) if event.client_id == client] for client in clients}
    for place, client in enumerate(clients):
        for channel in dict.fromkeys(event.channel for event in heard[client]):
            handed = [
                line
                for line in log
                if line["kind"] == "event"
                and line["channel"] == channel
                and (not agents or line["agent"] == agents[place])
            ]
            got = [event for event in heard[client] if event.channel == channel]
            assert len(got) == len(handed), f"{len(got)} events on {channel} of {len(handed)} handed out"
            for event, line in zip(got, handed, strict=True):
                assert line.get("data", event.data) == event.data, f"another event on {channel}"
                yield _place(event), causes.get(line["cause"])


def requests_of(recording: Recording) -> list[Request]:
    """Return the requests of a recording in their order: no Bayeux messages, but publishes that are operations."""
    every = [triple.request for triple in (*recording.triples, *recording.plain)]
    return sorted(every, key=lambda one: one.seq)


def events_of(recording: Recording) -> list[Event]:
    """Return all events of a recording, in their order."""
    links = [link.event for triple in (*recording.triples, *recording.plain) for link in triple.events]
    return sorted([*links, *(one.event for one in recording.unsolicited)], key=_place)


def _place(event: Event) -> Place:
    return event.seq, event.index
