"""Format a cassette as text for `git diff`: the session without what differs in every recording.

Left out: times, headers, clientIds, cookies. Ids minted by the client are written as `<reference>` and `<device 1>`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..dialect.definition import Dialect
from ..dialect.paths import parse_json, tree_of, without
from ..model import JSON, Recording, Triple, Unsolicited, values
from ..printable import printable
from ..replay.engine.rewriting.rewriter import Rewriter
from ..requests.bindings import Bindings


def textconv(recording: Recording, dialect: Dialect) -> Iterator[str]:
    """Yield the lines of the text."""
    yield printable(f"cassette of {recording.header.dialect}, redaction {recording.header.redaction}")
    numbers: dict[str, int] = {}
    lasting = Bindings()  # ids that several operations share; plain exchanges and unsolicited events hold them too
    for triple in recording.triples:
        own = Bindings()
        for key in dialect.minted:
            for value in values(triple.keys.get(key, ())):
                if key in dialect.per_operation:
                    own.bind(key, value, f"<{key}>")
                else:
                    lasting.bind(key, value, f"<{key} {numbers.setdefault(value, len(numbers) + 1)}>")
        yield from _triple(triple, Rewriter(dialect, own, lasting), dialect)
    rewriter = Rewriter(dialect, lasting)
    for item in recording.plain:
        yield from _exchange(item, rewriter, dialect)
    for pushed in recording.unsolicited:
        yield from _pushed(pushed, rewriter, dialect)


def _triple(triple: Triple, rewriter: Rewriter, dialect: Dialect) -> Iterator[str]:
    yield ""
    yield f"triple {triple.n} {printable(triple.operation or '')}: {triple.state.value}"
    yield from _exchange(triple, rewriter, dialect)
    for link in triple.events:
        yield f"  event {printable(link.event.channel)} {printable(link.name)}"
        yield from _json(rewriter.value(without(link.event.data, tree_of(dialect.volatile, "data"))))


def _exchange(triple: Triple, rewriter: Rewriter, dialect: Dialect) -> Iterator[str]:
    asked = f"{triple.request.method} {rewriter.text(triple.request.target)}"
    yield f"  request {printable(asked)}"
    yield from _body(triple.request.body, rewriter, dialect, "body" if triple.request.message is None else "data")
    if triple.ack is not None:
        yield f"  ack {triple.ack.status}"
        yield from _body(triple.ack.body, rewriter, dialect)
    elif triple.failure is not None:
        yield f"  no ack: {printable(triple.failure.reason)}"


def _pushed(pushed: Unsolicited, rewriter: Rewriter, dialect: Dialect) -> Iterator[str]:
    yield ""
    yield f"unsolicited {printable(pushed.event.channel)} {printable(pushed.name)}"
    yield from _json(rewriter.value(without(pushed.event.data, tree_of(dialect.volatile, "data"))))


def _body(body: bytes, rewriter: Rewriter, dialect: Dialect, root: str = "body") -> Iterator[str]:
    value = parse_json(body)
    if value is not None:
        yield from _json(rewriter.value(without(value, tree_of(dialect.volatile, root))))
    elif body:
        yield f"    {printable(body.decode('utf-8', 'backslashreplace'))}"


def _json(value: JSON) -> Iterator[str]:
    for line in json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).splitlines():
        yield f"    {printable(line)}"
