"""Why events were linked as they were, as text for a person and as JSON for a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..diagnose.explain import Candidate, Explanation, Judgement, polls_lost_to
from ..model import Event, Link, State, Triple
from ..printable import printable
from . import data

_STATES = {
    State.COMPLETE: "its terminal event was seen, or none is expected",
    State.ACKED: "it was acknowledged, but its terminal event was not seen",
    State.FAILED: "its ack says no",
    State.UNACKED: "events came, but no HTTP answer did",
    State.ABORTED: "neither an answer nor an event came",
}


def request(triple: Triple, explanation: Explanation) -> str:
    """A triple: its state with the reason, and each event with its rule."""
    lines = [_title(triple), f"  {triple.state.value}: {_STATES[triple.state]}"]
    lines += [
        f"  record {before} was a first attempt that got no answer"
        for before, after in explanation.attempts.items()
        if after == triple.request.seq
    ]
    lines += [
        f"  record {lost.seq}: a poll of its session ended without an answer ({printable(lost.reason)}); "
        "events in it are lost"
        for lost in polls_lost_to(triple, explanation)
    ]
    for place, link in enumerate(triple.events, 1):
        offset = data.offset_ms(link, triple)
        lines.append(f"  event {triple.n}.{place}  +{offset} ms  {printable(link.name)}  {_decision(link)}")
    return "\n".join([*lines, *_hint(triple)]) + "\n"


def event(name: str, pushed: Event, link: Link | None, judgement: Judgement, numbers: Mapping[int, int]) -> str:
    """One event: why it was linked, and why to no other request. `numbers` are those of triples, by request."""
    keys = ", ".join(f"{key} {value!r}" for key, value in judgement.keys.items()) or "nothing to join on"
    place = f"record {pushed.seq}, message {pushed.index}, to {judgement.session or 'an unknown session'}"
    lines = [f"event {name}  {printable(pushed.channel)}  {place}", f"  carries {printable(keys)}"]
    if link is None:
        lines.append("  nobody asked for it: no rule found a request")
    else:
        lines.append(f"  caused by {_number(link.request, numbers)}: {_decision(link)}")
        if judgement.link is None or judgement.link.request != link.request:
            lines.append("  known only since the ack: when the event came, no request explained it")
        lines += [f"  rival: {_number(rival, numbers)} would fit as well" for rival in link.rivals]
    lines += _others(judgement, link, numbers)
    return "\n".join(lines) + "\n"


def as_json(name: str, pushed: Event, link: Link | None, judgement: Judgement) -> dict[str, Any]:
    """One event, for programs; requests are named by their records."""
    return {
        "event": name,
        "channel": pushed.channel,
        "record": pushed.seq,
        "message": pushed.index,
        "session": judgement.session,
        "keys": judgement.keys,
        "request": link and link.request,
        "rule": link and link.rule,
        "confidence": link and link.confidence,
        "why": link and link.why,
        "rivals": list(link.rivals) if link else [],
        "others": [
            {"request": other.request, "operation": other.operation, "objections": list(other.objections)}
            for other in judgement.others
        ],
        "over": judgement.over,
    }


def _others(judgement: Judgement, link: Link | None, numbers: Mapping[int, int]) -> Iterator[str]:
    for other in judgement.others:
        if link is not None and other.request in (*link.rivals, link.request):
            continue
        yield f"  not {_number(other.request, numbers)}, {_asked(other)}: {printable(_reason(other, link))}"
    if judgement.over:
        yield f"  not the {judgement.over} earlier requests: they were over"


def _reason(other: Candidate, link: Link | None) -> str:
    if other.objections:
        return "; ".join(other.objections)
    if link is not None and link.rule in ("reference", "inner_reference", "twin", "error"):
        return f"the rule {link.rule} is stronger than what speaks for it"
    return "one that waits for its events goes first"


def _asked(other: Candidate) -> str:
    handle = other.keys.get("handle")
    return printable(f"{other.operation}" + (f" handle {handle}" if handle else ""))


def _title(triple: Triple) -> str:
    keys = ", ".join(f"{key} {value!r}" for key, value in triple.keys.items())
    return printable(f"triple {triple.n}  {triple.operation}  record {triple.request.seq}  {keys}")


def _decision(link: Link) -> str:
    return printable(f"rule {link.rule}, confidence {link.confidence}: {link.why}")


def _number(request: int, numbers: Mapping[int, int]) -> str:
    return f"triple {numbers[request]} (record {request})" if request in numbers else f"record {request}"


def _hint(triple: Triple) -> list[str]:
    return [f"  (recorder explain FILE {triple.n}.1 tells more of an event)"] if triple.events else []
