"""Find how the streams and plain WebSockets of a recording ended."""

from __future__ import annotations

from ...correlate.anchors import At, anchors
from ...model import Anchor, Event, Recording, Stream, Unsolicited
from ...push.rules import COMMENT

CUT_OFF = 1006  # close code of a connection that broke (RFC 6455, section 7.1.5); it is never sent
BEHIND = 1 << 40  # place of an end, behind all messages of its record


def ended(recording: Recording) -> list[tuple[Stream, At]]:
    """Return the streams that did not end by their clients, with the place of the end on the wire.

    A stream that broke is among them: its client connected again, and what came then followed that.
    """
    found = [one for one in recording.streams if one.closed is not None and not _ended_by_client(one)]
    return [(one, (one.end or one.seq, BEHIND)) for one in found]


def ends(recording: Recording) -> list[tuple[Stream, At, Anchor]]:
    """Return these streams with the anchors of their ends, which takes a pass over the recording."""
    found = ended(recording)
    events = [
        Unsolicited(Event(*place, one.closed or 0, one.exchange, one.key, COMMENT, None), "", one.session)
        for one, place in found
    ]
    if not events:
        return []
    return [(*one, anchor) for one, anchor in zip(found, anchors(recording, events), strict=True)]


def _ended_by_client(stream: Stream) -> bool:
    if stream.ended or stream.code == CUT_OFF:
        return False
    # the recorder writes `Client disconnected.` where a client left, and else what it has learnt from the server
    return stream.code is not None or not stream.reason or "client" in stream.reason.lower()
