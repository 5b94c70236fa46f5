"""Write a recording as a sequence diagram for Mermaid (https://mermaid.js.org/syntax/sequenceDiagram.html).

Recorded text is written with Mermaid's entity codes (`#35;`), so that none of it becomes syntax.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from ..library.latency import ack_ms, offset_ms
from ..model import Link, Recording, Triple, listed

_LONGEST = 120  # characters of a label
_SERVER = "server"
_PLACE = struct.Struct(">QIQ")  # record, place in it, number of the step
_PLAIN = re.compile(r"[^A-Za-z0-9 /._+-]")


def mermaid(recording: Recording) -> Iterator[str]:
    """Yield the lines of the diagram: requests, acks and events in the order they were seen."""
    sessions = list(dict.fromkeys(triple.session for triple in recording.triples))
    names = {session: f"client{place}" for place, session in enumerate(sessions, 1)}
    yield "sequenceDiagram"
    for session, name in names.items():
        yield f"    participant {name} as {_label(f'client {session}' if session else 'client')}"
    yield f"    participant {_SERVER} as {_label(recording.header.upstream or _SERVER)}"
    # Packed, a step takes its text and some 50 bytes. At equal places the order is that of the triples.
    steps = [
        _PLACE.pack(*place, number) + line.encode()
        for number, (place, line) in enumerate(
            step for triple in recording.triples for step in _steps(triple, names[triple.session])
        )
    ]
    for step in sorted(steps):
        yield f"    {step[_PLACE.size :].decode()}"


def _steps(triple: Triple, client: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield the lines of a triple, each with its place in the order of the wire."""
    keys = "".join(f", {key} {listed(triple.keys[key])}" for key in ("handle", "reference") if key in triple.keys)
    asked = f"{triple.n} {triple.operation or triple.request.method}{keys}"
    yield (triple.request.seq, triple.request.message or 0), f"{client}->>{_SERVER}: {_label(asked)}"
    if triple.ack is not None:
        text = f"{triple.n} ack {triple.ack.status} in {ack_ms(triple):.0f} ms"
        yield (triple.ack.seq, triple.ack.message or 0), f"{_SERVER}-->>{client}: {_label(text)}"
    elif triple.failure is not None:
        yield (triple.failure.seq, 0), f"{_SERVER}--x{client}: {_label(f'{triple.n} {triple.failure.reason}')}"
    for link in triple.events:
        yield (link.event.seq, link.event.index), f"{_SERVER}-){client}: {_label(_event(triple, link))}"


def _event(triple: Triple, link: Link) -> str:
    doubt = "" if link.confidence == 1 else f", confidence {link.confidence}"
    return f"{triple.n} {link.name} on {link.event.channel} +{offset_ms(link, triple):.0f} ms{doubt}"


def _label(text: str) -> str:
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return _PLAIN.sub(_entity, cut)


def _entity(found: re.Match[str]) -> str:
    char = found[0]
    # control characters and lone surrogates have no valid entity code; U+FFFD replaces them
    return f"#{ord(char)};" if char.isprintable() else "#65533;"
