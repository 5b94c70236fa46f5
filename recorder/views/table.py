"""A recording as a table for the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from ..model import Recording, Triple
from ..printable import printable
from .data import ack_ms, offset_ms

_COLUMNS = (
    "n",
    "operation",
    "handle",
    "referenceId",
    "session",
    "state",
    "ack",
    "events (ms after the request)",
)


def overview(triples: Iterable[Triple]) -> str:
    """One line per triple: operation, handle, ack, events with their offsets."""
    return _aligned([_COLUMNS, *(_row(triple) for triple in triples)])


def detail(triple: Triple) -> str:
    """One triple in full."""
    operation, session = printable(triple.operation or ""), printable(triple.session or "unknown")
    lines = [
        f"triple {triple.n}  {operation}  {triple.state.value}  session {session}",
        f"  request  {printable(f'{triple.request.method} {triple.request.target}')}",
        f"           {_body(triple.request.body)}",
    ]
    if triple.ack:
        lines.append(f"  ack      {triple.ack.status} after {ack_ms(triple)} ms  {_body(triple.ack.body)}")
    elif triple.failure:
        lines.append(f"  no ack   {printable(triple.failure.reason)}")
    else:
        lines.append("  no ack   the capture ended before it came")
    for link in triple.events:
        event = link.event
        lines += [
            f"  event    +{offset_ms(link, triple)} ms  {printable(event.channel)}  {printable(link.name)}",
            f"           {printable(json.dumps(event.data, ensure_ascii=False))}",
            f"           linked by {printable(link.rule)}, confidence {link.confidence}: {printable(link.why)}",
        ]
    return "\n".join(lines) + "\n"


def unsolicited(recording: Recording) -> str:
    """The events nobody asked for, a line each."""
    lines = [
        printable(f"  {p.event.t / 1e9:10.3f} s  {p.session or '?':4}  {p.event.channel}  {p.name}")
        for p in recording.unsolicited
    ]
    return "\n".join(["unsolicited events (seconds after the start of the capture):", *lines]) + "\n"


def _row(triple: Triple) -> tuple[str, ...]:
    ms = ack_ms(triple)
    events = ", ".join(f"{link.name} +{offset_ms(link, triple):.0f}" for link in triple.events)
    values = (
        str(triple.n),
        triple.operation or f"{triple.request.method} {triple.request.target}",
        triple.keys.get("handle", "-"),
        triple.keys.get("reference", "-"),
        triple.session or "?",
        triple.state.value,
        f"{triple.ack.status} in {ms:.0f} ms" if triple.ack and ms is not None else "-",
        events or "-",
    )
    return tuple(map(printable, values))


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"


def _body(body: bytes) -> str:
    return printable(body.decode("utf-8", "backslashreplace"))
