"""Explain why each event is linked to its request, as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from ..correlate.anchors import text as in_words
from ..diagnose.explain import Candidate, Judgement
from ..library.latency import offset_ms
from ..model import Anchor, Event, Failure, Link, State, Triple, listed
from ..printable import printable

Numbers: TypeAlias = Callable[[int], int | None]

_STRONGER = frozenset({"reference", "inner_reference", "twin", "error", "sibling"})  # rules that need no rivals
_STATES = {
    State.COMPLETE: "the terminal event was seen, or none is expected",
    State.ACKED: "the ack came, but the terminal event was not seen",
    State.FAILED: "the ack refuses the operation, or an error event reports its failure",
    State.UNACKED: "events came, but no ack",
    State.ABORTED: "neither an ack nor an event came",
}


def request(triple: Triple, attempts: Iterable[int], lost: Iterable[Failure]) -> str:
    """Return the text about one triple: its state with the reason, and each event with its rule.

    Args:
        triple: The triple to explain.
        attempts: `seq` of the requests that got no answer and that this one repeats.
        lost: The failures of the polls in which events of the triple may have been lost.
    """
    lines = [_title(triple), f"  {triple.state.value}: {_STATES[triple.state]}"]
    lines += [f"  record {before} was a first attempt that got no answer" for before in attempts]
    lines += [
        f"  record {failure.seq}: a poll of this session ended without an answer ({printable(failure.reason)}); "
        "events in that answer are lost"
        for failure in lost
    ]
    for place, link in enumerate(triple.events, 1):
        offset = offset_ms(link, triple)
        lines.append(f"  event {triple.n}.{place}  +{offset} ms  {printable(link.name)}  {_decision(link)}")
    return "\n".join([*lines, *_hint(triple)]) + "\n"


def event(
    name: str,
    pushed: Event,
    link: Link | None,
    judgement: Judgement,
    numbers: Numbers,
    *,
    anchor: Anchor | None = None,
) -> str:
    """Return the text about one event: why it is linked to its request, and why not to another one.

    Args:
        name: Name of the event, e.g. 3.2 or u1.
        pushed: The event.
        link: Its link, None for an unsolicited event.
        judgement: What the rules decided when the event came.
        numbers: Returns the number of the triple whose request has a `seq`, None if it is none's.
        anchor: What an unsolicited event followed, None for another event.
    """
    keys = ", ".join(f"{key} {listed(value)!r}" for key, value in judgement.keys.items()) or "no keys"
    place = f"record {pushed.seq}, message {pushed.index}, to {judgement.session or 'an unknown session'}"
    lines = [f"event {name}  {printable(pushed.channel)}  {place}", f"  carries {printable(keys)}"]
    if link is None:
        caused = anchor is not None and _reason_of(anchor)
        lines.append(f"  {printable(caused or _uncaused(judgement))}")
        lines += [] if anchor is None else [f"  anchor: {printable(_anchored(pushed, anchor))}"]
    else:
        lines.append(f"  caused by {_number(link.request, numbers)}: {_decision(link)}")
        if judgement.link is None or judgement.link.request != link.request:
            came = "another event of its transaction was" if link.rule == "sibling" else "the ack came"
            lines.append(f"  linked when {came}: before that, the rules did not find this request")
        lines += [f"  rival: {_number(rival, numbers)} would fit as well" for rival in link.rivals]
    lines += _others(judgement, link, numbers)
    return "\n".join(lines) + "\n"


def as_json(
    name: str, pushed: Event, link: Link | None, judgement: Judgement, anchor: Anchor | None = None
) -> dict[str, Any]:
    """Return the JSON of one event; requests are given by the `seq` of their records."""
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
        **({"ignored": True} if judgement.is_ignored else {}),
    } | _followed(pushed, anchor)


def _followed(pushed: Event, anchor: Anchor | None) -> dict[str, Any]:
    if anchor is None:
        return {}
    caused = {"rule": "reference", "confidence": anchor.confidence, "why": _repeated(anchor)} if anchor.repeats else {}
    return caused | {"anchor": _anchor_as_json(pushed, anchor)}


def _reason_of(anchor: Anchor) -> str:
    """Return why a publish is the cause of an event, "" if it is not known to be."""
    if not anchor.repeats:
        return ""
    return f"caused by {in_words(anchor)}: rule reference, confidence {anchor.confidence}: {_repeated(anchor)}"


def _repeated(anchor: Anchor) -> str:
    return f"{', '.join(map(repr, anchor.repeats))} of its data stands in the event"


def _anchor_as_json(pushed: Event, anchor: Anchor) -> dict[str, Any]:
    return {
        "kind": anchor.kind.value,
        "text": in_words(anchor),
        "record": max(anchor.at[0], 0),
        "ms": round((pushed.t - anchor.t) / 1e6, 3),
        "echo": anchor.is_echo,
    }


def _anchored(pushed: Event, anchor: Anchor) -> str:
    ms = round((pushed.t - anchor.t) / 1e6)
    repeats = "; the event repeats its data" if anchor.is_echo else ""
    return f"{in_words(anchor)}, {ms} ms before{repeats}"


def _uncaused(judgement: Judgement) -> str:
    if judgement.is_ignored:
        return "ignored: [event.ignore] of the dialect says that no request causes such events"
    return "unsolicited: no rule found a request that caused this event"


def _others(judgement: Judgement, link: Link | None, numbers: Numbers) -> Iterator[str]:
    for other in judgement.others:
        if link is not None and other.request in (*link.rivals, link.request):
            continue
        yield f"  not {_number(other.request, numbers)}, {_asked(other)}: {printable(_reason(other, link))}"
    if judgement.over:
        yield f"  not the {judgement.over} earlier requests: these operations were over"


def _reason(other: Candidate, link: Link | None) -> str:
    if other.objections:
        return "; ".join(other.objections)
    if link is None:
        return "no value of the event shows that this request caused it"
    if link.rule in _STRONGER:
        return f"the rule {link.rule} gives a stronger reason for another request"
    return "a request that still waits for its events goes first"


def _asked(other: Candidate) -> str:
    handle = other.keys.get("handle")
    return printable(f"{other.operation}" + (f" handle {listed(handle)}" if handle else ""))


def _title(triple: Triple) -> str:
    keys = ", ".join(f"{key} {listed(value)!r}" for key, value in triple.keys.items())
    return printable(f"triple {triple.n}  {triple.operation}  record {triple.request.seq}  {keys}")


def _decision(link: Link) -> str:
    return printable(f"rule {link.rule}, confidence {link.confidence}: {link.why}")


def _number(request: int, numbers: Numbers) -> str:
    number = numbers(request)
    return f"record {request}" if number is None else f"triple {number} (record {request})"


def _hint(triple: Triple) -> list[str]:
    return [f"  (recorder explain FILE {triple.n}.1 explains one event in detail)"] if triple.events else []
