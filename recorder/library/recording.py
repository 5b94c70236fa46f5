"""Derive the recording of a cassette in one call, and join several recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..cassette.reader import Cassette, read
from ..correlate.engine import correlate
from ..dialect.definition import Dialect, shipped
from ..errors import UsageError
from ..model import Recording
from ..redaction.policy import NO_BODIES


def derive(cassette: Cassette, dialect: Dialect | None = None) -> Recording:
    """Derive the recording of a cassette by `dialect`, or by the dialect that its header names.

    Raises:
        DialectError: If the cassette names a dialect that is not shipped.

    """
    return correlate(cassette.records, dialect or shipped(cassette.header.dialect), cassette.header)


def load_recording(path: Path, dialect: Dialect | None = None) -> Recording:
    """Read a cassette file and derive its recording by `dialect`, or by the dialect that its header names.

    Raises:
        CassetteError: If the file cannot be read or is damaged.
        DialectError: If the cassette names a dialect that is not shipped.

    """
    return derive(read(path), dialect)


def joined(recordings: Sequence[Recording]) -> Recording:
    """Join one or more recordings into one: sessions stay separate, triples are numbered consecutively.

    Raises:
        UsageError: If the recordings have different dialects, or were redacted by different policies.

    """
    first, *others = recordings
    for place, other in enumerate(others, 2):
        if other.header.dialect != first.header.dialect:
            raise UsageError(
                f"cassette {place} has the dialect {other.header.dialect!r}, the first cassette "
                f"{first.header.dialect!r}; play the cassettes one by one"
            )
        policies = {first.header.redaction, other.header.redaction} - NO_BODIES
        if len(policies) > 1:
            raise UsageError(
                f"cassette {place} was redacted by {other.header.redaction!r}, the cassettes before it by "
                f"{first.header.redaction!r}; play the cassettes one by one"
            )
        first = _both(first, _labelled(other, f"c{place}"))
        first = replace(first, header=replace(first.header, redaction=next(iter(policies), first.header.redaction)))
    return first


def _both(one: Recording, other: Recording) -> Recording:
    last = len(one.triples)
    return replace(
        one,
        triples=(*one.triples, *(replace(t, n=t.n + last) for t in other.triples)),
        plain=(*one.plain, *other.plain),
        unsolicited=(*one.unsolicited, *other.unsolicited),
        session_starts=one.session_starts | other.session_starts,
        poll_timeout=one.poll_timeout or other.poll_timeout,
        windows=one.windows | other.windows,
        addressed=one.addressed | other.addressed | {("upstream", other.header.upstream)},
        messages=(*one.messages, *other.messages),
        guard=one.guard if one.guard[0] else other.guard,
        subprotocols=tuple(sorted({*one.subprotocols, *other.subprotocols})),
    )


def _labelled(recording: Recording, prefix: str) -> Recording:
    def label(session: str | None) -> str | None:
        return session and f"{prefix}.{session}"

    return replace(
        recording,
        triples=tuple(replace(t, session=label(t.session)) for t in recording.triples),
        plain=tuple(replace(t, session=label(t.session)) for t in recording.plain),
        unsolicited=tuple(replace(u, session=label(u.session)) for u in recording.unsolicited),
        messages=tuple(replace(m, session=label(m.session)) for m in recording.messages),
        session_starts={f"{prefix}.{name}": at for name, at in recording.session_starts.items()},
    )
