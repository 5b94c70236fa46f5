"""Recordings with streams are compared by what their events say, not by the ids of their streams."""

from __future__ import annotations

from recorder.diff.differences import What, differences
from recorder.model import Recording
from tests.correlate.tape import Tape, dialect

PUSH = dialect()


def recording(number: int = 7, state: str = "sent") -> Recording:
    """A session whose stream gives its event an id, and has as many heartbeats."""
    tape = Tape()
    tape.exchanges = number
    stream = tape.stream(sid="a")
    tape.order("r1", sid="a")
    tape.chunk(
        stream, b'id: %d\nretry: 5\ndata: {"name":"Shipped","ref":"r1","state":"%s"}\n\n' % (number, state.encode())
    )
    tape.chunk(stream, b": beat\n\n" * number)
    return tape.recording(PUSH)


def test_ids_and_heartbeats_of_a_stream_are_no_differences() -> None:
    assert list(differences(recording(7), recording(9), PUSH)) == []


def test_data_of_an_event_on_a_topic_is_compared() -> None:
    found = list(differences(recording(), recording(state="lost"), PUSH))

    (changed,) = (one for pair in found for one in pair.differences)
    assert (changed.what, changed.old, changed.new) == (What.FIELD_CHANGED, "sent", "lost")
