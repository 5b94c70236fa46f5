"""Follow a capture while it grows, and say what each new record means, as rows and as lines.

Triples get the numbers of `recorder ls`, until a client repeats a request that got no response: `ls` counts the two
attempts as one triple.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...bayeux.messages import carried
from ...correlate.engine import Correlator
from ...correlate.operations import Operation, Seen
from ...dialect.definition import Dialect
from ...model import Failure, Link, Note, Record, Request, Response
from ...printable import printable
from ..data import as_text, exchangeable


class Live:
    """A reader of a growing capture; it keeps the open requests and the numbers of all triples."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._correlator = Correlator(dialect, watch=self._watch, file=None)
        # by `seq` of the record, and the place of a publish in it
        self._numbers: dict[tuple[int, int | None], int] = {}
        self._sent: dict[tuple[int, int | None], int] = {}  # `t` of a request
        self._open: dict[int, Request] = {}  # by exchange
        self._last = 0
        self._unlinked: list[Seen] = []

    def feed(self, record: Record) -> Iterator[dict[str, Any]]:
        """Read the next record and yield a row for each fact in it.

        In a row, `at` is seconds after the start of the capture, `ms` is milliseconds after the request.
        """
        self._unlinked = []
        links = self._correlator.feed(record)
        match record:
            case Request():
                yield from self._http_request(record)
            case Response() if record.exchange in self._open:
                yield self._ended(self._open.pop(record.exchange), record, "ack", {"status": record.status})
            case Failure() if record.exchange in self._open:
                yield self._ended(self._open.pop(record.exchange), record, "failure", {"reason": record.reason})
            case Note():
                yield exchangeable({"kind": "note", "at": _at(record), "note": record.kind, "text": record.text})
            case _:
                pass
        for op in self._correlator.published:
            yield self._published(op)
        for link in links:
            yield self._linked(link, record)
        self._correlator.discard()
        for seen in self._unlinked:
            row = self._event(seen.name, seen.event.channel, seen.event.data, record)
            yield row | {"n": None} | ({"ignored": True} if seen.is_ignored else {})

    def _watch(self, seen: Seen, _: Iterable[Operation], link: Link | None) -> None:
        if link is None:
            self._unlinked.append(seen)

    def _published(self, op: Operation) -> dict[str, Any]:
        if op.ack is not None:
            return self._ended(op.request, op.ack, "ack", {"status": op.ack.status})
        if op.failure is not None:
            return self._ended(op.request, op.failure, "failure", {"reason": op.failure.reason})
        return self._request(op.request, op.name or "")

    def _http_request(self, request: Request) -> Iterator[dict[str, Any]]:
        operation = self._dialect.operation_of(request)
        if operation is None or carried(request) is not None:
            return
        self._open[request.exchange] = request
        yield self._request(request, operation)

    def _request(self, request: Request, operation: str) -> dict[str, Any]:
        before = self._correlator.attempt
        again = next((self._numbers.get((first, None)) for first, own in before.items() if own == request.seq), None)
        self._last += again is None
        number = again or self._last
        at = request.seq, request.message
        self._numbers[at], self._sent[at] = number, request.t
        keys = self._dialect.keys_of_request(request)
        return exchangeable(
            {
                "kind": "request",
                "n": number,
                "at": _at(request),
                "operation": operation,
                "handle": as_text(keys.get("handle")),
                "referenceId": as_text(keys.get("reference")),
                "method": request.method,
                "path": request.target,
            }
        )

    def _ended(self, request: Request, record: Response | Failure, kind: str, how: dict[str, Any]) -> dict[str, Any]:
        number = self._numbers[request.seq, request.message]
        row = {"kind": kind, "n": number, "at": _at(record), "ms": _ms(record.t - request.t)}
        return exchangeable(row | how)

    def _linked(self, link: Link, record: Record) -> dict[str, Any]:
        at = link.request, link.message
        sent = self._sent.get(at, link.event.t)
        row = self._event(link.name, link.event.channel, link.event.data, record)
        why = {"ms": _ms(link.event.t - sent), "rule": link.rule, "confidence": link.confidence, "why": link.why}
        return row | {"n": self._numbers.get(at)} | exchangeable(why)

    def _event(self, name: str, channel: str, data: Any, record: Record) -> dict[str, Any]:
        return exchangeable({"kind": "event", "at": _at(record), "name": name, "channel": channel, "data": data})


def as_line(row: dict[str, Any]) -> str:
    """Return a row as one line for people."""
    what, number = row["kind"], row.get("n")
    match what:
        case "request":
            text = f"{row['operation']}  {row['handle'] or '-'}  {row['referenceId'] or '-'}"
        case "ack":
            text = f"{row['status']}  +{row['ms']:.0f} ms"
        case "failure":
            text = f"no ack: {row['reason']}  +{row['ms']:.0f} ms"
        case "event" if number is None:
            text = f"{row['name']}  {row['channel']}  {'ignored' if 'ignored' in row else 'unsolicited so far'}"
        case "event":
            text = f"{row['name']}  {row['channel']}  +{row['ms']:.0f} ms  ({row['rule']}, {row['confidence']:g})"
        case _:
            text = f"{row['note']}: {row['text']}"
    return printable(f"{row['at']:10.3f}  {'' if number is None else number:>4}  {what:7}  {text}")


def _at(record: Record) -> float:
    return round(record.t / 1e9, 6)


def _ms(nanoseconds: int) -> float:
    return round(nanoseconds / 1e6, 3)
