"""Draw schedules with Hypothesis: orders of answers and events that a recorded server is allowed.

    from hypothesis import given
    from recorder import StandIn
    from recorder.hypothesis import schedules


    @given(schedules("cassettes/preview-session.cassette"))
    def test_any_order_is_borne(schedule):
        with StandIn("cassettes/preview-session.cassette", clock="virtual", schedule=schedule) as standin:
            my_client(standin.url)

A schedule that fails is shrunk to the fewest deviations from the recorded order. docs/howto/races.md shows more.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from ..dialect.carried import dialect_of
from ..dialect.definition import load
from ..errors import UsageError
from ..explore.law import Law
from ..explore.space import Space
from ..fleet.store.places import place
from ..library.recording import joined, load_recording
from ..model import Recording
from ..replay.engine.orders.deviations import Deviation, Disturbance
from ..replay.engine.orders.schedule import Schedule

__all__ = ["schedules"]

_MOST = 5  # deviations of one schedule


def schedules(
    *cassettes: str | os.PathLike[str] | Recording,
    dialect: str | None = None,
    disturb: Iterable[str] = (),
    delay: float = 1.0,
    most: int = _MOST,
) -> st.SearchStrategy[Schedule]:
    """Return a strategy of the schedules that a recorded server is allowed.

    It shrinks to fewer deviations, and to those that are found to break clients most often; to none in the end, which
    is the recorded order.

    Args:
        cassettes: Files or recordings, as `StandIn` takes them.
        dialect: Name of a shipped dialect or path of a file; None takes the cassette's own.
        disturb: Trouble to add: `poll`, `handshake`, `duplicate`, `fallback`.
        delay: Seconds by which a schedule delays an event or an answer; they pass on the client's clock. 0 for none.
        most: Greatest number of deviations of a schedule.

    Raises:
        RecorderError: If a cassette cannot be read, or there is no such trouble.
    """
    if not cassettes:
        raise UsageError("schedules are drawn for a cassette; give the path of one")
    rules = load(dialect) if dialect else None
    recording = joined([one if isinstance(one, Recording) else load_recording(place(one), rules) for one in cassettes])
    chosen = rules or dialect_of(recording.header)
    space = Space.of(recording, chosen, disturb=_disturbances(disturb), delay=delay)
    if not space.singles:
        return st.just(Schedule())
    # a list of unique ones is no better: each draw of it depends on those before it, so that none can be left out
    drawn = st.lists(st.sampled_from([one.deviation for one in space.singles]), max_size=most)
    return drawn.map(lambda deviations: _legal(deviations, space.law))


def _legal(deviations: Sequence[Deviation], law: Law) -> Schedule:
    """Return a schedule of the deviations, without those that contradict or repeat one before them."""
    kept: list[Deviation] = []
    for one in deviations:
        if law.allows((*kept, one)):
            kept.append(one)
    return Schedule.of(kept)


def _disturbances(names: Iterable[str]) -> frozenset[Disturbance]:
    known = {one.value: one for one in Disturbance}
    given = [names] if isinstance(names, str) else list(names)
    for name in given:
        if name not in known:
            raise UsageError(f"disturb: there is no trouble {name!r}; there are {', '.join(known)}")
    return frozenset(known[name] for name in given)
