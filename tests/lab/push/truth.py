"""Hold the links of a recorded push against the truth of its server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recorder.dialect.paths import parse_json
from recorder.model import Link, Recording, Request
from tests.lab.truth import events_of, requests_of

Line = Mapping[str, Any]


def judged(recording: Recording, log: Sequence[Line]) -> list[str]:
    """Say what is amiss: events that are not there, and those that hang on something else than their cause.

    What a message carries is found by its content; it may have more around it (a topic, a number). An event that a
    request of another desk caused has no cause: requests of another session do not count.
    """
    triples = (*recording.triples, *recording.plain)
    links = {id(link.event): link for triple in triples for link in triple.events}
    causes = _causes(recording, log)
    agents = {line["n"]: line["agent"] for line in log if line["kind"] == "request"}
    operations = {triple.request.seq for triple in recording.triples}
    left, amiss = list(events_of(recording)), []
    for line in (line for line in log if line["kind"] == "event"):
        cause = causes.get(line["cause"]) if line["agent"] == agents.get(line["cause"]) else None
        alike = [one for one in left if _holds(one.data, line["data"])]
        if not alike:
            amiss.append(f"not recorded: {line['channel']} {line['data']}")
            continue
        # two desks may be told the same
        event = next((one for one in alike if _right(links.get(id(one)), cause, operations)), alike[0])
        left.remove(event)
        if not _right(links.get(id(event)), cause, operations):
            amiss.append(f"{line['channel']} {line['data']} of {cause}, linked: {links.get(id(event))}")
    return amiss


def _right(link: Link | None, cause: int | None, operations: set[int]) -> bool:
    """Whether an event is linked to the operation that caused it; to none, if no operation did."""
    return link is None if cause not in operations else link is not None and link.request == cause


def _causes(recording: Recording, log: Sequence[Line]) -> dict[int | None, int]:
    """Find each request of the log in the recording, by method, path and content."""
    left, found = requests_of(recording), dict[int | None, int]()
    for line in (line for line in log if line["kind"] == "request"):
        same = (one for one in left if (one.method, one.target.partition("?")[0]) == (line["method"], line["path"]))
        one = next((one for one in same if _content(one) == line["body"]), None)
        if one is not None:
            left.remove(one)
            found[line["n"]] = one.seq
    return found


def _content(request: Request) -> Any:
    return parse_json(request.body) if request.body else None


def _holds(whole: Any, part: Any) -> bool:
    """Whether some object in a value has all members of another."""
    if isinstance(whole, dict) and part.items() <= whole.items():
        return True
    inner = whole.values() if isinstance(whole, dict) else whole if isinstance(whole, list) else ()
    return any(_holds(one, part) for one in inner)
