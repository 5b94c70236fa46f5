"""Derive the recording of a cassette in one call, and join several recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..cassette.reader import Cassette, read
from ..correlate.engine import correlate
from ..dialect.carried import are_same, dialect_of, under
from ..dialect.definition import Dialect
from ..errors import UsageError
from ..model import Event, Recording, Triple
from ..redaction.policy import NO_BODIES
from .sequences import chained, mapped

_EXCHANGES = 40  # bits for the numbers of exchanges in one recording


def derive(cassette: Cassette, dialect: Dialect | None = None) -> Recording:
    """Derive the recording of a cassette by `dialect`, or by its own; the header of the recording has that dialect.

    Raises:
        CassetteError: If the dialect in the cassette cannot be used.
        DialectError: If the cassette holds no dialect, and names one that is not shipped.

    """
    header = cassette.header
    if dialect is not None:
        header = under(header, dialect)
    return correlate(cassette.records, dialect or dialect_of(header), header)


def load_recording(path: Path, dialect: Dialect | None = None) -> Recording:
    """Read a cassette file and derive its recording by `dialect`, or by its own.

    Raises:
        CassetteError: If the file cannot be read or is damaged, or the dialect in it cannot be used.
        DialectError: If the cassette holds no dialect, and names one that is not shipped.

    """
    return derive(read(path), dialect)


def joined(recordings: Sequence[Recording]) -> Recording:
    """Join one or more recordings into one: sessions stay separate, triples are numbered consecutively.

    Raises:
        UsageError: If the recordings have different dialects, or were redacted by different policies.

    """
    first, *others = recordings
    has_streams = any(one.streams for one in recordings)
    for place, other in enumerate(others, 2):
        if not are_same(other.header, first.header):
            has_other_name = other.header.dialect != first.header.dialect
            what = f"{first.header.dialect!r}" if has_other_name else "another of that name"
            raise UsageError(
                f"cassette {place} has the dialect {other.header.dialect!r}, the first cassette {what}; "
                "play the cassettes one by one, or name one dialect for all"
            )
        policies = {first.header.redaction, other.header.redaction} - NO_BODIES
        if len(policies) > 1:
            raise UsageError(
                f"cassette {place} was redacted by {other.header.redaction!r}, the cassettes before it by "
                f"{first.header.redaction!r}; play the cassettes one by one"
            )
        first = _both(first, _labelled(other, place, has_streams=has_streams))
        first = replace(first, header=replace(first.header, redaction=next(iter(policies), first.header.redaction)))
    return first


def _both(one: Recording, other: Recording) -> Recording:
    last = len(one.triples)
    return replace(
        one,
        triples=chained(one.triples, mapped(other.triples, lambda t: replace(t, n=t.n + last))),
        plain=chained(one.plain, other.plain),
        unsolicited=chained(one.unsolicited, other.unsolicited),
        session_starts=one.session_starts | other.session_starts,
        poll_timeout=one.poll_timeout or other.poll_timeout,
        windows=one.windows | other.windows,
        addressed=one.addressed | other.addressed | {("upstream", other.header.upstream)},
        messages=(*one.messages, *other.messages),
        replies=(*one.replies, *other.replies),
        guard=one.guard if one.guard[0] else other.guard,
        subprotocols=tuple(sorted({*one.subprotocols, *other.subprotocols})),
        connection_types=tuple(sorted({*one.connection_types, *other.connection_types})),
        streams=(*one.streams, *other.streams),
        index=None,  # of one file alone
        parts=(*(one.parts or (one,)), *(other.parts or (other,))),
    )


def _labelled(recording: Recording, place: int, *, has_streams: bool) -> Recording:
    """Return a recording whose sessions, clientIds, streams and exchanges have names that no other recording has.

    Two files may have a clientId in common: copies of one, parts of one session, or pseudonyms. Exchanges are looked
    up by their numbers only where there are streams.
    """
    prefix, shift = f"c{place}", place << _EXCHANGES if has_streams else 0

    def own(name: str) -> str:
        return f"{prefix}.{name}"

    def label(session: str | None) -> str | None:
        return session and own(session)

    def of_event(event: Event) -> Event:
        return replace(event, client_id=own(event.client_id), exchange=event.exchange + shift)

    def of_triple(item: Triple) -> Triple:
        ack, failure, session = item.ack, item.failure, label(item.session)
        events = tuple(replace(link, event=of_event(link.event)) for link in item.events)
        if not shift:
            return replace(item, session=session, events=events)
        return replace(
            item,
            session=session,
            request=replace(item.request, exchange=item.request.exchange + shift),
            ack=ack and replace(ack, exchange=ack.exchange + shift),
            failure=failure and replace(failure, exchange=failure.exchange + shift),
            events=events,
        )

    return replace(
        recording,
        triples=mapped(recording.triples, of_triple),
        plain=mapped(recording.plain, of_triple),
        unsolicited=mapped(
            recording.unsolicited, lambda u: replace(u, session=label(u.session), event=of_event(u.event))
        ),
        messages=tuple(replace(m, session=label(m.session), client_id=own(m.client_id)) for m in recording.messages),
        replies=tuple(replace(r, session=label(r.session), client_id=own(r.client_id)) for r in recording.replies),
        parts=tuple(_labelled(part, place, has_streams=has_streams) for part in recording.parts),
        session_starts={own(name): at for name, at in recording.session_starts.items()},
        windows={own(client): number for client, number in recording.windows.items()},
        streams=tuple(
            replace(s, session=label(s.session), key=own(s.key), exchange=s.exchange + shift) for s in recording.streams
        ),
    )
